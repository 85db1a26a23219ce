"""What each responder promises: its name, body, answers and whether a worker must say who it is.

The decorator wraps nothing. The middlewares read the declaration to check a request before the responder
sees it, and the OpenAPI document is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

Responder = TypeVar("Responder", bound=Callable[..., None])


class Answer(Struct, frozen=True):
    """One documented answer: what it means, and the Struct that is sent, if any."""

    description: str
    schema: type[Struct] | None = None


class Operation(Struct, frozen=True, kw_only=True):
    """What one responder does.

    `body` is the Struct that the JSON body is decoded to; an operation has that, or `media`, the content
    types of a body that is handed on as bytes, or no body. `body_limit` is in bytes; None leaves the
    manager's own limit. `plain` are the statuses whose message is sent as a bare JSON string.
    """

    id: str
    summary: str
    tag: str
    returns: Mapping[int, Answer]
    body: type[Struct] | None = None
    media: tuple[str, ...] = ()
    body_limit: int | None = None
    auth: bool = False
    plain: frozenset[int] = frozenset()
    decoder: msgspec.json.Decoder[Struct] | None = None

    @property
    def reads_body(self) -> bool:
        """Whether a request has to have a body."""
        return self.body is not None or bool(self.media)


def operation(
    name: str,
    *,
    summary: str,
    tag: str,
    returns: Mapping[int, Answer],
    body: type[Struct] | None = None,
    media: tuple[str, ...] = (),
    body_limit: int | None = None,
    auth: bool = False,
    plain: frozenset[int] = frozenset(),
) -> Callable[[Responder], Responder]:
    """Declare what the responder below promises; `name` is the operationId. See `Operation` for the rest."""
    declared = Operation(
        id=name,
        summary=summary,
        tag=tag,
        returns=returns,
        body=body,
        media=media,
        body_limit=body_limit,
        auth=auth,
        plain=plain,
        decoder=msgspec.json.Decoder(body) if body else None,
    )

    def mark(responder: Responder) -> Responder:
        vars(responder)["operation"] = declared
        return responder

    return mark


def operation_of(resource: object, method: str) -> Operation | None:
    """The declaration of the responder that answers `method` on `resource`, if it has one."""
    responder = getattr(resource, f"on_{method.lower()}", None)
    return getattr(responder, "operation", None)
