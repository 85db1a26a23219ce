"""The broker: a connection to it while there is one, and one event after the other, each until it is acknowledged.

The connection is made when there is an event to send, and again when there is the next one after it broke; never by
itself. Brokers let in one client of a name: a process of the manager that no longer sends events must not come back
for the name, or it would throw out the process that does.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct
from paho.mqtt.client import Client, MQTTv5, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from flamenco import PublishedEvent, Undeliverable

if TYPE_CHECKING:
    from . import Address

KEEPALIVE_S: Final = 30
CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 10.0
"""How long a broker may take to let us in, and to acknowledge an event."""

CLOSE_TIMEOUT_S: Final = 0.5
"""How long to wait for a goodbye to be sent: a manager that stops has little time."""

TRY_AGAIN: Final = frozenset({0x91, 0x97})
"""Refusals of an event that are not about the event: its number is in use, or there are too many for now."""

ABOUT_THE_EVENT: Final = frozenset({0x90, 0x95, 0x99})
"""Reasons to end a connection that are about the event: its topic, its size, its format."""


HANG_UPS: Final = 8
"""An event at which a broker that let us in ended the connection so often is one that it does not want: some say so in
no other way. Otherwise it would hold up all the others for days."""


class Login(Struct, frozen=True, kw_only=True):
    """Who we say we are. No username is no login."""

    client_id: str
    username: str = ""
    password: str = ""


class HungUp(ConnectionError):
    """The broker ended the connection while something was expected of it."""


class Said(Struct, frozen=True):
    """What the broker said, or that it is gone. `mid` is the number of a message, 0 where it is about none."""

    what: Literal["connected", "acknowledged", "gone"]
    reason: ReasonCode
    mid: int = 0


class Broker:
    """Where events are sent. Called by one thread; `close` by any."""

    def __init__(self, address: Address, login: Login, prefix: str) -> None:
        self._address = address
        self._login = login
        self._prefix = prefix
        self._connection: Connection | None = None
        self._is_closed = False
        self._hung_up_at = (0, 0)  # at which event, and how often

    def deliver(self, event: PublishedEvent) -> None:
        """Send an event, and come back when the broker has it.

        Raises `OSError` to try again, and `Undeliverable` when the broker does not want it.
        """
        connection = self._connected()
        try:
            connection.publish(self._prefix + event.topic, msgspec.json.encode(event.payload), event.id)
        except OSError as error:
            self._disconnect()
            if isinstance(error, HungUp) and self._count_hang_up(event.id) >= HANG_UPS:
                raise Undeliverable(f"{error}, {HANG_UPS} times") from error
            raise

    def close(self) -> None:
        """Say goodbye, for good."""
        self._is_closed = True
        self._disconnect()

    def _connected(self) -> Connection:
        if self._is_closed:
            raise ConnectionError("this process is about to end")
        if self._connection is None or not self._connection.is_open:
            self._disconnect()
            self._connection = Connection(self._address, self._login)
        return self._connection

    def _count_hang_up(self, event_id: int) -> int:
        before, times = self._hung_up_at
        self._hung_up_at = (event_id, times + 1 if before == event_id else 1)
        return self._hung_up_at[1]

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()


class Connection:
    """One connection, from the moment the broker lets us in. Raises `OSError` when it does not."""

    def __init__(self, address: Address, login: Login) -> None:
        self._url = address.url
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            protocol=MQTTv5,
            transport="websockets" if address.websocket else "tcp",
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect
        if login.username:
            self._client.username_pw_set(login.username, login.password or None)
        if address.tls:
            self._client.tls_set()
        if address.websocket:
            self._client.ws_set_options(path=address.path)
        self._enter(address)

    def _enter(self, address: Address) -> None:
        try:
            self._client.connect(address.host, address.port, keepalive=KEEPALIVE_S)
        except OSError as error:
            raise ConnectionError(f"{self._url} cannot be reached: {error}") from error
        self._client.loop_start()
        try:
            answer = self._wait_for("connected")
            if answer.reason.is_failure:
                raise ConnectionError(f"{self._url} does not let us in: {answer.reason}")
        except OSError:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether it is not known to have broken."""
        return self._client.is_connected()

    def publish(self, topic: str, payload: bytes, event_id: int) -> None:
        """Send a message and wait until it is acknowledged. Raises `OSError` or `Undeliverable`."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/json"
        properties.PayloadFormatIndicator = 1  # it is text
        properties.UserProperty = ("event-id", str(event_id))
        sent = self._client.publish(topic, payload, qos=1, properties=properties)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            # Some are that quick with hanging up.
            raise HungUp(f"{self._url} ended the connection: {error_string(sent.rc)}")
        reason = self._wait_for("acknowledged", sent.mid).reason
        if reason.is_failure:
            text = f"{self._url} does not take it: {reason}"
            raise ConnectionError(text) if reason.value in TRY_AGAIN else Undeliverable(text)

    def close(self) -> None:
        """Say goodbye, and end the thread that speaks with the broker. Does not take long."""
        self._client.disconnect()
        try:
            self._wait_for("gone", timeout_s=CLOSE_TIMEOUT_S)
        except OSError:
            # It hangs; what is left of it ends with the process, or when the broker is found to be dead.
            return
        self._client.loop_stop()

    def _wait_for(self, what: str, mid: int = 0, timeout_s: float = ANSWER_TIMEOUT_S) -> Said:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                said = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{self._url} did not answer within {timeout_s:g} s") from None
            if (said.what, said.mid) == (what, mid):
                return said
            if said.what == "gone":
                self._said.put(said)  # for `close`
                text = f"{self._url} ended the connection: {said.reason}"
                raise Undeliverable(text) if mid and said.reason.value in ABOUT_THE_EVENT else HungUp(text)

    # -- called by the client's thread ------------------------------------------------------------------------------

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._said.put(Said("connected", reason))

    def _on_publish(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        self._said.put(Said("acknowledged", reason, mid))

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._said.put(Said("gone", reason))
