"""The way into the compiler: which job types there are, and turning a submission into a job."""

from __future__ import annotations

import json
import logging
import math
import platform
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from flamenco.compiler import authored, catalog
from flamenco.compiler.catalog import Found, Problem, Script
from flamenco.compiler.declaration import Described, extended, job_type_of
from flamenco.compiler.localtime import zone_around
from flamenco.compiler.protocol import Printed, Reply, Request, Result, ScriptError
from flamenco.compiler.sandbox import Sandbox, ScriptKilled, ScriptRunner
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.compiler.spool import Spool
from flamenco.compiler.submitted_settings import checked_settings, missing_settings, numbers_as_texts
from flamenco.domain.errors import Conflict, JobTypeError, NotFound, Refused, ScriptStopped
from flamenco.domain.model import AuthoredJob, JobType, JobTypeSetting, Submission
from flamenco.domain.time_limits import JobTimeLimits

log = logging.getLogger(__name__)

_LONGEST_TEXT = 2_000
"""How much of what a script throws is handed on."""

_MISTAKE = re.compile(
    r"(?:Type|Reference|Syntax|Range|Eval|URI|Aggregate|InvalidCharacter)Error: (?:[^\s:]+\.js(?:on)?: )?"
)
"""How the text of an error begins that JavaScript throws, and not somebody who has something to say."""

_NAMED_SCRIPT = re.compile(r"^script \([^()]*\)(?P<colon>: )?")


class _Known(Struct, frozen=True):
    """What a script declares, or why that cannot be known, and how long this is true."""

    declares: JobType | Problem
    until: float = math.inf


