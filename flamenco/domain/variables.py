"""Variables: names such as `{blender}` that mean something else on each platform, and how they are replaced.

One-way variables are replaced when a command goes to a worker. Two-way variables also work backwards:
a path that an artist on Windows submits as `S:\\show\\shot.blend` is stored as `{shared}\\show\\shot.blend`
and reaches a worker on Linux as `/mnt/shared/show/shot.blend`.

Expansion runs for every command that is handed out, so everything that depends only on the target is
worked out once per (audience, platform) and a string is then read once. Paths here are text: they
belong to other machines, and this one must not give them its own meaning.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from flamenco.domain.model import Command, Submission

Audience = Literal["all", "workers", "users"]

ALL: Final = "all"
WORKERS: Final = "workers"
USERS: Final = "users"
JOBS: Final = "jobs"
"""The variable every farm has: where jobs are stored. It is computed; a configured one is ignored."""
MANAGER_PLATFORM: Final = "manager"
"""What a submission may say instead of a platform, meaning the one that the manager runs on."""

_PLATFORMS: Final = {"win32": "windows", "cygwin": "windows"}
_KNOWN_PLATFORMS: Final = (ALL, "linux", "windows", "darwin", "freebsd", "openbsd", "netbsd", "dragonfly", "solaris")
_OTHER_WORDS: Final = {"mac": "darwin", "macos": "darwin", "osx": "darwin", "win": "windows", "win64": "windows"}
"""What people write for platforms that are called differently."""


def this_platform(system: str = sys.platform) -> str:
    """The platform this program runs on, as variables and workers name it: linux, windows, darwin."""
    return _PLATFORMS.get(system, system)


class VariableValue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a variable means for an audience on some platforms; `platform` and `platforms` both count."""

    value: Annotated[str, Meta(description="What `{name}` stands for.")]
    audience: Annotated[Audience, Meta(description="Whom the value is for: all, workers or users.")] = "all"
    platform: Annotated[str, Meta(description="linux, windows, darwin, … or all.")] = ""
    platforms: Annotated[tuple[str, ...], Meta(description="Several platforms at once.")] = ()

    def for_platforms(self) -> tuple[str, ...]:
        """All platforms the value is for, each once, in the order they were written."""
        return tuple(dict.fromkeys(name for name in (self.platform, *self.platforms) if name))


