"""What changes the machine: the file of a service, and what its system is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flamenco.domain.errors import Failed, Refused

LIMIT_S: Final = 120.0
"""How long what the system is told may take: a manager upgrades its database first."""


def write(file: Path, text: str, encoding: str) -> None:
    """Write a file aside and put it in its place."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        aside.write_text(text, encoding)
        aside.replace(file)
    except PermissionError as error:
        raise Refused(
            f"{file} cannot be written: be the administrator (sudo), or have it run as you: --user."
        ) from error


def run(command: Sequence[str], *, must_do: bool = True) -> None:
    """Run a command of the system. Raises `Failed` with what it said, unless it need not work."""
    done = told(command)
    if done.returncode and must_do:
        said = (done.stderr or done.stdout).strip()
        raise Failed(f"`{' '.join(command)}` ended with exit code {done.returncode}: {said}")


def told(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and take down what it says, whether it works or not. Raises `Failed` where it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(command)}` took longer than {LIMIT_S:g} seconds.") from error
    except FileNotFoundError as error:
        raise Failed(f"There is no {command[0]} here.") from error