class Compiler:
    """The job types in `folders`, of which earlier ones win. Safe to share between threads, not across a fork.

    Scripts are read anew on every call, so editing one needs no restart; they are only run when their text is new.
    `more_settings` gives settings that a job type has beside those its script declares. A `sandbox` may be lent to
    several compilers; whoever made it closes it.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        limits: ScriptLimits | None = None,
        more_settings: Callable[[JobType], Sequence[JobTypeSetting]] = lambda _: (),
        sandbox: ScriptRunner | None = None,
    ) -> None:
        self._more_settings = more_settings
        self._folders = tuple(folders)
        self._limits = limits or ScriptLimits()
        self._sandbox: ScriptRunner = sandbox or Sandbox(self._limits)
        self._is_lent = sandbox is not None
        self._lock = threading.Lock()
        self._described: dict[str, _Known] = {}
        self._known: frozenset[Problem] = frozenset()

    def job_types(self) -> list[JobType]:
        """Every job type that can be submitted, by name. Broken scripts hide nothing but themselves, and are logged."""
        self._sandbox.expect()
        found = self._find()
        usable = [self._usable(found, name) for name in sorted(found.scripts)]
        self._log_new(self._problems(found))
        self._forget_all_but(found)
        return [job_type for job_type, _ in usable if isinstance(job_type, JobType)]

    def problems(self) -> list[Problem]:
        """What is wrong in the folders: a problem per file that gives no job type because of it."""
        return self._problems(self._find())

    def _log_new(self, problems: Sequence[Problem]) -> None:
        """Log what was not wrong the last time."""
        with self._lock:
            known, self._known = self._known, frozenset(problems)
        for problem in problems:
            if problem not in known:
                log.warning("there is no job type in %s: %s", problem.path, problem.message)

    def _problems(self, found: Found) -> list[Problem]:
        problems = list(found.problems)
        for scripts in found.scripts.values():
            for script in scripts:
                described = self._describe(script, found)
                if isinstance(described, Problem):
                    # The same text in two folders is only run once.
                    problems.append(replace(described, path=script.path))
        return sorted(problems, key=lambda problem: (problem.job_type, problem.path))

    def job_type(self, name: str) -> JobType:
        """One job type. Raises `NotFound`, and `JobTypeError` when its script is broken."""
        self._sandbox.expect()
        found = self._find()
        if name not in found.scripts:
            raise NotFound(f"job type unknown: {name}")
        try:
            return self._job_type(found, name)[0]
        except JobTypeError as error:
            error.for_submitter = _for_submitter(name, error)
            raise

    def compile(
        self,
        submission: Submission,
        job_id: str,
        created: datetime,
        *,
        strict: bool = False,
        heard: Callable[[Printed], None] | None = None,
    ) -> AuthoredJob:
        """Run the script of the submission's job type, and return the job it makes, checked.

        `strict`: settings are checked against the declaration first and missing ones get their defaults, see
        `checked_settings`; otherwise the script gets them as they are, but see `numbers_as_texts`. `heard` is called
        with every line that the script printed, also when it failed afterwards; they go to the log as well. Raises
        `Refused` for an unknown job type, `Conflict` when the submission was made for another version of it,
        `JobTypeError` for everything that goes wrong in the script (`ScriptStopped` at a limit), and `Busy`.
        """
        found = self._find()
        try:
            return self._compile(found, submission, job_id, created, strict=strict, heard=heard)
        except JobTypeError as error:
            error.for_submitter = _for_submitter(submission.type, error)
            job_type = self._usable(found, submission.type)[0]
            # A script that was not given what it needs does not always say so in words that help.
            if isinstance(job_type, JobType) and (absent := missing_settings(job_type, submission.settings)):
                error.for_submitter += f" ({absent})"
            raise

    def _compile(
        self,
        found: Found,
        submission: Submission,
        job_id: str,
        created: datetime,
        *,
        strict: bool,
        heard: Callable[[Printed], None] | None,
    ) -> AuthoredJob:
        if submission.type not in found.scripts:
            raise Refused(f"job type unknown: {submission.type} (there are: {', '.join(sorted(found.scripts))})")
        job_type, script = self._job_type(found, submission.type)
        if submission.type_etag not in ("", job_type.etag):
            raise Conflict("rejecting job because its settings are outdated, refresh the job type")
        settings = numbers_as_texts(job_type, submission.settings)
        if strict:
            settings = checked_settings(job_type, settings)
        submission = replace(submission, settings=settings)
        spool = Spool()
        answer = self._run(script, found, created, _job_text(submission, job_id, created), spool.keep)
        try:
            reply = authored.decode(answer)
            compiled = _result(reply, script, self._limits, heard)
            if compiled is None:
                raise JobTypeError(f"script ({script.path.name}) does not define a compileJob(job) function")
            job = authored.job_of(compiled, spool.tasks(compiled.task_count), created, self._limits)
        except JobTypeError as error:
            raise _naming(script, error) from error
        declared = {} if job_type.time_limits is UNSET else job_type.time_limits
        return replace(
            job,
            time_limits=JobTimeLimits(declared, submission.time_limits),
            failure_rules=job_type.failure_rules,
            fail_percent=job_type.fail_percent if submission.fail_percent is None else submission.fail_percent,
            tries=job_type.tries if submission.tries is None else submission.tries,
            start_after=submission.start_after,
            start_after_reason=submission.start_after_reason,
        )

    def close(self) -> None:
        """End the helper process, unless it was lent."""
        if not self._is_lent:
            self._sandbox.close()

    @property
    def helper_process_id(self) -> int | None:
        """The helper's process id, while there is a helper."""
        return self._sandbox.process_id

    def _find(self) -> Found:
        return catalog.find(self._folders, self._limits)

    def _job_type(self, found: Found, name: str) -> tuple[JobType, Script]:
        job_type, script = self._usable(found, name)
        if isinstance(job_type, Problem):
            raise JobTypeError(
                job_type.message,
                reason=job_type.reason,
                file=script.path.name,
                line=job_type.line,
                column=job_type.column,
            )
        return job_type, script

    def _usable(self, found: Found, name: str) -> tuple[JobType | Problem, Script]:
        """What the first usable script for `name` declares; without any, what is wrong with the first."""
        scripts = found.scripts[name]
        described = [(self._describe(scripts[0], found), scripts[0])]
        for script in scripts[1:]:
            if isinstance(described[-1][0], JobType):
                break
            described.append((self._describe(script, found), script))
        return described[-1] if isinstance(described[-1][0], JobType) else described[0]

    def _describe(self, script: Script, found: Found) -> JobType | Problem:
        with self._lock:
            known = self._described.get(script.digest)
        if known is None or known.until <= time.monotonic():
            # Without the lock: other threads look up other scripts meanwhile, and at worst one is described twice.
            known = self._describe_anew(script, found)
            with self._lock:
                self._described[script.digest] = known
        return known.declares

    def _describe_anew(self, script: Script, found: Found) -> _Known:
        try:
            described = self._described_by(script, found)
            job_type = job_type_of(script.job_type, described.job_type)
        except ScriptStopped as error:
            return _Known(_problem(script, error), time.monotonic() + self._limits.retry_s)
        except JobTypeError as error:
            return _Known(_problem(script, error))
        except (ValueError, RecursionError) as error:
            return _Known(_problem(script, improper(script, error)))
        if job_type is None:
            return _Known(_problem(script, improper(script, None)))
        return _Known(extended(job_type, self._more_settings(job_type)))

    def _described_by(self, script: Script, found: Found, heard: Callable[[Printed], None] | None = None) -> Described:
        """What the script says of itself when it is run. Raises `JobTypeError`."""
        reply = msgspec.json.decode(self._run(script, found, None, None, _none_come), type=Reply[Described])
        return _result(reply, script, self._limits, heard) or Described(job_type=Raw(b"null"))

    def _forget_all_but(self, found: Found) -> None:
        current = {script.digest for scripts in found.scripts.values() for script in scripts}
        with self._lock:
            self._described = {digest: known for digest, known in self._described.items() if digest in current}

    def _run(
        self, script: Script, found: Found, created: datetime | None, job: str | None, keep: Callable[[bytes], None]
    ) -> bytes:
        """The helper's answer; `keep` gets lists of tasks. Raises `JobTypeError` when it is lost, and `Busy`."""
        start = {
            "cwd": _working_folder(),
            "platform": platform.system().lower(),
            "limits": msgspec.to_builtins(self._limits),
            "zone": zone_around(created) if created else [(0, 0, "UTC")],
            "id_prefix": _id_prefix(),
            "modules": found.modules if script.requires else {},
        }
        request = Request(
            file=script.path.name,
            source=script.source,
            start=msgspec.json.encode(start).decode(),
            timeout_s=self._limits.timeout_s,
            job=job,
        )
        try:
            return self._sandbox.ask(request, keep)
        except ScriptKilled as error:
            raise ScriptStopped(f"script ({script.path.name}) {error}") from error


