"""Following what happens through the API: page by page, by topic, and waiting for what comes next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from falcon import testing
from sqlalchemy import event

from flamenco.api.app import create_app
from flamenco.client import Events, ManagerClient
from flamenco.domain.events import MOST_LOG_TEXT, Event, EventWorkerUpdate
from flamenco.domain.model import Assignment
from flamenco.domain.statuses import TaskStatus, WorkerStatus
from flamenco.farm import following, tasks
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.services import upkeep
from flamenco.store import events, log_followers
from flamenco.store.engine import Tx
from flamenco.testing import START, Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_query_plans import scans_of

pytestmark = pytest.mark.postgresql

PATIENCE_S = 30.0


def append_event(tx: Tx, name: str, topic: str, now: Any = START) -> None:
    """Write an event about a worker of this name."""
    update = EventWorkerUpdate(
        id="id", name=name, updated=START, status=WorkerStatus.AWAKE, version="1", can_restart=False
    )
    events.append(tx, [Event(topic, update)], now)


def publish(farm: Farm, *names: str, topic: str = "/jobs") -> None:
    """Let events happen, each in a transaction of its own."""
    for name in names:
        with farm.store.write() as tx:
            append_event(tx, name, topic, farm.clock())


@pytest.fixture
def ask(farm: Farm) -> Callable[..., Any]:
    """Asks for events; arguments are those of the query."""
    client = testing.TestClient(create_app(farm))

    def get(**query: Any) -> Any:
        answer = client.simulate_get("/api/x/events", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json

    return get


def names(page: Any) -> list[str]:
    """The names in the events of a page."""
    return [each["payload"]["name"] for each in page["events"]]


# -- pages --------------------------------------------------------------------------------------------------------


def test_from_now_on(farm: Farm, ask: Callable[..., Any]) -> None:
    """Without a number there are no events, but the number after which those are that happen from now on."""
    assert ask() == {"events": [], "next": 0, "missed": False, "more": False}
    publish(farm, "old")
    start = ask()
    assert start["events"] == []
    publish(farm, "new")
    assert names(ask(after=start["next"])) == ["new"]


def test_an_event_is_what_was_published(farm: Farm, ask: Callable[..., Any]) -> None:
    """It has its number, moment and topic, and the payload that the protocol has for that topic."""
    worker = new_worker(farm)
    page = ask(after=0)
    told = page["events"][-1]
    assert told.keys() == {"id", "created", "topic", "payload"}
    assert (told["id"], told["topic"], told["created"]) == (page["next"], "/workers", "2026-01-02T03:04:05Z")
    assert (told["payload"]["id"], told["payload"]["status"]) == (worker.id, "awake")


def test_page_by_page(farm: Farm, ask: Callable[..., Any]) -> None:
    """Each page goes on where the last one ended; nothing is left out and nothing comes twice."""
    wanted = [str(number) for number in range(5)]
    publish(farm, *wanted)
    found, after, pages = [], 0, 0
    while (page := ask(after=after, limit=2))["events"]:
        found += names(page)
        assert page["more"] == (len(page["events"]) == 2)
        after, pages = page["next"], pages + 1
    assert (found, pages) == (wanted, 3)
    assert page == {"events": [], "next": after, "missed": False, "more": False}


def test_many_at_once(farm: Farm, ask: Callable[..., Any]) -> None:
    """Are there in their order, however many; what was put off before them too, and lines of logs for who follows."""
    wanted = [str(number) for number in range(100)]
    with farm.store.write() as tx:
        update = EventWorkerUpdate(
            id="id", name="", updated=START, status=WorkerStatus.AWAKE, version="1", can_restart=False
        )
        log = Event("/tasklog/nobody", update)
        told = [Event(f"/jobs/{each}", msgspec.structs.replace(update, name=each)) for each in wanted]
        events.append(tx, [log, *told, log], START)
    page = ask(after=0, limit=1000)
    assert names(page) == wanted
    assert [each["topic"] for each in page["events"]] == [f"/jobs/{each}" for each in wanted]
    assert [each["id"] for each in page["events"]] == sorted({each["id"] for each in page["events"]})


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        ("/jobs", ["job"]),
        ("/jobs/1", ["task"]),
        ("/jobs/*", ["task", "image"]),
        ("/jobs,/jobs/*", ["job", "task", "image"]),
        ("/jobs/1,/workers", ["task", "worker"]),
        ("*", ["job", "task", "image", "worker"]),
        ("", ["job", "task", "image", "worker"]),
        ("/job", []),
    ],
)
def test_topics(farm: Farm, ask: Callable[..., Any], topics: str, expected: list[str]) -> None:
    """Only events whose topic fits are told; the number goes on over the others."""
    publish(farm, "job")
    publish(farm, "task", topic="/jobs/1")
    publish(farm, "image", topic="/jobs/1/last-rendered")
    publish(farm, "worker", topic="/workers")
    page = ask(after=0, topics=topics)
    assert names(page) == expected
    assert page["next"] == ask()["next"]


def test_a_rare_topic_costs_no_more(farm: Farm, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A call looks at so many events and no more, says that there are others, and goes on from there."""
    monkeypatch.setattr(following, "MOST_LOOKED_AT", 3)
    publish(farm, *"abcd")
    publish(farm, "rare", topic="/rare")
    first = ask(after=0, topics="/rare", wait=60)
    assert (names(first), first["more"]) == ([], True)
    second = ask(after=first["next"], topics="/rare")
    assert (names(second), second["more"]) == (["rare"], False)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"after": "-1"}, "after:"),
        ({"after": "x"}, "after:"),
        ({"after": str(2**63)}, "after:"),
        ({"limit": "0"}, "limit:"),
        ({"limit": "1001"}, "limit:"),
        ({"wait": "61"}, "wait:"),
        ({"wait": "nan"}, "wait:"),
        ({"topics": ",".join(["/jobs"] * 101)}, "topics:"),
    ],
)
def test_questions_that_are_refused(farm: Farm, query: dict[str, str], message: str) -> None:
    """What is wrong with a question is told by the name of its parameter."""
    answer = testing.TestClient(create_app(farm)).simulate_get("/api/x/events", params=query)
    assert answer.status_code == 400
    assert answer.json["message"].startswith(message)


