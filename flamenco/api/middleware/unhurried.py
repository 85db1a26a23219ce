"""Lets a request that only waits for its client step aside, so that others are answered meanwhile."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

import falcon

UNHURRIED: Final = "flamenco.unhurried"
"""Where in the WSGI environment a server puts a function that gives a context in which the request does not count."""


def unhurried(req: falcon.Request) -> AbstractContextManager[None]:
    """Within this, the request is not one of the few that a process works on at the same time.

    For what takes as long as the client likes and needs no database.
    """
    aside: AbstractContextManager[None] = req.env.get(UNHURRIED, nullcontext)()
    return aside
