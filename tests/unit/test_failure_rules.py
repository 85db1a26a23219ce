"""What follows from failures: what rules may say, which is about what, and how it is told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.failure_rules import (
    LONGEST_LINE,
    TAIL_BYTES,
    Failure,
    FailureRule,
    Found,
    KnownRule,
    Then,
    exit_code_in,
    fitting,
    lines_of,
    ruling,
)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"then": "explode", "match": "a"}, "then: 'explode' is nothing that can follow; write fail_job, fail_task,"),
        ({"then": "retry_after", "match": "a"}, "write a span with it, such as retry_after 5m"),
        ({"then": "fail_job 5m", "match": "a"}, "it has no span"),
        ({"then": "hold_job soon", "match": "a"}, "then: 'soon' is not a duration"),
        ({"then": "hold_job 0s", "match": "a"}, "a span is from 1s to 168h (a week), and not 0s"),
        ({"then": "hold_job 1000h", "match": "a"}, "a span is from 1s"),
        ({"then": "retry", "match": "a(b"}, "match: 'a(b' is no regular expression: missing )"),
        ({"then": "retry", "match": "a" * 1001}, "match: is at most 1000 characters long, and not 1001"),
        ({"then": "retry"}, "give match, exit_code or both"),
        ({"then": "retry", "match": "a", "workers": 0}, "workers: is from 1 to 100, and not 0"),
        ({"then": "retry", "match": "a", "say": "b" * 501}, "say: is at most 500 characters long"),
        ({"then": "retry", "match": "(?P<b>a)", "say": "{c}"}, "there is no {c}; it may have {b}, {line}, {exit_code}"),
    ],
)
def test_rules_that_cannot_be_followed(parts: dict[str, object], says: str) -> None:
    """Each is refused with a sentence that says what would do, whoever wrote it."""
    with pytest.raises(ValueError, match=r".") as refused:
        FailureRule(**parts)  # type: ignore[arg-type]
    assert says in str(refused.value)
    with pytest.raises(msgspec.ValidationError) as read:
        msgspec.convert(parts, FailureRule)
    assert says in str(read.value)


@pytest.mark.parametrize("then", list(Then))
def test_all_that_can_follow(then: Then) -> None:
    """With a span where something is waited for."""
    waits = then in (Then.RETRY_AFTER, Then.HOLD_JOB)
    rule = FailureRule(match="a", then=f"{then} 1m30s" if waits else str(then))
    assert (rule.what, rule.seconds) == (then, 90 if waits else 0)
    said = ruling(KnownRule(rule, "the configuration"), Found(0, "a", {}), Failure(task_type="misc"))
    assert said.in_words.startswith("By a rule of the configuration: ")
    assert "{" not in said.in_words


def known(**parts: object) -> KnownRule:
    """A rule of the configuration."""
    return KnownRule(FailureRule(**{"then": "retry", "match": "a"} | parts), "the configuration")  # type: ignore[arg-type]


def test_which_rules_are_about_a_failure() -> None:
    """By its exit code, its type, and how many workers have failed it; their order stays."""
    any_, by_code, by_type, later = known(), known(exit_code=3), known(task_types=("render",)), known(workers=2)
    rules = [later, any_, by_code, by_type]
    assert fitting(rules, Failure(task_type="misc")) == [any_]
    assert fitting(rules, Failure(task_type="render", exit_code=3)) == [any_, by_code, by_type]
    assert fitting(rules, Failure(task_type="misc", workers=2)) == [later, any_]


@pytest.mark.parametrize(
    ("rule", "found", "says"),
    [
        ({"match": "a"}, Found(0, "  it is   a \t text", {}), "The log says: it is a text"),
        ({"match": "", "exit_code": 7}, Found(0, "whatever", {}), "Its program exited with code 7."),
        ({"match": "(?P<b>a)", "say": "{b} on {worker}: {line}"}, Found(0, "x", {"b": "{line}"}), "{line} on w1: x"),
        ({"match": "(?P<b>a)?", "say": "it is {b}."}, Found(0, "x", {"b": ""}), "it is ."),
        ({"match": "a", "say": "{line}"}, Found(0, "y" * 2000, {}), "y" * 300),
        ({"match": "a", "say": "code {exit_code}"}, Found(0, "y", {}), "code 7"),
    ],
)
def test_sentences(rule: dict[str, object], found: Found, says: str) -> None:
    """What stands in braces is put in once, however it looks; and nothing is longer than people read."""
    failure = Failure(task_type="misc", exit_code=7, worker="w1")
    assert ruling(known(**rule), found, failure).sentence == says


@pytest.mark.parametrize(
    ("activity", "lines", "code"),
    [
        ("Failed: exec: the program exited with code 5", [], 5),
        ("exited abnormally with code 137", ["exited with code 1"], 137),
        ("", ["a", "command exited abnormally with code -1", "b"], -1),
        ("Failed: the program was killed by SIGKILL (exit code -1)", [], -1),
        ("Failed: no camera", ["all is well"], None),
        ("exited with code 99999999999999999", [], None),
    ],
)
def test_exit_codes(activity: str, lines: list[str], code: int | None) -> None:
    """As our workers and existing ones say them; what is said of the task counts before what it logged."""
    assert exit_code_in(activity, lines) == code


@given(st.binary(max_size=3000), st.text(max_size=100))
def test_any_log_has_lines(log: bytes, activity: str) -> None:
    """Whatever bytes are in it: whole lines, none too long, and the activity last."""
    lines = lines_of(log * 40, activity)
    assert all(0 < len(line) <= LONGEST_LINE for line in lines)
    assert not any("\n" in line or "\r" in line for line in lines[:-1])
    if activity.split():
        assert lines[-1] == " ".join(activity.split())[:LONGEST_LINE]


def test_of_a_long_log_the_end_counts() -> None:
    """And of a long line its beginning."""
    log = b"begin\n" + b"x" * 1_000_000 + b"\nend \xff\xfe\r" + b"progress\n"
    lines = lines_of(log, "")
    assert lines[-2:] == ["end \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", "progress"]
    assert sum(map(len, lines)) <= TAIL_BYTES
    assert "begin" not in lines
