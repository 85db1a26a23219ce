"""The base of every resource, and the one way in which answers are encoded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import falcon
import msgspec
from msgspec import Struct

from flamenco.config.access_settings import Network, is_in
from flamenco.domain.commands import WARNING_HEADER
from flamenco.farm.context import Farm

_FORWARDED = tuple(
    f"HTTP_{name.upper().replace('-', '_')}"
    for name in (
        *("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host", "X-Forwarded-Proto"),
        *("X-Forwarded-Port", "X-Forwarded-Server", "X-Original-For", "CF-Connecting-IP", "True-Client-IP"),
    )
)
"""What proxies add to requests, each some of it, as the WSGI environment calls it."""

_MOST_ADDRESSES = 4096
"""So many addresses are remembered with their usual form: to read one takes longer than much else of a request."""
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
    above += req.context.get("below_key") or ""
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


class Origin(Struct, frozen=True):
    """Where a request comes from. `strange_proxy`: from a proxy, that asks for somebody, and nobody has named it;
    `by_proxy`: from one that is trusted."""

    address: str
    strange_proxy: bool = False
    by_proxy: bool = False


def origin_of(req: falcon.Request, trusted: Collection[Network]) -> Origin:
    """Where a request comes from: the other end of the connection, or whom that asks for where it is `trusted`.

    Each proxy adds to X-Forwarded-For whom it saw itself; what stands before the last one that is not ours, anybody
    can have written. Other headers for the same are passed on by proxies that do not know them, so they say nothing.
    Of a proxy that does not say for whom it asks, or in a way that nobody can read, nothing is known.
    """
    peer = _address(req.remote_addr)
    if not _is_trusted(peer, trusted):
        return Origin(peer or req.remote_addr, strange_proxy=any(map(req.env.get, _FORWARDED)))
    nearest = ""
    for hop in reversed((req.get_header("X-Forwarded-For") or "").split(",")):
        address = _address(_without_port(hop.strip()))
        nearest = nearest or address
        if not address:
            break
        if not _is_trusted(address, trusted):
            return Origin(address, by_proxy=True)
    else:
        return Origin(nearest, by_proxy=True)
    return Origin(peer, strange_proxy=True, by_proxy=True)


def _without_port(hop: str) -> str:
    """The address in `10.0.0.7:51234`, `[2001:db8::1]:51234`, `[2001:db8::1]`, or as it is."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def client_address(req: falcon.Request) -> str:
    """The address of whoever asks, as `origin_of` found it."""
    address: str = req.context.origin.address
    return address


def _is_trusted(address: str, trusted: Collection[Network]) -> bool:
    return bool(trusted and address) and is_in(ipaddress.ip_address(address), trusted)


@lru_cache(_MOST_ADDRESSES)
def _address(text: str) -> str:
    """The IP address in its usual form; empty for what is none. A socket for IPv6 hears IPv4 in IPv6's clothes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
