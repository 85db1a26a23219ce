"""Answers that need not be sent again: who has them already says so by `If-None-Match`."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import falcon

from flamenco.api.operation import Answer
from flamenco.api.resource import send

UNCHANGED: Final = Answer("It is what whoever asks has already.", is_empty=True)
"""What operations say of that answer."""


def send_unless_known(req: falcon.Request, resp: falcon.Response, value: Any) -> None:
    """Answer with `value` as JSON, or with 304 and nothing where whoever asks has just that."""
    send(resp, value)
    etag = hashlib.sha256(resp.data or b"").hexdigest()[:16]
    mark(resp, etag)
    if etag in known(req):
        resp.status = falcon.HTTP_304
        resp.data = None


def known(req: falcon.Request) -> list[str]:
    """The names of the answers that whoever asks has."""
    return [str(each) for each in req.if_none_match or ()]


def mark(resp: falcon.Response, etag: str) -> None:
    """Name the answer, for whoever keeps it; weakly, since it may be compressed on its way."""
    resp.set_header("ETag", f'W/"{etag}"')
    resp.set_header("Cache-Control", "private, no-cache")
