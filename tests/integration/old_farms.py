"""Folders as a Flamenco 3.9 manager leaves them: configuration, database, task logs. Made here; a real one where it is.

The tables are made from what is known of them; where a folder of a real manager is beside the repository, a test holds
that its tables are the same.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = next(
    (
        found
        for folder in _ROOT.parents
        if (found := folder / "shared" / "samples" / "flamenco-3.9").is_dir() and (found / "flamenco-manager.sqlite")
    ),
    None,
)
"""The folder of a real manager, where there is one."""

_ID: Final = "integer NOT NULL PRIMARY KEY"
_MADE: Final = {"created_at": "datetime NOT NULL", "updated_at": "datetime"}
_NUMBER: Final = "integer DEFAULT 0 NOT NULL"
_FLAG: Final = "boolean DEFAULT false NOT NULL"


def _text(length: int) -> str:
    return f"varchar({length}) DEFAULT '' NOT NULL"


_UUID: Final = f"{_text(36)} UNIQUE"
TABLES: Final[dict[str, dict[str, str]]] = {
    "goose_db_version": {
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "version_id": "INTEGER NOT NULL",
        "is_applied": "INTEGER NOT NULL",
        "tstamp": "TIMESTAMP DEFAULT (datetime('now'))",
    },
    "worker_tags": {
        "id": _ID,
        **_MADE,
        "uuid": _UUID,
        "name": f"{_text(64)} UNIQUE",
        "description": _text(255),
    },
    "workers": {
        "id": _ID,
        **_MADE,
        "uuid": _UUID,
        "secret": _text(255),
        "name": _text(64),
        "address": _text(39),
        "platform": _text(16),
        "software": _text(32),
        "status": _text(16),
        "last_seen_at": "datetime",
        "status_requested": _text(16),
        "lazy_status_request": _FLAG,
        "supported_task_types": _text(255),
        "deleted_at": "datetime",
        "can_restart": _FLAG,
    },
    "jobs": {
        "id": _ID,
        **_MADE,
        "uuid": _UUID,
        "name": _text(64),
        "job_type": _text(32),
        "priority": "smallint DEFAULT 0 NOT NULL",
        "status": _text(32),
        "activity": _text(255),
        "settings": "jsonb NOT NULL",
        "metadata": "jsonb NOT NULL",
        "delete_requested_at": "datetime",
        "storage_shaman_checkout_id": _text(255),
        "worker_tag_id": "integer REFERENCES worker_tags(id) ON DELETE SET NULL",
        "steps_completed": _NUMBER,
        "steps_total": _NUMBER,
    },
    "tasks": {
        "id": _ID,
        **_MADE,
        "uuid": _UUID,
        "name": _text(64),
        "type": _text(32),
        "job_id": f"{_NUMBER} REFERENCES jobs(id) ON DELETE CASCADE",
        "index_in_job": _NUMBER,
        "priority": "smallint DEFAULT 50 NOT NULL",
        "status": _text(16),
        "worker_id": "integer REFERENCES workers(id) ON DELETE SET NULL",
        "last_touched_at": "datetime",
        "commands": "jsonb NOT NULL",
        "activity": _text(255),
        "steps_completed": _NUMBER,
        "steps_total": _NUMBER,
    },
    "task_dependencies": {
        "task_id": "integer NOT NULL REFERENCES tasks(id) ON DELETE CASCADE",
        "dependency_id": "integer NOT NULL REFERENCES tasks(id) ON DELETE CASCADE",
    },
    "task_failures": {
        "created_at": "datetime NOT NULL",
        "task_id": "integer NOT NULL REFERENCES tasks(id) ON DELETE CASCADE",
        "worker_id": "integer NOT NULL REFERENCES workers(id) ON DELETE CASCADE",
    },
    "job_blocks": {
        "id": _ID,
        "created_at": "datetime NOT NULL",
        "job_id": f"{_NUMBER} REFERENCES jobs(id) ON DELETE CASCADE",
        "worker_id": f"{_NUMBER} REFERENCES workers(id) ON DELETE CASCADE",
        "task_type": "text NOT NULL",
    },
    "worker_tag_membership": {
        "worker_tag_id": "integer NOT NULL REFERENCES worker_tags(id) ON DELETE CASCADE",
        "worker_id": "integer NOT NULL REFERENCES workers(id) ON DELETE CASCADE",
    },
    "sleep_schedules": {
        "id": _ID,
        **_MADE,
        "worker_id": f"{_NUMBER} UNIQUE REFERENCES workers(id) ON DELETE CASCADE",
        "is_active": _FLAG,
        "days_of_week": "text DEFAULT '' NOT NULL",
        "start_time": "text DEFAULT '' NOT NULL",
        "end_time": "text DEFAULT '' NOT NULL",
        "next_check": "datetime",
    },
    "last_rendereds": {
        "id": _ID,
        **_MADE,
        "job_id": f"{_NUMBER} REFERENCES jobs(id) ON DELETE CASCADE",
    },
}
_KEYS: Final = {
    "tasks": "UNIQUE(job_id, index_in_job)",
    "task_dependencies": "PRIMARY KEY (task_id, dependency_id)",
    "task_failures": "PRIMARY KEY (task_id, worker_id)",
    "worker_tag_membership": "PRIMARY KEY (worker_tag_id, worker_id)",
    "job_blocks": "UNIQUE(job_id, worker_id, task_type)",
}

NOW: Final = "2026-11-28 16:41:32.1959728 +0000 UTC"
SECRETS: Final = [f"secret-of-worker-{number}-0123456789" for number in range(3)]
HASHES: Final = [
    "$2a$04$pwb97XwTNRrys3zGJcVv7OpiJgAmZWkdnqI3U/XcBWmrKTgzXVtF.",
    "$2a$04$1AX0DVdhQ0tKdvF6wzMxtOnQ0pQggpIxDLuz7uBp4LUEZtAzLLV2C",
    "$2a$04$UXd31Kx9pWhj6yrXSzkOdelQY9Hd1FueLIthPV80VQnRE.c2fYUfO",
]
"""Of these secrets, by bcrypt, as cheap as it can be."""

CONFIGURATION: Final = """\
_meta: {version: 3}
manager_name: Old farm
database: flamenco-manager.sqlite
listen: :8080
autodiscoverable: false
local_manager_storage_path: ./flamenco-manager-storage
shared_storage_path: ./shared
shaman: {enabled: true}
task_logs_path: ./logs
variables:
  storage: {is_twoway: true, values: [{platform: linux, value: /render}, {platform: windows, value: 'R:\\'}]}
