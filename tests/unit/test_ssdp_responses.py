"""What a manager still has to answer: spread over time, once for each who asks, and never more than there is room."""

from __future__ import annotations

from flamenco.discovery.messages import Search
from flamenco.discovery.responses import PendingResponses

SEARCH = Search("ssdp:all", 3)
URLS = ("http://a:1/", "http://b:1/", "http://c:1/")
ASKER = ("10.0.0.1", 5000)


def latest(_: float, end: float) -> float:
    """A delay as long as it may be."""
    return end


def test_answers_are_spread() -> None:
    """Every URL is told, each within the time to wait divided by the number of URLs."""
    ranges: list[tuple[float, float]] = []

    def drawn(start: float, end: float) -> float:
        ranges.append((start, end))
        return end

    answers = PendingResponses(drawn)
    assert answers.add(SEARCH, ASKER, URLS, now=100.0)
    assert ranges == [(0.0, 1.0)] * 3
    assert answers.due(100.9) == []
    assert answers.seconds_to_next(100.5) == 0.5
    found = answers.due(101.0)
    assert [answer.url for answer in found] == list(URLS)
    assert {(answer.source, answer.target) for answer in found} == {(ASKER, "ssdp:all")}
    assert answers.seconds_to_next(102.0) is None


def test_the_earliest_is_first() -> None:
    """Answers come out in the order of their moments, not in that of the questions."""
    answers = PendingResponses(latest)
    answers.add(Search("x", 60), ASKER, URLS[:1], now=0.0)
    answers.add(Search("x", 1), ("10.0.0.2", 5000), URLS[:1], now=1.0)
    assert answers.seconds_to_next(1.0) == 1.0
    assert [answer.source[0] for answer in answers.due(100.0)] == ["10.0.0.2", "10.0.0.1"]


def test_impatience_gets_nothing_more() -> None:
    """Who asks every second is not told everything again before the first answers have gone out; afterwards it is."""
    answers = PendingResponses(latest)
    for now in range(3):
        assert answers.add(Search("x", 60), ASKER, URLS, now=float(now))
    assert answers.add(Search("x", 60), (ASKER[0], 5001), URLS, now=3.0)  # another program on the same machine
    assert len(answers.due(100.0)) == 6
    assert answers.add(SEARCH, ASKER, URLS, now=100.0)
    assert len(answers.due(200.0)) == 3


def test_there_is_only_so_much_room() -> None:
    """A flood of questions is answered as far as there is room, and when it is over there is room again."""
    answers = PendingResponses(latest, most=10)
    taken = [answers.add(SEARCH, ("10.0.0.1", port), URLS, now=0.0) for port in range(1000)]
    assert taken == [True] * 3 + [False] * 997
    assert len(answers.due(10.0)) == 9
    assert answers.add(SEARCH, ASKER, URLS, now=10.0)


def test_nothing_to_say() -> None:
    """Without a URL there is no answer."""
    assert not PendingResponses(latest).add(SEARCH, ASKER, (), now=0.0)
