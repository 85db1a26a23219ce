"""Reading what a script declares in its JOB_TYPE, and the etag of it, by which clients notice that it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, field, structs
from msgspec.structs import replace

from flamenco.domain import mismatch, time_limits
from flamenco.domain.errors import Refused
from flamenco.domain.failure_rules import MOST_RULES, MOST_TRIES, FailureRule
from flamenco.domain.model import EvalInfo, JobType, JobTypeSetting, SettingSubtype, SettingType, Visibility
from flamenco.domain.time_limits import TimeLimits

_Value = str | bool | int | float
"""What a script may write for a text or a yes or no; it is read as JavaScript reads it."""

_LENIENT = frozenset({"str", "bool", "int", "float"})
_YES_OR_NO = frozenset({"required", "editable", "showLinkButton"})


_BEHAVIOUR = ("time_limits", "failure_rules", "fail_percent", "tries")


_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


class _Link(Struct):
    showLinkButton: _Value | None = None  # noqa: N815 - the script's word
    description: _Value | None = None


class _Setting(Struct):
    """A setting as a script may write it: null says as much as nothing, `visible` is a word or a bool."""

    key: _Value
    type: SettingType
    subtype: SettingSubtype | None = None
    choices: tuple[_Value, ...] | None = None
    propargs: dict[str, Any] | None = None
    description: Any = None
    label: Any = None
    default: Any = None
    eval: _Value | None = None
    eval_info: _Link | None = field(default=None, name="evalInfo")
    visible: bool | Visibility | None = None
    required: _Value | None = None
    editable: _Value | None = None
    aliases: tuple[_Value, ...] | None = None


class _Limits(Struct, rename="camel"):
    """Limits as a script writes them: texts such as `30m`."""

    max_run_time: str | None = None
    min_run_time: str | None = None
    max_silence: str | None = None


class _Rule(Struct, rename="camel", forbid_unknown_fields=True):
    """A failure rule as a script writes it."""

    then: str
    match: str = ""
    exit_code: int | None = None
    task_types: tuple[str, ...] = ()
    workers: int = 1
    say: str = ""


_Percent = Annotated[int, Meta(ge=0, le=100)]
_Tries = Annotated[int, Meta(ge=1, le=MOST_TRIES)]


class _JobType(Struct):
    label: _Value | None = None
    description: _Value | None = None
    settings: tuple[_Setting, ...] | None = None
    time_limits: dict[str, _Limits] | None = field(default=None, name="timeLimits")
    failure_rules: tuple[_Rule, ...] = field(default=(), name="failureRules")
    fail_percent: _Percent | None = field(default=None, name="failPercent")
    tries: _Tries | None = None


class Described(Struct):
    """What the prelude's `describe` returns: JOB_TYPE as JSON, and whether there is a compileJob function."""

    job_type: msgspec.Raw
    compiles: bool = False


def job_type_of(name: str, described: msgspec.Raw) -> JobType | None:
    """The job type that a script declares as JSON, named and with its etag; None where it declares none.

    Raises ValueError, whose text names the place, when the declaration does not have the right shape.
    """
    try:
        declared = msgspec.json.decode(described, type=_JobType | None)
    except msgspec.ValidationError as error:
        # What else is read as that is for scripts that are there; nobody needs to be told to write it.
        last = mismatch.read(str(error)).steps[-1:]
        wanted = "bool" if _YES_OR_NO.intersection(last) else "str"
        raise ValueError(mismatch.narrowed(str(error), _LENIENT, wanted)) from error
    if declared is None:
        return None
    settings = None if declared.settings is None else tuple(map(_setting, declared.settings))
    _check_names(settings or ())
    job_type = JobType(
        name=name,
        label="" if declared.label is None else _text(declared.label),
        etag="",
        description=UNSET if declared.description is None else _text(declared.description),
        settings=settings,
        time_limits=UNSET if declared.time_limits is None else _time_limits(declared.time_limits),
        failure_rules=_failure_rules(declared.failure_rules),
        fail_percent=declared.fail_percent,
        tries=declared.tries,
    )
    return replace(job_type, etag=etag_of(job_type))


def extended(job_type: JobType, more: Sequence[JobTypeSetting]) -> JobType:
    """The job type with more settings behind its own; its etag tells that it has them."""
    if not more:
        return job_type
    wider = replace(job_type, settings=(*(job_type.settings or ()), *more))
    return replace(wider, etag=etag_of(wider))


def _setting(declared: _Setting) -> JobTypeSetting:
    given = {key: value for key in declared.__struct_fields__ if (value := getattr(declared, key)) is not None}
    for key in given.keys() & {"key", "eval"}:
        given[key] = _text(given[key])
    for key in given.keys() & {"choices", "aliases"}:
        given[key] = tuple(map(_text, given[key]))
    for key in given.keys() & {"required", "editable"}:
        given[key] = bool(given[key])
    if isinstance(declared.visible, bool):
        given["visible"] = "visible" if declared.visible else "hidden"
    if (link := declared.eval_info) is not None:
        given["eval_info"] = EvalInfo(
            show_link_button=bool(link.showLinkButton),
            description=_text("" if link.description is None else link.description),
        )
    return JobTypeSetting(**given)


def _time_limits(declared: dict[str, _Limits]) -> dict[str, TimeLimits]:
    found = {}
    try:
        for task_type, limits in declared.items():
            written = {word: text for word, text in structs.asdict(limits).items() if text is not None}
            found[task_type] = time_limits.parse(written, where=f"timeLimits.{task_type}: ")
        time_limits.check(found)
    except Refused as error:
        sentence = str(error)
        for field_of in structs.fields(_Limits):
            sentence = sentence.replace(field_of.name, field_of.encode_name)
        raise ValueError(sentence) from error
    return found


def _failure_rules(declared: Sequence[_Rule]) -> tuple[FailureRule, ...]:
    if len(declared) > MOST_RULES:
        raise ValueError(f"failureRules: are at most {MOST_RULES}, and not {len(declared)}")
    found = []
    for number, rule in enumerate(declared):
        try:
            found.append(FailureRule(**structs.asdict(rule)))
        except ValueError as error:
            raise ValueError(f"failureRules[{number}]: {str(error).replace('exit_code', 'exitCode')}") from error
    return tuple(found)


def _text(value: _Value) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _check_names(settings: tuple[JobTypeSetting, ...]) -> None:
    """No name, key or alias, may stand for two settings."""
    taken: set[str] = set()
    for setting in settings:
        for name in (setting.key, *setting.aliases):
            if not name:
                raise ValueError("a setting has an empty key or alias")
            if name in taken:
                raise ValueError(f"two settings are called {name!r}")
            taken.add(name)


def etag_of(job_type: JobType) -> str:
    """SHA-1, in hexadecimal, of the declaration as compact JSON with sorted keys; what was not declared is left out.

    Aliases do not count, nor what becomes of tasks: they change what is accepted and what happens, not what is shown.
    Byte for byte what Flamenco computes, so that a client that saw the same script there is not told that it changed.
    """
    declared: dict[str, Any] = msgspec.to_builtins(job_type)
    declared["etag"] = ""
    for key in _BEHAVIOUR:
        declared.pop(key, None)
    for setting in declared["settings"] or ():
        setting.pop("aliases", None)
        if "evalInfo" in setting:
            setting["evalInfo"] = {"description": "", "showLinkButton": False} | setting["evalInfo"]
    text = json.dumps(declared, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(text.translate(_ESCAPED).encode(), usedforsecurity=False).hexdigest()
