"""A worker's self-test: asks the manager what to try out, does it, and tells what it saw."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import structlog

from flamenco.client import ManagerClient, SelfTestReport
from flamenco.domain.errors import FarmError
from flamenco.domain.findings import Grade
from flamenco.domain.self_tests.facts import Facts, Order, Why
from flamenco.domain.self_tests.judging import EVERYTHING
from flamenco.hooks.types import CommandType
from flamenco.worker.self_test import programs, storage
from flamenco.worker.self_test.runner import Programs, Run

_AT_ONCE: Final = 8
"""So many storages and programs are tried out at the same time."""

log = structlog.get_logger()


class SelfTest:
    """Tries this worker out. What is asked for is the manager's to say, and what follows from what was seen."""

    def __init__(
        self,
        manager: ManagerClient,
        commands: Mapping[str, CommandType],
        variables: Mapping[str, str],
        run: Run,
    ) -> None:
        self._manager = manager
        self._needed = programs.needed(commands.values())
        self._variables = variables
        self._programs = Programs(run)
        self.is_unfit = False
        """Whether the last one found that no task can be run here."""

    def stop(self) -> None:
        """End one that is going on. May be called from any thread."""
        self._programs.stop()

    def run(self, why: Why) -> bool:
        """Do it; False where the manager wants none, or is one that knows of none.

        Where it cannot be asked, all stays as it is.
        """
        try:
            report = self.try_out(why)
        except FarmError as error:
            log.warning("the self-test could not be done", reason=str(error))
            return True
        if report is None:
            self.is_unfit = False
            return False
        self.is_unfit = any(each.command == EVERYTHING for each in report.kept_away)
        for finding in report.findings:
            if finding.grade is Grade.PROBLEM:
                log.error("self-test", of=finding.subject, found=finding.text, help=finding.help)
        return True

    def try_out(self, why: Why) -> SelfTestReport | None:
        """The same. Raises `FarmError` where the manager cannot be asked, or told."""
        asked = time.time()
        order = self._manager.self_tests.begin(why)
        if order is None:
            return None
        facts = self._facts(order, clock_ahead_s(asked, time.time(), order.now))
        if self._programs.is_stopped:  # what was ended in the middle says nothing of this machine
            return None
        return self._manager.self_tests.report(order.id, facts)

    def _facts(self, order: Order, ahead_s: float) -> Facts:
        limit_s, is_quick = order.limit_s, order.is_quick
        with ThreadPoolExecutor(_AT_ONCE, "self-test") as pool:
            places = [
                pool.submit(storage.look, place, self._programs, limit_s, is_quick=is_quick) for place in order.places
            ]
            found = [
                pool.submit(
                    programs.look,
                    wanted,
                    self._needed[wanted.like],
                    self._variables,
                    self._programs,
                    limit_s,
                    is_quick=is_quick,
                )
                for wanted in order.programs
                if wanted.like in self._needed
            ]
            gpus = [] if is_quick else programs.gpus(self._programs, limit_s)
            return Facts(
                places=[each.result() for each in places],
                programs=[each.result() for each in found],
                gpus=gpus,
                clock_ahead_s=ahead_s,
                user=user_name(),
            )


def clock_ahead_s(asked: float, answered: float, there: datetime) -> float:
    """By how much this machine's clock is ahead of another's, which said what it showed while it was asked.

    For sure: what the question and the answer may have taken on their ways is not counted.
    """
    showed = there.astimezone(UTC).timestamp()
    if asked > showed:
        return asked - showed
    return min(0.0, answered - showed)


def user_name() -> str:
    """Who the worker runs as."""
    try:
        return getpass.getuser()[:255]
    except (OSError, KeyError, ImportError):  # there are users without names
        return ""
