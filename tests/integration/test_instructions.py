"""What counts the instructions of a cycle: cycles go through, with all in use as well, and it says what it lacks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.instructions import alone, per_cycle
from benchmarks.managers import Setting
from benchmarks.run import HERE
from flamenco.domain.errors import Failed

TIMEOUT_S = 120


@pytest.mark.parametrize(
    "in_use", [pytest.param(False, marks=pytest.mark.long, id="plain"), pytest.param(True, id="in use")]
)
def test_cycles_go_through(in_use: bool) -> None:
    """By themselves, without valgrind: thirty that are not counted, and three."""
    command = alone(Setting(checkout=HERE, in_use=in_use), 3)
    ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "3 cycles"


def test_it_says_that_valgrind_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how it is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="not installed: apt-get install valgrind"):
        per_cycle(Setting(checkout=HERE))
