"""Sends events to an MQTT broker, as Blender's Flamenco does: each as JSON, on topics such as `flamenco/jobs`.

Its configuration is Flamenco's own, and `enabled: true` with a broker is all that it needs:

```yaml
mqtt:
  client:
    enabled: true
    broker: tcp://localhost:1883
    clientID: flamenco
    topic_prefix: flamenco
    username: farm
    password: change-me
```

`broker` is `tcp://HOST:PORT` or `mqtt://HOST:PORT`, or with TLS `ssl://` or `mqtts://`, or over a WebSocket `ws://` or
`wss://HOST/PATH`. The ports 1883, 8883, 80 and 443 may be left out. Certificates have to be known to this machine;
the variable SSL_CERT_FILE of the environment names a file with others. Each farm at a broker needs a `clientID` of its
own. Needs the library `paho-mqtt`: `pip install 'flamenco-farm[mqtt]'`.

Below the prefix, jobs are told of on `/jobs`, the tasks of a job on `/jobs/<uuid>`, and then there are
`/jobs/<uuid>/last-rendered`, `/last-rendered`, `/workers`, `/workertags`, `/status` and `/lifecycle`. The text of task
logs is not sent. It is MQTT 5; messages have QoS 1 and are not retained.

Each event arrives at least once and in order, whether or not the broker was there when it happened: they wait up to
seven days for it, and it is asked for again after a second, then later and later, up to five minutes. The user property
`event-id` of a message grows from event to event: a receiver that sees it again has the message already. What the
broker refuses to take is a dead letter: `flamenco sinks dead` lists those.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from flamenco import ConfigError, EventSink, ManagerConfig, WebPage, hookimpl

if TYPE_CHECKING:
    from .broker import Broker

requires_hooks = (1, 4)

TOPICS: Final = ("/jobs", "/jobs/*", "/last-rendered", "/workers", "/workertags", "/status", "/lifecycle")
"""What is sent. Task logs are not among it: that would be a lot of text, which the manager has anyway."""

ATTEMPTS: Final = 1_000_000
"""So often that an event is never given up while it is kept: the broker may be away, which is no fault of an event."""

_KINDS: Final = {
    "tcp": (1883, False, False),
    "mqtt": (1883, False, False),
    "ssl": (8883, True, False),
    "tls": (8883, True, False),
    "mqtts": (8883, True, False),
    "ws": (80, False, True),
    "wss": (443, True, True),
}
"""By the scheme of the URL: the port where none is said, whether there is TLS, and whether there is a WebSocket."""


class Address(Struct, frozen=True, kw_only=True):
    """Where the broker is. `path` is that of a WebSocket."""

    url: str
    host: str
    port: int
    tls: bool = False
    websocket: bool = False
    path: str = "/"


@hookimpl
def event_sinks(config: ManagerConfig) -> Iterable[EventSink]:
    """The broker, if one is wanted. Raises `ConfigError` for settings that cannot be used, or without the library."""
    client = config.mqtt.client
    if not (client.enabled and client.broker):
        return
    address = parse_broker(client.broker)
    _check_prefix(client.topic_prefix)
    broker = _broker(address, client)
    yield EventSink(
        name="mqtt",
        description=f"Sends events to the MQTT broker {address.url}.",
        deliver=broker.deliver,
        topics=TOPICS,
        attempts=ATTEMPTS,
        close=broker.close,
    )


@hookimpl
def web_pages() -> Iterable[WebPage]:
    """How the sinks are doing: the same page as that of `webhooks`."""
    yield WebPage(path="sinks", title="Event sinks", icon="activity", module="../event_sinks.js")


def parse_broker(text: str) -> Address:
    """Where the broker is. Raises `ConfigError`, which does not repeat what may be a password."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port  # a port is looked at when it is asked for
    except ValueError as error:
        raise ConfigError(f"mqtt.client.broker: {error}; write tcp://HOST:PORT.") from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "mqtt.client.broker: has a user or password in it; write those into mqtt.client.username and "
            "mqtt.client.password, where they are not shown."
        )
    if scheme not in _KINDS or not host:
        raise ConfigError(
            f"mqtt.client.broker: {text!r} is no URL of a broker; write tcp://HOST:PORT, or ssl://, ws:// or wss:// in "
            "place of tcp://."
        )
    usual_port, tls, websocket = _KINDS[scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not websocket and path != "/":
        raise ConfigError(
            f"mqtt.client.broker: {text!r} has a path, which only ws:// and wss:// have; topics get what "
            "mqtt.client.topic_prefix says."
        )
    return Address(
        url=f"{scheme}://{parts.netloc}", host=host, port=port or usual_port, tls=tls, websocket=websocket, path=path
    )


def _check_prefix(prefix: str) -> None:
    if set(prefix) & set("+#\0"):
        raise ConfigError(f"mqtt.client.topic_prefix: {prefix!r} has a + or # in it, which no topic may have.")


def _broker(address: Address, client: Any) -> Broker:
    """The broker, which nothing is connected to before the first event."""
    if find_spec("paho") is None:
        raise ConfigError(
            "the library paho-mqtt is missing; `pip install 'flamenco-farm[mqtt]'` brings it (with uv or pipx: "
            "docs/packages.md)."
        )
    from .broker import Broker, Login  # noqa: PLC0415 - needs the library, which only who uses it has to have

    login = Login(client_id=client.client_id, username=client.username, password=client.password)
    return Broker(address, login, client.topic_prefix)