def test_events_are_found_without_looking_through_the_table(farm: Farm, ask: Callable[..., Any]) -> None:
    """However many there are, each question goes by the number."""
    publish(farm, *"abc")
    with executed(farm.store) as statements:
        ask()
        ask(after=1, topics="/rare", wait=0.01)
        ask(after=99)
    assert len(statements) >= 3
    assert scans_of(farm.store, statements) == []


# -- numbers that do not fit ----------------------------------------------------------------------------------------


def test_who_was_away_for_too_long_is_told(farm: Farm, ask: Callable[..., Any], clock: Clock) -> None:
    """Events that are not kept any more were missed; the others are told. Who has seen all of them missed nothing."""
    publish(farm, "a", "b", "c")
    seen = ask(after=0, limit=1)["next"]
    last = ask()["next"]
    clock.forward(2 * upkeep.EVENTS_KEPT.total_seconds())
    upkeep.forget_events(farm)
    assert not ask(after=last)["missed"], "nothing has happened since"
    assert ask(after=seen)["missed"]
    publish(farm, "d")
    upkeep.forget_events(farm)
    page = ask(after=seen, wait=60)
    assert (names(page), page["missed"]) == (["d"], True)
    assert not ask(after=page["next"])["missed"]
    assert names(ask(after=last)) == ["d"]
    assert not ask(after=last)["missed"]


def test_a_number_that_no_event_has_had(farm: Farm, ask: Callable[..., Any]) -> None:
    """Somebody with the numbers of another database is told at once, and where to go on."""
    publish(farm, "a")
    page = ask(after=1_000_000, wait=60)
    assert page == {"events": [], "next": ask()["next"], "missed": True, "more": False}


# -- waiting --------------------------------------------------------------------------------------------------------


class InBackground:
    """A question that is asked by another thread."""

    def __init__(self, ask: Callable[..., Any], **query: Any) -> None:
        self._answer: Any = None
        self._thread = threading.Thread(target=self._run, args=(ask, query), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[..., Any], query: dict[str, Any]) -> None:
        self._answer = ask(**query)

    @property
    def answer(self) -> Any:
        """The answer; waits for it."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self._answer


def await_waiting(farm: Farm, count: int) -> None:
    """Come back when so many requests wait."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while farm.event_waits.waiting != count:
        assert time.monotonic() < deadline
        pause.wait(0.01)


@pytest.fixture
def let_go(farm: Farm) -> Iterator[None]:
    """Nobody waits any more when the test is over."""
    yield
    farm.event_waits.stop()


def test_waiting_ends_with_the_first_event_that_fits(farm: Farm, ask: Callable[..., Any], let_go: None) -> None:
    """Others are passed over while it waits, and it has no transaction open."""
    waiting = InBackground(ask, topics="/jobs", wait=60)
    await_waiting(farm, 1)
    publish(farm, "other", topic="/workers")
    publish(farm, "wanted")
    publish(farm, "later", topic="/workers")
    page = waiting.answer
    assert (names(page), page["more"], page["missed"]) == (["wanted"], False, False)
    assert "retry_after" not in page


