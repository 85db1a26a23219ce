"""Updates of tasks on their way to the manager: kept in a file, sent in order, once each, whatever happens."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from structlog.testing import capture_logs

from flamenco.client import ManagerClient, TaskUpdate
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError
from flamenco.domain.statuses import TaskStatus
from flamenco.worker.update_queue import FILE_NAME, UpdateQueue
from flamenco.worker.updates import MOST_ERRORS, Delivery, Updates
from tests.integration.scripted_manager import Answer, ScriptedManager

LIMIT = 1_000_000
TASK = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


class Line:
    """The way to a manager: client, queue and a clock that is moved by hand."""

    def __init__(self, manager: ScriptedManager, folder: Path) -> None:
        self.now = 1000.0
        self.reassigned: list[str] = []
        self.client = ManagerClient(manager.url)
        manager.know("worker", "secret")
        self.client.authenticate("worker", "secret")
        self.queue = UpdateQueue(folder / FILE_NAME, LIMIT)
        self.updates = Updates(
            self.queue,
            self.client,
            Duration(30),
            self.reassigned.append,
            clock=lambda: self.now,
            ask=self.client.requested_status,
        )

    def send(self, update: TaskUpdate, task: str = TASK) -> None:
        """Queue an update, and do what the delivering thread does then."""
        self.updates.put(task, update)
        self.updates.deliver()

    def log(self, *texts: str, task: str = TASK) -> None:
        """Send log text."""
        for text in texts:
            self.send(TaskUpdate(log=text), task)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def line(manager: ScriptedManager, tmp_path: Path) -> Iterator[Line]:
    """The way to that manager."""
    opened = Line(manager, tmp_path)
    yield opened
    opened.queue.close()
    opened.client.close()


def test_updates_have_the_names_of_the_protocol(line: Line, manager: ScriptedManager) -> None:
    """What is not said is not sent, rather than sent as null."""
    line.send(TaskUpdate(activity="Started", status=TaskStatus.ACTIVE))
    line.send(TaskUpdate(activity="Progress", steps_completed=3))
    assert manager.updates_of(TASK) == [
        {"activity": "Started", "taskStatus": "active"},
        {"activity": "Progress", "steps_completed": 3},
    ]


def test_absence(line: Line, manager: ScriptedManager) -> None:
    """While the manager is away updates wait; when it is back they arrive in order, each once."""
    line.log("1")
    manager.switch_off()
    line.log("2", "3")
    assert line.updates.deliver_all() is Delivery.PUT_OFF
    manager.switch_on()
    line.log("4")
    assert manager.log_of(TASK) == "1"  # too early for another attempt, and never out of order
    line.now += 30
    line.updates.deliver()
    assert manager.log_of(TASK) == "1234"
    line.log("5")
    assert manager.log_of(TASK) == "12345"
    assert line.updates.deliver_all() is Delivery.COMPLETE


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429, 301])
def test_a_manager_with_a_problem(line: Line, manager: ScriptedManager, status: int) -> None:
    """An answer that says nothing about the update leaves it in the queue."""
    manager.answer_once("POST", "/worker/task/.*", Answer(status))
    line.log("1", "2")
    assert manager.log_of(TASK) == ""
    line.now += 30
    line.log("3")
    assert manager.log_of(TASK) == "123"


@pytest.mark.parametrize(
    ("header", "seconds"), [({"Retry-After": "7"}, 7), ({"Retry-After": "tomorrow"}, 30), ({}, 30)]
)
def test_when_to_try_again(line: Line, manager: ScriptedManager, header: dict[str, str], seconds: float) -> None:
    """The manager says when to come back, and is left alone until then."""
    manager.answer_once("POST", "/worker/task/.*", Answer(503, headers=header))
    line.log("1")
    assert line.updates.seconds_to_retry == seconds
    line.now += seconds - 0.1
    line.updates.deliver()
    assert manager.asked("POST", "/worker/task/.*") == 1
    line.now += 0.1
    line.updates.deliver()
    assert manager.log_of(TASK) == "1"
    assert line.updates.seconds_to_retry == 0


def test_signs_of_life(line: Line, manager: ScriptedManager) -> None:
    """When something else shows that the manager is back, updates do not wait any longer."""
    manager.answer_once("POST", "/worker/task/.*", Answer(503))
    line.log("1")
    line.updates.retry_now()
    assert line.updates.seconds_to_retry == 0
    line.updates.deliver()
    assert manager.log_of(TASK) == "1"


def test_reassigned_tasks(line: Line, manager: ScriptedManager) -> None:
    """Updates of a task that is not ours any more are dropped, and the owner of the task is told; others go on."""
    manager.switch_off()
    line.log("a", "b")
    line.log("other", task=OTHER)
    manager.switch_on()
    manager.reassigned.add(TASK)
    assert line.updates.deliver_all() is Delivery.COMPLETE
    assert line.reassigned == [TASK, TASK]
    assert manager.updates == [(OTHER, {"log": "other"})]


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_refused_updates(line: Line, manager: ScriptedManager, status: int) -> None:
    """An update that the manager will never take does not hold up the others."""
    manager.answer_once("POST", "/worker/task/.*", Answer(status, {"message": "no"}))
    line.log("1", "2")
    assert manager.log_of(TASK) == "2"
    assert line.reassigned == []


def stumble(manager: ScriptedManager, times: int, status: int = 500, task: str = TASK) -> None:
    """Have the manager answer updates of one task with an error."""
    for _ in range(times):
        manager.answer_once("POST", f"/worker/task/{task}", Answer(status, {"message": "out of order"}))


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_update_that_the_manager_stumbles_over(line: Line, manager: ScriptedManager, status: int) -> None:
    """One that is answered with errors for minutes, while the manager is fine otherwise, holds up no others."""
    stumble(manager, 100, status)
    line.send(TaskUpdate(activity="Completed", status=TaskStatus.COMPLETED, log="x" * 7))
    line.log("next", task=OTHER)
    with capture_logs() as events:
        for _ in range(10):
            assert manager.updates == []
            line.now += 30
            line.updates.deliver()
    assert manager.updates == [(OTHER, {"log": "next"})]
    assert manager.asked("POST", f"/worker/task/{TASK}") == 11
    (dropped,) = [event for event in events if event["log_level"] == "error"]
    assert dropped["task"] == TASK
    assert dropped["left_out"] == "status completed, activity 'Completed', 7 characters of log"
    assert (dropped["attempts"], dropped["since"], dropped["status"]) == (11, "5m0s", status)
    assert "out of order" in dropped["reason"]


def test_a_manager_that_says_when_to_come_back_does_not_stumble(line: Line, manager: ScriptedManager) -> None:
    """One whose disk is full, or whose database is away, gets every update in the end, however long that takes."""
    for _ in range(100):
        manager.answer_once("POST", f"/worker/task/{TASK}", Answer(503, {"message": "full"}, {"Retry-After": "5"}))
    line.log("1")
    for _ in range(100):
        line.now += 60
        line.updates.deliver()
    assert manager.log_of(TASK) == "1"


def test_few_errors_are_none_too_many(line: Line, manager: ScriptedManager) -> None:
    """A manager that wants to be left alone for long is asked some more times, before an update is left out."""
    stumble(manager, MOST_ERRORS - 1)
    line.log("1")
    for _ in range(MOST_ERRORS - 1):
        line.now += 3600
        line.updates.deliver()
    assert manager.log_of(TASK) == "1"


def test_a_manager_that_stumbles_over_everything(line: Line, manager: ScriptedManager) -> None:
    """While nothing else is answered well either, no update is left out, however long it takes."""
    stumble(manager, 20)
    for _ in range(20):
        manager.answer_once("GET", "/worker/state", Answer(500))
    line.log("1", "2")
    for _ in range(20):
        line.now += 100
        line.updates.deliver()
    assert manager.log_of(TASK) == "12"
    assert manager.asked("GET", "/worker/state") == 20 - (MOST_ERRORS - 1)


def test_every_update_has_its_own_patience(line: Line, manager: ScriptedManager) -> None:
    """Errors that one update met with are not counted for the next."""
    for text in ("1", "2"):
        stumble(manager, MOST_ERRORS - 1)
        line.log(text)
        for _ in range(MOST_ERRORS - 1):
            line.now += 100
            line.updates.deliver()
    assert manager.log_of(TASK) == "12"


def test_patience_without_end(line: Line, manager: ScriptedManager) -> None:
    """Whoever sets the time to zero never loses an update to errors."""
    patient = Updates(line.queue, line.client, Duration(30), clock=lambda: line.now, give_up=Duration(0))
    stumble(manager, 50)
    patient.put(TASK, TaskUpdate(log="1"))
    patient.deliver()
    for _ in range(50):
        line.now += 600
        patient.deliver()
    assert manager.log_of(TASK) == "1"


def test_updates_survive_the_worker(line: Line, manager: ScriptedManager, tmp_path: Path) -> None:
    """What could not be sent is sent by the next worker in the same folder."""
    manager.switch_off()
    line.log("1", "2")
    line.queue.close()
    manager.switch_on()
    later = Line(manager, tmp_path)
    assert later.updates.deliver_all() is Delivery.COMPLETE
    assert manager.log_of(TASK) == "12"
    later.queue.close()
    later.client.close()


def test_deliveries_end_in_time(line: Line, manager: ScriptedManager) -> None:
    """A delivery with no time left, or when the worker is stopping, leaves the queue as it is."""
    manager.switch_off()
    line.log("1")
    manager.switch_on()
    stopping = threading.Event()
    stopping.set()
    assert line.updates.deliver_all(within_s=0) is Delivery.INTERRUPTED
    assert line.updates.deliver_all(unless=stopping) is Delivery.INTERRUPTED
    assert line.updates.wait_until_delivered(stopping) is Delivery.INTERRUPTED
    assert manager.updates == []
    assert line.updates.deliver_all(within_s=5) is Delivery.COMPLETE


def test_one_thread_delivers(line: Line, manager: ScriptedManager) -> None:
    """What is queued is sent soon, by a thread that whoever queues it does not wait for, but may."""
    with line.updates.delivering():
        line.updates.put(TASK, TaskUpdate(log="1"))
        assert line.updates.wait_until_delivered(threading.Event()) is Delivery.COMPLETE
        assert manager.log_of(TASK) == "1"
        manager.switch_off()
        line.updates.put(TASK, TaskUpdate(log="2"))
        assert line.updates.wait_until_delivered(threading.Event()) is Delivery.PUT_OFF
        manager.switch_on()
        line.updates.retry_now()
        manager.wait_for(lambda: manager.log_of(TASK) == "12")


def test_many_threads(line: Line, manager: ScriptedManager) -> None:
    """Updates that several threads send at the same time all arrive, those of each thread in order."""
    tasks = [f"0000000{number}-0000-4000-8000-000000000000" for number in range(4)]
    texts = [f"{number} " for number in range(25)]
    threads = [threading.Thread(target=lambda task=task: line.log(*texts, task=task)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [manager.log_of(task) for task in tasks] == ["".join(texts)] * len(tasks)
    assert len(manager.updates) == len(tasks) * len(texts)


# -- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[UpdateQueue]:
    """An empty queue that has room for little."""
    opened = UpdateQueue(tmp_path / FILE_NAME, 1000)
    yield opened
    opened.close()


def taken_out(queue: UpdateQueue) -> list[tuple[str, str]]:
    """Everything in the queue, which is empty then."""
    found = []
    while update := queue.first():
        found.append((update.task_id, update.payload.decode()))
        queue.remove(update)
    return found


def test_the_queue_is_bounded(queue: UpdateQueue) -> None:
    """When there is no room, log text is left out with one line that says how much and why; all else is kept."""
    started = TaskUpdate(activity="Started", status=TaskStatus.ACTIVE)
    failed = TaskUpdate(activity="Failed: no", log="Failed: no\n", status=TaskStatus.FAILED)
    for update in (started, *(TaskUpdate(log="x" * 100) for _ in range(50)), failed, started):
        queue.append(TASK, update)
    payloads = [payload for _, payload in taken_out(queue)]
    assert len("".join(payloads)) < 1500
    taken = len([payload for payload in payloads if "xxx" in payload])
    assert payloads[0] == payloads[-1] == '{"taskStatus":"active","activity":"Started"}'
    assert payloads[-2] == '{"taskStatus":"failed","activity":"Failed: no"}'
    (line,) = [payload for payload in payloads if "missing" in payload]
    assert line == payloads[-3]
    left_out = (50 - taken) * 100 + len("Failed: no\n")
    assert f"[{left_out:,} characters of log text are missing here: the manager was away, and the worker keeps" in line
    assert "(update_queue_mb) for it]" in line


def test_there_is_room_again(queue: UpdateQueue) -> None:
    """When updates could be delivered, log text is taken again, and the next gap is marked again."""
    for _ in range(2):
        for _ in range(50):
            queue.append(TASK, TaskUpdate(log="x" * 100))
        texts = [payload for _, payload in taken_out(queue)]
        assert len(texts) > 5
        assert "missing" in texts[-1]


def test_progress_replaces_progress(queue: UpdateQueue) -> None:
    """Of reports of progress that follow each other the last is kept, and the first, which may be on its way."""
    for steps in range(1, 1000):
        queue.append(TASK, TaskUpdate(activity="Progress", steps_completed=steps))
    queue.append(TASK, TaskUpdate(log="x"))
    queue.append(TASK, TaskUpdate(activity="Progress", steps_completed=1000))
    queue.append(OTHER, TaskUpdate(activity="Progress", steps_completed=1))
    assert taken_out(queue) == [
        (TASK, '{"activity":"Progress","steps_completed":1}'),
        (TASK, '{"activity":"Progress","steps_completed":999}'),
        (TASK, '{"log":"x"}'),
        (TASK, '{"activity":"Progress","steps_completed":1000}'),
        (OTHER, '{"activity":"Progress","steps_completed":1}'),
    ]


@settings(max_examples=30)  # each makes a file
@given(
    st.lists(
        st.one_of(
            st.builds(TaskUpdate, status=st.sampled_from(TaskStatus), activity=st.text(max_size=5)),
            st.builds(TaskUpdate, steps_completed=st.integers(0, 99), activity=st.just("Progress")),
            st.builds(TaskUpdate, log=st.text(st.characters(exclude_categories=["Cs"]), max_size=300)),
        ),
        max_size=30,
    )
)
def test_statuses_are_never_left_out(tmp_path_factory: pytest.TempPathFactory, updates: list[TaskUpdate]) -> None:
    """However full the queue is, every change of status comes out of it, in order, and so does the last step."""
    queue = UpdateQueue(tmp_path_factory.mktemp("queue") / FILE_NAME, 500)
    for update in updates:
        queue.append(TASK, update)
    payloads = [msgspec.json.decode(payload, type=TaskUpdate) for _, payload in taken_out(queue)]
    queue.close()
    assert [each.status for each in payloads if each.status] == [each.status for each in updates if each.status]
    steps = [each.steps_completed for each in updates if each.steps_completed is not UNSET]
    kept = [each.steps_completed for each in payloads if each.steps_completed is not UNSET]
    assert kept[-1:] == steps[-1:]


def test_one_worker_per_folder(queue: UpdateQueue, tmp_path: Path) -> None:
    """A second worker in the same folder is refused with a sentence that says what to do."""
    with pytest.raises(ConfigError, match=r"Another worker is using .* give each its own folder with --data-dir"):
        UpdateQueue(tmp_path / FILE_NAME, 1000)


@pytest.mark.parametrize("content", [b"this is not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    """A damaged file does not keep the worker from working; it is put aside."""
    file = tmp_path / FILE_NAME
    file.write_bytes(content)
    queue = UpdateQueue(file, 1000)
    queue.append(TASK, TaskUpdate(log="x"))
    assert taken_out(queue) == [(TASK, '{"log":"x"}')]
    queue.close()
    assert (tmp_path / f"{FILE_NAME}.damaged").read_bytes() == content


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    """A file that cannot be opened stops the start with a sentence."""
    with pytest.raises(ConfigError, match="cannot be opened"):
        UpdateQueue(tmp_path / "no" / FILE_NAME, 1000)


def test_a_closed_queue_is_quiet(tmp_path: Path) -> None:
    """A delivery that is still under way when the worker ends does no harm, and is repeated at the next start."""
    queue = UpdateQueue(tmp_path / FILE_NAME, 1000)
    queue.append(TASK, TaskUpdate(log="x"))
    update = queue.first()
    assert update
    queue.close()
    queue.remove(update)
    assert queue.first() is None
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("SELECT task_id, payload FROM task_updates").fetchall() == [(TASK, b'{"log":"x"}')]
    database.close()
