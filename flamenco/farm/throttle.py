"""Has those wait who do something wrong again and again, each time twice as long, and nobody else."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from flamenco.domain.errors import Busy

MOST_REMEMBERED: Final = 10_000
"""Of more than so many, those that were heard of longest ago are forgotten."""

_MOST_DOUBLINGS: Final = 20
_HOUR_S: Final = 3600.0


class Waits(Struct, frozen=True, kw_only=True):
    """How long somebody waits who was wrong for the `waits_from`th time: `first_s`, and twice as long each time.

    Whoever did nothing wrong for `forgotten_after_s` since the end of a wait starts afresh. `sentence` says it to them,
    with `{who}`, `{times}` and `{wait_s}`.
    """

    waits_from: int
    first_s: float = 1.0
    longest_s: float = 60.0
    forgotten_after_s: float = 900.0
    sentence: str = "That was wrong too often; try again in {wait_s} s."

    def after(self, times: int) -> float:
        """How many seconds to wait after so many in a row."""
        doublings = min(times - self.waits_from, _MOST_DOUBLINGS)
        return 0.0 if doublings < 0 else min(self.longest_s, self.first_s * 2.0**doublings)


SIGNING_IN: Final = Waits(waits_from=10)
"""A few times in a row somebody may be wrong, as people are who have forgotten which password it was."""

SIGNING_IN_BY_NAME: Final = Waits(waits_from=200)
"""The same where others may be wrong in somebody's name."""


COUNTED: Final = Waits(waits_from=1, first_s=0.0, forgotten_after_s=3600.0)
"""Nobody waits: it is only counted how often, until an hour passes without."""


def stopped_scripts(compile_timeout_s: float) -> Waits:
    """For whoever sends jobs that run into the limits of scripts: while one does, nobody else's job is compiled.

    Each wait is longer than what such a job costs the others, who so have more of the compiler than that one. Fewer
    have who try out a script, or meet a machine with much to do.
    """
    return Waits(
        waits_from=3,
        first_s=2 * compile_timeout_s,
        longest_s=900.0,
        forgotten_after_s=600.0,
        sentence="{times} jobs from {who} ran into the limits that scripts of job types have, while those of others "
        "had to wait; the next one from there is taken in {wait_s} seconds",
    )


class _Failures(Struct, frozen=True):
    """How many there were in a row, until when whoever had them waits, and until when they count."""

    times: int = 0
    waits_until: float = -math.inf
    counts_until: float = -math.inf


class Throttle:
    """What this process remembers, and nobody else. Safe to share between threads; `timer` gives seconds."""

    def __init__(self, timer: Callable[[], float], waits: Waits) -> None:
        self._timer = timer
        self._waits = waits
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()  # the latest last

    def check(self, *who: str) -> None:
        """Raise `Busy` when one of them has to wait still."""
        now = self._timer()
        with self._lock:
            found = [(self._failures[each], each) for each in who if each in self._failures]
        failures, waiting = max(found, key=lambda each: each[0].waits_until, default=(_Failures(), ""))
        if failures.waits_until > now:
            wait_s = math.ceil(failures.waits_until - now)
            said = self._waits.sentence.format(who=waiting, times=failures.times, wait_s=wait_s)
            raise Busy(said, retry_after=wait_s)

    def failed(self, *who: str) -> int:
        """They were wrong just now; how often in a row, by the one of them who was most often."""
        now, most = self._timer(), 0
        with self._lock:
            for each in who:
                before = self._failures.pop(each, _Failures())
                times = before.times + 1 if before.counts_until > now else 1
                most = max(most, times)
                waits_until = now + self._waits.after(times)
                self._failures[each] = _Failures(times, waits_until, waits_until + self._waits.forgotten_after_s)
                if len(self._failures) > MOST_REMEMBERED:
                    self._failures.popitem(last=False)
        return most

    def succeeded(self, *who: str) -> None:
        """They were right, and start afresh."""
        with self._lock:
            for each in who:
                self._failures.pop(each, None)


class HourlyCount:
    """Counts what happened within the hour, from whoever it came. Safe to share between threads."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._began = -math.inf
        self._count = 0

    def next(self) -> int:
        """The how manieth this is."""
        now = self._timer()
        with self._lock:
            if now - self._began >= _HOUR_S:
                self._began, self._count = now, 0
            self._count += 1
            return self._count
