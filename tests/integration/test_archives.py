"""Archives: a job goes into one file and comes back as it was; what others have made of such a file is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from msgspec.structs import replace
from sqlalchemy import select, update

from flamenco.api.app import create_app
from flamenco.domain.archives import file_name, is_file_name, may_contain
from flamenco.domain.errors import Busy, Conflict, NotFound, Refused, StoreError
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import Job, JobState
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.domain.time_limits import JobTimeLimits, TimeLimits
from flamenco.farm import archives, blocks, deletion, job_workers, jobs, limits, notes, returning, tasks, trash
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.files import archives as files
from flamenco.files.job_folders import job_folder
from flamenco.services.archiving import EVERY_S, Archiving
from flamenco.services.roll_ups import RollUps
from flamenco.store import archives as store
from flamenco.store import arrivals, recount
from flamenco.store.schema import roll_ups as roll_ups_table
from flamenco.store.schema import tasks as tasks_table
from flamenco.testing import Clock
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.test_deletion import delete_all, fan, published, rows
from tests.integration.test_query_plans import scans_of

NOBODY_ID = "00000000-0000-4000-8000-000000000000"
PICTURE = b"\xff\xd8 a picture"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read and stored at once is less than a job has."""
    for module in (store, archives):
        monkeypatch.setattr(module, "PART", 3)


def ended(farm: Farm) -> Job:
    """A job with all that a job can have, which has ended."""
    fields = {
        "time_limits": JobTimeLimits(own={"*": TimeLimits(max_run_s=3600, max_silence_s=60)}),
        "failure_rules": (FailureRule(match="busy", then="retry_after 5m"),),
        "fail_percent": 50,
        "tries": 4,
        "metadata": {"user.name": "anna", "project": "film"},
        "variables": {"scene": "a.blend"},
    }
    job = store_job(farm, replace(fan(12), name="Shot 13: ümläut/..", settings={"frames": "1-12"}, **fields))
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    limits.set_max_workers(farm, job.id, 3)
    job_workers.change(farm, job.id, ["w0", "w1", "w2", "w3"], ["w2"])
    blocks.block(farm, job.id, ["w2"], "*", "anna")
    notes.note_job(farm, job.id, "the camera moves", "anna")
    for worker in team[:2]:
        for _ in range(3):
            farm.clock.forward(1)  # type: ignore[attr-defined]
            run_next(farm, worker, TaskStatus.FAILED)
    farm.clock.forward(1)  # type: ignore[attr-defined]
    given = take(farm, team[3])
    tasks.update(farm, team[3], given.task.id, TaskChange(log="hello\nworld", steps_completed=1))
    report(farm, team[3], given, TaskStatus.COMPLETED)
    farm.images.store(job.id, [PICTURE] * 3)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    return job


def seen(farm: Farm, job: JobState) -> list[Any]:
    """All that anybody is told of a job, by all APIs."""
    client = testing.TestClient(create_app(farm))
    of_v3, of_x = f"/api/v3/jobs/{job.id}", f"/api/x/jobs/{job.id}"
    paths = [of_v3, f"{of_v3}/tasks", f"{of_v3}/blocklist", of_x, f"{of_x}/tasks", f"{of_x}/attempts", f"{of_x}/times"]
    found = [client.simulate_get(path) for path in paths]
    assert {answer.status_code for answer in found} == {200}
    more = client.simulate_get(f"{of_x}/attempts", params={"limit": 2}).json
    rest = client.simulate_get(f"{of_x}/attempts", params={"after": more["next"]}).json
    assert more["attempts"] + rest["attempts"] == found[5].json["attempts"]
    whole = [client.simulate_get(f"/api/v3/tasks/{task.id}").json for task in tasks.of_job(farm, job.id)]
    folder = job_folder(farm.config.local_storage_path, job.id)
    told = [answer.json for answer in found]
    return told + whole + [{each.name: each.read_bytes() for each in folder.iterdir()}]


def summed_up(farm: Farm) -> list[Any]:
    """What the farm has done, as far as it is added up."""
    while RollUps().tick(farm) == 0:
        pass
    with farm.store.read() as tx:
        return [tuple(row) for row in tx.execute(select(roll_ups_table).order_by("at", "step_s"))]


def frames(farm: Farm) -> list[Any]:
    """The frames of all tasks, in their order, by which other jobs wait for them."""
    with farm.store.read() as tx:
        columns = tasks_table.c.index_in_job, tasks_table.c.frame_first, tasks_table.c.frame_last
        return [tuple(row) for row in tx.execute(select(*columns).order_by(columns[0]))]


