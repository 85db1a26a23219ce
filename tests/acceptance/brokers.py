"""A real MQTT broker for tests, Mosquitto on a free port, and somebody who listens to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.acceptance.conftest import STOP_TIMEOUT_S, wait_until

PATIENCE_S = 60.0

# Debian puts it where the programs of root are, which is not on everybody's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class Message(NamedTuple):
    """What somebody who listens got; `event_id` is the user property of that name."""

    topic: str
    payload: Any
    event_id: int
    qos: int
    retain: bool


class Broker:
    """A Mosquitto that can be killed, and started again at the same port."""

    def __init__(self, folder: Path, *lines: str, password: str = "") -> None:
        self.port = free_port()
        self._ports = [self.port, *(int(line.split()[1]) for line in lines if line.startswith("listener "))]
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._config.write_text("\n".join([*self._access(folder, password), *lines, ""]))

    def _access(self, folder: Path, password: str) -> Iterator[str]:
        yield f"listener {self.port} 127.0.0.1"
        yield f"user {_user()}"
        yield f"allow_anonymous {'false' if password else 'true'}"
        if password:
            users = folder / "users"
            subprocess.run(
                [found("mosquitto_passwd"), "-b", "-c", users, "farm", password], check=True, capture_output=True
            )
            yield f"password_file {users}"
        # A broker that is killed still knows afterwards who listens.
        yield f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1"

    def start(self) -> None:
        """Start it and wait until it listens, at each of its ports: it opens them one after the other."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [found("mosquitto"), "-c", self._config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        assert wait_until(self._listens), self.log.read_text()

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order; when it is running."""
        self._end(signal.SIGTERM)

    def freeze(self, *, frozen: bool) -> None:
        """Have it hang: connections stay and nothing is answered. Or have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
            process.wait(STOP_TIMEOUT_S)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return all(self._is_open(port) for port in self._ports)

    @staticmethod
    def _is_open(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


def found(program: str) -> str:
    """Where a program of Mosquitto is."""
    path = shutil.which(program, path=_PATH)
    assert path, f"{program} is missing; install the package mosquitto"
    return path


def _user() -> str:
    """Who it is to run as: it would become another user when root starts it, who could not read its files."""
    return "root" if os.geteuid() == 0 else "nobody"


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_broker(folder: Path, *lines: str, password: str = "") -> Iterator[Broker]:
    """A broker with these lines in its configuration; `password` is that of its one user, farm."""
    broker = Broker(folder, *lines, password=password)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Listener:
    """Somebody who gets every message of a broker, in the order in which they arrive."""

    def __init__(self, port: int, password: str = "", topics: Sequence[str] = ("#",)) -> None:
        self.messages: list[Message] = []
        self._topics = topics
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, "listener", protocol=MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        if password:
            self._client.username_pw_set("farm", password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600  # what comes while this one is away is kept for it
        self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def close(self) -> None:
        """Go away."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe([(topic, SubscribeOptions(qos=1, retainAsPublished=True)) for topic in self._topics])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        assert message.properties is not None
        number = int(dict(message.properties.json()["UserProperty"])["event-id"])
        payload = msgspec.json.decode(message.payload)
        self.messages.append(Message(message.topic, payload, number, message.qos, message.retain))


@contextmanager
def listening(port: int, password: str = "") -> Iterator[Listener]:
    """A listener at the broker on that port."""
    listener = Listener(port, password)
    try:
        yield listener
    finally:
        listener.close()
