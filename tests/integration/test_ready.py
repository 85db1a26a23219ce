"""Statements that are sent ready-made do what SQLAlchemy would have them do, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, event, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError, NoResultFound, ProgrammingError

from flamenco.domain.errors import Busy, StoreError, Unavailable
from flamenco.store.engine import Store
from flamenco.store.ready import Ready
from flamenco.store.schema import events, tags, workers
from flamenco.testing import START

_ADD = Ready(insert(tags).values(uuid=bindparam("uuid"), name=bindparam("name"), description=bindparam("about")))
_BY_NAME = select(tags).where(tags.c.name == bindparam("name"))
_ALL = Ready(select(tags).order_by(tags.c.name))
_NAMES = Ready(select(tags.c.name).where(tags.c.name.in_([literal(each) for each in "ab"])).order_by(tags.c.name))
_RENAME = Ready(
    update(tags).where(tags.c.name == bindparam("old")).values(name=bindparam("new")).returning(tags.c.name)
)
_FORGET = Ready(delete(tags).where(tags.c.name == bindparam("name")))


@pytest.fixture
def tagged(store: Store) -> Store:
    """A database with tags that are called a, b and c."""
    with store.write() as tx:
        _ADD.run_each(tx, [{"uuid": f"u-{name}", "name": name, "about": "50 % of all"} for name in "abc"])
    return store


def test_rows_are_those_of_sqlalchemy(tagged: Store) -> None:
    """In number, order, names and values."""
    with tagged.read() as tx:
        expected = [row._asdict() for row in tx.execute(select(tags).order_by(tags.c.name))]
        assert [row._asdict() for row in _ALL.all(tx)] == expected
        assert Ready(_BY_NAME).one(tx, name="b")._asdict() == expected[1]
        assert Ready(_BY_NAME).first(tx, name="z") is None
        assert [row.name for row in _NAMES.all(tx)] == ["a", "b"]
        assert _NAMES.scalar(tx) == "a"
        with pytest.raises(NoResultFound):
            Ready(_BY_NAME).one(tx, name="z")


def test_what_is_changed_is_counted_and_kept(tagged: Store) -> None:
    """Also what comes back of it."""
    with tagged.write() as tx:
        assert _RENAME.all(tx, old="a", new="x") == [("x",)]
        assert _FORGET.run(tx, name="b") == 1
        assert _FORGET.run(tx, name="b") == 0
    with tagged.read() as tx:
        assert [row.name for row in _ALL.all(tx)] == ["c", "x"]


def test_moments_and_json_are_what_they_were(store: Store) -> None:
    """With their time zone; and None stays None."""
    values = {"created": START, "topic": "/t", "payload": "{}"}
    moment = Ready(select(events.c.created).where(events.c.created > bindparam("after")))
    task_types = Ready(select(workers.c.task_types, workers.c.last_seen, workers.c.lazy_request))
    worker: dict[str, Any] = {"uuid": "u", "secret_hash": "", "name": "n", "address": "", "platform": "linux"}
    worker |= {"software": "", "status": "awake", "task_types": ["a", "b"], "lazy_request": True}
    worker |= {"created": START, "updated": START}
    with store.write() as tx:
        tx.execute(insert(events), values)
        tx.execute(insert(workers), worker)
    with store.read() as tx:
        assert moment.scalar(tx, after=START - timedelta(seconds=1)) == START
        assert moment.all(tx, after=START) == []
        assert task_types.one(tx) == (["a", "b"], None, True)


def test_a_name_that_is_none_of_its_parameters_is_refused(tagged: Store) -> None:
    """And one that is missing."""
    with tagged.read() as tx, pytest.raises(KeyError):
        Ready(_BY_NAME).all(tx, name="a", other=1)
    with pytest.raises((KeyError, ProgrammingError)), tagged.read() as tx:
        Ready(_BY_NAME).all(tx)


def test_errors_are_those_of_sqlalchemy(tagged: Store) -> None:
    """So that whoever catches them need not know how it was asked; the transaction is rolled back."""

    def add_again() -> None:
        with tagged.write() as tx:
            _FORGET.run(tx, name="c")
            _ADD.run(tx, uuid="other", name="a", about="")

    with pytest.raises(IntegrityError):
        add_again()
    with tagged.read() as tx:
        assert len(_ALL.all(tx)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_damaged_file_says_is_said(store: Store) -> None:
    """As a sentence that says what to do."""
    broken = Ready(text("SELECT load_extension('nothing')"))
    with pytest.raises(StoreError, match="cannot be used"), store.read() as tx:
        broken.run(tx)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_is_lost_is_used_by_nobody_else(tagged: Store) -> None:
    """Whoever has it is told to come again, and the next one gets another."""
    mine = Ready(text("SELECT pg_backend_pid()").columns())
    end = Ready(text("SELECT pg_terminate_backend(:pid)"))

    def lose_it() -> None:
        with tagged.read() as tx:
            pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with tagged.read() as other:
                end.run(other, pid=pid)
            mine.run(tx)

    with pytest.raises((Busy, Unavailable)):
        lose_it()
    with tagged.read() as tx:
        assert len(_ALL.all(tx)) == 3


def test_who_listens_hears_of_it(tagged: Store) -> None:
    """As of everything else that is asked: before it is done, and once it was, and not when it failed."""
    heard: list[tuple[str, str]] = []
    for name in ("before_cursor_execute", "after_cursor_execute"):
        event.listen(tagged.engine, name, lambda *about, when=name: heard.append((when.split("_")[0], about[2][:11])))
    with tagged.read() as tx:
        _ALL.all(tx)
    assert heard[-2:] == [("before", "SELECT tags"), ("after", "SELECT tags")]
    with pytest.raises(IntegrityError), tagged.write() as tx:
        _ADD.run(tx, uuid="other", name="a", about="")
    assert [when for when, statement in heard if statement == "INSERT INTO"] == ["before"]