def put_away(farm: Farm, job: JobState) -> Path:
    """Have the chores archive a job; the file."""
    archives.request(farm, job.id)
    delete_all(farm)
    assert any(Archiving().tick(farm) == EVERY_S for _ in range(9))
    delete_all(farm)
    assert not any(rows(farm.store).values())
    return farm.config.archives_path / file_name(job.id, job.name)


@pytest.mark.usefixtures("small_parts")
def test_a_job_comes_back_as_it_was(farm: Farm, clock: Clock) -> None:
    """All of it but its Shaman checkout: for people, for programs, in the counters; what was added up stays so."""
    job = ended(farm)
    with farm.store.write() as tx:  # as of a job that renders
        tx.execute(update(tasks_table).values(frame_first=tasks_table.c.index_in_job, frame_last=100))
    before, done, counted = seen(farm, job), summed_up(farm), statuses(farm, job)
    framed = frames(farm)
    file = put_away(farm, job)
    assert file.name == f"Shot-13-uml-ut_{job.id}.flamenco-job.zip" or is_file_name(file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    (found,) = archives.listed(farm)
    assert (found.file, found.summary.name, found.summary.tasks) == (file.name, job.name, 13)
    clock.forward(60)
    archives.bring_back(farm, file.name)
    assert seen(farm, job) == before
    assert before[3]["time_limits"]
    assert {"max_workers", "workers_allowed", "workers_denied", "note"} <= before[3].keys()
    assert frames(farm) == framed
    assert statuses(farm, job) == counted
    assert summed_up(farm) == done
    assert published(farm)[-1].payload["id"] == job.id
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    with pytest.raises(Conflict, match="there"):
        archives.bring_back(farm, file.name)
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "once more")
    job_workers.change(farm, job.id, [], None)
    assert run_next(farm, new_worker(farm, "other"))
    deletion.request(farm, job.id)
    delete_all(farm)
    assert not any(rows(farm.store).values())
    assert archives.bring_back(farm, file.name).id == job.id


def test_an_archive_is_downloaded(farm: Farm, tmp_path: Path) -> None:
    """Whole or in part, as the file that it is; and nothing else that lies in its folder, or elsewhere."""
    file = put_away(farm, ended(farm))
    client = testing.TestClient(create_app(farm))
    whole = client.simulate_get(f"/api/x/archives/{file.name}")
    assert (whole.status_code, whole.content) == (200, file.read_bytes())
    assert whole.headers["content-type"] == "application/zip"
    assert file.name in whole.headers["content-disposition"]
    part = client.simulate_get(f"/api/x/archives/{file.name}", headers={"Range": "bytes=-4"})
    assert (part.status_code, part.content) == (206, file.read_bytes()[-4:])
    (file.parent / "secret.txt").write_text("secret")
    linked = file.with_name(f"linked_{NOBODY_ID}.flamenco-job.zip")
    linked.symlink_to(file.parent / "secret.txt")
    for other in ("secret.txt", "..%2fsecret.txt", linked.name, f"gone_{NOBODY_ID}.flamenco-job.zip"):
        assert client.simulate_get(f"/api/x/archives/{other}").status_code == 404


def test_only_what_has_ended_is_archived(farm: Farm) -> None:
    """And only what is there."""
    job = store_job(farm, authored_job(authored_task()))
    with pytest.raises(Conflict, match="queued; only what is"):
        archives.request(farm, job.id)
    with pytest.raises(NotFound):
        archives.request(farm, "00000000-0000-4000-8000-000000000000")
    archives.archive(farm, "00000000-0000-4000-8000-000000000000")


def test_who_changes_their_mind_in_time(make_farm: Callable[..., Farm]) -> None:
    """Until it is purged, a job can be had back, and then no archive is made; nor is it purged while it waits."""
    farm = make_farm()
    job = ended(farm)
    archives.request(farm, job.id)
    delete_all(farm)
    assert trash.purge_overdue(farm) == 0
    assert archives.waiting(farm, 9) == [job.id]
    trash.undelete(farm, job.id)
    assert archives.waiting(farm, 9) == []
    archives.archive(farm, job.id)  # by somebody who was about to
    delete_all(farm)
    assert job_now(farm, job).status is JobStatus.CANCELED


