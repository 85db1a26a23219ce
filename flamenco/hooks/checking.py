"""Looks at what plugins give at the start: whether the parts of each thing are of the types that they must be.

Python asks nobody for types, so what is wrong would show much later, and nowhere near the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

from msgspec import Struct, inspect

from flamenco.domain.failure_rules import FailureRule
from flamenco.hooks.authentication import Authenticator
from flamenco.hooks.routes import Method, Route
from flamenco.hooks.setting import Setting
from flamenco.hooks.types import CommandType, EventSink, Program, SchedulingPolicy
from flamenco.hooks.web_pages import WebPage, problem_with_module, problem_with_path

_METHODS = get_args(Method)


def problem_with(value: object) -> str:
    """What is wrong with something that a plugin gave, as the end of "it gave a thing whose …"; empty for nothing."""
    problems: Iterable[str] = ()
    match value:
        case CommandType():
            problems = _of_command(value)
        case Setting():
            problems = _of_setting(value)
        case SchedulingPolicy():
            problems = _of_policy(value)
        case FailureRule():
            problems = _of_rule(value)
        case EventSink():
            problems = _of_sink(value)
        case Authenticator():
            problems = _of_authenticator(value)
        case Route():
            problems = _of_route(value)
        case WebPage():
            problems = _of_page(value)
    return next(filter(None, problems), "")


def _of_command(command: CommandType) -> Iterable[str]:
    yield _name("name", command.name)
    yield _text("description", command.description)
    yield _texts("task_types", command.task_types)
    yield _not("parameters", command.parameters, "a msgspec.Struct", fits=_is_struct(command.parameters))
    yield _function("run", command.run)
    yield _function("argv", command.argv, may_be_none=True)
    if command.needs is not None:
        yield from _of_program(command.needs)


def _of_program(program: object) -> Iterable[str]:
    if not isinstance(program, Program):
        yield _not("needs", program, "a Program", fits=False)
        return
    yield _name("needs.name", program.name)
    yield _texts("needs.arguments", program.arguments)
    yield _text("needs.says", program.says)
    yield _function("needs.find", program.find, may_be_none=True)


def _of_setting(setting: Setting) -> Iterable[str]:
    yield _name("key", setting.key)
    yield _text("help", setting.help)
    try:
        inspect.type_info(setting.type)
    except Exception as error:  # whatever msgspec makes of things that are no types
        yield f"type is {setting.type!r}, which cannot be read ({error}); setting {setting.key!r}"
        return
    if reason := setting.problem_with_default():
        yield f"default does not fit its type: {reason}; setting {setting.key!r}"


def _of_policy(policy: SchedulingPolicy) -> Iterable[str]:
    yield _name("name", policy.name)
    yield _text("description", policy.description)
    for part in ("score", "hold", "accepts", "limits", "account"):
        yield _function(part, getattr(policy, part), may_be_none=True)
    yield _number("half_life_s", policy.half_life_s)
    yield _number("weight", policy.weight)
    yield _not("depends_on", policy.depends_on, "'job' or 'farm'", fits=policy.depends_on in ("job", "farm"))


def _of_rule(rule: FailureRule) -> Iterable[str]:
    yield _text("match", rule.match)
    yield _text("say", rule.say)
    yield _texts("task_types", rule.task_types)
    is_code = rule.exit_code is None or isinstance(rule.exit_code, int)
    yield _not("exit_code", rule.exit_code, "a whole number", fits=is_code)


def _of_sink(sink: EventSink) -> Iterable[str]:
    yield _name("name", sink.name)
    yield _text("description", sink.description)
    yield _function("deliver", sink.deliver)
    yield _texts("topics", sink.topics)
    yield _number("attempts", sink.attempts)
    yield _function("close", sink.close, may_be_none=True)


def _of_authenticator(authenticator: Authenticator) -> Iterable[str]:
    yield _name("name", authenticator.name)
    yield _text("description", authenticator.description)
    yield _function("identify", authenticator.identify, may_be_none=True)
    yield _text("sign_in", authenticator.sign_in)
    yield _text("label", authenticator.label)


def _of_route(route: Route) -> Iterable[str]:
    yield _name("path", route.path)
    yield _function("respond", route.respond)
    yield _text("summary", route.summary)
    yield _texts("methods", route.methods)
    are_known = bool(route.methods) and set(route.methods) <= set(_METHODS)
    yield _not("methods", route.methods, f"some of {', '.join(_METHODS)}", fits=are_known)


def _of_page(page: WebPage) -> Iterable[str]:
    yield problem_with_path(page.path)
    yield _name("title", page.title)
    yield problem_with_module(page.module)
    yield _text("icon", page.icon)


def _not(part: str, value: object, wanted: str, *, fits: bool) -> str:
    return "" if fits else f"{part} is {value!r:.100}, expected {wanted}"


def _name(part: str, value: object) -> str:
    return _not(part, value, "a text that is not empty", fits=isinstance(value, str) and bool(value))


def _text(part: str, value: object) -> str:
    return _not(part, value, "a text", fits=isinstance(value, str))


def _texts(part: str, value: Any) -> str:
    """Of a text alone, too: every character of it is a text, so that nobody else would notice."""
    fits = isinstance(value, list | tuple | set | frozenset) and all(isinstance(each, str) for each in value)
    example = f"({value!r},)" if isinstance(value, str) else "('one', 'two')"
    return _not(part, value, f"a tuple of texts, such as {example}", fits=fits)


def _number(part: str, value: object) -> str:
    return _not(part, value, "a number", fits=isinstance(value, int | float) and not isinstance(value, bool))


def _function(part: str, value: Callable[..., object] | None, *, may_be_none: bool = False) -> str:
    return _not(part, value, "a function", fits=callable(value) or (may_be_none and value is None))


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
