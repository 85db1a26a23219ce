"""What the settings `listen` and `database` may look like. Both are checked here, so that the start fails early."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

SQLITE_NAME: Final = "flamenco-manager.sqlite"

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/\[\]]*)):(?P<port>[0-9]{1,5})")
# Greedy: an @ in a password should be written %40, but often is not.
_PASSWORD = re.compile(r"(?<=://)([^/?#@:]*):.*@|(?<=[?&]password)=[^&#]*")


def parse_listen(listen: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `[::1]:8080` or `:8080`, which means all interfaces; port 0 means any that is free.

    Gives the host without brackets. Raises `ValueError` with a sentence about what is wrong.
    """
    match = _LISTEN.fullmatch(listen)
    if not match or int(match["port"]) > 65535:
        raise ValueError(
            f"{listen!r} is not an address to listen on; write 127.0.0.1:8080, [::1]:8080, or :8080 for all"
        )
    return match["v6"] or match["host"] or "::", int(match["port"])


@lru_cache(maxsize=64)  # asked at every request, always of the same
def is_loopback(host: str) -> bool:
    """Whether only programs on the same machine reach what listens on that host."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def database_url(database: str, data_dir: Path) -> str:
    """Make a URL for the store of what the setting `database` says.

    Nothing is a file in the data directory; a path, `file:PATH` or `sqlite:///PATH` is an SQLite file;
    `postgresql://…` is a PostgreSQL server. Raises `ValueError` with a sentence about what is wrong.
    """
    database = database.strip()
    scheme, separator, rest = database.partition("://")
    if database.startswith("file:"):
        return _sqlite(_path_in_file_url(database), data_dir)
    if not separator:
        return _sqlite(database or SQLITE_NAME, data_dir)
    if scheme == "sqlite":
        return _sqlite(rest.removeprefix("/"), data_dir)
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    raise ValueError(f"{mask_password(database)!r} is no database we know; write a file name or postgresql://HOST/NAME")


def _path_in_file_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.query or parts.netloc not in ("", "localhost"):
        raise ValueError(f"{url!r} must be a plain file on this machine, without a host and without options")
    return unquote(parts.path)


def _sqlite(path: str, data_dir: Path) -> str:
    if not path or ":memory:" in path:
        raise ValueError("a database in memory cannot be shared by the manager's processes; write a file name")
    if "?" in path:
        raise ValueError(f"{path!r} has a question mark, which a database file's path cannot have")
    return f"sqlite:///{data_dir.absolute() / path}"


def mask_password(url: str) -> str:
    """The URL as it may be shown: with stars for a password."""
    return _PASSWORD.sub(lambda match: f"{match[1]}:***@" if match[0].endswith("@") else "=***", url)
