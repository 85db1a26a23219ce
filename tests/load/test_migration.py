"""A large farm of Flamenco 3 comes over within a minute."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from tests.integration.old_farms import JOB, NOW, OldFolder, identity
from tests.machine import on_its_own, slowness

__all__ = ["on_its_own"]

log = logging.getLogger(__name__)

TASKS: Final = 50_000
JOBS: Final = 5
MOST_S: Final = 60.0


def _fill(old: OldFolder) -> None:
    each = TASKS // JOBS
    arguments = ["--scene", "Scene", "--render-output", "{storage}/out/######", "--render-format", "PNG"]
    with closing(sqlite3.connect(old.database)) as connection:
        for number in range(1, JOBS + 1):
            row = {**JOB, "uuid": identity("job", number), "name": f"Shot {number}", "status": "active", "priority": 50}
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608
            tasks = [
                (
                    *(NOW, NOW, identity(f"task-{number}", index), f"render-{index}", "blender", number, index),
                    "completed" if index % 2 else "queued",
                    _commands([*arguments, "--render-frame", str(index)]),
                )
                for index in range(1, each + 1)
            ]
            columns = "created_at, updated_at, uuid, name, type, job_id, index_in_job, status, commands"
            connection.executemany(f"INSERT INTO tasks ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", tasks)  # noqa: S608
            last = f"SELECT max(id) FROM tasks WHERE job_id = {number}"  # noqa: S608
            connection.execute(
                f"INSERT INTO task_dependencies SELECT ({last}), id FROM tasks"  # noqa: S608
                f" WHERE job_id = {number} AND id < ({last})"
            )
        connection.commit()


def _commands(arguments: list[str]) -> str:
    parameters = {"exe": "{blender}", "exeArgs": "{blenderArgs}", "blendfile": "{storage}/a.blend", "args": arguments}
    return json.dumps([{"name": "blender-render", "parameters": parameters, "total_step_count": 1}])


@pytest.mark.long
def test_fifty_thousand_tasks(tmp_path: Path) -> None:
    """With all that they wait for, within a minute."""
    old = OldFolder(tmp_path / "old")
    _fill(old)
    slow = slowness()
    before = time.perf_counter(), time.process_time()
    done = CliRunner().invoke(main, ["migrate", str(old.path), "--data-dir", str(tmp_path / "data"), "--json", "--yes"])
    took, worked = time.perf_counter() - before[0], time.process_time() - before[1]
    assert done.exit_code == 0, done.output
    came = json.loads(done.stdout)
    log.info("%d tasks in %.1f s, %.1f s of the processor", TASKS, took, worked)
    assert (came["coming"]["tasks"], came["left_out"]) == (TASKS, [])
    assert took < MOST_S * slow
