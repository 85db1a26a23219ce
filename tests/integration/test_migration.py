"""`flamenco migrate`: a farm of Flamenco 3 comes over as it was; what makes no sense is left out and told."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from falcon import testing

from flamenco import bootstrap
from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.cli.configuration import configure
from flamenco.farm import returning
from flamenco.farm.context import Farm
from flamenco.migration import bringing, looking, opening
from flamenco.migration.logs import OldStorage
from flamenco.migration.moments import parse
from flamenco.store import recount
from tests import length
from tests.integration import old_farms
from tests.integration.old_farms import MAKERS, NOW, OldFolder, generated, identity, rows

HOSTILE = "\x1b[2J\x1b]0;owned\x07evil\u202e\rfake\nFAKE: line <script>"
WAY = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)


def migrate(old: Path, data_dir: Path, *more: str, given: str = "") -> Result:
    """What the command says; whatever it is, it is no traceback."""
    result = CliRunner().invoke(main, ["migrate", str(old), "--data-dir", str(data_dir), *more], input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def report(old: Path, data_dir: Path, *more: str) -> Any:
    """The same for programs; it went well."""
    result = migrate(old, data_dir, "--json", *(more or ("--yes",)))
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@contextmanager
def arrived(data_dir: Path, **overrides: str) -> Iterator[Farm]:
    """The farm as a manager there has it."""
    loaded = configure(data_dir / "flamenco-manager.yaml", data_dir, overrides)
    farm = bootstrap.create_farm(loaded.config, loaded.hooks)
    try:
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []
        yield farm
    finally:
        farm.close()


def ask(farm: Farm, path: str) -> Any:
    """What an existing client is answered."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/v3/{path}")
    assert answer.status_code in (200, 204), answer.text
    return answer.json if answer.text else None


def moment(text: str) -> str:
    """A moment of the old database, as answers have it."""
    found = parse(text)
    assert found is not None
    return found.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("make", MAKERS, ids=lambda each: each.__name__)
def test_all_is_as_it_was(tmp_path: Path, database_url: str, make: WAY) -> None:
    """Jobs, tasks, workers, tags, sleep schedules, blocklists and logs: the answers say what the old rows say."""
    old = make(tmp_path / "old")
    there = sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*"))
    said = report(old, tmp_path / "data", "--yes", "--database", database_url)
    assert said["left_out"] == []
    assert sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*")) == there
    with arrived(tmp_path / "data") as farm:
        for row in rows(old, "SELECT * FROM jobs"):
            _same_job(farm, old, row)
        _same_workers(farm, old)
        assert ask(farm, "worker-mgt/tags")["tags"] == [
            {"id": row["uuid"], "name": row["name"], "description": row["description"]}
            for row in rows(old, "SELECT * FROM worker_tags")
        ]


def _same_job(farm: Farm, old: Path, row: dict[str, Any]) -> None:
    shown = ask(farm, f"jobs/{row['uuid']}")
    same = {"name": row["name"], "type": row["job_type"], "priority": row["priority"], "status": row["status"]}
    same |= {"settings": json.loads(row["settings"]), "metadata": json.loads(row["metadata"])}
    same |= {"created": moment(row["created_at"]), "updated": moment(row["updated_at"]), "activity": row["activity"]}
    assert {key: shown[key] for key in same} == same
    (tag,) = rows(old, "SELECT max(uuid) AS uuid FROM worker_tags WHERE id = ?", row["worker_tag_id"])
    assert shown.get("worker_tag") == tag["uuid"]
    assert shown.get("storage", {}).get("shaman_checkout_id", "") == row["storage_shaman_checkout_id"]
    tasks = rows(old, "SELECT * FROM tasks WHERE job_id = ? ORDER BY index_in_job", row["id"])
    listed = ask(farm, f"jobs/{row['uuid']}/tasks")["tasks"]
    for task, now in zip(tasks, listed, strict=True):
        status = "queued" if task["status"] == "active" else task["status"]
        assert (now["id"], now["name"], now["status"]) == (task["uuid"], task["name"], status)
        assert (now["task_type"], now["updated"]) == (task["type"], moment(task["updated_at"]))
        assert (now["steps_completed"], now["steps_total"]) == (task["steps_completed"], task["steps_total"])
        whole = ask(farm, f"tasks/{task['uuid']}")
        assert whole["commands"] == json.loads(task["commands"])
        failed = "SELECT uuid FROM workers JOIN task_failures ON worker_id = id WHERE task_id = ?"
        assert [each["id"] for each in whole["failed_by_workers"]] == [
            each["uuid"] for each in rows(old, failed, task["id"])
        ]
        _same_log(farm, old, row["uuid"], task["uuid"])
    blocks = "SELECT uuid, task_type FROM job_blocks JOIN workers ON workers.id = worker_id WHERE job_id = ?"
    found = ask(farm, f"jobs/{row['uuid']}/blocklist")
    assert [(each["worker_id"], each["task_type"]) for each in found] == [
        (each["uuid"], each["task_type"]) for each in rows(old, blocks, row["id"])
    ]


