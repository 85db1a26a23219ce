"""Events on their way to the sinks: at least once, in order, and whatever one sink does, the others get theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import pytest
from click.testing import CliRunner
from falcon import testing

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.client import ManagerClient
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import Event, EventWorkerUpdate
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import lifecycle, sinks
from flamenco.farm.context import Farm
from flamenco.hooks.statistics import SinkState
from flamenco.hooks.types import EventSink, PublishedEvent, Undeliverable
from flamenco.services import delivery
from flamenco.services.runner import runners, stop_all
from flamenco.store import events
from flamenco.store.engine import Tx
from flamenco.testing import START, Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job, take

PATIENCE_S = 30


class Receiver:
    """Somewhere that events go. What it is told to fail with is raised, one after the other, before it takes any."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.got: list[str] = []
        self.tried = 0

    def deliver(self, event: PublishedEvent) -> None:
        """Take an event, or fail."""
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(event.payload["name"])


def append_event(tx: Tx, name: str, topic: str = "/jobs") -> None:
    """Write an event that has this name."""
    update = EventWorkerUpdate(
        id="id", name=name, updated=START, status=WorkerStatus.AWAKE, version="1", can_restart=False
    )
    events.append(tx, [Event(topic, update)], START)


def publish(farm: Farm, *names: str, topic: str = "/jobs") -> None:
    """Let events happen, each in a transaction of its own."""
    for name in names:
        with farm.store.write() as tx:
            append_event(tx, name, topic)


def attach(farm: Farm, deliver: Callable[[PublishedEvent], None], name: str = "sink", **fields: Any) -> EventSink:
    """Give the farm a sink, which has been looked at once, so that it gets whatever happens from now on."""
    sink = EventSink(name=name, description="", deliver=deliver, **fields)
    farm.event_sinks = {**farm.event_sinks, name: sink}
    delivery.tick(farm, sink)
    return sink


def state(farm: Farm, name: str = "sink") -> SinkState:
    """How the sink is doing."""
    return next(each for each in sinks.states(farm) if each.name == name)


def dead_names(farm: Farm) -> list[str]:
    """The names of the events that were given up."""
    return [letter.event.payload["name"] for letter in sinks.dead_letters(farm, 100)]


# -- what is delivered --------------------------------------------------------------------------------------------


def test_a_new_sink_gets_what_happens_from_then_on(farm: Farm) -> None:
    """No history is delivered to a sink that was never there before; later events are, in order, and once."""
    publish(farm, "old")
    receiver = Receiver()
    sink = attach(farm, receiver.deliver)
    publish(farm, "a", "b", "c")
    assert state(farm).waiting == 3
    assert delivery.tick(farm, sink) == delivery.IDLE_S
    assert delivery.tick(farm, sink) == delivery.IDLE_S
    assert receiver.got == ["a", "b", "c"]
    assert state(farm) == SinkState(name="sink", waiting=0, dead=0, failures=0)


def test_a_new_sink_gets_the_start(farm: Farm) -> None:
    """The first event of a sink is that the manager has started with it, however much has happened before."""
    got: list[PublishedEvent] = []
    sink = EventSink(name="sink", description="", deliver=got.append)
    farm.event_sinks = {"sink": sink}
    publish(farm, "old")
    lifecycle.tell_startup(farm)
    publish(farm, "new")
    delivery.tick(farm, sink)
    assert [event.payload.get("type") or event.payload["name"] for event in got] == ["manager-startup", "new"]


def test_a_sink_gets_the_logs_that_it_asks_for(farm: Farm, clock: Clock) -> None:
    """From the manager's start, for as long as it has the sink, without anybody else who follows them."""
    got: list[PublishedEvent] = []
    sink = EventSink(name="sink", description="", deliver=got.append, topics=("/tasklog/*",))
    farm.event_sinks = {"sink": sink}
    lifecycle.tell_startup(farm)
    store_job(farm, authored_job(authored_task("a"), authored_task("b")))
    take(farm, new_worker(farm))
    delivery.tick(farm, sink)
    assert len(got) == 2
    for _ in range(3):
        clock.forward(delivery.look_after_sinks(farm))
    take(farm, new_worker(farm))
    delivery.tick(farm, sink)
    assert len(got) == 4


