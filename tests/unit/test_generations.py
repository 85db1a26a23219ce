"""Farms of one process: whoever takes over as the manager ends is ended as well, and so is one that cannot begin."""

from __future__ import annotations

import threading
from typing import Any

from flamenco.server.generations import Generations

WAIT_S = 20.0


class Made:
    """Stands in for a manager, of which it has what `Generations` asks; the first one makes the others."""

    def __init__(self, made: list[Made], begins: threading.Event, begin: threading.Event, *, fails: bool) -> None:
        self.made = made
        self.begins = begins
        self.begin = begin
        self.fails = fails
        self.ended: list[bool] = []
        self.tls = None

    def successor(self) -> Made:
        """Another one, whose start waits, or fails, unless it is the first."""
        self.made.append(Made(self.made, self.begins, self.begin, fails=self.fails))
        return self.made[-1]

    def application(self) -> Any:
        """None is asked for anything here."""
        return None

    def reconfigure(self) -> None:
        """There is nothing to read."""

    def retire(self) -> None:
        """Begin nothing any more."""

    def start(self, *, is_first: bool) -> None:
        """Begin."""
        if is_first:
            return
        self.begins.set()
        self.begin.wait(WAIT_S)
        if self.fails:
            raise OSError("no farm can be had")

    def end(self, *, is_replaced: bool) -> None:
        """Let go."""
        self.ended.append(is_replaced)


def test_the_manager_ends_while_one_takes_over() -> None:
    """The one that was about to take over is the one that ends with the manager."""
    made: list[Made] = []
    begins, begin = threading.Event(), threading.Event()
    generations = Generations(Made(made, begins, begin, fails=False), lambda application: application)  # type: ignore[arg-type]
    generations.begin()
    renewing = threading.Thread(target=generations.renew)
    renewing.start()
    assert begins.wait(WAIT_S)
    ending = threading.Thread(target=generations.end)
    ending.start()
    begin.set()
    for thread in (renewing, ending):
        thread.join(WAIT_S)
    assert [each.ended for each in made] == [[True], [False]]


def test_one_that_cannot_begin_leaves_nothing_behind() -> None:
    """The one that was there goes on, and what was made of the other is ended."""
    made: list[Made] = []
    begin = threading.Event()
    begin.set()
    generations = Generations(Made(made, begin, begin, fails=True), lambda application: application)  # type: ignore[arg-type]
    generations.begin()
    generations.renew()
    assert [each.ended for each in made] == [[], [True]]
    assert generations.manager is made[0]  # type: ignore[comparison-overlap]
