"""The plugin mqtt against a real broker: nothing is lost, whatever becomes of the broker, and nobody else minds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from flamenco.client import FarmEvent, JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from flamenco.hooks.types import EventSink, PublishedEvent, Undeliverable
from flamenco.server.lifetime import GOODBYE_S
from flamenco.server.patience import STOP_TIMEOUT_S
from flamenco.services.runner import LEASE_RETRY_S
from flamenco.testing import START
from tests.acceptance.brokers import PATIENCE_S, Broker, Listener, free_port, listening, running_broker
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.plugins.loading import load_text


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets everybody in."""
    with running_broker(tmp_path, "log_type all") as running:
        yield running


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    """Somebody who hears everything."""
    with listening(broker.port) as hearing:
        yield hearing


def configuration(folder: Path, url: str, more: str = "", **client: Any) -> Path:
    """A file of today's Flamenco, which says nothing of plugins; `more` is added to it."""
    file = folder / "flamenco-manager.yaml"
    settings = {"enabled": True, "broker": url} | client
    file.write_text(f"mqtt: {{client: {msgspec.json.encode(settings).decode()}}}\n{more}")
    return file


def manager_with(folder: Path, url: str, more: str = "", **client: Any) -> Any:
    """A manager of two processes with that configuration."""
    return running_manager(folder, "--processes", "2", "--config", str(configuration(folder, url, more, **client)))


def submit(client: ManagerClient, name: str = "job") -> str:
    """Submit a job of two tasks."""
    return client.submit_job(JobRequest(name=name, type="echo", settings={"message": "hello", "count": 2})).id


def published(manager: Manager) -> list[tuple[str, Any, int]]:
    """What the farm says that has happened so far, but for the text of logs."""
    events: list[FarmEvent] = []
    with ManagerClient(manager.url) as client:
        page = client.events.after(0)
        while page is not None:
            events += page.events
            page = client.events.after(page.next) if page.more else None
    return [
        (f"flamenco{event.topic}", event.payload, event.id)
        for event in events
        if not event.topic.startswith("/tasklog/")
    ]


def heard(listener: Listener) -> list[tuple[str, Any, int]]:
    """The same as somebody heard it; what came again counts once."""
    return list(
        {message.event_id: (message.topic, message.payload, message.event_id) for message in listener.messages}.values()
    )


def heard_everything(manager: Manager, listener: Listener) -> bool:
    """Whether all that has happened was heard, in order, from the first event on that was heard.

    Before that are those that happened before the sink was first looked at.
    """
    got = heard(listener)
    return bool(got) and got == [each for each in published(manager) if each[2] >= got[0][2]]


def posted_everything(manager: Manager, posted: Sequence[int]) -> bool:
    """The same of the numbers that a webhook got."""
    return bool(posted) and list(posted) == [number for _, _, number in published(manager) if number >= posted[0]]


def begin(client: ManagerClient, has_begun: Callable[[], object]) -> None:
    """Let something happen until that has been noticed: a sink that is new begins with what happens next."""
    for _ in range(int(PATIENCE_S / 2)):
        submit(client, "first")
        if wait_until(lambda: bool(has_begun()), 2.0):
            return
    raise AssertionError("nobody has noticed anything")


def sink_error(client: ManagerClient, name: str = "mqtt") -> str:
    """What is wrong with the sink, empty for nothing."""
    return next(sink.error for sink in client.sinks() if sink.name == name)


def test_everything_arrives_as_it_was_published(tmp_path: Path, broker: Broker, listener: Listener) -> None:
    """A job's life is told on the topics of the protocol, in order, each with the payload that the protocol has.

    The manager leaves in order: the broker is told goodbye.
    """
    with manager_with(tmp_path, broker.url) as manager:
        with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 1):
            begin(client, lambda: listener.messages)
            job = submit(client)
            assert wait_until(lambda: summary(manager.url, job).status is JobStatus.COMPLETED, PATIENCE_S)
        assert wait_until(lambda: heard_everything(manager, listener), PATIENCE_S), heard(listener)
        manager.stop()
    assert wait_until(lambda: "Received DISCONNECT from flamenco" in broker.log.read_text())
    assert {(message.qos, message.retain) for message in listener.messages} == {(1, False)}
    of_jobs = [payload for topic, payload, _ in heard(listener) if topic == "flamenco/jobs" and payload["id"] == job]
    assert of_jobs[-1]["status"] == "completed"
    required = {"id", "name", "updated", "status", "type", "priority", "refresh_tasks"}
    assert all(each.keys() >= required | {"steps_completed", "steps_total"} for each in of_jobs)
    of_tasks = [message.payload for message in listener.messages if message.topic == f"flamenco/jobs/{job}"]
    assert [each["status"] for each in of_tasks if each.get("previous_status") == "active"] == 2 * ["completed"]
    assert all(each["job_id"] == job for each in of_tasks)
    of_workers = [message.payload for message in listener.messages if message.topic == "flamenco/workers"]
    assert {"awake", "offline"} <= {each["status"] for each in of_workers}


