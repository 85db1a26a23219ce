"""How many instructions a cycle takes, by valgrind: the same again each time, whatever else the machine is doing.

They are those of the program and its libraries, on SQLite; what the system does for them, such as to make a file, is
not among them. So small steps can be told from noise, of which a whole manager's processor time has some percent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.managers import Setting
from flamenco.domain.errors import Failed

CYCLES: Final = 200
_TIMEOUT_S: Final = 900.0
_ALONE: Final = Path(__file__).with_name("alone.py")
_COLLECTED: Final = re.compile(r"Collected : (\d+)")


def per_cycle(setting: Setting, cycles: int = CYCLES) -> float:
    """Instructions for a cycle of one worker that asks and reports thrice, in millions. Raises `Failed`."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Failed("Instructions are counted by valgrind, which is not installed: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        command += [*alone(setting, cycles), "--counted"]
        environment = os.environ | {"PYTHONPATH": str(setting.checkout), "PYTHONHASHSEED": "0"}
        where: dict[str, Any] = {"cwd": setting.checkout, "env": environment, "timeout": _TIMEOUT_S}
        ended = subprocess.run(command, **where, capture_output=True, text=True, check=False)
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or found is None:
        raise Failed(f"{setting.checkout}: no instructions were counted: {ended.stderr[-2000:]}")
    return int(found[1]) / cycles / 1e6


def alone(setting: Setting, cycles: int) -> list[str]:
    """The command that goes through the cycles in that checkout."""
    python = setting.checkout / ".venv" / "bin" / "python"
    return [str(python), str(_ALONE), str(cycles), *(["--in-use"] if setting.in_use else [])]
