"""A whole database is copied into one of the other kind, and goes on there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from flamenco.cli import main
from flamenco.domain.errors import StoreError
from flamenco.farm import deletion, roll_ups
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import copying, damage, recount
from flamenco.store import roll_ups as roll_up_store
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START, Clock
from tests.conftest import authored_job, authored_task, postgres_database
from tests.integration.exercising import exercise
from tests.integration.farming import new_worker, run_next, store_job

pytestmark = pytest.mark.postgresql

Rows = dict[str, list[Any]]


def contents(store: Store) -> Rows:
    """All rows of all tables that are copied."""
    with store.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))]
            for table in copying.copied_tables()
        }


@pytest.fixture
def other_url(database_url: str, postgres_server: str, tmp_path: Path) -> Iterator[str]:
    """An empty database of the other kind than the test's own."""
    if database_url.startswith("sqlite"):
        with postgres_database(postgres_server) as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path / 'other.sqlite'}"


@pytest.fixture
def other(other_url: str) -> Iterator[Store]:
    """The same, with tables."""
    with closing(Store(other_url)) as store:
        upgrade(store, START)
        yield store


def test_everything_is_there_and_back_again(
    farm: Farm, clock: Clock, other: Store, make_farm: Callable[..., Farm], tmp_path: Path
) -> None:
    """All rows with all that they say; the copy is counted right, takes new rows, and can be copied itself."""
    exercise(farm, clock)
    old = store_job(farm, authored_job(*(authored_task(f"old {number}") for number in range(20)), name="old"))
    run_next(farm, new_worker(farm))
    told: list[tuple[str, int, int]] = []
    counts = copying.copy(farm.store, other, lambda *progress: told.append(progress))
    before = contents(farm.store)
    assert contents(other) == before
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert ("tasks", counts["tasks"], counts["tasks"]) in told

    farm.store, first = other, farm.store
    new = store_job(farm, authored_job(authored_task("new"), name="new"))
    assert new.key > old.key
    assert claim.assign_next(farm, new_worker(farm, "another")) is not None
    with other.read() as tx:
        assert recount.miscounted(tx) == []
        assert damage.look(tx) == []
    with closing(Store(f"sqlite:///{tmp_path / 'again.sqlite'}")) as again:
        upgrade(again, START)
        copying.copy(other, again)
        assert contents(again) == contents(other)
    farm.store = first


def test_what_is_done_after_a_copy_is_counted(farm: Farm, clock: Clock, other: Store) -> None:
    """Also when all attempts that were counted are gone, and numbers begin anew there."""
    job = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(3))))
    worker = new_worker(farm)
    for _ in range(3):
        run_next(farm, worker)
    assert not roll_ups.count_some(farm, 2**62)
    deletion.request(farm, job.id)
    while not deletion.delete_some(farm, job.id):
        pass
    copying.copy(farm.store, other)
    farm.store, first = other, farm.store
    store_job(farm, authored_job(authored_task()))
    run_next(farm, new_worker(farm, "another"))
    roll_ups.count_some(farm, 2**62)
    points = roll_ups.series(farm, "1d", None, None, None).points
    assert sum(point.completed for point in points) == 4
    with other.read() as tx:
        assert roll_up_store.uncounted(tx, roll_up_store.counted(tx), 10) == []
    farm.store = first


def test_a_database_that_is_in_use_is_left_alone(farm: Farm, other: Store) -> None:
    """Nothing is added to what somebody has; what went wrong in the middle leaves nothing."""
    store_job(farm, authored_job(authored_task()))
    other_jobs = contents(other)
    copying.copy(farm.store, other)
    with pytest.raises(StoreError, match=r"in use: it has (requirements|jobs).*Name an empty one"):
        copying.copy(farm.store, other)
    assert contents(other) != other_jobs


def test_what_is_lost_on_the_way_is_noticed(farm: Farm, other: Store) -> None:
    """Whatever the reason, nothing is kept of a copy that has not all of it."""
    store_job(farm, authored_job(authored_task()))
    empty = contents(other)

    class Stumbled(Exception):
        """Something went wrong."""

    def stumble(table: str, done: int, total: int) -> None:
        if table == "tasks" and done == total:
            raise Stumbled

    with pytest.raises(Stumbled):
        copying.copy(farm.store, other, stumble)
    assert contents(other) == empty


def run(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, ["db", "copy", *arguments])


def test_the_command_makes_the_tables_and_says_what_it_does(farm: Farm, other_url: str) -> None:
    """With a line for each table, or for programs; a second time it refuses."""
    store_job(farm, authored_job(authored_task()))
    here = farm.store.url.render_as_string(hide_password=False)
    done = run(here, other_url, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["tasks"] == 1
    assert "tasks: 1" in done.stderr
    again = run(here, other_url)
    assert (again.exit_code, "Name an empty one" in again.stderr) == (2, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_copied(tmp_path: Path, database_url: str) -> None:
    """None that is not there, none of another program, and to nowhere that is no database."""
    for source, target, why in (
        (str(tmp_path / "none.sqlite"), "b.sqlite", "no Flamenco database"),
        ("mysql://host/name", "b.sqlite", "is no database we know"),
        (database_url, "mysql://host/name", "no Flamenco database"),
    ):
        result = run(source, target)
        assert (result.exit_code, why in result.stderr) == (2, True), result.stderr
