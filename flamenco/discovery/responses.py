"""Responses to searches that a manager still has to send, each at its moment; bounded, whoever asks. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from flamenco.discovery.messages import Search

Searcher: TypeAlias = tuple[str, int]
"""Who asks: an IP address and a port."""

MOST_WAITING: Final = 256


class SearchResponse(Struct, frozen=True, order=True):
    """A URL that `source` is to be told at the moment `due`, in seconds."""

    due: float
    url: str
    target: str
    source: Searcher


class PendingResponses:
    """Responses in the order in which they are due. `delay` draws a number of seconds between two others.

    Who asks again before all answers to the first question are sent gets no more of them.
    """

    def __init__(self, delay: Callable[[float, float], float], most: int = MOST_WAITING) -> None:
        self._delay = delay
        self._most = most
        self._waiting: list[SearchResponse] = []
        self._asked: dict[Searcher, int] = {}

    def add(self, search: Search, source: Searcher, urls: Sequence[str], now: float) -> bool:
        """Answer `source` with each of the URLs, spread over the time it wants to wait. False when there is no room."""
        if source in self._asked:
            return True
        if not urls or len(self._waiting) + len(urls) > self._most:
            return False
        for url in urls:
            due = now + self._delay(0.0, search.wait_s / len(urls))
            heapq.heappush(self._waiting, SearchResponse(due, url, search.target, source))
        self._asked[source] = len(urls)
        return True

    def due(self, now: float) -> list[SearchResponse]:
        """Take out what is to be sent by now."""
        found = []
        while self._waiting and self._waiting[0].due <= now:
            response = heapq.heappop(self._waiting)
            self._asked[response.source] -= 1
            if not self._asked[response.source]:
                del self._asked[response.source]
            found.append(response)
        return found

    def seconds_to_next(self, now: float) -> float | None:
        """How long there is nothing to send; None when nothing waits."""
        return max(0.0, self._waiting[0].due - now) if self._waiting else None