def test_waiting_ends_by_itself(farm: Farm, ask: Callable[..., Any]) -> None:
    """Without an event the answer is empty, after the time that was asked for."""
    started = time.monotonic()
    assert ask(wait=0.2) == {"events": [], "next": 0, "missed": False, "more": False}
    assert 0.2 <= time.monotonic() - started < PATIENCE_S


def test_nobody_waits_for_what_is_there(farm: Farm, ask: Callable[..., Any]) -> None:
    """Events that are there already are told at once."""
    publish(farm, "a")
    started = time.monotonic()
    assert names(ask(after=0, wait=60)) == ["a"]
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize(("threads", "places"), [(1, 0), (3, 0), (4, 1), (8, 2)])
def test_only_some_threads_may_wait(make_farm: Callable[..., Farm], threads: int, places: int) -> None:
    """Workers always find a thread for their requests: who would wait beyond that is told when to ask again."""
    farm = make_farm(threads=threads)
    client = testing.TestClient(create_app(farm))

    def ask(**query: Any) -> Any:
        return client.simulate_get("/api/x/events", params=query).json

    waiting = [InBackground(ask, wait=60) for _ in range(places)]
    await_waiting(farm, places)
    assert ask(wait=60) == {"events": [], "next": 0, "missed": False, "more": False, "retry_after": 2}
    assert "retry_after" not in ask(), "who does not want to wait is not told to"
    publish(farm, "a")
    assert [names(each.answer) for each in waiting] == [["a"]] * places
    if places:
        last = InBackground(ask, wait=60)
        await_waiting(farm, 1)
        publish(farm, "b")
        assert names(last.answer) == ["b"], "the places are free again"


def test_waiting_costs_one_question_at_a_time(farm: Farm, ask: Callable[..., Any], let_go: None) -> None:
    """However many wait, the database is asked for the newest number twice a second."""
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    waiting = [InBackground(ask, wait=1.2, topics="/jobs") for _ in range(2)]
    await_waiting(farm, 2)
    event.listen(farm.store.engine, "before_cursor_execute", note)
    try:
        assert [names(each.answer) for each in waiting] == [[], []]
    finally:
        event.remove(farm.store.engine, "before_cursor_execute", note)
    assert 1 <= sum("events" in statement for statement in asked) <= 3


def test_waiting_ends_with_the_process(farm: Farm, ask: Callable[..., Any]) -> None:
    """A process that is told to end answers those who wait, and lets nobody wait any more."""
    waiting = InBackground(ask, wait=60)
    await_waiting(farm, 1)
    farm.event_waits.stop()
    assert names(waiting.answer) == []
    started = time.monotonic()
    ask(wait=60)
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_transaction_that_ends_late_is_not_passed_over(farm: Farm, ask: Callable[..., Any], let_go: None) -> None:
    """From now on means after everything that is certain to be told: what is under way comes, and in its place."""
    publish(farm, "before")
    with farm.store.write() as late:
        append_event(late, "late", "/jobs")
        publish(farm, "quick")
        start = ask()
        assert names(ask(after=0)) == ["before"]
        waiting = InBackground(ask, after=start["next"], wait=60)
        await_waiting(farm, 1)
    assert names(waiting.answer) == ["late", "quick"]


def test_nothing_is_missed_among_many_writers(farm: Farm) -> None:
    """However transactions overlap, who follows sees each event once, and those of one transaction in their order."""

    def write(writer: int) -> None:
        for number in range(0, 40, 2):
            with farm.store.write() as tx:
                append_event(tx, f"{writer}-{number}", "/jobs")
                append_event(tx, f"{writer}-{number + 1}", "/jobs")

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for each in writers:
        each.start()
    seen: list[str] = []
    after, ended = 0, False
    while not ended:
        ended = not any(each.is_alive() for each in writers)  # and then once more, for the last ones
        page = following.follow(farm, after, (), 1000, 0)
        seen += [each.payload["name"] for each in page.events]
        after = page.next
    for writer in range(4):
        mine = [name for name in seen if name.startswith(f"{writer}-")]
        assert mine == [f"{writer}-{number}" for number in range(40)]


# -- the client -----------------------------------------------------------------------------------------------------


def test_the_client(farm: Farm) -> None:
    """It asks, reads the answer, and waits itself when the manager cannot let it."""
    with ManagerClient("http://localhost", transport=httpx.WSGITransport(create_app(farm))) as client:
        start = client.events.after(None)
        assert start == Events(events=(), next=0)
        publish(farm, "a", "b")
        publish(farm, "c", topic="/workers")
        found = client.events.after(start.next, ("/jobs", "/jobs/*"), wait_s=1.5)
        assert found is not None
        assert [(each.topic, each.payload["name"]) for each in found.events] == [("/jobs", "a"), ("/jobs", "b")]
        assert (found.missed, found.more, found.retry_after) == (False, False, None)
        with farm.event_waits.slot(), farm.event_waits.slot():
            started = time.monotonic()
            told = client.events.after(found.next, wait_s=0.2)
        assert told is not None
        assert told.retry_after == 2
        assert time.monotonic() - started >= 0.2