"""

JOB: Final = {"created_at": NOW, "updated_at": NOW, "job_type": "echo", "settings": "{}", "metadata": "{}"}


class OldFolder:
    """The folder of an old manager, into whose tables a test puts what it likes."""

    def __init__(self, path: Path, version: int = 8) -> None:
        path.mkdir(parents=True)
        self.path = path
        self.database = path / "flamenco-manager.sqlite"
        (path / "flamenco-manager.yaml").write_text(CONFIGURATION)
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for table, columns in TABLES.items():
                parts = [f"{name} {kind}" for name, kind in columns.items()]
                parts += [_KEYS[table]] if table in _KEYS else []
                connection.execute(f"CREATE TABLE {table} ({', '.join(parts)})")
            for number in range(version + 1):
                connection.execute("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", [number])
            connection.commit()

    def put(self, table: str, **values: Any) -> int:
        """Insert a row; gives its number. Nobody looks whether what it refers to is there."""
        with closing(sqlite3.connect(self.database)) as connection:
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            cursor = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608
            connection.commit()
            return int(cursor.lastrowid or 0)

    def execute(self, statement: str, *values: object) -> None:
        """Whatever else is to be done with it."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute(statement, values)
            connection.commit()

    def worker(self, number: int, **values: Any) -> int:
        """A worker whose secret is that of `SECRETS`."""
        return self.put(
            "workers",
            **{
                "created_at": NOW,
                "updated_at": NOW,
                "uuid": identity("worker", number),
                "name": f"w{number}",
                "secret": HASHES[number % len(HASHES)],
                "address": f"192.0.2.{number}",
                "platform": "linux",
                "software": "3.9",
                "status": "awake",
                "last_seen_at": NOW,
                "supported_task_types": "blender,ffmpeg,misc",
                **values,
            },
        )

    def job(self, number: int, status: str, tasks: list[str], **values: Any) -> list[int]:
        """A job with tasks in these statuses, the last of which waits for all others; gives the tasks' numbers."""
        identities = {"uuid": identity("job", number), "name": f"Shot {number}", "status": status}
        key = self.put("jobs", **{**JOB, **identities, **values})
        found = [self.task(key, index, each) for index, each in enumerate(tasks, 1)]
        for each in found[:-1]:
            self.put("task_dependencies", task_id=found[-1], dependency_id=each)
        return found

    def task(self, job_key: int, index: int, status: str, **values: Any) -> int:
        """A task of a job."""
        args = ["--render-frame", f"{index}"]
        commands = [{"name": "echo", "parameters": {"message": f"hi {index}", "args": args}, "total_step_count": 1}]
        row = {
            "created_at": NOW,
            "updated_at": NOW,
            "uuid": identity(f"task-{job_key}", index),
            "type": "misc",
            "name": f"render-{index}",
            "job_id": job_key,
            "index_in_job": index,
            "status": status,
            "commands": json.dumps(commands),
            "steps_total": 1,
            "steps_completed": int(status == "completed"),
        }
        return self.put("tasks", **{**row, **values})

    def file(self, job: str, name: str, content: bytes) -> Path:
        """A file of a job in the manager's own storage."""
        path = self.path / "flamenco-manager-storage" / f"job-{job[:4]}" / job / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def identity(kind: str, number: int) -> str:
    """The UUID of something."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}-{number}"))


def generated(path: Path) -> Path:
    """A small farm with some of everything."""
    old = OldFolder(path)
    tag = old.put("worker_tags", created_at=NOW, uuid=identity("tag", 1), name="GPU", description="Large cards")
    first, second, _ = (old.worker(number) for number in range(3))
    old.put("worker_tag_membership", worker_tag_id=tag, worker_id=first)
    old.put(
        "sleep_schedules",
        created_at=NOW,
        worker_id=second,
        is_active=0,
        days_of_week="mo tu we",
        start_time="09:00",
        end_time="18:00",
    )
    about = {"metadata": json.dumps({"project": "Short film", "user.name": "Ana"}), "priority": 60}
    done = old.job(1, "completed", ["completed"] * 3, settings=b'{"frames":"1-8"}', **about)
    old.job(2, "active", ["completed", "active", "queued"], worker_tag_id=tag, **about)
    old.job(3, "paused", ["queued", "queued"], **about)
    old.job(4, "canceled", ["canceled", "canceled"], storage_shaman_checkout_id="film/shot-1", **about)
    failing = old.job(5, "active", ["soft-failed", "queued"], **about)
    old.execute("UPDATE tasks SET worker_id = ?, last_touched_at = created_at WHERE status <> 'queued'", second)
    old.put("task_failures", created_at=NOW, task_id=failing[0], worker_id=second)
    old.put("job_blocks", created_at=NOW, job_id=5, worker_id=second, task_type="blender")
    old.put("last_rendereds", created_at=NOW, job_id=1)
    for number in range(1, 4):
        name = f"task-{identity('task-1', number)}.txt"
        old.file(identity("job", 1), name, f"Fra:{number} Mem:10M\n".encode())
        old.file(identity("job", 1), f"{name}.1", b"earlier\n")
        old.file(identity("job", 1), f"{name}.2", b"earliest\n")
    for name in ("last-rendered.jpg", "last-rendered-small.jpg", "last-rendered-tiny.jpg"):
        old.file(identity("job", 1), name, b"\xff\xd8 a picture")
    assert len(done) == 3
    return path


def sample(path: Path) -> Path:
    """A copy of the folder of the real manager."""
    assert SAMPLE is not None
    shutil.copytree(SAMPLE, path, copy_function=shutil.copyfile)
    for folder in (path, *(each for each in path.rglob("*") if each.is_dir())):
        folder.chmod(0o700)
    return path


MAKERS: Final[list[Callable[[Path], Path]]] = [generated, *([sample] if SAMPLE else [])]
"""Make the folder of an old manager: one of ours, and a real one where there is one."""


def rows(path: Path, statement: str, *values: object) -> list[dict[str, Any]]:
    """What is in the database of an old manager's folder; nothing of it is written."""
    with closing(sqlite3.connect(f"file:{path}/flamenco-manager.sqlite?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement, values)]


def shape(database: Path) -> dict[str, Any]:
    """The columns of each table, what they refer to, and which are unique."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:

        def ask(pragma: str, table: str) -> list[tuple[Any, ...]]:
            return connection.execute(f"SELECT * FROM pragma_{pragma}(?)", [table]).fetchall()  # noqa: S608

        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for name in sorted({*names} - {"sqlite_sequence"}):
            columns = {each[1]: each[2:5] for each in ask("table_info", name)}
            unique = {
                tuple(sorted(column[2] for column in ask("index_info", each[1])))
                for each in ask("index_list", name)
                if each[2] and each[3] != "pk"
            }
            keys = sorted(each[1] for each in ask("table_info", name) if each[5])
            found[name] = (columns, keys, sorted(each[2:] for each in ask("foreign_key_list", name)), unique)
        return found
