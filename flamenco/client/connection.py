"""One HTTP connection to a manager: sends requests, makes sense of answers, and of none.

What can go wrong is one of two: `ManagerUnreachable`, when there was no answer, and `ManagerError`, when the answer
was not a yes. What the requests are about is the business of the modules beside this one.
"""

from __future__ import annotations

import base64
import math
import os
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from msgspec import Struct

from flamenco import __version__
from flamenco.client.addresses import parse_manager_url, split_key
from flamenco.client.stored_tokens import NOT_SENT, is_withheld, stored_token
from flamenco.domain.errors import ConfigError, FarmError
from flamenco.domain.identity import SIGN_ON_HEADER

DEFAULT_TIMEOUT_S = 10.0

# Shorter than servers keep idle connections, so that a request rarely meets one that is just being closed.
_IDLE_CONNECTION_S = 1.0
_LONGEST_MESSAGE = 500

# Whatever the manager, or a proxy before it, says: nobody asks in a tight loop, nor is gone for a day.
_SHORTEST_RETRY_S = 0.1
_LONGEST_RETRY_S = 3600.0
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_TEMPORARY = frozenset({408, 425, 429})

NO_SUCH_ADDRESS = (404, 405)
"""What a manager answers where it has nothing: another program than ours, or an older one."""

Answer = TypeVar("Answer")


class ManagerUnreachable(FarmError):
    """No answer: the manager is not there, too slow, or the connection broke. It may have got the request."""


class ManagerError(FarmError):
    """The manager answered something other than yes. `status` is the HTTP status, `retry_after` in seconds."""

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may be answered differently later on."""
        return not 400 <= self.status < 500 or self.status in _TEMPORARY


class SignOnReplaced(ManagerError):
    """Another program has signed on as this worker, which is not to be heard any more.

    What was asked may be asked by whoever signs on next, so it is kept: the error counts as temporary.
    """

    @property
    def is_temporary(self) -> bool:
        """Yes."""
        return True


class _Message(Struct, frozen=True):
    message: str = ""


class Connection:
    """Calls one manager, with a token, if any, or as a worker. May be shared by threads.

    `on_replaced` is called, by any of them, when another program has signed on as that worker.

    `transport` is how to get there without a socket, such as a `httpx.WSGITransport` around an application. The
    `token` is the one in the URL, else what is given, else, when it is None, the one that is stored for that manager.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        transport: httpx.BaseTransport | None = None,
        token: str | None = None,
        ca_file: str = "",
    ) -> None:
        self.url, in_url = split_key(parse_manager_url(url))
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https"):
            raise ConfigError(f"{url!r} is no manager URL; it must start with http:// or https://")
        self.on_replaced: Callable[[], None] = lambda: None
        self.token = in_url or (stored_token(self.url) if token is None else token)
        self._is_withheld = not self.token and token is None and is_withheld(self.url)
        self._authorization: dict[str, str] = {}
        self.forget_worker()
        try:
            base_url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{url!r} is no manager URL ({error}); write http://HOST:PORT") from error
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout_s,
            headers={"User-Agent": f"Flamenco/{__version__}"},
            limits=httpx.Limits(keepalive_expiry=_IDLE_CONNECTION_S),
            # A proxy that is set for the internet does not know what runs on this machine.
            trust_env=transport is None and parts.hostname not in _LOCAL_HOSTS,
            transport=transport,
            verify=_trusted(parts.scheme, ca_file),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def path_of(self, answered: str) -> str:
        """A path that the manager gave, below its URL: behind a proxy it may begin with what the URL ends with."""
        return "/" + answered.removeprefix(self._http.base_url.path)

    def forget_worker(self) -> None:
        """Speak as nobody in particular again, or as whoever has the token."""
        self._authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def authenticate(self, worker_id: str, secret: str) -> None:
        """Speak as this worker from now on."""
        token = base64.b64encode(f"{worker_id}:{secret}".encode()).decode()
        self._authorization = {"Authorization": f"Basic {token}"}

    def keep_sign_on(self, number: str) -> None:
        """Say from now on, with everything, since which sign-on this worker speaks."""
        self._authorization = {**self._authorization, SIGN_ON_HEADER: number}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        also_fine: tuple[int, ...] = (),
    ) -> httpx.Response:
        """Send a request, `body` as JSON. Raises `ManagerError` for statuses other than 2xx and `also_fine`."""
        identity = self._authorization
        if body is not None:
            content, headers = msgspec.json.encode(body), {"Content-Type": "application/json"}
        try:
            answer = self._http.request(
                method,
                path.removeprefix("/"),
                content=content,
                headers={**identity, **(headers or {})},
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            )
        except httpx.TimeoutException as error:
            raise ManagerUnreachable(f"the manager at {self.url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise ManagerUnreachable(f"the manager at {self.url} cannot be reached: {error}") from error
        if answer.status_code == HTTPStatus.GONE and SIGN_ON_HEADER in identity:
            if identity is self._authorization:
                self.on_replaced()
            # Otherwise it is this very program that has signed on anew meanwhile.
            raise SignOnReplaced(_message_of(answer, f"{method} {path}"), answer.status_code)
        if not answer.is_success and answer.status_code not in also_fine:
            raise self._error_of(answer, f"{method} {path}")
        return answer

    def _error_of(self, answer: httpx.Response, what: str) -> ManagerError:
        message = _message_of(answer, what)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self._is_withheld:
            message = f"{message} {NOT_SENT}"
        return ManagerError(message, answer.status_code, _retry_after(answer))

    def decoded(self, answer: httpx.Response, kind: type[Answer]) -> Answer:
        """The answer's body as a `kind`. Raises `ManagerError` when it is something else."""
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = f"{answer.request.method} {answer.request.url.path}"
            text = f"the manager answered something unexpected to {what}: {error}; is {self.url} a Flamenco manager?"
            raise ManagerError(text, answer.status_code) from error

    def fetch(self, path: str, kind: type[Answer]) -> Answer:
        """GET a `kind`."""
        return self.decoded(self.call("GET", path), kind)


def _trusted(scheme: str, ca_file: str) -> ssl.SSLContext | bool:
    """Who vouches for the manager; True for those whom everybody trusts."""
    if scheme == "http" and not ca_file:
        # Reading whom everybody trusts takes 20 ms, and where nothing is encrypted there is nobody to vouch for.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Also where the rest of the environment is left aside.
    ca_file = ca_file or os.environ.get("SSL_CERT_FILE", "")
    return _trusting(ca_file) if ca_file else True


def _trusting(ca_file: str) -> ssl.SSLContext:
    """Trust those who are vouched for there. Raises `ConfigError` for a file that cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # of which those of TLS are
        raise ConfigError(f"The certificates {ca_file} cannot be used: {error.strerror or error}.") from error


def in_path(text: str) -> str:
    """Text as one part of a path, whatever is in it."""
    return quote(text, safe="")


def _message_of(answer: httpx.Response, what: str) -> str:
    try:
        message = msgspec.json.decode(answer.content, type=_Message).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = ""
    return message[:_LONGEST_MESSAGE] or f"{what} was answered {answer.status_code} {answer.reason_phrase}".strip()


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds from the Retry-After header; its other form, a date, is not worth a clock that may be wrong."""
    try:
        seconds = float(answer.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return None if math.isnan(seconds) else min(max(_SHORTEST_RETRY_S, seconds), _LONGEST_RETRY_S)