def _same_log(farm: Farm, old: Path, job: str, task: str) -> None:
    file = old / "flamenco-manager-storage" / f"job-{job[:4]}" / job / f"task-{task}.txt"
    pieces = [file.with_name(f"{file.name}{suffix}") for suffix in (".2", ".1", "")]
    was = b"".join(each.read_bytes() for each in pieces if each.exists())
    assert farm.logs.part(job, task, 0, 100_000).data == was


def _same_workers(farm: Farm, old: Path) -> None:
    for row in rows(old, "SELECT * FROM workers"):
        shown = ask(farm, f"worker-mgt/workers/{row['uuid']}")
        same = {"name": row["name"], "status": row["status"], "version": row["software"], "platform": row["platform"]}
        same |= {"ip_address": row["address"], "can_restart": bool(row["can_restart"])}
        same |= {"last_seen": moment(row["last_seen_at"])}
        assert {key: shown[key] for key in same} == same
        assert shown["supported_task_types"] == row["supported_task_types"].split(",")
        of_tags = "SELECT uuid FROM worker_tags JOIN worker_tag_membership ON worker_tag_id = id WHERE worker_id = ?"
        assert [each["id"] for each in shown.get("tags", [])] == [
            each["uuid"] for each in rows(old, of_tags, row["id"])
        ]
        for schedule in rows(old, "SELECT * FROM sleep_schedules WHERE worker_id = ?", row["id"]):
            found = ask(farm, f"worker-mgt/workers/{row['uuid']}/sleep-schedule")
            assert found == {
                "is_active": bool(schedule["is_active"]),
                **{key: schedule[key] for key in ("days_of_week", "start_time", "end_time")},
            }


def test_the_tables_are_those_of_a_real_manager(tmp_path: Path) -> None:
    """Where there is one to look at."""
    made = OldFolder(tmp_path / "old")
    for real in MAKERS[1:]:
        path = real(tmp_path / "real") / "flamenco-manager.sqlite"
        assert old_farms.shape(made.database) == old_farms.shape(path)
    assert set(old_farms.shape(made.database)) == set(old_farms.TABLES)


def test_images_and_frames_come_too(tmp_path: Path) -> None:
    """The last image of a job, of which it was that the last of all came, and which frames its tasks are about."""
    said = report(generated(tmp_path / "old"), tmp_path / "data")
    assert (said["coming"]["images"], said["coming"]["logs"]) == (3, 3)
    with arrived(tmp_path / "data") as farm:
        job = identity("job", 1)
        assert ask(farm, f"jobs/{job}/last-rendered")["base"].endswith(job)
        assert ask(farm, "jobs/last-rendered")["base"].endswith(job)
        answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/jobs/{job}/tasks")
        assert answer.status_code == 200
        with farm.store.read() as tx:
            frames = tx.exec_driver_sql("SELECT frame_first, frame_last FROM tasks ORDER BY key LIMIT 3").fetchall()
        assert [tuple(each) for each in frames] == [(1, 1), (2, 2), (3, 3)]


