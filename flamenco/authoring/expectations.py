"""What authors expect of their job types: the format of test files, and comparing what came out with it.

A test file is YAML or JSON. Only what it mentions is compared, see `difference`. Runs nothing; `case_runs.py` does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import UNSET, Struct, UnsetType, field

from flamenco.compiler.protocol import Printed
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob, Submission

ANYTHING = "..."
"""In a list: any number of elements, or none."""

PATTERN = "re:"
"""In front of a text: what follows is a regular expression that the whole text has to match."""

SUFFIXES = (".test.yaml", ".test.yml", ".test.json")
CREATED = datetime(2000, 1, 1, 12)  # noqa: DTZ001 - local time, as formatTimestampLocal will show it
"""When jobs are created that do not say so, in whatever time zone the test runs."""

_LONGEST_DIFF = 100


class Expected(Struct, kw_only=True, forbid_unknown_fields=True):
    """What has to come out: a job of which some things are known, or an error."""

    tasks: list[Any] | UnsetType = UNSET
    task_count: int | UnsetType = UNSET
    job: dict[str, Any] | UnsetType = UNSET
    printed: list[Any] | UnsetType = UNSET
    error: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        if not given:
            raise ValueError("nothing is expected; say tasks, task_count, job, printed or error")
        if self.error is not UNSET and {"tasks", "task_count", "job"} & set(given):
            raise ValueError("expect either an error or a job")


class Case(Struct, kw_only=True, forbid_unknown_fields=True):
    """A job to submit and what is expected of it. With `strict: false`, settings are neither checked nor completed."""

    name: str
    expect: Expected
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    job_name: str = "test"
    priority: int = 50
    created: datetime = CREATED
    strict: bool = True

    def submission(self, job_type: str) -> Submission:
        """The job to submit."""
        return Submission(
            name=self.job_name,
            type=job_type,
            priority=self.priority,
            settings=self.settings,
            metadata=self.metadata,
        )


class TestFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """The tests of one script, `script`, a path from the test file; without it, see `script_of`."""

    __test__ = False  # for pytest, which takes every class called Test… for a test

    tests: list[Case]
    script: str = ""


def read(path: Path) -> TestFile:
    """A test file. Raises `Refused`, naming the file and the place in it."""
    try:
        # YAML knows dates, where JSON has texts.
        content = msgspec.to_builtins(yaml.safe_load(path.read_text("utf-8-sig")), str_keys=True)
        tests = msgspec.convert(content, TestFile)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise Refused(f"{path} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    except (msgspec.ValidationError, TypeError, RecursionError) as error:
        raise Refused(f"{path}: {str(error).replace('`', '')}") from error
    if not tests.tests:
        raise Refused(f"{path} has no tests")
    return tests


def is_test_file(path: Path) -> bool:
    """Whether a file in a folder is a test file, by its name."""
    return path.name.endswith(SUFFIXES)


def script_of(path: Path, tests: TestFile) -> Path:
    """The script that a test file is about: what it says, or the one of its name beside it or in the folder above.

    `my_job.test.yaml` is about `my_job.js`. Raises `Refused` when there is no such file.
    """
    if tests.script:
        candidates = [path.parent / tests.script]
    else:
        stem = next((path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix)), path.stem)
        candidates = [folder / f"{stem}.js" for folder in (path.parent, path.absolute().parent.parent)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise Refused(f"{path} is about {candidates[0]}, which does not exist; name another with `script:`")


def plain_job(job: AuthoredJob) -> dict[str, Any]:
    """A compiled job as test files write it: as JSON, tasks and what they depend on by their names, no identifiers."""
    names = {task.id: task.name for task in job.tasks}
    plain: dict[str, Any] = {
        "name": job.name,
        "type": job.type,
        "priority": job.priority,
        "settings": job.settings,
        "metadata": job.metadata,
    }
    if job.variables:
        plain["variables"] = job.variables
    if job.worker_tag:
        plain["worker_tag"] = job.worker_tag
    if job.shaman_checkout_id:
        plain["shaman_checkout_id"] = job.shaman_checkout_id
    plain["tasks"] = [
        {
            "name": task.name,
            "type": task.type,
            "priority": task.priority,
            **({"optional": True} if task.optional else {}),
            "commands": [msgspec.to_builtins(command) for command in task.commands],
            "dependencies": [names[other] for other in task.dependencies],
        }
        for task in job.tasks
    ]
    return plain


def difference(expected: Expected, job: AuthoredJob | None, error: str, printed: Sequence[Printed]) -> str:
    """How what came out differs from what was expected, as the lines of a diff; "" when it does not.

    Of objects, only the keys that are expected are compared. Lists have to have the same elements in the same
    order (`dependencies` in any order), where "..." stands for any number of them. Texts that begin with "re:" are
    regular expressions. Numbers are equal by value. An error has to contain the expected text.
    Raises `Refused` when an expected regular expression is none.
    """
    parts = [name for name in ("error", "printed", "job", "task_count", "tasks") if _wants(expected, name)]
    wanted = {name: getattr(expected, name) for name in parts}
    actual: dict[str, Any] = {"printed": [line.text for line in printed]}
    if job is None:
        actual["error"] = expected.error if _has_text(expected.error, error) else error
    else:
        actual |= _came_out(job, parts)
    seen = _seen(wanted, actual)
    # What came in place of what was expected.
    if job is None:
        seen["error"] = actual["error"]
    elif "error" in parts:
        seen["tasks"] = [task.name for task in job.tasks[:_LONGEST_DIFF]]
    return _diff(wanted, seen)


def _wants(expected: Expected, part: str) -> bool:
    return getattr(expected, part) is not UNSET


def _came_out(job: AuthoredJob, parts: Sequence[str]) -> dict[str, Any]:
    came: dict[str, Any] = {"task_count": len(job.tasks)}
    if "job" in parts or "tasks" in parts:
        plain = plain_job(job)
        came |= {"tasks": plain.pop("tasks"), "job": plain}
    return came


def _has_text(expected: str | UnsetType, text: str) -> bool:
    if expected is UNSET:
        return False
    return _matches(expected, text) if expected.startswith(PATTERN) else expected in text


def _matches(expected: Any, actual: Any) -> bool:
    """Whether a single value is the expected one. Raises `Refused` for a pattern that is none."""
    if isinstance(expected, str) and isinstance(actual, str) and expected.startswith(PATTERN):
        try:
            return expected == actual or bool(re.fullmatch(expected.removeprefix(PATTERN), actual, re.DOTALL))
        except re.error as error:
            raise Refused(f'the test expects "{expected}", which is no regular expression: {error}') from error
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)


def _seen(expected: Any, actual: Any, key: str = "") -> Any:
    """`actual`, reduced to what `expected` speaks of, and spelt like `expected` wherever the two agree."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {name: _seen(value, actual[name], name) for name, value in expected.items() if name in actual}
    if isinstance(expected, list) and isinstance(actual, list):
        if key == "dependencies":
            return _seen_set(expected, actual)
        return _seen_list(expected, actual)
    return expected if _matches(expected, actual) else actual


