"""How fast this machine is right now, so that a limit in seconds says the same on every machine."""

from __future__ import annotations

import gc
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

REFERENCE_S = 0.12
"""How long `work` takes on the machine that limits are written for: two cores of a server, nothing else to do."""

ROUNDS = 7
ROWS = 10_000


def work() -> None:
    """Some of what a manager does all day, without a line of ours: rows into SQLite, out of it, and into JSON."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE rows (key INTEGER PRIMARY KEY, name TEXT, document TEXT)")
        rows = [(key, f"row {key}", json.dumps({"key": key, "frames": [key, key + 1]})) for key in range(ROWS)]
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)
        read = connection.execute("SELECT * FROM rows ORDER BY name").fetchall()
    json.dumps([{"key": key, "name": name} | json.loads(document) for key, name, document in read])


def slowness() -> float:
    """How many times as long as on the reference things take here and now; never less than 1.

    The fastest of some rounds counts, as it does for what is measured: what disturbs is left out on both sides.
    """
    times = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return max(1.0, min(times) / REFERENCE_S)


@pytest.fixture(autouse=True)
def on_its_own() -> Iterator[None]:
    """While something is measured, nobody looks for garbage in what other tests have left in memory.

    For the modules that have this among their names.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