def _none_come(_tasks: bytes) -> None:
    """Descriptions have no tasks."""


def _job_text(submission: Submission, job_id: str, created: datetime) -> str:
    """The job as the prelude's `compile` takes it. In ASCII, and by `json`, which writes numbers of any size."""
    job = {
        "id": job_id,
        "name": submission.name,
        "type": submission.type,
        "priority": submission.priority,
        "created_ms": authored.milliseconds(created),
        "worker_tag": submission.worker_tag,
        "shaman_checkout_id": submission.shaman_checkout_id,
        "settings": submission.settings,
        "metadata": submission.metadata,
    }
    return json.dumps(job, separators=(",", ":"))


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # somebody deleted it
        return ""


def _id_prefix() -> str:
    """The random part of the UUIDs of one job's tasks, in the shape of version 4; the prelude counts behind it."""
    digits = secrets.token_hex(9)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-"


def improper(script: Script, why: Exception | None) -> JobTypeError:
    """The error for a script whose JOB_TYPE is wrong, or missing."""
    if why is None:
        return JobTypeError(f"script ({script.path.name}) does not define a JOB_TYPE object")
    return JobTypeError(f"script ({script.path.name}) does not define a proper JOB_TYPE object: {why}")


def _problem(script: Script, error: JobTypeError) -> Problem:
    in_script = error.file == script.path.name  # and not in a module that it requires
    return Problem(
        job_type=script.job_type,
        path=script.path,
        message=str(error),
        reason=error.reason,
        line=error.line if in_script else 0,
        column=error.column if in_script else 0,
    )


def _result(
    reply: Reply[Result], script: Script, limits: ScriptLimits, heard: Callable[[Printed], None] | None
) -> Result | None:
    """What came out of the script's run; what it printed goes to the log and to `heard`. Raises `JobTypeError`."""
    _log_printed(reply.printed, script)
    if heard is not None:
        for line in reply.printed:
            heard(line)
    if reply.error is not None:
        raise _error(reply.error, script, limits)
    return reply.result


def _log_printed(printed: Sequence[Printed], script: Script) -> None:
    for line in printed:
        log.log(logging.WARNING if line.warning else logging.INFO, "%s: %s", script.path.name, line.text)


def _error(error: ScriptError, script: Script, limits: ScriptLimits) -> JobTypeError:
    """What is to be told of a script's error: its own text, then file and line."""
    file = script.path.name
    if error.kind == "memory":
        return ScriptStopped(f"script ({file}) used more than {limits.memory_mb} MiB of memory")
    # How the original calls errors of its functions; scripts may look for it, people have no use for it.
    thrown = error.text.replace("GoError: ", "")
    text = thrown if len(thrown) <= _LONGEST_TEXT else thrown[:_LONGEST_TEXT] + "…"
    text = text or "an empty text was thrown"
    place = f"{error.file}:{error.line}" if error.line else error.file
    required = "" if error.file == file else f", required by {file}"
    return JobTypeError(
        f"{text} ({place}{required})", reason=text, file=error.file, line=error.line, column=error.column
    )


def _naming(script: Script, error: JobTypeError) -> JobTypeError:
    """The same error with the script's name in it."""
    text = str(error)
    if script.path.name in text:
        return error
    return JobTypeError(f"script ({script.path.name}): {text}", reason=f"script ({script.path.name}): {text}")


def _for_submitter(job_type: str, error: JobTypeError) -> str:
    """What whoever submits a job reads: what the script says, or that it has a mistake; no files and lines."""
    reason = error.reason
    is_of_script = error.file and not _NAMED_SCRIPT.match(reason)
    if is_of_script and not _MISTAKE.match(reason):
        return reason.removeprefix("Error: ")
    reason = _NAMED_SCRIPT.sub(lambda match: "" if match["colon"] else "its script", _MISTAKE.sub("", reason))
    return f"job type {job_type} did not work, tell whoever looks after it: {reason}"
