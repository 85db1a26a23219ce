"""A job of a hundred thousand tasks goes into an archive and comes back: with little memory, however large it is."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.load.archiving import store_ended_job
from tests.load.polling import ROOT

log = logging.getLogger(__name__)

TASKS: Final = 100_000
MOST_MB: Final = 100
"""So much more memory it takes at most; all tasks at once would be several times as much."""

TIMEOUT_S: Final = 600


@pytest.mark.long
def test_a_large_job_goes_into_an_archive_and_comes_back(tmp_path: Path) -> None:
    """A part of it after the other is read, written, checked, and stored anew; all of it is there again."""
    store_ended_job(tmp_path, TASKS)
    command = [sys.executable, "-m", "tests.load.archiving", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])  # after what it logs
    log.info("%d tasks: %s", TASKS, found)
    assert found["attempts"] == 2 * TASKS
    assert max(found["archive_peak_mb"], found["bring_back_peak_mb"]) - found["before_mb"] <= MOST_MB