def test_it_asks_first(tmp_path: Path) -> None:
    """A dry run, or a no, makes nothing; what would come is shown."""
    old = generated(tmp_path / "old")
    shown = migrate(old, tmp_path / "data", "--dry-run")
    assert shown.exit_code == 0
    assert "jobs             5      0              0" in shown.stdout
    assert "task_logs_path" in shown.stdout
    assert report(old, tmp_path / "data", "--dry-run")["done"] is False
    refused = migrate(old, tmp_path / "data", given="n\n")
    assert (refused.exit_code, "nothing was brought over" in refused.stderr) == (1, True)
    assert not (tmp_path / "data").exists()
    agreed = migrate(old, tmp_path / "data", given="y\n")
    assert "5 jobs and 3 workers came over; 0 jobs were left out." in agreed.stdout


def test_the_settings(tmp_path: Path) -> None:
    """They are those of the old manager, but for where its database and its own files are; paths are whole."""
    old = generated(tmp_path / "old")
    with (old / "flamenco-manager.yaml").open("a") as file:
        file.write("no_such_setting: 1\nworker_timeout: soon\n")
    said = report(old, tmp_path / "data")
    notes = "\n".join(said["notes"])
    for each in ("task_logs_path", "no_such_setting", "worker_timeout"):
        assert each in notes
    with arrived(tmp_path / "data") as farm:
        config = farm.config
    assert (config.manager_name, config.listen, config.autodiscoverable) == ("Old farm", ":8080", False)
    assert config.shared_path == old / "shared"
    assert config.local_storage_path == tmp_path / "data" / "storage"
    assert config.variables["storage"].is_twoway


