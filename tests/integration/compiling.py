"""A studio with a folder of job types, for the tests of the compiler."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.model import AuthoredJob, Submission
from flamenco.domain.variables import Variables

CREATED = datetime(2026, 7, 8, 9, 10, 11, 123456, tzinfo=UTC)
JOB_ID = "11111111-2222-4333-8444-555555555555"
DECLARATION = 'const JOB_TYPE = { label: "Test", settings: [] };'


def handed_out(job: AuthoredJob) -> AuthoredJob:
    """The job with its own variables replaced, as workers see its commands."""
    expansion = Variables({}).for_worker("linux").with_those_of(job.variables)
    return replace(job, tasks=tuple(replace(task, commands=expansion.commands(task.commands)) for task in job.tasks))


class Studio:
    """Folders of scripts and a compiler that finds them; the studio's own folder comes before the shipped one."""

    def __init__(self, folder: Path, limits: ScriptLimits | None = None) -> None:
        self.own = folder / "own"
        self.shipped = folder / "shipped"
        self.own.mkdir(parents=True)
        self.shipped.mkdir()
        self.limits = limits or ScriptLimits()
        self.compiler = Compiler([self.own, self.shipped], self.limits)

    def write(self, name: str, text: str, folder: Path | None = None) -> Path:
        """Put a file into the studio's folder, or another."""
        path = (folder or self.own) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def compile(self, job_type: str, *, strict: bool = False, **fields: Any) -> AuthoredJob:
        """Compile a job of `job_type`; `fields` are those of the submission."""
        submission = Submission(**({"name": "job", "type": job_type} | fields))
        return self.compiler.compile(submission, JOB_ID, CREATED, strict=strict)

    def run(self, body: str, before: str = "", **fields: Any) -> AuthoredJob:
        """Compile a job with a script that has `body` as its compileJob, on line 3 and onwards."""
        self.write("my_job.js", f"{DECLARATION} {before}\nfunction compileJob(job) {{\n{body}\n}}\n")
        return self.compile("my-job", **fields)

    def value(self, expression: str, **fields: Any) -> Any:
        """What a script gets for `expression`, by way of the stored settings."""
        return self.run(f"job.settings.value = {expression};", **fields).settings["value"]

    def values(self, calls: list[list[Any]]) -> list[Any]:
        """The result of each call [function, arguments], or {"error": text}."""
        body = f"""
            job.settings.value = {json.dumps(calls)}.map(([name, args]) => {{
                const [first, second] = name.split(".");
                const globals = {{ frameChunker, frameCount, shellSplit, path }};
                try {{ return second ? globals[first][second](...args) : globals[first](...args); }}
                catch (error) {{ return {{ error: error.message }}; }}
            }});"""
        values: list[Any] = self.run(body).settings["value"]
        return values


def wait_until_busy(pid: int) -> None:
    """Wait until a process has used a fifth of a second of processor time more than now."""

    def ticks() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    target = ticks() + os.sysconf("SC_CLK_TCK") // 5
    deadline = time.monotonic() + 10
    while ticks() < target:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
