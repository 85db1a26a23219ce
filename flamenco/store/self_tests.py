"""The last self-test of each worker, and the one that it is at: one row for each worker that can do that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, delete, select, text

from flamenco.domain.model import Worker
from flamenco.domain.self_tests.judging import Report
from flamenco.store.engine import Tx
from flamenco.store.schema import SELF_TEST_FAILED_SQL, self_tests


class Pending(Struct, frozen=True, kw_only=True):
    """A self-test that a worker is at: its id, when it began, why, and the token with the folders in which it is."""

    id: str
    why: str
    begun: datetime
    token: str
    folders: list[str]


class SelfTests(Struct, frozen=True, kw_only=True):
    """What is known of a worker: the sign-on since which it can test itself, and the commands that it has told.

    `kept` says of which commands it is given no tasks, and why; `asked` when somebody asked last.
    """

    worker_key: int
    sign_on: int = 0
    asked: datetime | None = None
    told: tuple[str, ...] | None = None
    kept: dict[str, str] = {}
    pending: Pending | None = None
    report: Report | None = None

    def is_of(self, worker: Worker) -> bool:
        """Whether the worker can test itself, as it is since it signed on last."""
        return self.sign_on == worker.sign_ons and worker.commands is not None


_FIELDS: Final = ("sign_on", "asked", "told", "kept", "pending", "report")
_ASSIGNED: Final = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS)
_PUT = text(
    f"INSERT INTO self_tests (worker_key, {', '.join(_FIELDS)})"  # noqa: S608 - the names are above
    f" VALUES (:worker_key, {', '.join(f':{name}' for name in _FIELDS)})"
    f" ON CONFLICT (worker_key) DO UPDATE SET {_ASSIGNED}"
).bindparams(bindparam("asked", type_=self_tests.c.asked.type))
_FIND = select(self_tests).where(self_tests.c.worker_key == bindparam("of_worker"))
_KEPT = select(self_tests.c.worker_key, self_tests.c.kept).where(text(SELF_TEST_FAILED_SQL))
_FORGET = delete(self_tests).where(self_tests.c.worker_key == bindparam("of_worker"))


def find(tx: Tx, worker_key: int) -> SelfTests | None:
    """What is known of the worker with that row number; None where it has never been able to."""
    row = tx.execute(_FIND, {"of_worker": worker_key}).one_or_none()
    if row is None:
        return None
    return SelfTests(
        worker_key=worker_key,
        sign_on=row.sign_on,
        asked=row.asked,
        told=_read(row.told, tuple[str, ...]),
        kept=_read(row.kept, dict[str, str]) or {},
        pending=_read(row.pending, Pending),
        report=_read(row.report, Report),
    )


def put(tx: Tx, known: SelfTests) -> None:
    """Keep it, in place of what was known. Whoever does so has locked the worker."""
    values = {name: _written(getattr(known, name)) for name in ("told", "pending", "report")}
    tx.execute(
        _PUT,
        {
            **values,
            "worker_key": known.worker_key,
            "sign_on": known.sign_on,
            "asked": known.asked,
            "kept": _written(known.kept or None),
        },
    )


def kept(tx: Tx) -> dict[int, dict[str, str]]:
    """Of which commands workers are given no tasks, and why, by their row numbers: those that failed alone."""
    return {row.worker_key: _read(row.kept, dict[str, str]) or {} for row in tx.execute(_KEPT)}


def forget(tx: Tx, worker_key: int) -> None:
    """Nothing is known any more of a worker that is gone."""
    tx.execute(_FORGET, {"of_worker": worker_key})


def _read(written: str | None, kind: Any) -> Any:
    return None if written is None else msgspec.json.decode(written, type=kind)


def _written(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
