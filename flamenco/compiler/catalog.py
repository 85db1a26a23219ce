"""Finding job type scripts: which files count, what their job types are called, which folder wins.

Reads files and nothing else; what the scripts say is `compile.py`'s business.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from flamenco.compiler.script_limits import ScriptLimits

SUFFIX = ".js"
SMALLEST = 8
"""Files below this many bytes are no scripts: leftovers of an editor, say."""

_REQUIRES = re.compile(r"\brequire\b")
_MODULE_SUFFIXES = (".js", ".json")
_MODULE_DEPTH = 8
"""How many folders deep modules are looked for."""


class Script(Struct, frozen=True, kw_only=True):
    """A script file as it is now. `digest` changes with anything that may change what it declares."""

    job_type: str
    path: Path
    source: str
    digest: str

    @property
    def requires(self) -> bool:
        """Whether it may ask for modules."""
        return _requires(self.source)


class Problem(Struct, frozen=True, kw_only=True):
    """Why a file in a job type folder gives no job type. `message` names the file.

    `line` and `column` count from 1 and are 0 where not known; `reason` is the message without the place.
    """

    job_type: str
    path: Path
    message: str
    reason: str = ""
    line: int = 0
    column: int = 0


class Found(Struct, frozen=True, kw_only=True):
    """What the folders hold. `scripts`: per job type, the one that wins first; `modules`: what scripts may require."""

    scripts: Mapping[str, Sequence[Script]]
    problems: Sequence[Problem]
    modules: Mapping[str, str]


def job_type_name(file_name: str) -> str:
    """The job type that the script `file_name` defines: `my_job.js` defines `my-job`."""
    return file_name.removesuffix(SUFFIX).replace("_", "-")


def find(folders: Sequence[Path], limits: ScriptLimits) -> Found:
    """Read the scripts in `folders`; earlier folders win. A folder that does not exist holds nothing."""
    scripts: dict[str, list[Script]] = {}
    problems: list[Problem] = []
    sources: list[tuple[Path, str]] = []
    for folder in folders:
        for path in _script_files(folder):
            try:
                sources.append((path, _text(path, limits.script_kb * 1024)))
            except (OSError, ValueError) as error:
                problems.append(_problem(path, f"{path.name} cannot be read: {reason(error)}"))
    modules = _modules(folders, limits) if any(_requires(source) for _, source in sources) else {}
    modules_digest = _digest(*(part for item in sorted(modules.items()) for part in item))
    for path, source in sources:
        same_name = scripts.setdefault(job_type_name(path.name), [])
        if any(other.path.parent == path.parent for other in same_name):
            message = f"{path.name} is hidden by {same_name[-1].path.name}, which defines the same job type"
            problems.append(_problem(path, message))
            continue
        digest = _digest(path.name, source, modules_digest if _requires(source) else "")
        same_name.append(Script(job_type=job_type_name(path.name), path=path, source=source, digest=digest))
    return Found(scripts=scripts, problems=problems, modules=modules)


def find_one(path: Path, folders: Sequence[Path], limits: ScriptLimits) -> Found:
    """Read the script `path`, wherever it lies and whatever hides it; its own folder comes before `folders`.

    Raises OSError, and ValueError when it is too long or no UTF-8.
    """
    source = _text(path, limits.script_kb * 1024)
    own = path.parent
    searched = folders if any(_is_same(own, folder) for folder in folders) else [own, *folders]
    modules = _modules(searched, limits) if _requires(source) else {}
    digest = _digest(str(path), source, *(part for item in sorted(modules.items()) for part in item))
    script = Script(job_type=job_type_name(path.name), path=path, source=source, digest=digest)
    return Found(scripts={script.job_type: [script]}, problems=[], modules=modules)


def _requires(source: str) -> bool:
    """Whether the word is there; settings that are `required` are another one."""
    return _REQUIRES.search(source) is not None


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _script_files(folder: Path) -> list[Path]:
    """The scripts right in `folder`: regular files, so no links, which might lead anywhere."""
    return [path for path in _regular_files(folder) if path.name.endswith(SUFFIX) and path.lstat().st_size >= SMALLEST]


def _regular_files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _modules(folders: Sequence[Path], limits: ScriptLimits) -> dict[str, str]:
    """Everything that can be required, by its path below its folder. What cannot be read cannot be required."""
    modules: dict[str, str] = {}
    left = limits.modules_kb * 1024
    for folder in folders:
        for path in _module_files(folder):
            name = path.relative_to(folder).as_posix()
            if name in modules:
                continue
            try:
                modules[name] = _text(path, left)
            except (OSError, ValueError):
                continue
            left -= len(modules[name])
    return modules


def _module_files(folder: Path) -> Iterator[Path]:
    for top, below, names in os.walk(folder):
        below.sort()
        if len(Path(top).relative_to(folder).parts) >= _MODULE_DEPTH:
            below.clear()
        for name in sorted(names):
            path = Path(top, name)
            if name.endswith(_MODULE_SUFFIXES) and path.is_file() and not path.is_symlink():
                yield path


def _text(path: Path, longest: int) -> str:
    """The text of a file. Raises OSError, and ValueError when it is too long or no UTF-8."""
    with path.open("rb") as file:
        content = file.read(longest + 1)
    if len(content) > longest:
        raise ValueError(f"it is larger than {longest // 1024} KiB")
    return content.decode("utf-8-sig")


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    return str(error.strerror) if isinstance(error, OSError) else str(error)


def _problem(path: Path, message: str) -> Problem:
    return Problem(job_type=job_type_name(path.name), path=path, message=message)


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:%b" % (len(encoded), encoded))
    return digest.hexdigest()