@pytest.mark.long
def test_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption it goes on; what is there is left alone, and what was there in part is made anew."""
    old, data = generated(tmp_path / "old"), tmp_path / "data"
    finish, calls = returning._finish, list[None]()

    def dies(farm: Farm, *arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return finish(farm, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(returning, "_finish", dies)
        # As when the process is killed: nothing tidies up.
        patch.setattr("flamenco.store.arrivals.abandon", lambda *_: None)
        assert migrate(old, data, "--yes").exit_code == 130
    said = report(old, data)
    assert (said["there"]["jobs"], said["coming"]["jobs"], said["there"]["workers"]) == (2, 3, 3)
    assert report(old, data)["there"]["jobs"] == 5
    with arrived(data) as farm:
        for row in rows(old, "SELECT * FROM jobs"):
            _same_job(farm, old, row)


def test_a_farm_in_use(tmp_path: Path) -> None:
    """What has jobs or workers of its own is not mixed with another farm; nor is the old one written to."""
    old, other = generated(tmp_path / "old"), OldFolder(tmp_path / "other")
    other.job(9, "queued", ["queued"])
    report(other.path, tmp_path / "data")
    assert "in use" in _refused(migrate(old, tmp_path / "data", "--yes"))
    assert "stays as it is" in _refused(migrate(old, old, "--yes"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "flamenco-manager.yaml").write_text(f"local_manager_storage_path: {old}/flamenco-manager-storage\n")
    assert "stays as it is" in _refused(migrate(old, own, "--yes"))
    (own / "flamenco-manager.yaml").write_text(f"database: {old}/flamenco-manager.sqlite\n")
    assert "stays as it is" in _refused(migrate(old, own, "--yes"))


def _refused(result: Result) -> str:
    """The sentence of a command that could not be carried out."""
    assert result.exit_code == 2, result.output
    (line,) = [each for each in result.stderr.splitlines() if each.startswith("flamenco: ")]
    return line


def test_jobs_on_their_way(tmp_path: Path) -> None:
    """They have come to rest; one that starts afresh has forgotten who failed it."""
    old = OldFolder(tmp_path / "old")
    worker = old.worker(0)
    states = ["active", "queued", "soft-failed", "completed", "failed", "canceled"]
    for number, status in enumerate(["cancel-requested", "pause-requested", "requeueing", "queued"], 1):
        tasks = old.job(number, status, ["completed"] * 2 if status == "queued" else states)
        old.put("task_failures", created_at=NOW, task_id=tasks[0], worker_id=worker)
        old.put("job_blocks", created_at=NOW, job_id=number, worker_id=worker, task_type="misc")
    report(old.path, tmp_path / "data")
    with arrived(tmp_path / "data") as farm:
        found = [_statuses(farm, identity("job", number)) for number in range(1, 5)]
        assert found == [
            ["canceled", "canceled", "canceled", "canceled", "completed", "failed", "canceled"],
            ["paused", "paused", "paused", "paused", "completed", "failed", "canceled"],
            ["queued", "queued", "queued", "queued", "completed", "queued", "queued"],
            ["completed", "completed", "completed"],
        ]
        blocked = [len(ask(farm, f"jobs/{identity('job', number)}/blocklist") or []) for number in range(1, 5)]
        assert blocked == [1, 1, 0, 1]


def _statuses(farm: Farm, job: str) -> list[str]:
    tasks = ask(farm, f"jobs/{job}/tasks")["tasks"]
    return [ask(farm, f"jobs/{job}")["status"], *(each["status"] for each in tasks)]


def test_what_makes_no_sense(tmp_path: Path, database_url: str) -> None:
    """It is left out and told of, and the rest comes; names that mean harm are shown tame."""
    old = _nonsense(tmp_path / "old")
    shown = migrate(old.path, tmp_path / "data", "--dry-run", "--database", database_url)
    assert shown.exit_code == 0, shown.output
    assert not [each for each in ("\x1b", "\x07", "\u202e", "\rfake", "\nFAKE") if each in shown.output]
    said = report(old.path, tmp_path / "data", "--yes", "--database", database_url)
    why = {each["id"]: each["why"] for each in said["left_out"] if each["kind"] == "jobs"}
    assert {number: why.pop(identity("job", number)) for number in range(1, 13)} == {
        1: "its settings are no JSON of the right form",
        2: "its metadata are no JSON of the right form",
        3: "its status 'archived' is none that is known here",
        4: "it was never stored as a whole",
        5: "somebody deleted it",
        6: "some of its tasks wait for each other in a circle",
        7: "one of its tasks waits for one that is gone, or of another job",
        8: "its time of submission is no time",
        9: "its tasks' commands are no JSON of the right form",
        10: "one of its tasks has the status 'running', which is not known here",
        11: "its priority is no whole number",
        12: "its Shaman checkout has a name that is none ('../../etc')",
    }
    assert why == {"no uuid": "its UUID is none"}
    kinds = {each["kind"] for each in said["left_out"]}
    assert kinds == {"jobs", "tasks", "workers", "tags", "sleep schedules", "memberships", "blocks", "logs"}
    with arrived(tmp_path / "data") as farm:
        assert "evil" in ask(farm, f"jobs/{identity('job', 20)}")["name"]
        (worker,) = ask(farm, "worker-mgt/workers")["workers"]
        assert worker["name"] == "w0"


def _nonsense(path: Path) -> OldFolder:
    old = OldFolder(path)
    worker = old.worker(0)
    old.worker(1, uuid="../../etc/passwd")
    for number, values in enumerate(
        [
            {"settings": '{"a":' + "[" * 100_000},
            {"metadata": "{broken"},
            {"status": "archived"},
            {"status": "under-construction"},
            {"delete_requested_at": NOW},
            {},
            {},
            {"created_at": "yesterday"},
            {},
            {},
            {"priority": "much"},
            {"storage_shaman_checkout_id": "../../etc"},
        ],
        1,
    ):
        tasks = old.job(number, values.pop("status", "queued"), ["queued", "queued"], **values)
        if number == 6:
            old.put("task_dependencies", task_id=tasks[0], dependency_id=tasks[1])
        if number == 7:
            old.put("task_dependencies", task_id=tasks[0], dependency_id=1)
        if number == 9:
            old.execute("UPDATE tasks SET commands = X'FF00' WHERE id = ?", tasks[0])
        if number == 10:
            old.execute("UPDATE tasks SET status = 'running' WHERE id = ?", tasks[0])
    old.job(13, "queued", [], uuid="no uuid")
    old.job(20, "queued", ["queued"], name=HOSTILE + "\0")
    old.task(999, 1, "queued")
    old.put("worker_tags", created_at=NOW, uuid="", name=HOSTILE)
    old.put("worker_tag_membership", worker_tag_id=77, worker_id=worker)
    old.put("sleep_schedules", created_at=NOW, worker_id=worker, days_of_week="someday")
    old.put("job_blocks", created_at=NOW, job_id=1, worker_id=77, task_type="misc")
    link = old.file(identity("job", 20), "last-rendered.jpg", b"").with_name(f"task-{identity('task-14', 1)}.txt")
    link.symlink_to("/etc/passwd")
    return old


def test_an_older_database(tmp_path: Path) -> None:
    """One from before goose, without counts of steps, with truth values as numbers and other texts for moments."""
    old = OldFolder(tmp_path / "old")
    old.worker(0, can_restart=1.0, last_seen_at="2023-05-01T12:00:00.123456789+02:00", deleted_at="")
    old.worker(1, deleted_at="2023-05-01 12:00:00.5 +0200 CEST m=+12.5")
    old.job(1, "active", ["completed", "queued"], created_at="2023-05-01 12:00:00")
    for table, column in (("tasks", "steps_completed"), ("tasks", "steps_total"), ("jobs", "steps_completed")):
        old.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("goose_db_version", "last_rendereds", "sleep_schedules", "worker_tags", "worker_tag_membership"):
        old.execute(f"DROP TABLE {table}")
    assert report(old.path, tmp_path / "data")["left_out"] == []
    with arrived(tmp_path / "data") as farm:
        shown = ask(farm, f"jobs/{identity('job', 1)}")
        assert (shown["created"], shown["steps_total"]) == ("2023-05-01T12:00:00Z", 0)
        (worker,) = ask(farm, "worker-mgt/workers")["workers"]
        assert (worker["can_restart"], worker["last_seen"]) == (True, "2023-05-01T10:00:00.123456Z")


def _newer(old: OldFolder) -> str:
    old.put("goose_db_version", version_id=9, is_applied=1)
    return "newer Flamenco"


def _foreign(old: OldFolder) -> str:
    old.execute("DROP TABLE task_dependencies")
    return "no table task_dependencies"


def _columns(old: OldFolder) -> str:
    old.execute("ALTER TABLE jobs DROP COLUMN settings")
    return "no column settings"


def _garbage(old: OldFolder) -> str:
    old.database.write_bytes(b"this is no database\n" * 1000)
    return "no SQLite database"


def _half(old: OldFolder) -> str:
    old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = old.database.read_bytes()
    old.database.write_bytes(content[: len(content) // 2])
    return str(old.database)


def _gone(old: OldFolder) -> str:
    old.database.unlink()
    return "There is no database"


def _server(old: OldFolder) -> str:
    (old.path / "flamenco-manager.yaml").write_text("database: host=db user=flamenco\n")
    return "SQLite"


@pytest.mark.parametrize("harm", [_newer, _foreign, _columns, _garbage, _half, _gone, _server])
def test_what_is_no_old_farm(tmp_path: Path, harm: Callable[[OldFolder], str]) -> None:
    """It is refused in a sentence, and nothing is made."""
    old = OldFolder(tmp_path / "old")
    said = harm(old)
    assert said in _refused(migrate(old.path, tmp_path / "data", "--yes"))
    assert not (tmp_path / "data").exists()


def test_tables_that_hold_nobody_to_anything(tmp_path: Path) -> None:
    """Columns without types and rules, and one task in two jobs: the second of those is left out as a whole."""
    old = OldFolder(tmp_path / "old")
    old.worker(0)
    for number in (1, 2):
        old.job(number, "queued", ["queued", "queued"])
    for table in ("jobs", "tasks", "task_dependencies", "workers"):
        old.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")  # noqa: S608 - names of ours
        old.execute(f"DROP TABLE {table}")
        old.execute(f"ALTER TABLE bare RENAME TO {table}")
    old.execute("UPDATE tasks SET uuid = (SELECT uuid FROM tasks WHERE id = 1) WHERE id = 3")
    old.execute("INSERT INTO task_dependencies VALUES (2, '1'), (X'00', 1.5), (NULL, NULL)")
    old.execute("INSERT INTO workers (id, uuid, secret, name) VALUES ('x', 5, X'FF', NULL), (NULL, NULL, NULL, 1)")
    old.execute("INSERT INTO jobs (id) VALUES (NULL), ('x'), (1.5)")
    said = report(old.path, tmp_path / "data")
    assert said["coming"]["jobs"] == 1
    left = [(each["kind"], each["id"]) for each in said["left_out"]]
    assert ("jobs", identity("job", 2)) in left
    with arrived(tmp_path / "data") as farm, farm.store.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM jobs").scalar_one() == 1
        assert tx.exec_driver_sql("SELECT count(*) FROM tasks").scalar_one() == 2
    assert not (tmp_path / "data" / "storage" / f"job-{identity('job', 2)[:4]}").exists()


NASTY = (
    *(None, "", "x", "0", b"", b"\xff\x00", -1, 0, 1, 2, 1.5, 2**40, -(2**63), "\x00", "a" * 5000, "[]", "{}", "null"),
    *("[1]", '{"a": 1}', '{"a": {"b": []}}', "1e999", "{" * 500, "9999-12-31 23:59:59 -0900", "active", "queued"),
    *(
        "$2a$31$x",
        "../..",
        "mo xx",
        "25:99",
        '[{"name": 1}]',
        '[{"name": "x", "parameters": {"frames": "1-99999999999"}}]',
    ),
)


@pytest.mark.longer
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_anything_in_any_column(tmp_path: Path, farm: Farm) -> None:
    """Whatever is where, it comes or is left out, and nothing else happens; what came adds up."""
    chance = random.Random(18)  # noqa: S311 - nothing is to be kept secret
    generated(tmp_path / "old")
    file = tmp_path / "old" / "flamenco-manager.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        tables = [each for each in old_farms.TABLES if each != "goose_db_version"]
        for table in tables:  # without any rules
            connection.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")  # noqa: S608 - names of ours
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE bare RENAME TO {table}")
        connection.commit()
    whole = file.read_bytes()
    left, rounds = 0, length.of(60, 2_000)
    for _ in range(rounds):
        file.write_bytes(whole)
        with closing(sqlite3.connect(file)) as connection:
            for _ in range(chance.randint(1, 4)):
                table = chance.choice(tables)
                column, value = chance.choice(list(old_farms.TABLES[table])), chance.choice(NASTY)
                one = f"rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)"  # noqa: S608 - names of ours
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {one}", [value])  # noqa: S608 - names of ours
            connection.commit()
        with opening.opened(file) as db:
            old = looking.look(db, OldStorage(tmp_path / "old" / "flamenco-manager-storage"), looking.Present())
            left += bool(old.report.left_out)
    assert left > rounds / 4
    with opening.opened(file) as db:
        bringing.bring(farm, looking.look(db, OldStorage(tmp_path / "none"), looking.Present()))


def test_a_manager_that_still_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of what changes meanwhile may be half of one thing and half of another."""
    old, copy = generated(tmp_path / "old"), shutil.copyfile

    def while_it_writes(source: str, target: str) -> Any:
        with (old / "flamenco-manager.sqlite").open("ab") as file:
            file.write(b"more")
        return copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", while_it_writes)
    assert "stop the old manager first" in _refused(migrate(old, tmp_path / "data", "--yes"))


def test_what_is_in_the_log_of_the_database_comes(tmp_path: Path) -> None:
    """A manager that crashed left the newest there; the file itself is not touched."""
    old = OldFolder(tmp_path / "old")
    writer = sqlite3.connect(old.database)
    reader = sqlite3.connect(old.database)
    reader.execute("SELECT count(*) FROM jobs").fetchall()
    old.job(1, "queued", ["queued"])
    assert (old.path / "flamenco-manager.sqlite-wal").stat().st_size
    before = old.database.read_bytes()
    assert report(old.path, tmp_path / "data")["coming"]["jobs"] == 1
    assert old.database.read_bytes() == before
    assert "still running" in migrate(old.path, tmp_path / "other", "--dry-run").stdout
    writer.close()
    reader.close()
