"""cheroot, for where gunicorn does not run: all that this program knows of it.

It reads requests and writes answers. Who waits for whom is as with gunicorn, since `reception` is the same; instead of
processes there are `generations` of farms in one. What cheroot says of bytes that are no HTTP is put as others say it,
and heads and bodies are read by `heads` and `incoming`: cheroot would take a body, or a part of one, into memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPMethod
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from cheroot import server, wsgi

from flamenco.server.clients import Client
from flamenco.server.heads import LONGEST_LINE, TooLarge, read_fields
from flamenco.server.incoming import Body, ChunkedBody, Incoming, KnownBody
from flamenco.server.patience import DRAIN_S
from flamenco.server.reception import Received
from flamenco.server.refusals import refusal

log = structlog.get_logger(__name__)

_CONNECTION: Final = "cheroot.connection"
"""The name under which the environment of a request has the connection that it came over."""

_OWN_PROXIES: Final = frozenset({"127.0.0.1", "::1"})
"""Those that are believed whether a client came to them over TLS, whatever else it says; gunicorn has the same."""

_STATUSES: Final = {413: 431, 501: 400, 505: 400}
"""What is said instead, by what cheroot would say."""

_DRAINED_AT_ONCE: Final = 1 << 16


class Connection(Received):
    """A connection, as cheroot's requests see it: `socket`, `rfile`, `wfile`, and where the client is."""

    ssl_env: Final[dict[str, str]] = {}

    def __init__(self, settings: Settings, client: Client, address: Any, own_address: Any) -> None:
        super().__init__()
        self.sock = client
        self.client = address
        self.own_address = own_address
        self.rfile = Incoming(client.recv)
        self.wfile = _Outgoing(client)
        self.remote_addr, self.remote_port = address[:2]
        self.application: WSGIApplication | None = None
        self._settings = settings

    def answer(self, application: WSGIApplication) -> bool:
        """In a thread: answer the request that has come; whether there may be another one."""
        self.rfile.unread(self.take_arrived())
        self.application = application
        request = _Request(self._settings, self, proxy_mode=True)  # such as takes whole URLs, which HTTP has all take
        try:
            request.parse_request()
            if request.ready:
                request.respond()
                return not request.close_connection and request.body_is_over()
        except TimeoutError:
            log.debug("a client was given up that was silent for too long")
        except OSError as error:
            log.debug("a client went away", reason=str(error))
        except Exception as error:
            log.exception("a request failed in the server")
            if not request.sent_headers:
                self.wfile.write(refusal(500, str(error)))
        return False

    def take_unread(self) -> bytes:
        """What was read from the client, and belongs to no request that was answered."""
        return self.rfile.take_held()

    def close(self) -> None:
        """Let go of the client."""
        self.sock.close()


class _Outgoing:
    """What cheroot writes to."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self._client.sendall(data)


class _Request(server.HTTPRequest):  # type: ignore[misc]
    """A request, as cheroot's, but strict about where it ends, and refused in JSON."""

    header_reader = staticmethod(lambda lines, into: into.update(read_fields(lines)))

    def read_request_line(self) -> bool:
        """Read the first line. The path is decoded as a whole, as by other servers; the scheme is not the client's."""
        try:
            is_read = bool(super().read_request_line())
        except ValueError as error:  # from an address that cannot be taken apart
            self.simple_response("400 Bad Request", str(error))
            return False
        if is_read:
            self.scheme = b"http"
            if self.method.decode("latin-1") != HTTPMethod.CONNECT:
                uri: bytes = self.uri
                path = uri if uri.startswith(b"/") else b"/" + urlsplit(uri).path.lstrip(b"/")
                self.path = unquote_to_bytes(path.partition(b"?")[0])
        return is_read

    def read_request_headers(self) -> bool:
        """Read the rest of the head, of which each line has a limit of its own."""
        head: server.SizeCheckWrapper = self.rfile
        head.maxlen = 0
        try:
            is_read = bool(super().read_request_headers())
        except TooLarge as error:
            self.simple_response("431 Request Header Fields Too Large", str(error))
            return False
        expected = self.inheaders.get(b"Expect", b"100-continue")
        if is_read and expected != b"100-continue":
            self.simple_response("417 Expectation Failed", "only 100-continue can be expected here")
            return False
        if is_read and self.inheaders.get(b"Transfer-Encoding") and not self.chunked_read:
            self.simple_response("400 Bad Request", "Transfer-Encoding is not for HTTP/1.0")
            return False
        if b"close" in self.inheaders.get(b"Connection", b"").lower():
            self.close_connection = True
        return is_read

    def respond(self) -> None:
        """Have the application answer. What it has not read of the body is dropped afterwards, not before."""
        incoming = self.conn.rfile
        length = int(self.inheaders.get(b"Content-Length", 0))
        self.body: Body = ChunkedBody(incoming) if self.chunked_read else KnownBody(incoming, length)
        self.rfile = self.body
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def body_is_over(self) -> bool:
        """Drop what is left of the body, for a while; whether the next request can begin."""
        until = time.monotonic() + DRAIN_S
        self.conn.sock.send_delayed()
        self.conn.sock.expect(DRAIN_S)
        try:
            while self.body.read(_DRAINED_AT_ONCE):
                if time.monotonic() > until:
                    return False
        except ValueError:
            return False
        return True

    def simple_response(self, status: int | str, msg: str = "") -> None:
        """Say what is wrong with it, in place of an answer."""
        code = int(str(status)[:3])
        code = _STATUSES.get(code, code)
        if code == 500:
            log.error("a request failed in the server", reason=msg)
        self.close_connection = True
        self.sent_headers = True
        self.conn.wfile.write(refusal(code, msg))


class _Gateway(wsgi.Gateway_10):  # type: ignore[misc]
    """A request's environment, as cheroot's, and what our part of the way needs to know of the connection."""

    def get_environ(self) -> WSGIEnvironment:
        """The environment."""
        environ: WSGIEnvironment = super().get_environ()
        connection: Connection = self.req.conn
        environ[_CONNECTION] = connection
        if connection.remote_addr in _OWN_PROXIES and environ.get("HTTP_X_FORWARDED_PROTO") == "https":
            environ["wsgi.url_scheme"] = "https"
        environ["SERVER_NAME"], environ["SERVER_PORT"] = connection.own_address[0], str(connection.own_address[1])
        return environ


class Settings(wsgi.Server):  # type: ignore[misc]
    """What cheroot's requests ask of their server. It listens to nothing, and has no threads."""

    max_request_header_size = LONGEST_LINE

    def __init__(self, is_staying: Callable[[], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _application_of, numthreads=1, server_name="cheroot")
        self.software = "cheroot"
        self.gateway = _Gateway
        self._is_staying = is_staying

    @property
    def can_add_keepalive_connection(self) -> bool:
        """Whether a client may ask for something else over the same connection."""
        return self._is_staying()


def _application_of(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
    connection: Connection = environ[_CONNECTION]
    assert connection.application is not None  # noqa: S101 - for types
    return connection.application(environ, start_response)


def client_of(environ: WSGIEnvironment) -> Client:
    """The client whose request it is."""
    connection: Connection = environ[_CONNECTION]
    return connection.sock
