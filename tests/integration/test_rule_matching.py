"""Patterns that somebody wrote, looked for in a process that is ended when they take too long."""

from __future__ import annotations

import threading
import time

import pytest

from flamenco.files import rule_matching
from flamenco.files.rule_matching import RuleMatching, TooSlow

HOPELESS = r"(a+)+$"
"""Goes back and forth for ever in a line of many a and something else."""

LINES = ["first", "a" * 60 + "!", "last: no room"]


KEPT = pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "for each log"])


@KEPT
def test_the_first_pattern_and_its_last_line(is_kept: bool) -> None:
    """In the order of the patterns; of the lines that it is in, the last."""
    matching = RuleMatching(is_kept=is_kept)
    try:
        assert matching.first(["nothing", r"(?P<what>i\w+)|(?P<other>z)", "last"], LINES) == (
            1,
            "first",
            {"what": "irst", "other": ""},
        )
        assert matching.first(["", "first"], LINES) == (0, "last: no room", {})
        assert matching.first(["nothing"], LINES) is None
        assert matching.first(["x"], []) is None
    finally:
        matching.close()


@pytest.mark.parametrize("is_kept", [True, pytest.param(False, marks=pytest.mark.long)])
def test_one_that_never_ends(is_kept: bool) -> None:
    """It costs one failure its time, once; others are found all the same."""
    matching = RuleMatching(budget_s=0.3, is_kept=is_kept)
    try:
        assert matching.first(["first"], LINES)  # it runs
        begun = time.monotonic()
        with pytest.raises(TooSlow) as slow:
            matching.first(["nothing", HOPELESS, "last"], LINES)
        assert slow.value.pattern == HOPELESS
        assert time.monotonic() - begun < 5
        assert matching.first(["nothing", HOPELESS, "last"], LINES) == (2, LINES[-1], {})
        assert matching.first([HOPELESS], LINES) is None
    finally:
        matching.close()


@KEPT
def test_one_that_wants_all_memory_or_is_none(is_kept: bool) -> None:
    """The process may end in the middle: that is the pattern's fault, and no other's."""
    matching = RuleMatching(budget_s=5, is_kept=is_kept)
    try:
        with pytest.raises(TooSlow):
            matching.first(["(", "last"], LINES)
        assert matching.first(["(", "last"], LINES) == (1, LINES[-1], {})
    finally:
        matching.close()


def test_a_process_that_has_ended_is_started_anew() -> None:
    """As it does when nobody asked for a minute, or the system wanted its memory."""
    matching = RuleMatching()
    try:
        assert matching.first(["last"], LINES)
        process = matching._process
        assert process is not None
        process.kill()
        process.wait()
        assert matching.first(["last"], LINES) == (0, LINES[-1], {})
    finally:
        matching.close()
    assert matching.first(["last"], LINES)
    matching.close()


def test_large_and_strange_lines() -> None:
    """What is not text, and more than a pipe takes at once."""
    matching = RuleMatching()
    lines = ["\N{REPLACEMENT CHARACTER}\x00\x1b" * 600, *("y" * 2000 for _ in range(200)), "\ud800 end"]
    try:
        assert matching.first(["nothing", "end$"], lines) == (1, lines[-1], {})
    finally:
        matching.close()


def test_many_at_the_same_time() -> None:
    """Each has its own answer."""
    matching = RuleMatching()
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = matching.first([f"line {number}$"], [f"line {each}" for each in range(40)])

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    matching.close()
    assert found == {number: (0, f"line {number}", {}) for number in range(40)}


def test_one_that_the_system_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process has no limits, it is ended by the clock: a pattern has one more chance then, and no third."""
    monkeypatch.setattr(rule_matching, "START_S", 0.3)
    matching = RuleMatching(budget_s=0.0, is_kept=False)  # which is no limit on the processor
    with pytest.raises(TimeoutError):
        matching.first([HOPELESS, "last"], LINES)
    with pytest.raises(TooSlow):
        matching.first([HOPELESS, "last"], LINES)
    assert matching.first([HOPELESS, "last"], LINES) == (1, LINES[-1], {})
