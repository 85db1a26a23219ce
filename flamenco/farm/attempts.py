"""Things that are done one after the other, where one that goes wrong must not keep the others from being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from flamenco.domain.errors import Busy, Unavailable

log = structlog.get_logger(__name__)

MOST_WAITS: Final = 3
"""Who keeps one job from being changed keeps up no other; but after so many it is the whole database that is busy."""


class Attempts:
    """Wrap each of them in `one`, and call `end` after the last."""

    def __init__(self) -> None:
        self._busy: list[Busy] = []

    @contextmanager
    def one(self, failed: str, **about: object) -> Iterator[None]:
        """One of them; what goes wrong with it is logged as `failed`.

        Raises `Unavailable`, and `Busy` after having waited in vain too often: then it is of no use to try the others.
        """
        try:
            yield
        except Busy as error:
            self._busy.append(error)
            if len(self._busy) >= MOST_WAITS:
                raise
        except Unavailable:
            raise
        except Exception:
            log.exception(failed, **about)

    def end(self) -> None:
        """Raises `Busy` when one of them has to be tried again soon: whoever calls the chore knows when."""
        if self._busy:
            raise self._busy[0]
