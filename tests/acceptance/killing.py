"""Managers that are killed with all their processes, again and again, and what must hold of their database then."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from flamenco.store import damage, recount
from flamenco.store.engine import Store
from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.test_job_waits import kill_all

SOON_S: Final = 0.002
PATIENCE_S: Final = 60.0


class Mortal:
    """A manager that is killed, and started again at the same address with what was left."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self.manager = self._start("127.0.0.1:0")
        self.url = self.manager.url

    def _start(self, listen: str) -> Manager:
        return self._stack.enter_context(running_manager(self._folder, "--processes", "2", listen=listen))

    def rows(self, sql: str) -> list[Any]:
        """What the database has, whoever else is using it."""
        with closing(sqlite3.connect(self.database, timeout=PATIENCE_S)) as connection:
            return connection.execute(sql).fetchall()

    def number(self, sql: str) -> int:
        """The one number that is asked for."""
        return int(self.rows(sql)[0][0])

    @property
    def database(self) -> Path:
        """Where it keeps everything."""
        return self.manager.data_dir / "flamenco-manager.sqlite"

    def killed(self) -> None:
        """End it, as a machine does that loses power."""
        kill_all(self.manager)

    def risen(self) -> None:
        """Start another one in its place, and audit what that has found."""
        self._stack.close()
        self.manager = self._start(self.url.removeprefix("http://"))
        self.audit()

    def audit(self) -> None:
        """The file is whole, and every counter equals what is counted anew."""
        with closing(Store(f"sqlite:///{self.database}")) as store, store.read() as tx:
            assert [each.problem for each in damage.look(tx, thorough=True)] == []
            assert recount.miscounted(tx) == []


@contextmanager
def mortal(folder: Path) -> Iterator[Mortal]:
    """A manager of two processes in that folder, which is stopped in the end; nothing has gone wrong in it."""
    with ExitStack() as stack:
        each = Mortal(folder, stack)
        yield each
        assert "Traceback" not in each.manager.log, each.manager.log
        stack.close()


def meanwhile(call: Callable[[], object]) -> threading.Thread:
    """Ask a manager for something that it may not live to answer."""

    def ask() -> None:
        try:
            call()
        except Exception as error:
            asked.name = f"asked: {error}"

    asked = threading.Thread(target=ask, name="asked")
    asked.start()
    return asked


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it holds within a while, looked at so often that hardly anything else has happened since."""
    never = threading.Event()
    for _ in range(int(PATIENCE_S / SOON_S)):
        if condition():
            return True
        never.wait(SOON_S)
    return False
