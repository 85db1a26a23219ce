"""Connections to clients over TLS: bytes are made of records, and records of bytes, between the socket and a thread.

The socket stays what it is, so whoever waits for it, cuts it off or watches it needs to know nothing of this. What has
come is decrypted at once as far as it goes: what can be read, and lies where no poller sees it, is in `_held` only.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import structlog

from flamenco.server.clients import Client, Places

log = structlog.get_logger(__name__)

_PIECE: Final = 1 << 16
"""So many bytes go to the socket, or come from it, at once."""

_MOST_UNREADABLE: Final = 1 << 17
"""Whoever sends more, and nothing in it for us to read, is up to something. A record has 16 KiB at most."""

_CAPITALS: Final = range(ord("A"), ord("Z") + 1)
"""What requests in plain text begin with, and no record does."""

_HTTPS_HERE: Final = b"This manager is reached over TLS: begin its address with https:// instead of http://.\n"
_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_HTTPS_HERE), _HTTPS_HERE)
)


class SecureClient(Client):
    """The same over TLS. Nothing can be read or sent before `shake_hands` is done.

    Used by one thread at a time, but for `give_up`.
    """

    is_secure = True

    def __init__(self, accepted: socket.socket, places: Places, context: ssl.SSLContext) -> None:
        super().__init__(accepted, places)
        self._come, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._come, self._going, server_side=True)
        self._held = bytearray()
        self._unsent = bytearray()
        self._unreadable = 0
        self._is_agreed = False
        self._has_ended = False
        self._is_bare = False
        """No TLS any more; what still comes is thrown away."""

    # -- agreeing on how to speak -------------------------------------------------------------------------------------

    def shake_hands(self) -> int | None:
        """Go on as far as it goes at once: what to wait for then, as `selectors` has it, 0 when it is done.

        None when nothing will come of it. The client has been told why, if it may understand that.
        """
        try:
            data = socket.socket.recv(self, _PIECE)
        except BlockingIOError:
            pass  # it was waited for until something can be sent
        except OSError:
            return None
        else:
            if not data or self._is_plain(data):
                return None
            self._take(data)
        try:
            return self._agree()
        except OSError as error:
            log.debug("a client did not agree on TLS", reason=str(error))
            self._is_bare = True
            with suppress(OSError):
                self._flush()  # an alert
            return None

    def _agree(self) -> int:
        try:
            self._tls.do_handshake()
            self._is_agreed = True
        except ssl.SSLWantReadError:
            pass
        if not self._flush():
            return selectors.EVENT_READ | selectors.EVENT_WRITE
        if not self._is_agreed:
            return selectors.EVENT_READ
        self._decrypt()  # a request may have come with the last word
        return 0

    def _is_plain(self, data: bytes) -> bool:
        """Whether the client does not know of TLS, which it is told then."""
        if self._unreadable or data[0] not in _CAPITALS:
            return False
        self._is_bare = True
        with suppress(OSError):
            socket.socket.send(self, _REFUSAL)
        return True

    # -- reading ------------------------------------------------------------------------------------------------------

    def _receive(self, size: int, flags: int = 0) -> bytes:
        if self._is_bare:
            return socket.socket.recv(self, size, flags)
        while not self._held and not self._has_ended:
            self._take_in(max(size, _PIECE))
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    def read_at_once(self, size: int, flags: int = 0) -> bytes | None:
        """As for any client. It may be some more than `size`: none is left behind."""
        try:
            if self._is_bare:
                return socket.socket.recv(self, size, flags)
            if not self._held and not self._has_ended:
                self._take_in(size)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return self.take_held() or (b"" if self._has_ended else None)

    def take_held(self) -> bytes:
        """What has been decrypted, and read by nobody."""
        data = bytes(self._held)
        self._held.clear()
        return data

    def has_sent(self) -> bool:
        """Whether there is something that nobody has read yet."""
        if self._held:
            return True
        try:
            return bool(socket.socket.recv(self, 1, socket.MSG_PEEK))
        except OSError:
            return False

    def has_closed(self) -> bool:
        """Whether it will send nothing more. It says so in a record, which is to be found among what comes."""
        if not self._held and not self._has_ended:
            try:
                self._take_in(_PIECE)
            except BlockingIOError:
                return False
            except OSError:
                return True
        return self._has_ended and not self._held

    def _take_in(self, size: int) -> None:
        """Read what has come. Raises `BlockingIOError` for nothing."""
        self._take(socket.socket.recv(self, size))
        self._decrypt()

    def _take(self, data: bytes) -> None:
        self._unreadable += len(data)
        if data:
            self._come.write(data)
        else:
            self._come.write_eof()

    def _decrypt(self) -> None:
        before = len(self._held)
        try:
            while data := self._tls.read(_PIECE):
                self._held += data
            self._has_ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._has_ended = True
        except ssl.SSLError as error:
            raise ConnectionResetError(errno.ECONNRESET, f"the client broke TLS: {error}") from error
        if len(self._held) > before:
            self._unreadable = 0
        elif self._unreadable > _MOST_UNREADABLE:
            raise ConnectionResetError(errno.ECONNRESET, "the client sent nothing in much TLS")

    # -- sending ------------------------------------------------------------------------------------------------------

    def _encoded(self, data: Any) -> Iterator[bytes]:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._tls.write(rest) :]
            except ssl.SSLError as error:
                raise ConnectionResetError(errno.ECONNRESET, f"the client broke TLS: {error}") from error
            if self._going.pending >= _PIECE or not rest:
                piece = bytes(self._unsent) + self._going.read()
                self._unsent.clear()
                yield piece

    def _flush(self) -> bool:
        """Send what TLS has to say of its own, as far as it goes at once; whether that is all."""
        self._unsent += self._going.read()
        while self._unsent:
            try:
                sent = socket.socket.send(self, self._unsent)
            except BlockingIOError:
                return False
            del self._unsent[:sent]
        return True

    # -- parting ------------------------------------------------------------------------------------------------------

    def shutdown(self, how: int, /) -> None:
        """Say that no more comes, in a record as well; any other end is that of the socket, for whichever thread."""
        if how == socket.SHUT_WR:
            self._say_goodbye()
        super().shutdown(how)

    def close(self) -> None:
        """Let go of it."""
        self._say_goodbye()
        super().close()

    def _say_goodbye(self) -> None:
        if self._is_bare or not self._is_agreed:
            return
        self._is_bare = True
        with suppress(OSError):  # of which are those of TLS
            self._tls.unwrap()
        with suppress(OSError):
            self._flush()
