"""Reads and checks bodies: size, content type, and JSON straight into the Struct that the operation declares."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import falcon

from flamenco.api.decoding import decode
from flamenco.api.errors import BadRequest
from flamenco.api.operation import Operation

_BLOCK = 1 << 16


class Body:
    """Hands the checked body to the responder as `body`, what it reads itself as `stream`.

    Nothing larger than `limit` bytes gets in.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, _resource: object, params: dict[str, Any]
    ) -> None:
        """Raise `BadRequest` when the operation cannot use what was sent."""
        declared: Operation | None = req.context.get("operation")
        if declared is None:
            return
        if declared.stream:
            params["stream"] = stream_of(req)
        if not declared.reads_body:
            return
        raw = read_body(req, min(self._limit, declared.body_limit or self._limit), declared)
        if not raw and declared.optional_body:
            params["body"] = None
            return
        if not raw:
            raise BadRequest("the request has no body, and needs one")
        _check_content_type(req, declared)
        params["body"] = decode(raw, declared.decoder) if declared.decoder else raw


def read_body(req: falcon.Request, limit: int, declared: Operation) -> bytes:
    """The body, whole. Raises `BadRequest` when it cannot be read, or is larger than `limit` bytes."""
    length = req.content_length
    # Only a server that marks the end of a chunked body itself may be read from until that end.
    if length is None and "chunked" not in (req.get_header("Transfer-Encoding") or "").lower():
        if declared.media:
            raise BadRequest("the request does not say how long its body is", HTTPStatus.LENGTH_REQUIRED)
        return b""
    stream = stream_of(req)
    if length is not None and length > limit:
        raise _too_large(limit)
    blocks, size = [], 0
    try:
        while size <= limit and (block := stream.read(min(_BLOCK, limit + 1 - size))):
            blocks.append(block)
            size += len(block)
    except Exception as error:
        # Whatever a server raises here is about what the client sent, or that it went away.
        raise BadRequest(f"the body cannot be read: {error}") from error
    if size > limit:
        raise _too_large(limit)
    if length is not None and size < length:
        raise BadRequest(f"the connection ended after {size} of {length} bytes of the body")
    return b"".join(blocks)


def stream_of(req: falcon.Request) -> Any:
    """The body, to be read up to its end and no further."""
    chunked = req.content_length is None and req.env.get("wsgi.input_terminated")
    return req.stream if chunked else req.bounded_stream


def _too_large(limit: int) -> BadRequest:
    message = f"the body is larger than the {limit} bytes that are accepted here"
    return BadRequest(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, brief=False)


def _check_content_type(req: falcon.Request, declared: Operation) -> None:
    given = req.content_type or ""
    kind, _, parameters = given.lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2]
    allowed = declared.media or (falcon.MEDIA_JSON,)
    if kind.strip() not in allowed or charset not in ("", "utf-8", "utf8"):
        # Today's Flamenco calls this a bad request, and the rest of the world has a status for it.
        status = 400 if req.path.startswith("/api/v3/") else HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise BadRequest(f"Content-Type: expected {' or '.join(allowed)}, got {given!r}", status)