def test_a_sink_that_is_known_goes_on(farm: Farm) -> None:
    """What it could not be given before comes first when the manager starts again."""
    got: list[PublishedEvent] = []
    sink = attach(farm, got.append)
    lifecycle.tell_shutdown(farm.store, farm.clock())
    lifecycle.tell_startup(farm)
    delivery.tick(farm, sink)
    assert [event.payload["type"] for event in got] == ["manager-shutdown", "manager-startup"]


def test_an_event_is_what_was_published(farm: Farm, clock: Clock) -> None:
    """A sink is given number, moment, topic and the payload as JSON has it."""
    got: list[PublishedEvent] = []
    sink = attach(farm, got.append)
    publish(farm, "a", topic="/workers")
    delivery.tick(farm, sink)
    (event,) = got
    assert (event.created, event.topic, event.payload["status"]) == (clock.now, "/workers", "awake")
    assert event.id > 0


def test_what_does_not_match_is_passed_over(farm: Farm) -> None:
    """Events of other topics are never delivered, and do not wait either."""
    receiver = Receiver()
    sink = attach(farm, receiver.deliver, topics=("/workers",))
    publish(farm, "job")
    publish(farm, "worker", topic="/workers")
    publish(farm, "job again")
    delivery.tick(farm, sink)
    assert receiver.got == ["worker"]
    assert state(farm).waiting == 0


def test_many_events_go_batch_by_batch(farm: Farm) -> None:
    """After a full batch the next one follows soon."""
    receiver = Receiver()
    sink = attach(farm, receiver.deliver)
    names = [str(number) for number in range(delivery.BATCH + 1)]
    publish(farm, *names)
    assert delivery.tick(farm, sink) < delivery.IDLE_S
    assert state(farm).waiting == 1
    assert delivery.tick(farm, sink) == delivery.IDLE_S
    assert receiver.got == names


def test_a_slow_sink_says_how_far_it_is(farm: Farm, clock: Clock) -> None:
    """Deliveries that take long end the batch early, so that the lease is renewed and little would be repeated."""
    got: list[str] = []

    def deliver(event: PublishedEvent) -> None:
        got.append(event.payload["name"])
        clock.forward(delivery.BATCH_S)

    sink = attach(farm, deliver)
    publish(farm, "a", "b")
    assert delivery.tick(farm, sink) < delivery.IDLE_S
    assert (got, state(farm).waiting) == (["a"], 1)
    delivery.tick(farm, sink)
    assert (got, state(farm).waiting) == (["a", "b"], 0)