def test_an_archive_that_is_not_whole_costs_nothing(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full, or an archive that is not what it should be: the job stays, nothing half is there."""
    job = ended(farm)
    archives.request(farm, job.id)
    delete_all(farm)
    chore = Archiving()
    with monkeypatch.context() as broken:
        broken.setattr(files.Writer, "files", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        chore.tick(farm)
        with pytest.raises(StoreError, match="No space"):
            archives.archive(farm, job.id)
    with monkeypatch.context() as broken:
        broken.setattr(files.Archive, "job", property(lambda _: replace(before, id="another")))
        with farm.store.read() as tx:
            before = store.job(tx, job.key)
        with pytest.raises(Refused):
            archives.archive(farm, job.id)
    assert list(farm.config.archives_path.iterdir()) == []
    assert chore.tick(farm) == EVERY_S
    assert archives.waiting(farm, 9) == [job.id]
    clock.forward(61)
    chore.tick(farm)
    assert [each.summary.id for each in archives.listed(farm)] == [job.id]


@pytest.mark.usefixtures("small_parts")
def test_whoever_dies_on_the_way_back(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees a part of a job; what is left of it goes, and the next one brings it back."""
    job = ended(farm)
    before, done = seen(farm, job), summed_up(farm)
    file = put_away(farm, job)
    with monkeypatch.context() as killed:
        killed.setattr(store.Return, "link", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        killed.setattr(arrivals, "abandon", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            archives.bring_back(farm, file.name)
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    with pytest.raises(NotFound):
        jobs.fetch(farm, job.id)
    with pytest.raises(Conflict):
        archives.bring_back(farm, file.name)
    clock.forward(601)
    delete_all(farm)
    assert not any(rows(farm.store).values())
    assert summed_up(farm) == done
    archives.bring_back(farm, file.name)
    assert seen(farm, job) == before


def test_who_took_too_long(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of which nothing came for a while is removed, and whoever stores it notices."""
    job = ended(farm)
    file = put_away(farm, job)
    unpack = returning._unpack

    def slow(*args: Any) -> None:
        unpack(*args)
        clock.forward(601)

    monkeypatch.setattr(returning, "_unpack", slow)
    with pytest.raises(Busy):
        archives.bring_back(farm, file.name)
    delete_all(farm)
    assert not any(rows(farm.store).values())


def test_one_in_the_trash_is_not_there_twice(make_farm: Callable[..., Farm]) -> None:
    """Whoever wants it is told where it is."""
    farm = make_farm()
    job = ended(farm)
    file = put_away(farm, job)
    archives.bring_back(farm, file.name)
    archives.request(farm, job.id)
    delete_all(farm)
    with pytest.raises(Conflict, match="undelete"):
        archives.bring_back(farm, file.name)


def test_in_another_farm(farm: Farm, tmp_path: Path) -> None:
    """Workers and tags that nobody knows are left out, and all else is there."""
    job = ended(farm)
    entries = contents(put_away(farm, job))
    lines = [json.loads(line) for line in entries["tasks.jsonl"].splitlines()]
    strange = "11111111-2222-4333-8444-555555555555"
    whole = json.loads(entries["job.json"]) | {"tag": strange}
    for task in lines:
        task["worker"] = strange
        for each in (*task.get("tried", ()), *task.get("failed_by", ())):
            each["worker"] = f"00000000{each['worker'][8:]}"
    entries |= {"job.json": json.dumps(whole).encode(), "tasks.jsonl": "\n".join(map(json.dumps, lines)).encode()}
    archives.bring_back(farm, written(farm, entries))
    assert statuses(farm, job)[0] == "canceled"
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []


# -- what others have made --------------------------------------------------------------------------------------------


def contents(file: Path) -> dict[str, bytes]:
    """What is in an archive."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(farm: Farm, entries: dict[str, bytes], name: str = "theirs.flamenco-job.zip") -> str:
    """An archive with that in it."""
    file = farm.config.archives_path / name
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, data in entries.items():
            archive.writestr(each, data)
    return name


def in_job(**changed: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Something else is said of the job."""

    def change(entries: dict[str, bytes]) -> dict[str, bytes]:
        return entries | {"job.json": json.dumps(json.loads(entries["job.json"]) | changed).encode()}

    return change


def in_task(number: int = 0, **changed: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Something else is said of a task."""

    def change(entries: dict[str, bytes]) -> dict[str, bytes]:
        lines = entries["tasks.jsonl"].splitlines()
        lines[number] = json.dumps(json.loads(lines[number]) | changed).encode()
        return entries | {"tasks.jsonl": b"\n".join(lines)}

    return change


def without(name: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Something is missing."""
    return lambda entries: {each: data for each, data in entries.items() if each != name}


def also(name: str, data: bytes = b"x") -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """There is something more."""
    return lambda entries: entries | {name: data}


UUID = "00000000-0000-4000-8000-000000000000"
ATTEMPT = {"started": "2026-01-02T03:04:05Z", "ended": "2026-01-02T03:04:05Z", "seconds": 1, "outcome": "failed"}

HOSTILE: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a file above": also("../../etc/passwd"),
    "an absolute name": also("/etc/passwd"),
    "a name of Windows": also("logs\\..\\..\\x"),
    "a log elsewhere": also(f"logs/../task-{UUID}.txt"),
    "a log of no task": also(f"logs/task-{UUID}.txt"),
    "a folder": also("logs/"),
    "another image": also("images/evil.jpg"),
    "no tasks": without("tasks.jsonl"),
    "no job": without("job.json"),
    "a task less": lambda entries: entries | {"tasks.jsonl": entries["tasks.jsonl"].partition(b"\n")[2]},
    "a task more": lambda entries: entries | {"tasks.jsonl": entries["tasks.jsonl"] * 2},
    "another kind": also("summary.json", json.dumps({"format": 2}).encode()),
    "a long summary": also("summary.json", b" " * 1_000_000),
    "no JSON": also("job.json", b"\x00\xff"),
    "deep JSON": also("job.json", b"[" * 1_000_000),
    "nested settings": in_job(settings={"a": "\u0000"}),
    "a job that runs": in_job(status="active"),
    "another id": in_job(id=UUID),
    "an id that is a path": in_job(id="../../../../etc"),
    "an id with a line": in_job(id=f"{UUID}\n"),
    "counts that are wrong": in_job(counts={"completed": 1_000_000}),
    "a huge number": in_job(priority=2**63),
    "a moment of no zone": in_job(created="2026-01-02T03:04:05"),
    "endless seconds": in_job(used_seconds=-1.0),
    "a task that runs": in_task(status="active"),
    "a task with the name of a path": in_task(id="../x"),
    "a task that waits for itself": in_task(after=[1]),
    "a task that waits for none": in_task(after=[0]),
    "a task that waits for one beyond": in_task(after=[999]),
    "a task that waits twice": in_task(12, after=[1, 1]),
    "a lone surrogate": lambda entries: entries | {
        "tasks.jsonl": entries["tasks.jsonl"].replace(b'"frame 0"', b'"\\ud800"')
    },
    "attempts beyond": in_task(tried=[{"number": n, **ATTEMPT} for n in range(500)]),
    "an attempt twice": in_task(attempts=1, tried=[{"number": 1, **ATTEMPT}] * 2),
    "other attempts": in_task(attempts=9),
    "a failure twice": in_task(failed_by=[{"worker": UUID, "created": "2026-01-02T03:04:05Z"}] * 2),
}  # fmt: skip


@pytest.fixture
def whole(farm: Farm) -> dict[str, bytes]:
    """What is in an archive of this farm, of which the job is not there any more."""
    return contents(put_away(farm, ended(farm)))


@pytest.mark.parametrize("spoilt", length.every(3, HOSTILE.values()), ids=list(HOSTILE))
def test_hostile_archives_are_refused(
    farm: Farm, whole: dict[str, bytes], spoilt: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> None:
    """With a sentence and with 400; nothing is stored or written, neither in the farm nor elsewhere."""
    name = written(farm, spoilt(whole))
    before = sorted(farm.config.data_dir.rglob("*"))
    answer = testing.TestClient(create_app(farm)).simulate_post("/api/x/archives/unpack", json={"file": name})
    assert answer.status_code == 400, answer.text
    assert "archive" in answer.json["message"]
    delete_all(farm)
    assert not any(rows(farm.store).values())
    assert [each for each in sorted(farm.config.data_dir.rglob("*")) if "sqlite" not in each.name] == [
        each for each in before if "sqlite" not in each.name
    ]


def test_the_same_without_a_spoiler(farm: Farm, whole: dict[str, bytes]) -> None:
    """It is what was spoilt that is refused above."""
    answer = testing.TestClient(create_app(farm)).simulate_post(
        "/api/x/archives/unpack", json={"file": written(farm, whole)}
    )
    assert answer.status_code == 200, answer.text


def test_a_bomb(farm: Farm, whole: dict[str, bytes]) -> None:
    """What is larger than it may be is not unpacked, whether it says so or not."""
    log = next(name for name in whole if name.startswith("logs/"))
    name = written(farm, whole | {log: bytes(2 * farm.config.task_log_mb * 1024 * 1024 + 1)})
    with pytest.raises(Refused, match="is the most"):
        archives.bring_back(farm, name)
    file = farm.config.archives_path / name
    lied = file.read_bytes()
    size = (2 * farm.config.task_log_mb * 1024 * 1024 + 1).to_bytes(4, "little")
    assert lied.count(size) >= 2
    file.write_bytes(lied.replace(size, (5).to_bytes(4, "little")))
    with pytest.raises(Refused):
        archives.bring_back(farm, name)
    delete_all(farm)
    assert not any(rows(farm.store).values())


def test_no_room(farm: Farm, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk cannot take is refused before anything is written."""
    name = written(farm, whole)
    monkeypatch.setattr(files, "_LEAST_FREE", 2**62)
    with pytest.raises(Refused, match="no room"):
        archives.bring_back(farm, name)
    assert not any(rows(farm.store).values())


def damaged(data: bytes) -> Iterator[bytes]:
    """What becomes of files on the way."""
    yield b""
    yield b"this is no archive"
    yield data[: len(data) // 2]
    for place in range(0, len(data), max(1, len(data) // 60)):
        yield data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def test_damaged_archives_are_refused(farm: Farm, whole: dict[str, bytes]) -> None:
    """Or they are whole all the same; none is an accident, and nothing of one stays."""
    name = written(farm, whole)
    file = farm.config.archives_path / name
    for data in damaged(file.read_bytes()):
        file.write_bytes(data)
        try:
            job = archives.bring_back(farm, name)
        except Refused:
            pass
        else:
            deletion.request(farm, job.id)
        delete_all(farm)
        assert not any(rows(farm.store).values())


def test_two_of_one_name_and_encrypted_ones(farm: Farm, whole: dict[str, bytes]) -> None:
    """Which of two is meant nobody knows, and nobody has a password."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in (*whole.items(), ("job.json", whole["job.json"])):
            with pytest.warns(UserWarning, match="Duplicate") if name in archive.namelist() else _nothing():
                archive.writestr(name, data)
    file = farm.config.archives_path / "two.flamenco-job.zip"
    file.write_bytes(target.getvalue())
    with pytest.raises(Refused, match="two things"):
        archives.bring_back(farm, file.name)
    written(farm, whole, file.name)
    locked = bytearray(file.read_bytes())
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(locked)
    with pytest.raises(Refused, match="encrypted"):
        archives.bring_back(farm, file.name)
    assert len(archives.listed(farm)) == 1  # the one that was made here


def _nothing() -> Any:
    from contextlib import nullcontext  # noqa: PLC0415

    return nullcontext()


@pytest.mark.parametrize(
    "name", ["../x.flamenco-job.zip", "/x.flamenco-job.zip", ".x.flamenco-job.zip", "x.zip", "", "x" * 300, "a\nb"]
)
def test_names_of_files(farm: Farm, name: str) -> None:
    """Nothing outside of the folder, and nothing hidden, is an archive."""
    assert not is_file_name(name)
    with pytest.raises(Refused):
        archives.bring_back(farm, name)


@pytest.mark.parametrize("name", ["", "...", "..", "a/b", "ü", "x" * 300, "con", "-rf", "\x1b[2J", " "])
def test_names_of_jobs(name: str) -> None:
    """Whatever a job is called, its archive can be called something."""
    assert is_file_name(file_name(UUID, name))


def test_what_is_not_there(farm: Farm) -> None:
    """Neither a file, nor a folder of them, nor what is no file."""
    assert archives.listed(farm) == []
    with pytest.raises(NotFound):
        archives.bring_back(farm, "x.flamenco-job.zip")
    (farm.config.archives_path / "x.flamenco-job.zip").mkdir(parents=True)
    with pytest.raises((Refused, StoreError)):
        archives.bring_back(farm, "x.flamenco-job.zip")
    assert archives.listed(farm) == []
    assert not may_contain("x")


@pytest.mark.usefixtures("small_parts")
def test_archives_look_through_no_table(farm: Farm) -> None:
    """However many other jobs there are."""
    job = ended(farm)
    with executed(farm.store) as statements:
        file = put_away(farm, job)
        archives.bring_back(farm, file.name)
    ours = {sql: values for sql, values in statements.items() if "count(*)" not in sql}
    assert "\n".join(scans_of(farm.store, ours)) == ""
