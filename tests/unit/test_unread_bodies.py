"""What is left of a body once its answer went out: how long it is waited for, and whose."""

from __future__ import annotations

import io
import time
from functools import partial
from itertools import count
from typing import Any

import falcon
import pytest
from falcon.testing import create_environ

from flamenco.api.middleware.answers import (
    EXPECT_REST,
    MOST_OF_REFUSED_S,
    REFUSED,
    SILENCE_OF_REFUSED_S,
    SILENCE_S,
    UnreadBody,
)
from flamenco.api.operation import Operation
from flamenco.domain.access import Access

LENGTH = 1 << 40
UPLOAD = Operation(
    id="upload", summary="", tag="", access=Access.SUBMIT, returns={}, stream=("application/octet-stream",)
)


class Endless(io.RawIOBase):
    """A body that goes on and on; after so many reads its client is gone."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.reads = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Some more."""
        self.reads += 1
        if self.reads > self._most:
            raise ConnectionResetError
        return bytes(min(size, 1024) if size > 0 else 1024)


def drained(status: int, most: int) -> tuple[Endless, list[float]]:
    """The body of an upload that was answered so, once all was done, and what silence the server was told to allow."""
    body, allowed = Endless(most), list[float]()
    given = create_environ("/", method="POST", headers={"Content-Length": str(LENGTH)})
    req = falcon.Request({**given, "wsgi.input": body, EXPECT_REST: allowed.append})
    req.context.operation = UPLOAD
    resp = falcon.Response()
    resp.status_code = status
    resp.data = b"answer"
    UnreadBody().process_response(req, resp, None, False)  # noqa: FBT003 - as Falcon calls it
    stream: Any = resp.stream
    assert b"".join(stream) == b"answer"
    assert body.reads == 0
    stream.close()
    return body, allowed


@pytest.mark.parametrize("status", [200, 208, 417, 425, 500])
def test_whoever_may_upload_is_heard_to_the_end(status: int) -> None:
    """For as long as it sends something."""
    body, allowed = drained(status, most=5000)
    assert body.reads == 5001
    assert allowed == [SILENCE_S]


@pytest.mark.parametrize("status", sorted(REFUSED))
def test_whoever_is_refused_has_a_minute(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """However much it sends: nobody holds a thread who has no business here."""
    monkeypatch.setattr(time, "monotonic", partial(next, count(1000.0)))
    body, allowed = drained(status, most=5000)
    assert body.reads == int(MOST_OF_REFUSED_S) - 1
    assert allowed == [SILENCE_OF_REFUSED_S]