# -- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_sink_that_fails_is_left_alone_for_longer_and_longer(farm: Farm, clock: Clock) -> None:
    """One second after the first failure, twice as long after each further one, five minutes at most."""
    receiver = Receiver(*(OSError("down") for _ in range(11)))
    sink = attach(farm, receiver.deliver)
    publish(farm, "a", "b")
    pauses = []
    for _ in range(11):
        pauses.append(delivery.tick(farm, sink))
        assert delivery.tick(farm, sink) == pauses[-1], "not yet"
        clock.forward(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert receiver.tried == 11
    assert state(farm) == SinkState(
        name="sink", waiting=2, dead=0, failures=11, error="OSError: down", retry_at=clock.now
    )
    delivery.tick(farm, sink)
    assert receiver.got == ["a", "b"]
    assert state(farm) == SinkState(name="sink", waiting=0, dead=0, failures=0)


def test_an_event_that_fails_too_often_is_given_up(farm: Farm, clock: Clock) -> None:
    """Then the next one is tried, after a pause that is no shorter: the receiver may be down for long."""
    receiver = Receiver(*(OSError("down") for _ in range(5)))
    sink = attach(farm, receiver.deliver, attempts=2)
    publish(farm, "a", "b", "c")
    pauses = []
    for _ in range(5):
        pauses.append(delivery.tick(farm, sink))
        clock.forward(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16]
    assert (dead_names(farm), state(farm).failures) == (["a", "b"], 1)
    assert {letter.attempts for letter in sinks.dead_letters(farm, 100)} == {2}
    delivery.tick(farm, sink)
    assert receiver.got == ["c"]
    publish(farm, "d")
    receiver.failures = [OSError("down again")]
    assert delivery.tick(farm, sink) == delivery.BACKOFF.first


def test_what_nobody_wants_is_given_up_at_once(farm: Farm) -> None:
    """An undeliverable event becomes a dead letter with its reason, and the next one does not wait."""
    receiver = Receiver(Undeliverable("no such channel"))
    sink = attach(farm, receiver.deliver)
    publish(farm, "a", "b")
    assert delivery.tick(farm, sink) == delivery.IDLE_S
    assert (receiver.got, dead_names(farm)) == (["b"], ["a"])
    (letter,) = sinks.dead_letters(farm, 100, "sink")
    assert (letter.attempts, letter.error, letter.died) == (1, "no such channel", farm.clock())
    assert state(farm).error == ""


def test_whatever_is_raised_can_be_kept(farm: Farm, clock: Clock) -> None:
    """Texts that databases cannot keep, and plugins that want to end the program, are errors like any other."""
    receiver = Receiver(ValueError("\0 \ud800"), SystemExit("bye"))
    sink = attach(farm, receiver.deliver, attempts=1)
    publish(farm, "a", "b")
    delivery.tick(farm, sink)
    assert state(farm).error == "ValueError: \N{REPLACEMENT CHARACTER} ?"
    clock.forward(1)
    delivery.tick(farm, sink)
    assert state(farm).error == "SystemExit: bye"


class PowerCut(BaseException):
    """The end of a process, whatever it was doing."""


def test_after_a_crash_nothing_is_missing(make_farm: Callable[..., Farm]) -> None:
    """What was delivered and not written down is delivered again; the order is kept and nothing is left out."""
    one, two = make_farm(), make_farm()
    first, second = Receiver(), Receiver()

    def crash(event: PublishedEvent) -> None:
        if event.payload["name"] == "c":
            raise PowerCut
        first.deliver(event)

    sink = attach(one, crash)
    publish(one, "a", "b", "c", "d")
    with pytest.raises(PowerCut):
        delivery.tick(one, sink)
    delivery.tick(two, attach(two, second.deliver))
    assert first.got == ["a", "b"]
    assert second.got == ["a", "b", "c", "d"]


@pytest.mark.parametrize("failure", [None, OSError("down"), Undeliverable("no")])
def test_who_is_late_changes_nothing(make_farm: Callable[..., Farm], failure: Exception | None) -> None:
    """A process that lost its lease while it delivered, and then ends somehow, leaves no trace."""
    slow, quick = make_farm(), make_farm()
    receiver = Receiver()
    tried: list[str] = []

    def deliver(event: PublishedEvent) -> None:
        tried.append(event.payload["name"])
        delivery.tick(quick, attach(quick, receiver.deliver))
        if failure:
            raise failure

    sink = attach(slow, deliver, attempts=1)
    publish(slow, "a", "b")
    delivery.tick(slow, sink)
    assert receiver.got == ["a", "b"]
    assert state(slow) == SinkState(name="sink", waiting=0, dead=0, failures=0)
    assert tried == (["a"] if failure else ["a", "b"])


# -- several processes, several sinks -------------------------------------------------------------------------------


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_transaction_that_ends_late_is_not_skipped(farm: Farm) -> None:
    """Its events are delivered although later ones were there before; those wait for it, so the order is kept."""
    receiver = Receiver()
    sink = attach(farm, receiver.deliver)
    publish(farm, "before")
    with farm.store.write() as late:
        append_event(late, "late")
        publish(farm, "quick")
        delivery.tick(farm, sink)
        assert receiver.got == ["before"]
    delivery.tick(farm, sink)
    assert receiver.got == ["before", "late", "quick"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_transaction_that_began_early_hides_nothing(farm: Farm) -> None:
    """One that began before another and writes after it does not make the other's events look done with."""
    receiver = Receiver()
    sink = attach(farm, receiver.deliver)
    publish(farm, "before")
    with farm.store.write() as early, farm.store.write() as late:
        early.exec_driver_sql("SELECT pg_current_xact_id()")  # it has its number, as after any change
        append_event(late, "late")
        append_event(early, "early")
        early.commit()
        delivery.tick(farm, sink)
        assert receiver.got == ["before"]
    delivery.tick(farm, sink)
    assert receiver.got == ["before", "late", "early"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_came_to_nothing_holds_up_nobody(farm: Farm) -> None:
    """A transaction that is undone leaves a number that no event has; the others are delivered."""
    receiver = Receiver()
    sink = attach(farm, receiver.deliver)

    def undo() -> None:
        with farm.store.write() as undone:
            append_event(undone, "undone")
            publish(farm, "a")
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        undo()
    publish(farm, "b")
    delivery.tick(farm, sink)
    assert receiver.got == ["a", "b"]


@contextmanager
def in_background(*farms: Farm) -> Iterator[None]:
    """Run what processes with these farms run in the background."""
    running = [runner for farm in farms for runner in runners(farm)]
    for runner in running:
        runner.start()
    yield
    stop_all(running)


def test_one_that_hangs_holds_up_nobody(farm: Farm) -> None:
    """While a sink does not come back, another one gets its events, and the chores are done."""
    hangs, let_go, arrived = threading.Event(), threading.Event(), threading.Event()

    def hang(_event: PublishedEvent) -> None:
        hangs.set()
        let_go.wait(PATIENCE_S)

    attach(farm, hang, "hanging")
    attach(farm, lambda _event: arrived.set(), "healthy")
    publish(farm, "a")
    with in_background(farm):
        hung, got_there = hangs.wait(PATIENCE_S), arrived.wait(PATIENCE_S)
        let_go.set()
    assert hung
    assert got_there


def test_a_sink_that_hangs_does_not_hold_up_the_end(farm: Farm) -> None:
    """A process that is told to stop waits a moment for what is under way, not for as long as it takes."""
    hangs, let_go = threading.Event(), threading.Event()

    def hang(_event: PublishedEvent) -> None:
        hangs.set()
        let_go.wait(PATIENCE_S)

    attach(farm, hang)
    publish(farm, "a")
    running = runners(farm)
    for runner in running:
        runner.start()
    hung = hangs.wait(PATIENCE_S)
    stop_all(running)
    left = state(farm).waiting
    let_go.set()
    for runner in running:
        runner.stop(PATIENCE_S)
    assert hung
    assert left == 1


def test_what_is_there_is_delivered_before_the_end(
    make_farm: Callable[..., Farm], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is told to stop delivers what has happened until then, whichever has delivered before."""
    # However slow the machine is that this runs on.
    monkeypatch.setattr("flamenco.services.runner.FINISH_S", PATIENCE_S)
    monkeypatch.setattr("flamenco.services.runner._STOP_ALL_WAIT_S", PATIENCE_S)
    got: list[str] = []
    arrived = threading.Event()

    def deliver(event: PublishedEvent) -> None:
        got.append(event.payload["name"])
        arrived.set()

    farms = [make_farm(), make_farm()]
    for each in farms:
        attach(each, deliver, topics=("/jobs",))
    one, two = (runners(each) for each in farms)
    for chores in one:
        chores.start()
    publish(farms[0], "first")
    assert arrived.wait(PATIENCE_S)
    for chores in two:
        chores.start()
    publish(farms[0], "a", "b")
    stop_all(one)
    assert got == ["first", "a", "b"]
    publish(farms[1], "c")
    stop_all(two)
    assert got == ["first", "a", "b", "c"]


def test_a_sink_that_is_down_does_not_hold_up_the_end(farm: Farm) -> None:
    """It is not tried again and again at the end; what is there for it is left for the next start."""
    receiver = Receiver(*(OSError("down") for _ in range(100)))
    sink = attach(farm, receiver.deliver, topics=("/jobs",))
    assert not delivery.is_behind(farm, sink)
    publish(farm, "a")
    assert delivery.is_behind(farm, sink)
    with in_background(farm):
        pass
    assert receiver.tried == 1
    assert not delivery.is_behind(farm, sink)
    assert state(farm).waiting > 0


def test_two_processes_never_deliver_side_by_side(make_farm: Callable[..., Farm]) -> None:
    """The lease lets one at a time, so each event arrives once and in order; it is given up to another one."""
    number = 3 * delivery.BATCH
    got: list[str] = []
    clashes: list[str] = []
    at_work = threading.Lock()
    done = threading.Event()

    def deliver(event: PublishedEvent) -> None:
        if not at_work.acquire(blocking=False):
            clashes.append(event.payload["name"])
            return
        got.append(event.payload["name"])
        if len(got) % number == 0:
            done.set()
        at_work.release()

    farms = [make_farm(), make_farm()]
    for each in farms:
        attach(each, deliver)
    names = [str(each) for each in range(number)]
    for those in (farms, farms[1:]):
        publish(farms[0], *names)
        with in_background(*those):
            arrived = done.wait(PATIENCE_S)
        assert arrived
        done.clear()
    assert got == names + names
    assert clashes == []


# -- dead letters ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_dead(farm: Farm) -> tuple[Farm, EventSink, Receiver]:
    """A farm with a sink that gave up the events a, b and c."""
    receiver = Receiver(*(Undeliverable("no") for _ in range(3)))
    sink = attach(farm, receiver.deliver)
    publish(farm, "a", "b", "c")
    delivery.tick(farm, sink)
    return farm, sink, receiver


def keys_of(farm: Farm) -> list[int]:
    """The keys of all dead letters."""
    return [letter.key for letter in sinks.dead_letters(farm, 100)]


def test_dead_letters_are_delivered_after_all(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """Those that are chosen, or all, are delivered in order, and are no dead letters any more."""
    farm, sink, receiver = with_dead
    assert sinks.retry(farm, "sink", keys_of(farm)[1:2]) == 1
    publish(farm, "new")
    delivery.tick(farm, sink)
    assert (receiver.got, dead_names(farm)) == (["new", "b"], ["a", "c"])
    assert sinks.retry(farm, "sink") == 2
    delivery.tick(farm, sink)
    assert (receiver.got, dead_names(farm)) == (["new", "b", "a", "c"], [])


def test_a_dead_letter_that_fails_again_stays_one(with_dead: tuple[Farm, EventSink, Receiver], clock: Clock) -> None:
    """It is tried once, counted, and waits for a decision again; the sink is left alone for a while."""
    farm, sink, receiver = with_dead
    sinks.retry(farm, "sink")
    receiver.failures = [Undeliverable("still not"), OSError("down")]
    clock.forward(60)
    assert delivery.tick(farm, sink) == delivery.BACKOFF.first
    letters = sinks.dead_letters(farm, 100)
    assert [(letter.error, letter.attempts, letter.retry) for letter in letters] == [
        ("still not", 2, False),
        ("OSError: down", 2, False),
        ("no", 1, True),
    ]
    assert letters[0].died == clock.now
    clock.forward(delivery.BACKOFF.first)
    assert delivery.tick(farm, sink) == delivery.IDLE_S
    assert (receiver.got, state(farm).error) == (["c"], "")


def test_dead_letters_are_discarded(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """Those that are chosen, or all, are gone."""
    farm, _, _ = with_dead
    assert sinks.discard(farm, "sink", keys_of(farm)[:1]) == 1
    assert dead_names(farm) == ["b", "c"]
    assert sinks.discard(farm, "sink") == 2
    assert (dead_names(farm), state(farm).dead) == ([], 0)


@pytest.mark.parametrize("decide", [sinks.retry, sinks.discard])
def test_what_is_not_there_is_said(with_dead: tuple[Farm, EventSink, Receiver], decide: Callable[..., int]) -> None:
    """A sink or a letter that does not exist is an error, and nothing is done for the others either."""
    farm, _, _ = with_dead
    before = sinks.dead_letters(farm, 100)
    with pytest.raises(NotFound, match="no event sink 'elsewhere'"):
        decide(farm, "elsewhere")
    with pytest.raises(NotFound, match="nothing was done"):
        decide(farm, "sink", [before[0].key, 2**62])
    assert sinks.dead_letters(farm, 100) == before


def test_the_newest_of_each_sink_are_shown(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """A sink with many dead letters does not hide those of another one."""
    farm, _, _ = with_dead
    other = attach(farm, Receiver(Undeliverable("no")).deliver, "another")
    publish(farm, "d")
    delivery.tick(farm, other)
    assert [(each.sink, each.event.payload["name"]) for each in sinks.dead_letters(farm, 2)] == [
        ("another", "d"),
        ("sink", "b"),
        ("sink", "c"),
    ]


def test_a_sink_that_was_removed(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """It is shown while it has dead letters, which can only be discarded; then it is forgotten."""
    farm, sink, _ = with_dead
    farm.event_sinks = {}
    publish(farm, "missed")
    delivery.look_after_sinks(farm)
    assert state(farm) == SinkState(name="sink", waiting=0, dead=3, failures=0)
    with pytest.raises(Conflict, match="not configured any more"):
        sinks.retry(farm, "sink")
    sinks.discard(farm, "sink")
    assert sinks.states(farm) == []
    delivery.look_after_sinks(farm)
    attach(farm, sink.deliver)
    assert state(farm).waiting == 0, "it begins anew"


# -- over HTTP and on the command line --------------------------------------------------------------------------------


class Quiet(WSGIRequestHandler):
    """Answers requests and says nothing about them."""

    def log_message(self, *_: object) -> None:
        """Leave it."""


@contextmanager
def serving(farm: Farm) -> Iterator[str]:
    """The farm's API, at a real address."""
    with make_server("127.0.0.1", 0, create_app(farm), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_api_tells_and_takes_decisions(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """Sinks and dead letters are shown as the document says, and what cannot be done has its status."""
    farm, _, _ = with_dead
    client = testing.TestClient(create_app(farm))
    assert client.simulate_get("/api/x/sinks").json == {
        "sinks": [{"name": "sink", "waiting": 0, "dead": 3, "failures": 0}]
    }
    letters = client.simulate_get("/api/x/dead-letters").json["dead_letters"]
    assert [letter["payload"]["name"] for letter in letters] == ["a", "b", "c"]
    choice = {"sink": "sink", "keys": [letters[0]["key"]]}
    assert client.simulate_post("/api/x/dead-letters/retry", json=choice).json == {"count": 1}
    assert client.simulate_get("/api/x/dead-letters").json["dead_letters"][0]["retry"]
    assert client.simulate_post("/api/x/dead-letters/discard", json={"sink": "sink"}).json == {"count": 3}
    assert client.simulate_post("/api/x/dead-letters/discard", json=choice).status_code == 404
    assert client.simulate_post("/api/x/dead-letters/retry", json={"sink": "x", "keys": []}).status_code == 400


def test_the_command_line(with_dead: tuple[Farm, EventSink, Receiver]) -> None:
    """People see the same, for themselves and for programs, and decide by name and key."""
    farm, _, _ = with_dead
    key = keys_of(farm)[0]

    with serving(farm) as url:

        def run(*arguments: str) -> str:
            environ = {"FLAMENCO_MANAGER": url, "COLUMNS": "120"}
            done = CliRunner().invoke(main, ["sinks", *arguments], env=environ)
            assert done.exit_code == 0, done.output
            return done.stdout

        assert "sink" in run("list")
        assert msgspec.json.decode(run("list", "--json"))[0]["dead"] == 3
        assert msgspec.json.decode(run("dead", "sink", "--json"))[0]["key"] == key
        assert "No events" in run("dead", "other")
        assert run("retry", "sink", str(key)).endswith("sink: 1 to be delivered again\n")
        assert "(to be tried again) no" in run("dead")
        assert run("discard", "sink").endswith("sink: 3 discarded\n")
        assert CliRunner().invoke(main, ["sinks", "retry", "x", "--manager", url]).exit_code == 1
        with ManagerClient(url) as client:
            assert client.sinks()[0].dead == 0
