"""Writes the configuration file, for whoever changes settings while the manager runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flamenco import __version__
from flamenco.config.content import META, dump
from flamenco.config.declared import to_plain
from flamenco.config.editing import edited
from flamenco.config.manager_settings import Config
from flamenco.config.validation import FILE_VERSION
from flamenco.domain.errors import ConfigError


def as_content(config: Config) -> dict[str, Any]:
    """Every setting as the file and JSON have it: the same keys, durations and paths as text."""
    content: dict[str, Any] = to_plain(config)
    return {META: {"version": FILE_VERSION}} | content


def write(file: Path, content: Mapping[str, Any], now: datetime) -> None:
    """Let the file say `content`, readable for its owner alone. Raises `ConfigError`.

    What it says already stays as people wrote it, with their comments. Written aside and renamed, so that a manager
    that starts meanwhile reads the old file or the new one. What it said before is kept beside it, as `NAME.bak`.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = edited(file.read_text(encoding="utf-8"), content) if file.is_file() else None
        _replace(file, text or _header(now) + dump({META: {"version": FILE_VERSION}, **content}))
    except OSError as error:
        raise ConfigError(f"The configuration file {file} cannot be written: {error.strerror or error}.") from error


def _header(now: datetime) -> str:
    return (
        f"# Configuration of Flamenco Manager, first written by version {__version__} of it\n"
        f"# at {now.astimezone():%Y-%m-%d %H:%M:%S %z}.\n"
        "# When settings are changed while the manager runs, they are changed here; what was there before is in .bak.\n"
        "# `flamenco config describe` says what each setting means.\n\n"
    )


def _replace(file: Path, text: str) -> None:
    descriptor, aside = tempfile.mkstemp(prefix=f"{file.name}~", dir=file.parent)  # with mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a path cannot open a descriptor
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.is_file():
            shutil.copy2(file, file.with_name(f"{file.name}.bak"))
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
