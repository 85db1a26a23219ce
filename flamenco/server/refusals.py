"""What is said to a client whose request never became one, in the form of all other errors."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

_OUR_MISTAKE = "the manager made a mistake"


def refusal(status: int, reason: str) -> bytes:
    """A whole answer, after which the connection is closed. Of a 500, the reason is for our log alone."""
    message = _OUR_MISTAKE if status == 500 else f"this is not HTTP as the manager speaks it: {reason}"
    body = msgspec.json.encode({"code": status, "message": message}) + b"\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
