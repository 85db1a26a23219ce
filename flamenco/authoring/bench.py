"""The author's workbench: scripts examined and tried out one by one, wherever they lie, with all that they say.

What it does with a script is what a manager does with it; the difference is in how much it tells.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from flamenco.authoring.lint import WORDS, nearest, suspicions
from flamenco.authoring.source import NOWHERE, Place, Source
from flamenco.compiler import catalog
from flamenco.compiler.authored import check_for_tasks
from flamenco.compiler.catalog import Found, Script
from flamenco.compiler.compile import Compiler, improper
from flamenco.compiler.declaration import Described, job_type_of
from flamenco.compiler.protocol import Printed
from flamenco.compiler.submitted_settings import missing_settings
from flamenco.domain import mismatch
from flamenco.domain.errors import JobTypeError, NotFound, Refused
from flamenco.domain.mismatch import Mismatch
from flamenco.domain.model import AuthoredJob, JobType, Submission

_KINDS = {"str": "string"}
"""What JavaScript calls otherwise than Python."""
_ADDING = frozenset({"addTask", "tasks", "require"})
"""Of these words a script needs one to add tasks, be it in a module."""


class Listed(Struct, frozen=True):
    """A job type that can be submitted, and the script that declares it."""

    job_type: JobType
    path: Path


class Finding(Struct, frozen=True, kw_only=True):
    """Something wrong or suspicious. Line and column count from 1, and are 0 where not known; `text` is that line."""

    severity: Literal["error", "warning"]
    message: str
    file: str
    line: int = 0
    column: int = 0
    text: str = ""


class Examination(Struct, frozen=True, kw_only=True):
    """What there is to say of a script that nobody has submitted a job for."""

    path: Path
    name: str
    job_type: JobType | None = None
    findings: tuple[Finding, ...] = ()
    printed: tuple[Printed, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether a manager would take it: warnings do no harm."""
        return all(finding.severity != "error" for finding in self.findings)


class Trial(Struct, frozen=True, kw_only=True):
    """What became of a submission: a job, or the error that whoever submits would read."""

    job: AuthoredJob | None = None
    error: Finding | None = None
    printed: tuple[Printed, ...] = ()


class Bench(Compiler):
    """A compiler for authors. The folders are those of `Compiler`; scripts may lie in others as well."""

    def listed(self) -> list[Listed]:
        """The usable job types as `job_types`, with the scripts they come from."""
        found = self._find()
        usable = [self._usable(found, name) for name in sorted(found.scripts)]
        return [Listed(job_type, script.path) for job_type, script in usable if isinstance(job_type, JobType)]

    def script(self, name: str) -> Path:
        """The script of the job type `name` that comes first, broken or not. Raises `NotFound`."""
        scripts = self._find().scripts
        if name not in scripts:
            hint = nearest(name, scripts) or f"; there are: {', '.join(sorted(scripts)) or 'none'}"
            raise NotFound(f"there is no job type {name}{hint}")
        return scripts[name][0].path

    def examine(self, path: Path) -> Examination:
        """Everything that can be said of a script without submitting a job. Raises `Busy`."""
        findings = list(_of_file(path))
        printed: list[Printed] = []
        job_type = None
        try:
            found, script = self._read(path)
        except JobTypeError as error:
            findings.append(_located(error, path))
        else:
            try:
                job_type, more = _declared(script, self._described_by(script, found, printed.append))
                findings += more
                if all(finding.severity != "error" for finding in more):
                    findings += self._without_tasks(script, found, job_type)
            except JobTypeError as error:
                findings.append(_located(error, path))
            except (ValueError, RecursionError) as error:  # JSON that cannot be read
                findings.append(_located(improper(script, error), path))
        findings.sort(key=lambda finding: (finding.file, finding.line, finding.column))
        name = catalog.job_type_name(path.name)
        return Examination(path=path, name=name, job_type=job_type, findings=tuple(findings), printed=tuple(printed))

    def _without_tasks(self, script: Script, found: Found, job_type: JobType | None) -> list[Finding]:
        """A finding where no job would have tasks, as far as that can be known without settings."""
        if _ADDING.isdisjoint(token.name for token in Source(script.source).tokens):
            return [
                _finding(
                    "error", "the script never calls job.addTask(task), so its jobs would have no tasks", script.path
                )
            ]
        if job_type is None or missing_settings(job_type, {}):
            return []
        submission = Submission(name="check", type=script.job_type)
        try:
            job = self._compile(found, submission, str(uuid.uuid4()), datetime.now(UTC), strict=True, heard=None)
            check_for_tasks(job)
        except JobTypeError:
            return []  # it may well want settings that are not required
        except Refused as error:
            return [_finding("error", str(error), script.path)]
        return []

    def job_type_of(self, path: Path) -> JobType:
        """What the script `path` declares. Raises `JobTypeError`."""
        found, script = self._read(path)
        return self._job_type(found, script.job_type)[0]

    def try_out(self, path: Path, submission: Submission, created: datetime, *, strict: bool = True) -> Trial:
        """Compile a job with the script `path`, whatever job type the submission names. Raises `Busy`."""
        printed: list[Printed] = []
        try:
            found, script = self._read(path)
            submission = replace(submission, type=script.job_type)
            job_id = str(uuid.uuid4())
            job = self._compile(found, submission, job_id, created, strict=strict, heard=printed.append)
        except Refused as error:
            return Trial(error=_located(error, path), printed=tuple(printed))
        return Trial(job=job, printed=tuple(printed))

    def _read(self, path: Path) -> tuple[Found, Script]:
        try:
            found = catalog.find_one(path, self._folders, self._limits)
        except (OSError, ValueError) as error:
            raise JobTypeError(f"{path} cannot be read: {catalog.reason(error)}") from error
        [[script]] = found.scripts.values()
        return found, script