def _seen_set(expected: list[Any], actual: list[Any]) -> list[Any]:
    """The same where order does not matter."""
    wanted = [value for value in expected if value != ANYTHING]
    left = list(actual)
    for value in wanted:
        position = next((number for number, each in enumerate(left) if _matches(value, each)), None)
        if position is None:
            return actual
        del left[position]
    return actual if left and ANYTHING not in expected else expected


def _seen_list(expected: list[Any], actual: list[Any]) -> list[Any]:
    """The same for lists. Between "..." stand runs of elements, of which the first and the last have their place."""
    runs: list[list[Any]] = [[]]
    for value in expected:
        if value == ANYTHING:
            runs.append([])
        else:
            runs[-1].append(value)
    if len(runs) == 1:
        return [*_seen_run(expected, actual), *map(_shortened, actual[len(expected) :])]
    first, *middle, last = runs
    seen = _seen_run(first, actual)
    start, end = len(first), len(actual) - len(last)
    for run in middle:
        seen.append(ANYTHING)
        # By their text, in which true is not 1.
        text = repr(run)
        found = next(
            (at for at in range(start, end - len(run) + 1) if repr(_seen_run(run, actual[at : at + len(run)])) == text),
            None,
        )
        if found is not None:
            seen += run
            start = found + len(run)
    seen.append(ANYTHING)
    # What stands before the last "..." and what stands behind it are never the same elements.
    return seen + _seen_run(last, actual[max(start, end) :])


def _seen_run(expected: list[Any], actual: list[Any]) -> list[Any]:
    return [_seen(value, other) for value, other in zip(expected, actual, strict=False)]


def _shortened(value: Any) -> Any:
    """An element that nobody expected: of a task, what it is called."""
    if isinstance(value, dict) and "name" in value:
        return {name: value[name] for name in ("name", "type") if name in value}
    return value


def _diff(expected: Any, actual: Any) -> str:
    lines = [
        line.rstrip("\n")
        for line in difflib.unified_diff(_lines(expected), _lines(actual), "expected", "came out", n=4, lineterm="")
    ]
    if len(lines) > _LONGEST_DIFF:
        lines[_LONGEST_DIFF:] = [f"… {len(lines) - _LONGEST_DIFF} more lines"]
    return "\n".join(lines)


def _lines(value: Any) -> list[str]:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1_000)
    return text.splitlines()