# -- task logs ----------------------------------------------------------------------------------------------------


def test_what_is_logged_is_published(farm: Farm, ask: Callable[..., Any]) -> None:
    """Text of a worker as it was given, lines of the manager as they stand in the file; only to who asks for logs."""
    ask(topics="/tasklog/*")
    store_job(farm, authored_job(authored_task("render", "blender")))
    worker = new_worker(farm)
    task = take(farm, worker).task
    tasks.update(farm, worker, task.id, TaskChange(log="no newline at the end"))
    report(farm, worker, Assignment(task=task, job_priority=0, job_type=""), TaskStatus.COMPLETED, log="x" * 100_000)
    told = ask(after=0, topics=f"/tasklog/{task.id}")["events"]
    assert all(each["payload"].keys() == {"task_id", "log"} for each in told)
    texts = [each["payload"]["log"] for each in told]
    assert [text.partition(" ")[2] for text in texts[:2]] == [
        f"Task assigned to worker {worker.name} ({worker.id})",
        "task changed status queued -> active",
    ]
    assert texts[2:4] == ["no newline at the end", "x" * MOST_LOG_TEXT]
    lines = farm.logs.path(task.job_id, task.id).read_text().splitlines()
    assert [texts[0], texts[1], texts[2], texts[4]] == [lines[0], lines[1], lines[2], lines[4]]
    assert not [each for each in ask(after=0)["events"] if each["topic"].startswith("/tasklog")]


def test_task_logs_are_kept_for_minutes(farm: Farm, clock: Clock, ask: Callable[..., Any]) -> None:
    """Their events go long before the others, which stay."""
    ask(topics="/tasklog/*")
    store_job(farm, authored_job(authored_task("render", "blender")))
    take(farm, new_worker(farm))
    others = len(ask(after=0)["events"])
    clock.forward(upkeep.TASK_LOGS_KEPT.total_seconds() + 1)
    assert upkeep.forget_task_logs(farm, batch=1) == 1
    assert upkeep.forget_task_logs(farm) > 1
    assert ask(after=0, topics="/tasklog/*")["events"] == []
    assert len(ask(after=0)["events"]) == others


def log_topics(farm: Farm) -> set[str]:
    """The topics of task logs that there are events of."""
    with farm.store.read() as tx:
        return {event.topic for event in events.after(tx, 0, 1000) if event.topic.startswith("/tasklog/")}


def test_only_logs_that_are_followed_have_events(farm: Farm, clock: Clock, ask: Callable[..., Any]) -> None:
    """From when somebody asks for one log until nobody has for ten minutes, and of no other."""
    followed, other = authored_task("followed"), authored_task("other")
    store_job(farm, authored_job(followed, other))
    worker = new_worker(farm)

    def log_something() -> None:
        for task in (followed, other):
            with farm.store.write() as tx:
                cascade, state = Cascade.of_task(tx, task.id, farm.clock())
                cascade.log(state, "a line")
                cascade.save()

    take(farm, worker)
    log_something()
    assert log_topics(farm) == set()
    topic = f"/tasklog/{followed.id}"
    start = ask(topics=f"/jobs,{topic}")["next"]
    log_something()
    assert log_topics(farm) == {topic}
    assert [each["topic"] for each in ask(after=start, topics=topic)["events"]] == [topic]
    # Who comes again now and then misses nothing.
    for _ in range(4):
        clock.forward(following.LOGS_FOLLOWED_FOR.total_seconds() * 0.9)
        ask(topics=topic)
    before = ask(after=start, topics=topic)["next"]
    log_something()
    assert len(ask(after=before, topics=topic)["events"]) == 1
    clock.forward(following.LOGS_FOLLOWED_FOR.total_seconds() + 1)
    assert upkeep.forget_task_logs(farm) > 1
    log_something()
    assert log_topics(farm) <= {topic}
    with farm.store.read() as tx:
        assert log_followers.patterns(tx) == frozenset()


def test_whoever_follows_too_many_logs_follows_all(
    farm: Farm, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of what is followed has a bound, and nobody misses anything by that."""
    monkeypatch.setattr(following, "MOST_LOGS_FOLLOWED", 3)
    for number in range(5):
        ask(topics=f"/tasklog/{number}")
    with farm.store.read() as tx:
        assert log_followers.patterns(tx) == {"/tasklog/0", "/tasklog/1", "/tasklog/2", "/tasklog/*"}