class Variable(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A variable: its values, and whether submitted paths are turned back into its name."""

    is_twoway: Annotated[bool, Meta(description="Also replace the value by the name in submitted paths.")] = False
    values: Annotated[tuple[VariableValue, ...], Meta(description="What it stands for, and where.")] = ()


class Meaning(Struct, frozen=True):
    """What a variable stands for, for one audience on one platform."""

    value: str
    is_twoway: bool = False


def problem_with(name: str, variable: Variable) -> str | None:
    """Say in a few words what makes `variable` unusable, or None when nothing does."""
    if not name or "{" in name or "}" in name:
        return "has a name that cannot stand between curly brackets"
    if not variable.values:
        return "has no values; give it a list of `values`, each with a `platform` and a `value`"
    for number, value in enumerate(variable.values, start=1):
        if not value.for_platforms():
            return f"has no platform for its value number {number} ({value.value!r}); use `platform: all` for every one"
    return None


def doubts_about(variable: Variable) -> Iterator[str]:
    """Say in a few words, of each platform that no worker will ever have, that it may be misspelt."""
    for value in variable.values:
        for platform in value.for_platforms():
            if platform in _KNOWN_PLATFORMS:
                continue
            word = platform.strip().lower()
            near = get_close_matches(word, _KNOWN_PLATFORMS, n=1)
            meant = {**_OTHER_WORDS, **_PLATFORMS}.get(word) or "".join(near)
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(_KNOWN_PLATFORMS)}"
            yield f"has a value for the platform {platform!r}, which no worker has; {hint}"


def everywhere(value: str, *, is_twoway: bool = False) -> Variable:
    """Make a variable that means the same for everybody."""
    return Variable(is_twoway=is_twoway, values=(VariableValue(value=value, platform=ALL),))


# -- paths of any platform ----------------------------------------------------------------------------------------

_SEPARATORS: Final = "/\\"
_RUN = re.compile(r"[/\\]+")
_DRIVE = re.compile(r"[A-Za-z]:")


def to_platform(path: str, platform: str) -> str:
    """Write `path` with the separators of `platform`, each once (leading ones are kept), and none at its end."""
    separator = "\\" if platform == "windows" else "/"
    rest = path.lstrip(_SEPARATORS)
    leading = separator * (len(path) - len(rest))
    result = leading + _RUN.sub(lambda _: separator, rest.rstrip(_SEPARATORS))
    return f"{result}\\" if platform == "windows" and _DRIVE.fullmatch(result) else result


def trim_trailing_separators(path: str) -> str:
    """Drop separators at the end of `path`; of a path that is nothing else, the first one stays."""
    return path.rstrip(_SEPARATORS) or path[:1]


def ensure_drive_absolute(path: str) -> str:
    """Make a Windows path with a drive letter absolute: `F:show` becomes `F:\\show`. Others are left alone."""
    if _DRIVE.match(path) and path[2:3] not in ("\\", "/"):
        return f"{path[:2]}\\{path[2:]}"
    return path


def is_root(path: str) -> bool:
    """Whether `path` is the root of a file system or of a drive: `/`, `C:`, `C:\\`."""
    return path == "/" or (_DRIVE.match(path) is not None and path[2:] in ("", "/", "\\"))


def is_unc(path: str) -> bool:
    """Whether `path` names a share on another machine the Windows way: `\\\\NAS\\share`."""
    return path.startswith("\\\\")


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _ends_component(path: str, length: int) -> bool:
    """Whether the first `length` characters of `path` are whole components: a separator follows, or nothing does.

    Of no characters at all, which stand for the root of a file system, only a separator may follow.
    """
    return path.startswith(("/", "\\"), length) or len(path) == length > 0


def _before(value: str, rest: str) -> str:
    """`value` as `rest` can follow it: a root without its separator where `rest` brings one."""
    return value.rstrip(_SEPARATORS) if rest.startswith(("/", "\\")) else value


# -- replacing ----------------------------------------------------------------------------------------------------


class Expansion:
    """Replaces variables for one audience on one platform. Immutable, so threads may share it.

    `meanings` are those of the target, `managers` those of the same audience on the manager's platform:
    a path in the manager's value of a two-way variable gets the target's instead.
    """

    def __init__(self, meanings: Mapping[str, Meaning], managers: Mapping[str, Meaning], platform: str) -> None:
        self._meanings = meanings
        self._managers = managers
        self._platform = platform
        self._names = _pattern_for(meanings)
        both = [
            (_slashed(managers[name].value).rstrip("/"), meaning.value)
            for name, meaning in meanings.items()
            if meaning.is_twoway and name in managers and managers[name].value
        ]
        # The longest first, so that /mnt/shared/fast is not taken for something below /mnt/shared.
        self._prefixes = sorted(both, key=lambda pair: len(pair[0]), reverse=True)
        self._beginnings = tuple(mine for mine, _ in self._prefixes)

    def with_those_of(self, job_variables: Mapping[str, str]) -> Expansion:
        """The same, and what is written in place of a job's own variables, which come before the farm's."""
        if not job_variables:
            return self
        meanings = {**self._meanings, **{name: Meaning(value) for name, value in job_variables.items()}}
        return Expansion(meanings, self._managers, self._platform)

    def text(self, text: str) -> str:
        """Replace every known `{name}` and translate a path of the manager's platform; the rest stays as it is."""
        result, is_path, is_translated = self._replace_names(text) if "{" in text else (text, False, False)
        if self._beginnings and not is_translated and (slashed := _slashed(result)).startswith(self._beginnings):
            for mine, theirs in self._prefixes:
                if slashed.startswith(mine) and _ends_component(slashed, len(mine)):
                    rest = result[len(mine) :]
                    result, is_path, is_translated = _before(theirs, rest) + rest, True, True
                    break
        if is_translated and self._platform == "windows":
            result = ensure_drive_absolute(result)
        return to_platform(result, self._platform) if is_path else result

    def _replace_names(self, text: str) -> tuple[str, bool, bool]:
        """Give the text without names, whether it is a path now, and whether its beginning is the target's already."""
        is_path = is_translated = False

        def meaning_of(match: re.Match[str]) -> str:
            nonlocal is_path, is_translated
            meaning = self._meanings[match[1]]
            if meaning.is_twoway:
                is_path = True
                is_translated = is_translated or match.start() == 0
                return _before(meaning.value, text[match.end() : match.end() + 1])
            return meaning.value

        return self._names.sub(meaning_of, text), is_path, is_translated

    def command(self, command: Command) -> Command:
        """Expand the parameters that are strings, and the strings directly inside lists; deeper ones are data."""
        if not command.parameters:
            return command
        return replace(command, parameters={key: self._parameter(value) for key, value in command.parameters.items()})

    def commands(self, commands: Iterable[Command]) -> tuple[Command, ...]:
        """Expand each of `commands`."""
        return tuple(self.command(command) for command in commands)

    def _parameter(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.text(item) if isinstance(item, str) else item for item in value]
        return value


def _pattern_for(names: Iterable[str]) -> re.Pattern[str]:
    """Match any of `names` in curly brackets; without names, nothing."""
    alternatives = "|".join(re.escape(name) for name in names)
    return re.compile(rf"\{{({alternatives})\}}" if alternatives else r"(?!)")


class Variables:
    """The variables of a farm, looked up and replaced. Immutable, so threads may share it.

    `manager_platform` is the platform the manager itself runs on, in whose paths it thinks: normally this one.
    """

    def __init__(self, variables: Mapping[str, Variable], manager_platform: str = this_platform()) -> None:
        self.manager_platform = manager_platform
        self._variables = {name: _trimmed(variable) for name, variable in variables.items()}
        # Platforms are free text that workers choose at registration, hence bounded caches.
        self._cached_expansion = lru_cache(maxsize=64)(self._build_expansion)
        self._cached_beginnings = lru_cache(maxsize=64)(self._build_beginnings)

    def meanings(self, audience: str, platform: str) -> dict[str, Meaning]:
        """What each variable stands for; values for the platform win over those for all, later ones over earlier.

        An unknown audience knows no variables, an unknown platform those that are for all.
        """
        if audience not in (WORKERS, USERS):
            return {}
        found: dict[str, Meaning] = {}
        for wanted in (ALL, platform):
            for name, variable in self._variables.items():
                for value in variable.values:
                    if wanted in value.for_platforms() and value.audience in (ALL, audience):
                        found[name] = Meaning(value.value, variable.is_twoway)
        return found

    def expansion(self, audience: str, platform: str) -> Expansion:
        """What replaces the variables for this target; kept, so asking again costs nothing."""
        return self._cached_expansion(audience, platform)

    def _build_expansion(self, audience: str, platform: str) -> Expansion:
        managers = self.meanings(audience, self.manager_platform)
        return Expansion(self.meanings(audience, platform), managers, platform)

    def for_worker(self, platform: str) -> Expansion:
        """What replaces the variables in a task for a worker on `platform`."""
        return self.expansion(WORKERS, platform)

    def name_prefix(self, text: str, platform: str) -> str:
        """Replace the value of a two-way variable that `text` begins with by the variable's name.

        Upper and lower case are the same here, and so are slashes once one of both sides has a backslash;
        of several values that fit, the longest is meant. It has to be followed by a separator or by nothing: what is
        in `/mnt/shared2` is not in `/mnt/shared`. What follows keeps its case and its slashes.
        """
        for value, name in self._cached_beginnings(self.platform_of(platform)):
            beginning, length = text[: len(value)], len(value)
            if _ends_component(text, length) and _alike(beginning, value, ignore_slashes="\\" in text or "\\" in value):
                return f"{{{name}}}{text[length:]}"
        return text

    def _build_beginnings(self, platform: str) -> Sequence[tuple[str, str]]:
        meanings = self.meanings(WORKERS, platform).items()
        twoway = [
            (meaning.value.rstrip(_SEPARATORS), name)
            for name, meaning in meanings
            if meaning.is_twoway and meaning.value
        ]
        return sorted(twoway, key=lambda pair: len(pair[0]), reverse=True)

    def platform_of(self, submitter_platform: str) -> str:
        """The platform a submission came from; clients may write `manager` for the manager's own."""
        return self.manager_platform if submitter_platform == MANAGER_PLATFORM else submitter_platform

    def in_submission(self, submission: Submission) -> Submission:
        """Replace two-way values in the settings that are strings and in the metadata, nowhere else."""
        platform = submission.submitter_platform
        settings = {
            key: self.name_prefix(value, platform) if isinstance(value, str) else value
            for key, value in submission.settings.items()
        }
        metadata = {key: self.name_prefix(value, platform) for key, value in submission.metadata.items()}
        return replace(submission, settings=settings, metadata=metadata)


def _alike(beginning: str, value: str, *, ignore_slashes: bool) -> bool:
    if ignore_slashes:
        beginning, value = _slashed(beginning), _slashed(value)
    return beginning.lower() == value.lower()


def _trimmed(variable: Variable) -> Variable:
    """Without separators at the end of two-way values: what follows a prefix brings its own."""
    if not variable.is_twoway:
        return variable
    values = (replace(value, value=trim_trailing_separators(value.value)) for value in variable.values)
    return replace(variable, values=tuple(values))
