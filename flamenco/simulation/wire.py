"""HTTP for hundreds of workers in one thread: a connection each, kept as long as real workers keep theirs.

The protocol is h11's, which httpx stands on as well; what that does around it would cost more than the manager's work.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import h11
from msgspec import Struct

from flamenco.domain.errors import FarmError

IDLE_S: Final = 1.0
"""So long does a real worker keep a connection without using it."""
_BLOCK: Final = 64 * 1024
_MOST_BYTES: Final = 16 * 1024 * 1024
_CLOSED: Final = "the connection broke"


class Away(FarmError):
    """There was no answer: not in time, or the connection could not be made or broke. Says which in few words."""


class Answer(Struct, frozen=True):
    """What the manager said."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes

    def retry_after(self) -> float | None:
        """Seconds to leave the manager alone for, where it says so."""
        text = self.headers.get(b"retry-after", b"")
        return float(text) if text.isdigit() else None


class Wire:
    """One worker's way to a manager."""

    def __init__(self, url: str, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._is_tls else 80)
        self._host_header = parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self._tls, self._timeout_s = tls, timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._used = 0.0

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Ask, and wait for the answer. Raises `Away`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(method, path, headers, body)
        except TimeoutError:
            self.drop()
            raise Away("no answer in time") from None
        except ConnectionRefusedError:
            self.drop()
            raise Away("nobody listens") from None
        except (OSError, h11.RemoteProtocolError):
            self.drop()
            raise Away(_CLOSED) from None
        except asyncio.CancelledError:
            self.drop()
            raise

    def drop(self) -> None:
        """Let the connection go, at once."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        reader, writer = await self._connected()
        length = {"Content-Length": str(len(body))} if body or method != "GET" else {}
        request = h11.Request(
            method=method,
            target=self._base + path,
            headers=list({"Host": self._host_header, **headers, **length}.items()),
        )
        sent = self._http.send(request) or b""
        if body:
            sent += self._http.send(h11.Data(data=body)) or b""
        writer.write(sent + (self._http.send(h11.EndOfMessage()) or b""))
        answer = await self._received(reader)
        self._used = time.monotonic()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.drop()
        return answer

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams and time.monotonic() - self._used > IDLE_S:
            self.drop()
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls if self._is_tls else None
            )
            self._http = h11.Connection(h11.CLIENT)
        return self._streams

    async def _received(self, reader: asyncio.StreamReader) -> Answer:
        status, headers, body = 0, dict[bytes, bytes](), bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(_BLOCK))
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, dict(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _MOST_BYTES:
                    raise ConnectionError("an answer without end")
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionError(_CLOSED)
