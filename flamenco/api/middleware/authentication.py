"""Finds out which worker is speaking: HTTP Basic, the worker's UUID and the secret it registered with."""

from __future__ import annotations

import base64
import binascii
import re

import falcon

from flamenco.api.middleware.parameters import is_uuid
from flamenco.api.operation import operation_of
from flamenco.api.resource import client_address
from flamenco.domain.errors import AccessDenied
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.farm import workers
from flamenco.farm.context import Farm

_NUMBER = re.compile(r"[0-9]{1,18}")


class Authentication:
    """Puts the worker into `req.context.worker` where the operation wants one.

    Refused is 403, as the contract says, and without a `WWW-Authenticate` header, which would make a
    browser ask a person for a worker's secret.
    """

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: object, _params: dict[str, object]
    ) -> None:
        """Raise `AccessDenied` when nobody, or nobody we know, is speaking; `Replaced` for one that was replaced."""
        declared = operation_of(resource, req.method)
        req.context.operation = declared
        if declared is not None and declared.auth:
            worker_id, secret = credentials(req.auth)
            number = sign_on_number(req.get_header(SIGN_ON_HEADER))
            # Where it calls from matters only for those that have no number.
            address = client_address(req) if number is None else ""
            req.context.worker = workers.authenticate(self._farm, worker_id, secret, sign_on=number, address=address)


def sign_on_number(header: str | None) -> int | None:
    """The number of the sign-on that a worker speaks of; None for what is none."""
    return int(header) if header and _NUMBER.fullmatch(header) else None


def credentials(header: str | None) -> tuple[str, str]:
    """The user and password of an `Authorization` header. Raises `AccessDenied` for any other kind of it."""
    if not header:
        raise AccessDenied("this is for workers; say which one with HTTP Basic authentication")
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise AccessDenied("the Authorization header is not HTTP Basic authentication") from error
    if not colon or not is_uuid(user):
        raise AccessDenied("no worker is known by that name and secret")
    return user.lower(), password
