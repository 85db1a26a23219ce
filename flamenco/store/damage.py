"""Damage: what the database finds wrong with itself. PostgreSQL sees to that by itself; SQLite has to be asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError

from flamenco.domain.errors import StoreError
from flamenco.store.driver_errors import HOW_TO_RECOVER
from flamenco.store.engine import Store, Tx

_STEPS_BETWEEN_LOOKS: Final = 100_000
"""Of SQLite's own virtual machine; some milliseconds."""


class Damage(NamedTuple):
    """Something that is wrong. `in_file`: the file itself is broken, and whatever is written may make that worse."""

    problem: str
    in_file: bool


def look(tx: Tx, *, thorough: bool = False, limit_s: float | None = None) -> list[Damage]:
    """Everything that is wrong with the file and with references between rows, in a read transaction.

    The file is read as a whole. `thorough` also compares indexes with their tables, which takes several times as long.
    After `limit_s` seconds it is left at what was found by then.
    """
    found: list[Damage] = []
    if tx.dialect.name == "sqlite":
        try:
            with _at_most(tx, limit_s):
                check = "integrity_check" if thorough else "quick_check"
                found += [
                    Damage(str(row[0]), in_file=True) for row in tx.execute(text(f"PRAGMA {check}")) if row[0] != "ok"
                ]
                found += [
                    Damage(f"row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist", in_file=False)
                    for row in tx.execute(text("PRAGMA foreign_key_check"))
                ]
        except OperationalError as error:
            if "interrupted" not in str(error.orig):
                raise
        except DatabaseError as error:
            if "malformed" not in str(error.orig):
                raise
            found.append(Damage(str(error.orig), in_file=True))
    return found


def check_before_start(store: Store, limit_s: float) -> list[str]:
    """What is wrong with a database that is about to be used, and does not keep anybody from using it.

    Raises `StoreError` when its file is broken, or cannot be read at all.
    """
    with store.read() as tx:
        found = look(tx, limit_s=limit_s)
    for each in found:
        if each.in_file:
            raise StoreError(f"The database {store.file} is damaged ({each.problem}); {HOW_TO_RECOVER}.")
    return [each.problem for each in found]


@contextmanager
def _at_most(tx: Tx, limit_s: float | None) -> Iterator[None]:
    connection = tx.connection.driver_connection
    if limit_s is None or connection is None:
        yield
        return
    deadline = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
