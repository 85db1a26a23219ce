"""Finds out who is speaking, and whether they may: workers by their secret, all others by what they bring.

Workers say who they are with HTTP Basic, their UUID and the secret they registered with. What they are refused is 403,
as the contract says, and without a `WWW-Authenticate` header, which would make a browser ask a person for that secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

import falcon

from flamenco.api.errors import BadRequest
from flamenco.api.middleware.parameters import is_uuid
from flamenco.api.operation import Operation, access_of, operation_of
from flamenco.api.resource import Origin, origin_of
from flamenco.api.sessions import session_in
from flamenco.domain.access import Access, Caller, Reach, Role, token_in
from flamenco.domain.errors import AccessDenied
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.farm import audit, speaking
from flamenco.farm.authorization import require
from flamenco.farm.context import Farm
from flamenco.farm.identification import Credentials, identify

_KEY_IN_PATH = re.compile(r"/+t/+([^/]*)(/.*)?")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_PROGRAMS: Final = frozenset({Role.VIEW, Role.SUBMIT, Role.REGISTER})


class KeyInPath:
    """Takes a token off the path, where clients have it that can send nothing else: `/t/TOKEN/api/…`.

    Links that are made keep it, and nobody who comes after this sees it.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Remember the token, and go on without. Raises `BadRequest` for what is none."""
        match = _KEY_IN_PATH.fullmatch(req.path)
        if match is None:
            return
        if token_in(match[1]) is None:
            raise BadRequest("what follows /t/ in the path is no token; copy the whole address anew", 404)
        if _KEY_IN_PATH.fullmatch(match[2] or "/"):
            raise BadRequest("the path has more than one token; copy the whole address anew", 404)
        req.context.key_in_path = match[1]
        req.context.below_key = f"/t/{match[1]}"
        req.path = match[2] or "/"


class Authentication:
    """Puts who makes the request into `req.context.caller`, and the worker into `req.context.worker` where it is one.

    Raises `AccessDenied` when they may not do that, and `Replaced` for a worker that was replaced.
    """

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """See where the request comes from. Nobody in particular has anything done yet."""
        req.context.origin = origin_of(req, self._farm.trusted_proxies)
        audit.act(None)

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Look at what the operation needs, and at who asks for it."""
        declared = operation_of(resource, req.method)
        req.context.operation = declared
        if req.method == "OPTIONS":  # by which a browser asks what it may send; that says nothing of the farm
            return
        match access_of(resource, declared):
            case Access.PUBLIC:
                return
            case Access.WORK:
                req.context.worker = self._worker(req)
            case needed:
                self._authorize(req, needed, declared, params)

    def process_response(
        self, _req: falcon.Request, _resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """What this thread does next is done by others."""
        audit.act(None)

    def _worker(self, req: falcon.Request) -> Any:
        worker_id, secret = credentials(req.auth)
        number = sign_on_number(req.get_header(SIGN_ON_HEADER))
        # Where it calls from matters only for those that have no number.
        address = req.context.origin.address if number is None else ""
        return speaking.authenticate(self._farm, worker_id, secret, sign_on=number, address=address)

    def _authorize(
        self, req: falcon.Request, needed: Access, declared: Operation | None, params: dict[str, Any]
    ) -> None:
        caller = req.context.caller = self._caller(req)
        job_id, task_id = params.get("job_id") or params.get("job") or "", params.get("task_id", "")
        found = require(self._farm, caller, needed, job_id=job_id, task_id=task_id)
        req.context.only_own = found is Reach.OWN
        if found is Reach.OWN and not (job_id or task_id) and not (declared and declared.lists_own):
            raise AccessDenied("That shows jobs of others as well, which is more than you may see.")
        if declared is not None and req.method not in _SAFE:
            audit.act(audit.Actor(caller, declared.id))

    def _caller(self, req: falcon.Request) -> Caller:
        origin: Origin = req.context.origin
        in_path: str = req.context.get("key_in_path") or ""
        token = bearer(req.auth) or in_path
        caller = identify(
            self._farm,
            Credentials(
                address=origin.address,
                strange_proxy=origin.strange_proxy,
                by_proxy=origin.by_proxy,
                headers=_headers(req) if self._farm.authenticators else {},
                token=token,
                session="" if token else session_in(req),
            ),
        )
        if token == in_path != "" and caller.role not in _OF_PROGRAMS:
            raise AccessDenied(
                f"A token in the path stands in logs of others, so it is not to have the role {caller.role}; make one "
                "with the role submit, register or view."
            )
        return caller


def _headers(req: falcon.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in req.headers.items()}


def sign_on_number(header: str | None) -> int | None:
    """The number of the sign-on that a worker speaks of; None for what is none."""
    return int(header) if header and _NUMBER.fullmatch(header) else None


def bearer(header: str | None) -> str:
    """The token in an `Authorization` header, as Bearer, or as the password of HTTP Basic, whoever the user is.

    Empty for none: a worker's secret, or what was meant for a proxy before the manager.
    """
    scheme, _, rest = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            password = _basic(rest)[1]
        except ValueError:
            return ""
        return password if token_in(password) else ""
    return ""


def credentials(header: str | None) -> tuple[str, str]:
    """The user and password of an `Authorization` header. Raises `AccessDenied` for any other kind of it."""
    if not header:
        raise AccessDenied("this is for workers; say which one with HTTP Basic authentication")
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        user, password = _basic(encoded)
    except ValueError as error:
        raise AccessDenied("the Authorization header is not HTTP Basic authentication") from error
    if not is_uuid(user):
        raise AccessDenied("no worker is known by that name and secret")
    return user.lower(), password


def _basic(encoded: str) -> tuple[str, str]:
    """User and password. Raises `ValueError`."""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    return user, password