def check_starts_and_stops(listener: Listener, count: int) -> None:
    """See that somebody heard so many managers start and stop, each of them once, and in order."""

    def told() -> list[str]:
        return [message.payload["type"] for message in listener.messages if message.topic == "flamenco/lifecycle"]

    assert wait_until(lambda: len(told()) >= 2 * count), told()
    assert told() == count * ["manager-startup", "manager-shutdown"]


@pytest.mark.long
def test_every_start_and_stop_is_heard(tmp_path: Path, broker: Broker, listener: Listener) -> None:
    """Of a manager whose database is new, the start and the end are heard, once each, before it is gone."""
    for number in range(1, 7):
        folder = tmp_path / str(number)
        folder.mkdir()
        with manager_with(folder, broker.url) as manager:
            if number % 3:
                # As a terminal does on Ctrl-C, and systemd does: all processes are told at once.
                os.killpg(manager.process.pid, (signal.SIGINT, signal.SIGTERM)[number % 2])
                assert manager.process.wait(PATIENCE_S) == 0
            else:
                manager.stop()
        check_starts_and_stops(listener, number)
    assert broker.log.read_text().count("Received DISCONNECT from flamenco") >= 6


@pytest.mark.long
def test_processes_that_are_replaced(tmp_path: Path, broker: Broker, listener: Listener) -> None:
    """Those that take over publish what happens from then on, without waiting for what the others held to expire."""
    with manager_with(tmp_path, broker.url) as manager:
        check_soon(lambda: any(message.topic == "flamenco/lifecycle" for message in listener.messages))
        for number in range(3):
            manager.process.send_signal(signal.SIGHUP)
            assert wait_until(partial(has_read_anew, manager, number + 1))
            name = f"tag {number}"
            assert httpx.post(f"{manager.url}/api/v3/worker-mgt/tags", json={"name": name}).is_success
            check_soon(partial(has_heard_of_tag, listener, name))


def has_read_anew(manager: Manager, times: int) -> bool:
    """Whether the manager has read its configuration anew that often."""
    return manager.log.count("the configuration was read anew") >= times


def has_heard_of_tag(listener: Listener, name: str) -> bool:
    """Whether something was published about the tag."""
    return any(message.payload.get("tag", {}).get("name") == name for message in listener.messages)


def check_soon(condition: Callable[[], bool]) -> None:
    """See that it holds within the time after which a process asks again for what another has, and a little."""
    assert wait_until(condition, LEASE_RETRY_S + 5)


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_start_and_stop_is_heard_of_many_processes(
    tmp_path: Path, broker: Broker, listener: Listener, database_url: str
) -> None:
    """The same of four processes that share a PostgreSQL, which was new at first."""
    file = configuration(tmp_path, broker.url)
    options = ("--processes", "4", "--database", database_url, "--config", str(file))
    for number in range(1, 4):
        with running_manager(tmp_path, *options) as manager:
            manager.stop()
        check_starts_and_stops(listener, number)


class _Receiver(BaseHTTPRequestHandler):
    """Takes in what webhooks send."""

    def do_POST(self) -> None:
        """Keep the number of the event."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(int(self.headers["X-Flamenco-Delivery"]))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[int]]]:
    """The configuration of a webhook for everything, and the numbers of the events that it gets."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    received: list[int] = []
    server.received = received  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    endpoint = {"name": "all", "url": url, "secret": "s", "events": ["*"]}
    yield f"plugins: {{webhooks: {{endpoints: [{msgspec.json.encode(endpoint).decode()}]}}}}", received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.long