def _of_file(path: Path) -> list[Finding]:
    """Why a manager would not even look at the file, whatever is in it."""
    found = []
    if not path.name.endswith(catalog.SUFFIX):
        found.append(_finding("error", f"job types are files whose names end in {catalog.SUFFIX}", path))
    if path.is_symlink():
        found.append(_finding("warning", "managers do not follow links: put the file itself into their folder", path))
    if path.is_file() and path.stat().st_size < catalog.SMALLEST:
        found.append(_finding("error", f"files of less than {catalog.SMALLEST} bytes do not count as job types", path))
    return found


def _declared(script: Script, described: Described) -> tuple[JobType | None, list[Finding]]:
    """The job type that a script declares, and what is wrong with that. Raises ValueError and RecursionError."""
    path, source = script.path, Source(script.source)
    declared = msgspec.json.decode(described.job_type)
    findings = [] if described.compiles else [_located(_no_compile_job(path), path)]
    if declared is None:
        return None, [*findings, _located(improper(script, None), path)]
    findings += [_finding("warning", each.message, path, source, each.place) for each in suspicions(declared, source)]
    try:
        return job_type_of(script.job_type, described.job_type), findings
    except (ValueError, RecursionError) as error:
        return None, [*findings, _shape_error(str(error), path, source)]


def _no_compile_job(path: Path) -> JobTypeError:
    return JobTypeError(f"script ({path.name}) does not define a compileJob(job) function")


def _finding(
    severity: Literal["error", "warning"],
    message: str,
    path: Path,
    source: Source | None = None,
    place: Place = NOWHERE,
) -> Finding:
    text = source.line(place.line) if source else ""
    return Finding(severity=severity, message=message, file=str(path), line=place.line, column=place.column, text=text)


def _located(error: Refused, path: Path) -> Finding:
    """What a compilation ended with. The place may be in a module, that is another file below the folder."""
    if not isinstance(error, JobTypeError) or not error.line:
        return _finding("error", str(error), path)
    file = path if error.file in ("", path.name) else path.parent / error.file
    try:
        source = Source(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        source = Source("")
    message = error.reason if file == path else f"{error.reason} (required by {path.name})"
    return _finding("error", message, file, source, Place(error.line, error.column))


def _shape_error(message: str, path: Path, source: Source) -> Finding:
    """A JOB_TYPE of the wrong shape; the place is found in the text, by the path that the message ends with."""
    found = mismatch.read(message)
    where = "JOB_TYPE" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found.steps)
    return _finding("error", f"{where}: {_worded(found)}", path, source, source.place_of(found.steps))


def _worded(found: Mismatch) -> str:
    """What is wrong, in the words of somebody who writes JavaScript."""
    if found.missing:
        return f"missing required field {found.missing}"
    if found.expected:
        kinds = [_KINDS.get(kind, kind) for kind in found.expected if kind != "null"]
        got = f", got {_KINDS.get(found.got, found.got)}" if found.got else ""
        return f"expected {' | '.join(kinds)}{found.limit}{got}"
    words = WORDS.get(str(found.steps[-1])) if found.no_choice and found.steps else None
    text = found.text.replace("`", "") + (f"; choose one of {', '.join(words)}" if words else "")
    return text[:1].lower() + text[1:]
