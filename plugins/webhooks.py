"""Tells other programs what happens in the farm: POSTs events as JSON, signed, to the URLs that are configured.

```yaml
plugins:
  webhooks:
    endpoints:
      - name: chat
        url: http://localhost:9000/flamenco
        secret: change-me
        events: [/jobs]
        timeout: 10s
```

`events` are topics: `/jobs` for jobs, `/jobs/*` for their tasks, `/workers`, or `*` for everything. The body of a
request is `{"id": …, "topic": …, "created": …, "payload": …}`; `X-Flamenco-Event` repeats the topic and
`X-Flamenco-Delivery` the id, which grows from event to event.

Each event arrives at least once and in order: a receiver that sees an id again has it already. Any 2xx says that it
was taken. After 408, 425, 429, 5xx and broken connections it is sent again, later and later, twelve times in all.
Whatever else is answered, redirections too, makes it a dead letter: `flamenco sinks dead` lists those.

A receiver should make sure that a request comes from this farm, with the same secret and the body as it came in:

    expected = hmac.new(secret, timestamp + b"." + body, hashlib.sha256).hexdigest()

where `timestamp` is `X-Flamenco-Timestamp`, in seconds since 1970. `X-Flamenco-Signature` has to be `sha256=` and
that, compared with `hmac.compare_digest`; a request whose timestamp is some minutes old may be somebody's copy.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Meta, Struct

from flamenco import (
    ConfigError,
    Duration,
    EventSink,
    ManagerConfig,
    PublishedEvent,
    Setting,
    Undeliverable,
    WebPage,
    __version__,
    hookimpl,
)

TRY_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the event itself."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_ANSWER = 200


class Endpoint(Struct, frozen=True, kw_only=True):
    """A program that wants to know. `secret` is what both sides have to sign and to check with."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]*$")]
    url: Annotated[str, Meta(pattern="^https?://[^/]")]
    secret: Annotated[str, Meta(min_length=1)]
    events: Annotated[tuple[str, ...], Meta(min_length=1)] = ("/jobs",)
    timeout: Duration = Duration(10)


class Message(Struct, frozen=True):
    """What is sent."""

    id: int
    topic: str
    created: datetime
    payload: dict[str, Any]


@hookimpl
def settings() -> Iterable[Setting]:
    """Who is told."""
    yield Setting(
        key="endpoints",
        type=tuple[Endpoint, ...],
        default=(),
        help="Where events are sent: name, url, secret, and, where wanted, events and timeout of each.",
        secret=True,
    )


@hookimpl
def event_sinks(config: ManagerConfig) -> Iterable[EventSink]:
    """A sink for each endpoint. Raises `ConfigError` for one that cannot be used."""
    for endpoint in config.plugins.webhooks.endpoints:
        _check(endpoint)
        yield EventSink(
            name=f"webhooks.{endpoint.name}",
            description=f"POSTs events to {_without_secrets(endpoint)}.",
            deliver=Webhook(endpoint).deliver,
            topics=endpoint.events,
        )


@hookimpl
def web_pages() -> Iterable[WebPage]:
    """How the sinks are doing, of this plugin and of all others."""
    yield WebPage(path="sinks", title="Event sinks", icon="activity", module="event_sinks.js")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-Flamenco-Signature` has to be for this body, sent at this time."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


class Webhook:
    """Sends events to one endpoint. `clock` gives seconds since 1970."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._clock = clock

    @cached_property
    def _client(self) -> httpx.Client:
        # Made when the first event is sent, by the one process that sends any. A proxy that is set for the internet
        # does not know what runs on this machine.
        return httpx.Client(
            timeout=float(self._endpoint.timeout),
            follow_redirects=False,
            trust_env=urlsplit(self._endpoint.url).hostname not in _LOCAL_HOSTS,
        )

    def deliver(self, event: PublishedEvent) -> None:
        """Send it. Raises `Undeliverable` when the receiver does not want it, and `httpx.HTTPError` to try again."""
        body = msgspec.json.encode(Message(event.id, event.topic, event.created, event.payload))
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Flamenco/{__version__}",
            "X-Flamenco-Event": event.topic,
            "X-Flamenco-Delivery": str(event.id),
            "X-Flamenco-Timestamp": timestamp,
            "X-Flamenco-Signature": signature(self._endpoint.secret, timestamp, body),
        }
        answer = self._client.post(self._endpoint.url, content=body, headers=headers)
        if answer.is_success:
            return
        said = f"was answered {answer.status_code}: {answer.text[:_LONGEST_ANSWER]}"
        if answer.status_code >= 500 or answer.status_code in TRY_AGAIN:
            raise httpx.HTTPError(said)
        raise Undeliverable(said)


def _check(endpoint: Endpoint) -> None:
    if endpoint.timeout <= 0:
        raise ConfigError(f"the timeout of the endpoint {endpoint.name!r} is not a time; write one such as 10s")
    try:
        httpx.URL(endpoint.url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the url of the endpoint {endpoint.name!r} cannot be used: {error}") from error


def _without_secrets(endpoint: Endpoint) -> str:
    """Where the endpoint is; paths and queries of webhooks are often secret too."""
    parts = urlsplit(endpoint.url)
    return f"{parts.scheme}://{parts.hostname}"