def test_a_broker_that_dies_and_comes_back(
    tmp_path: Path, broker: Broker, listener: Listener, webhook: tuple[str, list[int]]
) -> None:
    """What happens meanwhile waits for it, in order, over a restart of the manager too; a webhook gets it at once."""
    plugins, posted = webhook
    with manager_with(tmp_path, broker.url, plugins) as manager, ManagerClient(manager.url) as client:
        begin(client, lambda: listener.messages and posted)
        assert wait_until(lambda: heard_everything(manager, listener), PATIENCE_S)
        broker.kill()
        submit(client, "while it is away")
        assert wait_until(lambda: "cannot be reached" in sink_error(client), PATIENCE_S)
        assert wait_until(lambda: posted_everything(manager, posted), PATIENCE_S)
        assert sink_error(client, "webhooks.all") == ""
    with manager_with(tmp_path, broker.url, plugins) as manager, ManagerClient(manager.url) as client:
        submit(client, "after a restart")
        assert wait_until(lambda: posted_everything(manager, posted), PATIENCE_S)
        broker.start()
        assert wait_until(lambda: heard_everything(manager, listener), PATIENCE_S), heard(listener)
        assert wait_until(lambda: sink_error(client) == "", PATIENCE_S)
        assert [sink.dead for sink in client.sinks()] == [0, 0]
    assert {payload.get("name") for topic, payload, _ in heard(listener) if topic == "flamenco/jobs"} == {
        "first",
        "while it is away",
        "after a restart",
    }


@pytest.mark.long
def test_a_broker_that_hangs_holds_up_nobody(tmp_path: Path, broker: Broker, webhook: tuple[str, list[int]]) -> None:
    """While it does not answer, others get their events, and the manager stops as quickly as ever."""
    plugins, posted = webhook
    with manager_with(tmp_path, broker.url, plugins) as manager, ManagerClient(manager.url) as client:
        begin(client, lambda: posted and "Received PUBLISH from flamenco" in broker.log.read_text())
        broker.freeze(frozen=True)
        submit(client, "while it hangs")
        assert wait_until(lambda: posted_everything(manager, posted), PATIENCE_S)
        last = published(manager)[-1][2]
        asked_at = time.monotonic()
        assert manager.stop() == 0
        assert time.monotonic() - asked_at < GOODBYE_S + STOP_TIMEOUT_S + 1
        assert "SIGKILL" not in manager.log
    assert posted[-1] > last, "it was told of the end"
    broker.freeze(frozen=False)


@pytest.mark.long
def test_a_password(tmp_path: Path) -> None:
    """The right one lets the manager in. A wrong one is told, and the events wait until it is mended."""
    with (
        running_broker(tmp_path, password="hush-of-the-broker") as broker,
        listening(broker.port, "hush-of-the-broker") as listener,
    ):
        with (
            manager_with(tmp_path, broker.url, username="farm", password="wrong-for-the-broker") as manager,
            ManagerClient(manager.url) as client,
        ):
            begin(client, lambda: "does not let us in: Not authorized" in sink_error(client))
            job = submit(client)
            assert [sink.dead for sink in client.sinks()] == [0]
        with manager_with(tmp_path, broker.url, username="farm", password="hush-of-the-broker") as manager:
            assert wait_until(lambda: heard_everything(manager, listener), PATIENCE_S)
        assert job in {payload.get("id") for _, payload, _ in heard(listener)}


# -- the sink alone -----------------------------------------------------------------------------------------------


@pytest.fixture
def make_sink(tmp_path: Path) -> Iterator[Callable[..., EventSink]]:
    """Makes sinks for a broker, as a manager would; arguments are settings."""
    made: list[EventSink] = []

    def make(url: str, **client: Any) -> EventSink:
        folder = tmp_path / f"sink-{len(made)}"
        folder.mkdir()
        loaded = load_text(configuration(folder, url, **client).read_text(), folder)
        made.append(loaded.hooks.event_sinks(loaded.config)["mqtt"])
        return made[-1]

    yield make
    for sink in made:
        assert sink.close is not None
        sink.close()


def deliver(sink: EventSink, *numbers: int, topic: str = "/jobs", **payload: Any) -> None:
    """Deliver events with these numbers."""
    for number in numbers:
        sink.deliver(PublishedEvent(id=number, created=START, topic=topic, payload=payload))


