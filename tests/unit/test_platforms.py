"""What differs by system: that nothing else of the program is in need of one, and what each of those places does."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flamenco.domain.errors import ConfigError
from flamenco.platforms import groups, locks, open_files, readiness
from flamenco.platforms.places import read_at
from flamenco.server import choice
from flamenco.server.connections import allowed

ELSEWHERE = Path(__file__).parents[1] / "elsewhere.py"


@pytest.mark.parametrize("system", ["windows", pytest.param("macos", marks=pytest.mark.long)])
def test_every_module_can_be_imported(system: str) -> None:
    """Manager and worker alike: nothing asks, when it is imported, for what only POSIX has, or only Linux."""
    command = [sys.executable, str(ELSEWHERE), system]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    *failed, told = ended.stdout.splitlines() or [""]
    assert (failed, ended.returncode) == ([], 0), ended.stderr
    assert int(told.partition(" ")[0]) > 600, told


def test_readiness() -> None:
    """What can be read or written is so at once, what cannot is not."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not readiness.can_read(ours)
        assert readiness.can_write(ours, math.inf)
        theirs.send(b"x")
        assert readiness.can_read(ours, 10.0)
        assert readiness.can_read(ours.fileno())


def test_a_file_is_read_at_a_place() -> None:
    """And its position stays."""
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.flush()
        assert read_at(file.fileno(), 4, 3) == b"3456"
        assert read_at(file.fileno(), 4, 9) == b"9"
        assert file.tell() == 10


def test_locks_keep_others_out(tmp_path: Path) -> None:
    """One of an open file keeps whoever else has it open from getting it, until it is let go."""
    with (tmp_path / "a").open("wb") as file, (tmp_path / "a").open("rb") as other:
        locks.lock(file.fileno())
        waits = subprocess.Popen([sys.executable, "-c", WAITS, tmp_path / "a"], stdout=subprocess.PIPE)
        assert waits.stdout is not None
        assert waits.stdout.readline() == b"waits\n"
        assert not readiness.can_read(waits.stdout.fileno(), 0.2)
        locks.unlock(file.fileno())
        assert waits.communicate(timeout=30)[0] == b"has it\n"
        locks.lock(other.fileno(), shared=True)
        locks.unlock(other.fileno())


WAITS = """
import sys
from flamenco.platforms import locks
with open(sys.argv[1], "ab") as file:
    print("waits", flush=True)
    locks.lock(file.fileno())
    print("has it", flush=True)
"""


def test_groups_end_with_all_that_is_in_them() -> None:
    """A program is killed along with what it has started."""
    command = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **groups.OWN_GROUP
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdin, process.stdout as output:
        assert output.readline() == b"1\n"
        groups.kill(process.pid)
        assert output.read() == b"", "somebody has it open"
    process.wait(10)
    groups.kill(process.pid)


def test_few_connections_can_be_waited_for_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python knows no more than 512 sockets there, so more are not let in."""
    monkeypatch.setattr(open_files, "most_watched", lambda wanted: min(wanted, 510))
    assert allowed(6000) == 510
    assert allowed(16) == 16


def test_a_server_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what to do about it."""
    monkeypatch.setitem(sys.modules, "flamenco.server.one_process", None)
    monkeypatch.delattr("flamenco.server.one_process", raising=False)
    with pytest.raises(ConfigError, match="install flamenco-farm"):
        choice.server_of("cheroot", None, None)  # type: ignore[arg-type] # it does not get so far
