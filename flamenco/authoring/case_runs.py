"""Running the test files of authors: every case compiled, and compared with what it expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from flamenco.authoring import expectations
from flamenco.authoring.bench import Bench, Finding, Trial
from flamenco.authoring.expectations import Case
from flamenco.compiler.catalog import SUFFIX
from flamenco.compiler.protocol import Printed
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob

Check = Callable[[AuthoredJob], object]
"""Looks at a compiled job as the manager does before it stores it. Raises `Refused`."""


class Outcome(Struct, frozen=True, kw_only=True):
    """How one case went. It passed when there is no `diff`; `error` is one that came instead of a job."""

    name: str
    diff: str = ""
    error: Finding | None = None
    printed: tuple[Printed, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it passed."""
        return not self.diff


class Report(Struct, frozen=True, kw_only=True):
    """How a test file went. `problem` says why it could not be run; there are no outcomes then."""

    file: Path
    script: Path | None = None
    problem: str = ""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of it passed."""
        return not self.problem and all(outcome.ok for outcome in self.outcomes)


def find(places: Iterable[Path]) -> list[Path]:
    """The test files among `places`: files as they are, folders with all test files below them, scripts with theirs.

    Raises `Refused` for a place that does not exist, and when there is no test file at all.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(path for path in place.rglob("*.test.*") if expectations.is_test_file(path))
        elif place.is_file() and place.suffix == SUFFIX:
            beside = [place.with_suffix(suffix) for suffix in expectations.SUFFIXES]
            tests = [path for path in beside if path.is_file()]
            if not tests:
                raise Refused(f"{place.name} has no tests; write them into {beside[0].name} beside it")
            found += tests
        elif place.is_file():
            found.append(place)
        else:
            raise Refused(f"{place} does not exist")
    if not found:
        raise Refused(f"there are no test files there; they are called NAME{', NAME'.join(expectations.SUFFIXES)}")
    return found


def run(bench: Bench, files: Iterable[Path], check: Check) -> Iterator[Report]:
    """Run the cases of every file. Raises `Busy`."""
    for file in files:
        try:
            tests = expectations.read(file)
            script = expectations.script_of(file, tests)
        except Refused as error:
            yield Report(file=file, problem=str(error))
        else:
            outcomes = tuple(_outcome(bench, script, case, check) for case in tests.tests)
            yield Report(file=file, script=script, outcomes=outcomes)


def _outcome(bench: Bench, script: Path, case: Case, check: Check) -> Outcome:
    # A time without a zone is local time, so that what the script makes of it is the same everywhere.
    trial = bench.try_out(script, case.submission(""), case.created.astimezone(), strict=case.strict)
    trial = checked(trial, script, check)
    message = trial.error.message if trial.error else ""
    try:
        diff = expectations.difference(case.expect, trial.job, message, trial.printed)
    except Refused as error:
        diff = str(error)
    return Outcome(name=case.name, diff=diff, error=trial.error if diff else None, printed=trial.printed)


def checked(trial: Trial, script: Path, check: Check) -> Trial:
    """The same trial, with an error when the manager would refuse the job for its commands."""
    if trial.job is None:
        return trial
    try:
        check(trial.job)
    except Refused as error:
        finding = Finding(severity="error", message=str(error), file=str(script))
        return Trial(error=finding, printed=trial.printed)
    return trial
