"""The database is upgraded in a process of its own, so that what that needs does not stay in a manager's memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from flamenco.domain.errors import StoreError
from flamenco.store.engine import Store
from flamenco.store.upgrade import known_revisions, revision, upgrade
from flamenco.store.upgrade_apart import _in_child, upgrade_apart
from flamenco.testing import START

PREPARED = """
import sys
from pathlib import Path
from flamenco import builtin
from flamenco.bootstrap import prepare
from flamenco.config import Config

prepare(Config(data_dir=Path(sys.argv[1])), builtin.core_hooks({}))
print(sorted({"alembic", "mako"} & set(sys.modules)))
"""


@pytest.mark.long
def test_what_upgrades_need_is_not_kept(tmp_path: Path) -> None:
    """A manager that has made its database knows nothing of Alembic."""
    prepared = subprocess.run([sys.executable, "-c", PREPARED, tmp_path], capture_output=True, text=True, check=True)
    assert prepared.stdout.splitlines()[-1] == "[]"


def test_a_database_is_made(tmp_path: Path) -> None:
    """As by an upgrade in this process, and a second time there is nothing to do."""
    url = f"sqlite:///{tmp_path}/flamenco.sqlite"
    assert [upgrade_apart(url, START) for _ in range(2)] == [True, False]
    store = Store(url)
    assert revision(store) == known_revisions()[-1]
    store.close()


def test_what_goes_wrong_there_is_raised_here(tmp_path: Path) -> None:
    """A database that is too new is refused in the same words."""
    url = f"sqlite:///{tmp_path}/flamenco.sqlite"
    store = Store(url)
    upgrade(store, START)
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match="made by a newer version of Flamenco"):
        upgrade_apart(url, START)


class NeedsMore(Exception):
    """One that cannot be made of its text."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def fail() -> bool:
    """Fail so that nobody else can be told how."""
    raise NeedsMore("disk", "full")


def die() -> bool:
    """End as who has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def test_errors_that_cannot_be_handed_over_keep_their_text() -> None:
    """The text says what is wrong."""
    with pytest.raises(StoreError, match="cannot be upgraded: disk: full"):
        _in_child(fail)


def test_a_process_that_dies_is_noticed() -> None:
    """Nobody serves with a database that was half upgraded, and nobody waits for what never comes."""
    with pytest.raises(StoreError, match="died"):
        _in_child(die)
