"""Addresses of managers: as people write them, with a token in them or not, and which are of the same manager."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from flamenco.domain.errors import ConfigError

DEFAULT_URL = "http://localhost:8080"

_API = re.compile(r"/api(/(v\d+|x)(/.*)?)?/?$")
"""What follows the manager's own address in those of its API, which is what people sometimes have at hand."""
_PORTS: Final = {"http": 80, "https": 443}


def parse_manager_url(text: str) -> str:
    """Make a URL of what people write: `farm:8080`, `farm`, `https://farm/`, `http://farm/api/v3`.

    Raises `ConfigError` without a host.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # the port is checked only when it is asked for
    except ValueError as error:
        raise ConfigError(f"{text!r} is no manager URL ({error}); write http://HOST:PORT") from error
    if not host or any(character.isspace() for character in host):
        raise ConfigError(f"{text!r} is no manager URL, it names no host; write http://HOST:PORT")
    if _API.search(parts.path):
        parts = parts._replace(path=_API.sub("/", parts.path), query="", fragment="")
        url = parts.geturl()
    return url if parts.port or parts.path else f"{url}/"


_KEY = re.compile(r"/t/(flt_[0-9a-f]+_[0-9a-f]+)(?=/|$)")
"""A token in a URL, for clients that can send nothing else. This one can."""


def split_key(url: str) -> tuple[str, str]:
    """A manager's URL without the token in its path, which is to be in no log, and that token; empty for none."""
    match = _KEY.search(url)
    return (url[: match.start()] + (url[match.end() :] or "/"), match[1]) if match else (url, "")


def place_of(url: str) -> str:
    """What two addresses of the same manager have in common, whoever wrote them. Raises `ConfigError` for what is none.

    Which names mean the same machine is not looked up: somebody else may answer that.
    """
    parts = urlsplit(split_key(parse_manager_url(url))[0])
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 0)}{parts.path.rstrip('/')}"