def numbers_of(listener: Listener, count: int) -> Sequence[int]:
    """The numbers of the events that were heard, once there are so many; one that came again counts once."""

    def numbers() -> Sequence[int]:
        return list(dict.fromkeys(message.event_id for message in listener.messages))

    wait_until(lambda: len(numbers()) >= count)
    return numbers()


def test_a_broker_that_was_away_for_a_moment(
    broker: Broker, listener: Listener, make_sink: Callable[..., EventSink]
) -> None:
    """It fails while the broker is away, and goes on right afterwards; each event is sent again until it is taken."""
    sink = make_sink(broker.url)
    deliver(sink, 1, 2)
    assert numbers_of(listener, 2) == [1, 2]
    broker.kill()
    for _ in range(2):
        with pytest.raises(ConnectionError):
            deliver(sink, 3)
    broker.start()
    deliver(sink, 3, 4)
    assert numbers_of(listener, 4) == [1, 2, 3, 4]


def test_one_process_takes_over_from_another(
    broker: Broker, listener: Listener, make_sink: Callable[..., EventSink]
) -> None:
    """The one that has no more to send lets the other one keep the name, and gets it back when it has."""
    one, two = make_sink(broker.url), make_sink(broker.url)
    deliver(one, 1)
    deliver(two, 2, 3)
    assert numbers_of(listener, 3) == [1, 2, 3]
    deliver(two, 4)
    assert broker.log.read_text().count("as flamenco (") == 2, "the first did not come back by itself"
    deliver(one, 5)
    assert numbers_of(listener, 5) == [1, 2, 3, 4, 5]


def test_what_the_broker_does_not_take(tmp_path: Path, make_sink: Callable[..., EventSink]) -> None:
    """An event that is too large for it, or on a topic that we may not use, is not tried again; the next one is."""
    (tmp_path / "acl").write_text("topic read #\ntopic write studio/jobs\n")
    limits = (f"acl_file {tmp_path}/acl", "message_size_limit 200")
    with running_broker(tmp_path, *limits) as broker, listening(broker.port) as listener:
        sink = make_sink(broker.url, topic_prefix="studio")
        deliver(sink, 1)
        with pytest.raises(Undeliverable, match="Not authorized"):
            deliver(sink, 2, topic="/workers")
        for _ in range(7):  # this broker says it by hanging up, which may have other reasons
            with pytest.raises(ConnectionError):
                deliver(sink, 3, name="x" * 300)
        with pytest.raises(Undeliverable, match="ended the connection"):
            deliver(sink, 3, name="x" * 300)
        deliver(sink, 4)
        assert numbers_of(listener, 2) == [1, 4]
        assert {message.topic for message in listener.messages} == {"studio/jobs"}


def test_a_closed_sink_stays_closed(broker: Broker, make_sink: Callable[..., EventSink]) -> None:
    """After the process was told to end, nothing connects again."""
    sink = make_sink(broker.url)
    deliver(sink, 1)
    assert sink.close is not None
    sink.close()
    with pytest.raises(ConnectionError, match="about to end"):
        deliver(sink, 2)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that vouches for itself, and its key."""
    certificate, key = folder / "localhost.pem", folder / "localhost.key"
    openssl = shutil.which("openssl")
    assert openssl, "openssl is missing; install it"
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *about, *files]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


# The client leaves it to Python to close a socket whose certificate was no good.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scheme", ["mqtt", "ws", "ssl", "wss"])
def test_ways_to_the_broker(
    tmp_path: Path, scheme: str, make_sink: Callable[..., EventSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain, over a WebSocket, and both with TLS, where the certificate has to be a known one."""
    lines = ["protocol websockets"] if scheme.startswith("ws") else []
    secure = scheme in ("ssl", "wss")
    if secure:
        certificate, key = make_certificate(tmp_path)
        lines += [f"certfile {certificate}", f"keyfile {key}"]
    port = free_port()  # a second one: the broker's first is for who listens here, without any of that
    with running_broker(tmp_path, f"listener {port} 127.0.0.1", *lines) as broker:
        url = f"{scheme}://localhost:{port}" + ("/mqtt" if scheme.startswith("ws") else "")
        if secure:
            with pytest.raises(ConnectionError, match="certificate verify failed"):
                deliver(make_sink(url), 1)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with listening(broker.port) as listener:
            deliver(make_sink(url), 2)
            assert numbers_of(listener, 1) == [2]
