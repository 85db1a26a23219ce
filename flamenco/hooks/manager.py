"""Registers plugins, checks what they give, and asks them: one typed method per hook. The only user of pluggy.

What is asked at the start stops the start when it is wrong, with a sentence that names plugin, file and line. What
is asked later never fails a request: a plugin that raises there is logged, by name, and passed over. Only the
errors of the farm itself go through, since those are how a plugin refuses.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pluggy
import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import FarmError
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import AuthoredJob, JobType, JobTypeSetting, Submission
from flamenco.hooks import discovery, specs
from flamenco.hooks.authentication import Authenticator, Identity, Presented
from flamenco.hooks.checking import problem_with
from flamenco.hooks.discovery import Origin, Plugin, PluginError
from flamenco.hooks.routes import Route
from flamenco.hooks.setting import Setting
from flamenco.hooks.types import CommandType, EventSink, ManagerConfig, SchedulingPolicy
from flamenco.hooks.web_pages import PluginPage, WebPage

if TYPE_CHECKING:
    import click

TRACE_VARIABLE: Final = "FLAMENCO_TRACE_HOOKS"
"""Set to anything, every call of a hook is told on stderr: which plugin, what came back, how long it took."""

Named = TypeVar("Named", CommandType, SchedulingPolicy, EventSink, Authenticator)
Kind = TypeVar("Kind")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

log = structlog.get_logger(__name__)


class Given(Struct, frozen=True):
    """What a plugin gave for a hook, and who it is. `turn` is when it wants to be asked, as of `_turn`."""

    plugin: str
    value: Any
    where: str
    turn: int


class Hooks:
    """The registered plugins. A name given twice stops the start.

    They are asked in the order of their registration, those that say `tryfirst` before, those that say `trylast` after
    all others.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._pluggy = pluggy.PluginManager(specs.PROJECT)
        self._pluggy.add_hookspecs(specs)
        self._plugins: dict[str, Plugin] = {}
        self._traces = bool(environ.get(TRACE_VARIABLE))

    # -- which plugins there are ---------------------------------------------------------------------------------

    def register(self, plugin: object, name: str, origin: Origin = "core", version: str = "") -> None:
        """Add `plugin`, a module or an object. Raises `ConfigError` when it implements a hook that does not exist."""
        known = Plugin(name=name, origin=origin, file=_file_of(plugin), version=version, enabled=True)
        self._add(plugin, replace(known, summary=(plugin.__doc__ or "").partition("\n")[0] if known.file else ""))

    def load(self, chosen: Iterable[Plugin], *, without_broken: bool = False) -> None:
        """Import and add the plugins that are enabled, and remember the others.

        Raises `PluginError` for one that is broken; `without_broken`, such a one is remembered with its `problem`.
        """
        for plugin in chosen:
            try:
                if plugin.enabled:
                    self._load(plugin)
                else:
                    self._plugins[plugin.name] = plugin
            except PluginError as error:
                if not without_broken:
                    raise
                self._plugins[plugin.name] = replace(plugin, enabled=False, problem=str(error))

    def _load(self, plugin: Plugin) -> None:
        module = discovery.load(plugin)
        version = plugin.version or str(getattr(module, "__version__", ""))
        known = replace(plugin, file=plugin.file or _file_of(module), version=version)
        self._add(module, known)
        if not self._plugins[plugin.name].hooks:
            self._pluggy.unregister(name=plugin.name)
            raise PluginError(
                f"plugin {known.name!r} ({known.file or '<no file>'}): it has no hooks; mark its functions with "
                "@hookimpl, or begin the name of its file with _ if it is no plugin.",
                known.name,
            )

    def leave_out_broken(self, config: ManagerConfig) -> None:
        """Ask for all that is asked for at the start, and leave out the plugins whose answers would stop it."""
        while broken := self._first_broken(config):
            self.leave_out(broken)

    def leave_out(self, error: PluginError) -> None:
        """Do without the plugin that is wrong from now on. Raises the error itself when that is one of the core."""
        plugin = self._plugins[error.plugin]
        if plugin.origin == "core":
            raise error
        self._pluggy.unregister(name=plugin.name)
        self._plugins[plugin.name] = replace(plugin, enabled=False, problem=str(error))

    def _first_broken(self, config: ManagerConfig) -> PluginError | None:
        try:
            for sink in self.event_sinks(config).values():
                if sink.close:
                    sink.close()
            for ask in (self.scheduling_policies, self.authenticators, self.api_routes, self.web_pages):
                ask(config)
            self.failure_rules(config)
            for ask_for in (self.command_types, self.job_type_folders, self.cli_commands):
                ask_for()
        except PluginError as error:
            return error
        return None

    def plugins(self) -> list[Plugin]:
        """Every plugin that is there, enabled or not: the core's own first, then in the order they are asked."""
        return sorted(self._plugins.values(), key=lambda plugin: (plugin.origin != "core", not plugin.enabled))

    def _add(self, plugin: object, known: Plugin) -> None:
        who = f"plugin {known.name!r} ({known.file or '<no file>'})"
        if known.name in self._plugins and self._plugins[known.name].enabled:
            other = self._plugins[known.name]
            raise PluginError(
                f"{who}: there is another plugin of that name already ({other.file or other.origin}).", known.name
            )
        hooks = []
        for attribute in dir(plugin):
            if (options := self._pluggy.parse_hookimpl_opts(plugin, attribute)) is None:
                continue
            hook, function = options["specname"] or attribute, getattr(plugin, attribute)
            is_wrapper = options["wrapper"] or options["hookwrapper"]
            if problem := self._problem_with(hook, function, is_wrapper=is_wrapper):
                raise PluginError(f"plugin {known.name!r} ({_place_of(function, known.file)}): {problem}", known.name)
            hooks.append(hook)
        try:
            self._pluggy.register(plugin, known.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"{who}: {str(error).partition(chr(10))[0]}.", known.name) from error
        self._plugins[known.name] = replace(known, hooks=tuple(sorted(set(hooks))))

    def _problem_with(self, hook: str, function: Any, *, is_wrapper: bool) -> str:
        """What is wrong with an implementation, which pluggy would say in its own terms, or not at all."""
        given = {name: caller.spec.argnames for name, caller in vars(self._pluggy.hook).items() if caller.has_spec()}
        if hook not in given:
            near = get_close_matches(hook, given, n=1)
            hint = f"did you mean {near[0]}()?" if near else f"there are: {', '.join(sorted(given))}."
            return f"there is no hook {hook}(); {hint}"
        if is_wrapper:
            return f"{hook}() is a wrapper, which no hook here has a use for; implement the hook itself."
        parameters = inspect.signature(function).parameters.values()
        needed = [each.name for each in parameters if each.kind in _POSITIONAL and each.default is each.empty]
        if unknown := [name for name in needed if name not in given[hook]]:
            can_be = ", ".join(given[hook]) or "no arguments"
            return f"{hook}() is not given {', '.join(unknown)}; it may take: {can_be}."
        return ""

    # -- asked at the start --------------------------------------------------------------------------------------

    def settings(self) -> dict[str, tuple[Setting, ...]]:
        """The settings of each plugin, by its name; their keys as the plugin has them."""
        found: dict[str, tuple[Setting, ...]] = {}
        for given in self._each("settings", Setting):
            found[given.plugin] = (*found.get(given.plugin, ()), given.value)
        return found

    def command_types(self) -> dict[str, CommandType]:
        """All commands by name."""
        return self._named("command_types", CommandType)

    def command_plugins(self) -> dict[str, str]:
        """Which plugin each command comes from, by the name of the command."""
        return {given.value.name: given.plugin for given in self._each("command_types", CommandType)}

    def scheduling_policies(self, config: ManagerConfig | None = None) -> dict[str, SchedulingPolicy]:
        """All policies by name, whether in use or not."""
        return self._named("scheduling_policies", SchedulingPolicy, config=config)

    def failure_rules(self, config: ManagerConfig | None = None) -> list[tuple[str, FailureRule]]:
        """What follows from failures, and which plugin says so, in the order in which they are asked."""
        return [(given.plugin, given.value) for given in self._each("failure_rules", FailureRule, config=config)]

    def event_sinks(self, config: ManagerConfig | None = None) -> dict[str, EventSink]:
        """All event sinks by name."""
        return self._named("event_sinks", EventSink, config=config)

    def authenticators(self, config: ManagerConfig | None = None) -> dict[str, Authenticator]:
        """All ways to tell who somebody is, by name."""
        return self._named("authenticators", Authenticator, config=config)

    def identify(self, authenticator: Authenticator, brought: Presented) -> Identity | None:
        """Who that is to one of them; nobody when it fails, which is logged."""
        if authenticator.identify is None:
            return None
        try:
            found = authenticator.identify(brought)
        except Exception:
            log.exception("an authenticator failed and is passed over", authenticator=authenticator.name)
            return None
        if found is not None and not isinstance(found, Identity):
            log.error("an authenticator gave something unexpected", authenticator=authenticator.name)
            return None
        return found

    def job_type_folders(self) -> list[Path]:
        """The folders with job types, the one that wins first: what is given later takes the place of what was there.

        Those who say `tryfirst` win over all others all the same, and those who say `trylast` over none.
        """
        later_first = [*self._each("job_type_folders", Path)][::-1]
        return [given.value for given in sorted(later_first, key=lambda given: given.turn)]

    def api_routes(self, config: ManagerConfig | None = None) -> list[tuple[str, Route]]:
        """Every route with the name of its plugin."""
        return [(given.plugin, given.value) for given in self._each("api_routes", Route, config=config)]

    def web_pages(self, config: ManagerConfig | None = None) -> list[PluginPage]:
        """Every page, with the file of its module."""
        found: dict[tuple[str, str], Given] = {}
        pages = []
        for given in self._each("web_pages", WebPage, config=config):
            page: WebPage = given.value
            if other := found.get((given.plugin, page.path)):
                raise self._taken(given, other, "page", page.path)
            found[given.plugin, page.path] = given
            file = Path(self._plugins[given.plugin].file).parent / page.module
            if not file.is_file():
                raise PluginError(f"{given.where}: there is no file {file}, the module of {page.path!r}", given.plugin)
            pages.append(PluginPage(plugin=given.plugin, page=page, file=file.resolve()))
        return pages

    def cli_commands(self) -> dict[str, click.Command]:
        """The commands of plugins, by name."""
        import click  # noqa: PLC0415 - a manager needs none of it

        found: dict[str, Given] = {}
        for given in self._each("cli_commands", click.Command):
            name = given.value.name or ""
            if not name:
                raise PluginError(f"{given.where}: cli_commands() gave a command without a name", given.plugin)
            if other := found.get(name):
                raise self._taken(given, other, "command", name)
            found[name] = given
        return {name: given.value for name, given in found.items()}

    # -- asked later: never fails what somebody else asked for ---------------------------------------------------

    def job_settings(self, job_type: JobType, config: ManagerConfig | None = None) -> list[JobTypeSetting]:
        """What plugins add to the settings of a job type; those that it has itself, or has been given, are left out."""
        taken = {name for setting in job_type.settings or () for name in (setting.key, *setting.aliases)}
        added = []
        for implementation in self._implementations("job_settings"):
            values = self._ask_safely("job_settings", implementation, job_type=job_type, config=config)
            for setting in _listed(values):
                if not isinstance(setting, JobTypeSetting):
                    self._nonsense("job_settings", implementation, setting)
                elif setting.key not in taken:
                    taken.add(setting.key)
                    added.append(setting)
        return added

    def job_submitting(self, submission: Submission, config: ManagerConfig | None = None) -> Submission:
        """The submission as plugins leave it. Raises what they refuse it with."""
        for implementation in self._implementations("job_submitting"):
            changed = self._ask_safely("job_submitting", implementation, submission=submission, config=config)
            if isinstance(changed, Submission):
                submission = changed
            elif changed is not None:
                self._nonsense("job_submitting", implementation, changed)
        return submission

    def job_compiled(
        self, job: AuthoredJob, command_types: Mapping[str, CommandType], config: ManagerConfig | None = None
    ) -> AuthoredJob:
        """The compiled job as plugins leave it. Raises what they refuse it with."""
        for implementation in self._implementations("job_compiled"):
            changed = self._ask_safely(
                "job_compiled", implementation, job=job, command_types=command_types, config=config
            )
            if isinstance(changed, AuthoredJob) and changed.id == job.id:
                job = changed
            elif changed is not None:
                self._nonsense("job_compiled", implementation, changed)
        return job

    # -- how -----------------------------------------------------------------------------------------------------

    def _implementations(self, hook: str) -> list[Any]:  # of pluggy's HookImpl, whose functions return `object`
        """In the order in which they are asked.

        pluggy keeps them for asking the last one first, and each that says `trylast` before the others that do.
        """
        kept: list[Any] = getattr(self._pluggy.hook, hook).get_hookimpls()
        last = [each for each in kept if each.trylast]
        return sorted([*(each for each in kept if not each.trylast), *reversed(last)], key=_turn)

    def _named(self, hook: str, kind: type[Named], **arguments: Any) -> dict[str, Named]:
        found: dict[str, Given] = {}
        for given in self._each(hook, kind, **arguments):
            if other := found.get(given.value.name):
                raise self._taken(given, other, kind.__name__, given.value.name)
            found[given.value.name] = given
        return {name: given.value for name, given in found.items()}

    def _each(self, hook: str, kind: type[Kind], **arguments: Any) -> Iterator[Given]:
        """Everything that plugins give for a hook, checked. Raises `PluginError`."""
        for implementation in self._implementations(hook):
            where, name = self._where(implementation), implementation.plugin_name
            try:
                values = self._ask(hook, implementation, arguments)
            except FarmError as error:
                raise PluginError(f"{where}: {error}", name) from error
            except (Exception, SystemExit) as error:
                place = discovery.place_of(error, _file_of(implementation.plugin))
                text = f"plugin {name!r} ({place}): {hook}() failed: {discovery.one_line(error)}"
                raise PluginError(text, name) from error
            if not isinstance(values, list | tuple | None):
                raise PluginError(f"{where}: {hook}() gave {values!r}, expected a list of {kind.__name__}", name)
            for value in values or ():
                if not isinstance(value, kind):
                    raise PluginError(f"{where}: {hook}() gave {value!r}, expected a {kind.__name__}", name)
                if problem := problem_with(value):
                    raise PluginError(f"{where}: {hook}() gave a {kind.__name__} whose {problem}", name)
                yield Given(name, value, where, _turn(implementation))

    def _ask_safely(self, hook: str, implementation: Any, **arguments: Any) -> Any:
        try:
            return self._ask(hook, implementation, arguments)
        except FarmError:
            raise
        except Exception as error:
            place = discovery.place_of(error, _file_of(implementation.plugin))
            log.exception("a plugin failed and is passed over", plugin=implementation.plugin_name, hook=hook, at=place)
            return None

    def _ask(self, hook: str, implementation: Any, arguments: Mapping[str, Any]) -> Any:
        started = time.perf_counter()
        answer = implementation.function(*(arguments[name] for name in implementation.argnames))
        if isinstance(answer, Iterator):
            answer = tuple(answer)  # now, so that what goes wrong in a generator is known to be this plugin's
        if self._traces:
            spent_ms = (time.perf_counter() - started) * 1e3
            text = f"hook {hook}: {implementation.plugin_name} gave {answer!r:.200} in {spent_ms:.2f} ms"
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - for a person who asked, however logging is set up
        return answer

    def _nonsense(self, hook: str, implementation: Any, value: Any) -> None:
        log.error(
            "a plugin gave something unexpected, which is left out",
            plugin=implementation.plugin_name,
            hook=hook,
            given=f"{value!r:.200}",
            at=_file_of(implementation.plugin),
        )

    def _taken(self, given: Given, other: Given, what: str, name: str) -> PluginError:
        """Which of two is wrong: the later one, but not the core because somebody was asked before it."""
        if self._plugins[given.plugin].origin == "core" != self._plugins[other.plugin].origin:
            given, other = other, given
        return PluginError(
            f"{given.where}: there is another {what} named {name!r} already, of {other.where}; rename one of them.",
            given.plugin,
        )

    def _where(self, implementation: Any) -> str:
        place = _place_of(implementation.function, _file_of(implementation.plugin))
        return f"plugin {implementation.plugin_name!r} ({place})"


def _turn(implementation: Any) -> int:
    """When an implementation wants to be asked: before the others, among them, or after them."""
    return 1 if implementation.trylast else -1 if implementation.tryfirst else 0


def _listed(values: Any) -> Iterable[Any]:
    if values is None:
        return ()
    return values if isinstance(values, list | tuple) else (values,)


def _place_of(function: object, file: str) -> str:
    """Where the implementation of a hook is written; `file` is the plugin's own, of which it may only be a part."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else file or "<no file>"


def _file_of(plugin: object) -> str:
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    return getattr(module, "__file__", None) or ""
