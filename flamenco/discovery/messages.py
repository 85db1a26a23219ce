"""The messages of the Simple Service Discovery Protocol, made and read. Pure: bytes in and out, nothing is sent.

Every manager has the same device UUID: a worker wants any manager, and learns which one it is from its URL.
Whatever comes from the network and makes no sense is read as None, never as an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from msgspec import Struct

from flamenco import __version__
from flamenco.domain.variables import this_platform

GROUP: Final = "239.255.255.250"
PORT: Final = 1900
SERVICE_TYPE: Final = "urn:flamenco:manager:0"
DEVICE_UUID: Final = "aa80bc5f-d0af-46b8-8630-23bd7e80ec4d"
SERVICE_NAME: Final = f"uuid:{DEVICE_UUID}::{SERVICE_TYPE}"
DESCRIPTION_PATH: Final = "/upnp/description.xml"

MAX_AGE_S: Final = 3600
"""How long what a manager announces is to be believed."""

ANSWER_WITHIN_S: Final = 3
"""How long managers may take with their answers, so that not all of them answer at once."""

LONGEST_MESSAGE: Final = 4096
"""Bytes of a message that are looked at; real ones have a few hundred."""

_SHORTEST_WAIT_S: Final = 1
_LONGEST_WAIT_S: Final = 60
_DEVICE: Final = frozenset({DEVICE_UUID, f"uuid:{DEVICE_UUID}"})
_TARGETS: Final = _DEVICE | {SERVICE_TYPE, "ssdp:all"}
_SEARCH_LINE = re.compile(r"M-SEARCH +\* +HTTP/1\.[01]")
_ANSWER_LINE = re.compile(r"HTTP/1\.[01] +200(?: .*)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_URL = re.compile(r"[!-~]+")
_NAMESPACE: Final = "urn:schemas-upnp-org:device-1-0"


class Search(Struct, frozen=True):
    """A question that a manager answers: for `target`, within `wait_s` seconds."""

    target: str
    wait_s: int


def search_message(port: int = PORT) -> bytes:
    """The question whether there is a manager."""
    headers = {
        "HOST": f"{GROUP}:{port}",
        "ST": SERVICE_TYPE,
        "MAN": '"ssdp:discover"',
        "MX": str(ANSWER_WITHIN_S),
    }
    return _message("M-SEARCH * HTTP/1.1", headers)


def read_search(message: bytes) -> Search | None:
    """The question in `message`, if it is one that managers answer."""
    headers = _read(message, _SEARCH_LINE)
    if headers is None or not headers.get("MAN") or not _NUMBER.fullmatch(headers.get("MX", "")):
        return None
    target = headers.get("ST", "")
    if target not in _TARGETS:
        return None
    return Search(target, min(max(int(headers["MX"]), _SHORTEST_WAIT_S), _LONGEST_WAIT_S))


def answer_message(target: str, url: str, now: datetime) -> bytes:
    """The answer to a search for `target`: a manager is at `url`. `now` is in UTC."""
    headers = {
        "ST": target if target in _DEVICE else SERVICE_TYPE,
        "USN": SERVICE_NAME,
        "LOCATION": description_url(url),
        "CACHE-CONTROL": f"max-age={MAX_AGE_S}",
        "DATE": format_datetime(now, usegmt=True),
        "SERVER": _server(),
        "EXT": "",
    }
    return _message("HTTP/1.1 200 OK", headers)


def read_answer(message: bytes) -> str | None:
    """The URL of the manager that `message` is an answer of, with nothing but a slash for a path."""
    headers = _read(message, _ANSWER_LINE)
    if headers is None or headers.get("USN", "").partition("::")[0].lower() not in _DEVICE:
        return None
    location = headers.get("LOCATION", "")
    if not _URL.fullmatch(location):
        return None
    try:
        parts = urlsplit(location)
        host, _ = parts.hostname, parts.port  # the port is checked only when it is asked for
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc}/"


def alive_message(url: str, port: int = PORT) -> bytes:
    """What a manager at `url` tells everybody without being asked."""
    headers = {
        "HOST": f"{GROUP}:{port}",
        "NT": SERVICE_TYPE,
        "NTS": "ssdp:alive",
        "USN": SERVICE_NAME,
        "LOCATION": description_url(url),
        "CACHE-CONTROL": f"max-age={MAX_AGE_S}",
        "SERVER": _server(),
    }
    return _message("NOTIFY * HTTP/1.1", headers)


def description_url(url: str) -> str:
    """Where the manager at `url` describes itself."""
    return url.rstrip("/") + DESCRIPTION_PATH


def description() -> bytes:
    """The XML in which a manager describes itself."""
    root = ET.Element(_tag("root"))
    _add(ET.SubElement(root, _tag("specVersion")), {"major": "1", "minor": "0"})
    _add(root, {"URLBase": "/"})
    device = {
        "deviceType": SERVICE_TYPE,
        "friendlyName": f"Flamenco {__version__}",
        "manufacturer": "Blender",
        "manufacturerURL": "https://www.blender.org/",
        "modelDescription": "Flamenco render farm manager",
        "modelName": "Flamenco",
        "modelURL": "https://flamenco.io/",
        "UDN": f"uuid:{DEVICE_UUID}",
        "presentationURL": "/",
    }
    _add(ET.SubElement(root, _tag("device")), device)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True, default_namespace=_NAMESPACE)
    return document


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _add(parent: ET.Element, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, _tag(name)).text = text


def _server() -> str:
    return f"{this_platform()}/0.0 UPnP/1.0 flamenco/{__version__}"


def _message(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}".rstrip() for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _read(message: bytes, first: re.Pattern[str]) -> dict[str, str] | None:
    """The headers by their names in capitals; None unless the first line is as it should be."""
    head, *lines = message[:LONGEST_MESSAGE].decode("latin-1").split("\n")
    return dict(_headers(lines)) if first.fullmatch(head.rstrip("\r")) else None


def _headers(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.strip().partition(":")
        if not name:
            return
        if colon:
            yield name.rstrip().upper(), value.strip()
