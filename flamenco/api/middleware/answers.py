"""Sees to it that clients get their answers, and can make something of them.

Most clients send all of a body before they look for an answer. A connection that is closed while they do makes them
fail without one, and what they sent is not to be taken for their next request either. So the answer goes first, and
then what still comes is read and dropped, for as long as the server waits for somebody who uploads. Who may not upload
at all has less time.

Clients of Flamenco read whatever claims to be JSON. Where there is nothing to read they fail, or log an error for every
frame that is rendered. So an answer without a body has no content type.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import falcon

from flamenco.api.middleware.body import stream_of
from flamenco.api.operation import Operation

EXPECT_REST: Final = "flamenco.expect_rest"
"""Where in the WSGI environment a server puts a function that is told how many seconds a client may be silent from here
on; what it sends earns it more."""

SILENCE_S: Final = 60.0
"""How long a client may send nothing, as in the middle of an upload."""

REFUSED: Final = frozenset({401, 403, 429})
"""The statuses of answers to those who may not upload at all, or not now: they hold no thread for long."""

SILENCE_OF_REFUSED_S: Final = 5.0
MOST_OF_REFUSED_S: Final = 60.0
"""How long they may go on sending in all; they are cut off then."""

_BLOCK = 256 * 1024


class UnreadBody:
    """For operations that read their body themselves, and may stop in the middle of it."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Let the answer be followed by what is left of the body."""
        declared: Operation | None = req.context.get("operation")
        if declared is None or not declared.stream or _is_read(req):
            return
        answer = resp.data or b""
        resp.data = None
        is_refused = resp.status_code in REFUSED
        resp.set_stream(_Answer(answer, stream_of(req), req.env.get(EXPECT_REST), is_refused=is_refused), len(answer))


def _is_read(req: falcon.Request) -> bool:
    """Whether the whole body was read; of one whose length is not known, that cannot be told."""
    return req.content_length is not None and bool(req.bounded_stream.eof)


class _Answer:
    """The body of an answer; the server closes it once it is sent."""

    def __init__(
        self, answer: bytes, stream: Any, expect_rest: Callable[[float], None] | None, *, is_refused: bool
    ) -> None:
        self._answer = answer
        self._stream = stream
        self._expect_rest = expect_rest
        self._is_refused = is_refused

    def __iter__(self) -> Iterator[bytes]:
        if self._answer:
            yield self._answer

    def close(self) -> None:
        """Drop what still comes."""
        if self._expect_rest is None:
            return  # a client that sends nothing more would hold us for ever
        self._expect_rest(SILENCE_OF_REFUSED_S if self._is_refused else SILENCE_S)
        until = time.monotonic() + MOST_OF_REFUSED_S if self._is_refused else math.inf
        try:
            while time.monotonic() < until and self._stream.read(_BLOCK):
                pass
        except Exception:  # noqa: S110 - it went away, which is as good
            pass


_NEVER_A_BODY: Final = frozenset({204, 304})


class Bodiless:
    """Takes the content type off answers that turned out empty. The framework is told to give none by itself."""

    def process_response(
        self, _req: falcon.Request, resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Take the type off. To HEAD is said what GET would have, so there the announced length counts."""
        length = resp.content_length
        has_body = length != "0" if resp.stream is not None or length is not None else resp.data or resp.text
        if not has_body or resp.status_code in _NEVER_A_BODY:
            resp.delete_header("Content-Type")
