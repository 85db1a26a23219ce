"""Checks the parameters in a path. Everything called `…_id` is a UUID."""

from __future__ import annotations

import re
from typing import Any

import falcon

from flamenco.api.errors import BadRequest

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual form of 36 characters."""
    return _UUID.fullmatch(text) is not None


class Parameters:
    """Refuses what cannot name anything, and puts the rest into the form in which it is stored."""

    def process_resource(
        self, _req: falcon.Request, _resp: falcon.Response, _resource: object, params: dict[str, Any]
    ) -> None:
        """Raise `BadRequest` naming the parameter that is no UUID."""
        for name, value in params.items():
            if name.endswith("_id"):
                if not is_uuid(value):
                    raise BadRequest(f"{name}: {value[:100]!r} is not a UUID")
                params[name] = value.lower()
