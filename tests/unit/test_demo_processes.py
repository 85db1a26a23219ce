"""The demo ends every process it has started, and those that they have started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco.demo.processes import Child, Children, last_lines
from flamenco.domain.errors import Failed

WAITING = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time;"
    f"child = subprocess.Popen([sys.executable, '-c', {WAITING!r}], start_new_session=True, stdout=subprocess.DEVNULL);"
    "print(child.pid, flush=True);"
)


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """Processes that get a second to stop."""
    with Children(tmp_path / "logs", os.environ, stop_timeout_s=1.0) as running:
        yield running


def start(children: Children, folder: Path, source: str, name: str = "child") -> Child:
    """Start a Python program."""
    return children.start(name, [sys.executable, "-c", source], folder)


def first_word(child: Child) -> str:
    """The first word of the child's log, once there is one; a child may have ended by then, but not without a word."""
    while True:
        ended = child.exit_code is not None  # asked before the log is read: what it wrote last counts
        if words := child.log.read_text().split():
            return words[0]
        if ended:
            child.check()


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stopping_ends_those_that_listen(children: Children, tmp_path: Path) -> None:
    """Processes are asked to stop first, and may say goodbye."""
    polite = start(children, tmp_path, f"import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); {WAITING}")
    assert first_word(polite) == "ready"
    children.stop()
    assert polite.exit_code == 7


def test_stopping_ends_those_that_do_not_listen(children: Children, tmp_path: Path) -> None:
    """A process that does not stop when asked is killed after a bounded time."""
    deaf = [start(children, tmp_path, DEAF, name) for name in ("first", "second")]
    assert [first_word(child) for child in deaf] == ["ready", "ready"]
    children.stop()
    assert [child.exit_code for child in deaf] == [-9, -9]


@pytest.mark.parametrize("end", ["time.sleep(600)", "sys.exit(3)"], ids=["killed", "crashed"])
def test_stopping_ends_what_children_left(children: Children, tmp_path: Path, end: str) -> None:
    """A renderer in a session of its own goes, whether its worker has to be stopped or has crashed before."""
    parent = start(children, tmp_path, PARENT + end)
    grandchild = int(first_word(parent))
    assert is_alive(grandchild)
    children.stop()
    assert not is_alive(grandchild)


def test_a_death_is_told_with_the_log(children: Children, tmp_path: Path) -> None:
    """Who died, how, and what it said last."""
    dead = start(children, tmp_path, "print('no database'); raise SystemExit(5)", "manager")
    dead.wait(float("inf"))
    with pytest.raises(Failed, match=r"the manager ended with exit code 5; its log says:\n  no database"):
        children.check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, "  (no log)"), ("", "  (nothing)"), ("a\n", "  a"), ("a\nb\nc\n", "  b\n  c")],
)
def test_the_end_of_a_log(tmp_path: Path, text: str | None, expected: str) -> None:
    """The last lines are shown, and that there are none where there are none."""
    path = tmp_path / "log"
    if text is not None:
        path.write_text(text)
    assert last_lines(path, 2) == expected
