"""What each responder promises: its name, body, answers and what whoever calls it has to be allowed.

The decorator wraps nothing. The middlewares read the declaration to check a request before the responder
sees it, and the OpenAPI document is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from flamenco.domain.access import Access
from flamenco.domain.errors import FarmError

Responder = TypeVar("Responder", bound=Callable[..., None])


class Answer(Struct, frozen=True):
    """One documented answer: what it means, and the type that is sent, if any, as JSON or as `media`.

    From 400 on, the body says what is wrong where no type is given, unless the answer `is_empty`.
    """

    description: str
    schema: Any = None
    media: str = "application/json"
    is_empty: bool = False


class Operation(Struct, frozen=True, kw_only=True):
    """What one responder does, declared by decorating it with this; `id` is the operationId.

    `body` is the type that the JSON body is decoded to; an operation has that, or `media`, the content
    types of a body that is handed on as bytes, or `stream`, those of a body that the responder reads
    itself, or no body. With `optional_body`, an empty body is None. `body_limit` is in bytes; None leaves
    the manager's own limit, and what is streamed has none. `path`, `query` and `headers` are Structs whose
    fields are parameters; of those in the path, what is called `…_id` is a UUID without being declared;
    with `any_id`, one that is none names nothing that there is, as any other that is not known.
    `access` is what it is about, from which follows who may call it. Where a role reaches to one's own jobs alone, the
    job is the one in the path; an operation without one that `lists_own` gives no more than what is the caller's.
    `coded` gives its errors a code even where the surface is brief. `plain` are the statuses whose message
    is sent as a bare JSON string. `statuses` are those of errors that this operation answers with another one
    than `api/errors.py` has for them. `gone` is the status for a client that has closed its connection before
    its turn came; without one, the operation is carried out all the same.

    The responder gets what is declared, checked, as its arguments `body`, `stream`, `query` and `headers`, and the
    fields of `path` by their names.
    """

    id: str
    summary: str
    tag: str
    access: Access
    returns: Mapping[int, Answer]
    body: Any = None
    optional_body: bool = False
    media: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()
    body_limit: int | None = None
    path: type[Struct] | None = None
    query: type[Struct] | None = None
    headers: type[Struct] | None = None
    any_id: bool = False
    lists_own: bool = False
    coded: bool = False
    plain: frozenset[int] = frozenset()
    statuses: Mapping[type[FarmError], int] = {}
    gone: int | None = None
    decoder: msgspec.json.Decoder[Any] | None = None

    def __post_init__(self) -> None:
        """Make the decoder once, not for every request."""
        if self.body is not None:
            force_setattr(self, "decoder", msgspec.json.Decoder(self.body))

    def __call__(self, responder: Responder) -> Responder:
        """Declare that this is what `responder` does; it stays as it is."""
        vars(responder)["operation"] = self
        return responder

    @property
    def is_of_worker(self) -> bool:
        """Whether workers call it, who say which one they are."""
        return self.access is Access.WORK

    @property
    def reads_body(self) -> bool:
        """Whether a request has a body that is read before its responder runs."""
        return self.body is not None or bool(self.media)


def operation_of(resource: object, method: str) -> Operation | None:
    """The declaration of the responder that answers `method` on `resource`, if it has one."""
    responder = getattr(resource, f"on_{method.lower()}", None)
    return getattr(responder, "operation", None)


def access_of(resource: object, declared: Operation | None) -> Access:
    """What a request to the resource needs: what its responder declares, else what the resource does as a whole.

    Nobody but administrators gets to what declares nothing.
    """
    if declared is not None:
        return declared.access
    found: Access = getattr(resource, "access", Access.ADMINISTER)
    return found
