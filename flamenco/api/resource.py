"""The base of every resource, and the one way in which answers are encoded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import falcon
import msgspec

from flamenco.domain.commands import WARNING_HEADER
from flamenco.farm.context import Farm

_ENCODER = msgspec.json.Encoder()
_ABOVE = re.compile(r"(?:/[\w.~-]+)+", re.ASCII)


class Resource:
    """One path of the API. One object serves all threads: it keeps the farm, and nothing of any request.

    What answers GET answers HEAD as well; the body is left out by the framework.
    """

    def __init__(self, farm: Farm) -> None:
        self.farm = farm

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if responder := vars(cls).get("on_get"):
            cls.on_head = responder  # type: ignore[attr-defined]


def send(resp: falcon.Response, value: Any, status: int = 200) -> None:
    """Answer with `value` as JSON. The newline is what clients of Flamenco are used to."""
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = _ENCODER.encode(value) + b"\n"


def public_path(req: falcon.Request, path: str) -> str:
    """A path of the manager as whoever asks has to write it: a proxy may have put the manager below one of its own."""
    above = (req.get_header("X-Forwarded-Prefix") or req.root_path).rstrip("/")
    return above + path if _ABOVE.fullmatch(above) else path


_MOST_WARNINGS = 10
_LONGEST_WARNING = 500


def warner(resp: falcon.Response) -> Callable[[str], None]:
    """A function that adds a warning to an answer. Commas are quoted: they are between warnings."""
    warnings: list[str] = []

    def warn(warning: str) -> None:
        warnings.append(quote(warning[:_LONGEST_WARNING], safe=" !\"'()*/:;<=>?@[]"))
        resp.set_header(WARNING_HEADER, ", ".join(warnings[:_MOST_WARNINGS]))

    return warn


def client_address(req: falcon.Request) -> str:
    """The address of whoever asks: what a proxy says when it is an address, else the other end of the connection."""
    claimed = req.access_route[0] if req.access_route else ""
    return _address(claimed.strip("[]")) or _address(req.remote_addr) or req.remote_addr


def _address(text: str) -> str:
    """The IP address in its usual form; empty for what is none. A socket for IPv6 hears IPv4 in IPv6's clothes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
