"""The parts of Shaman put together, as the configuration wants them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flamenco.config import Config
from flamenco.files.shaman.checkout import Checkouts
from flamenco.files.shaman.collect import Collection, Progress, collect
from flamenco.files.shaman.folders import ShamanFolders
from flamenco.files.shaman.store import FileStore


class Shaman:
    """The stored files and the checkouts made of them, below `shared`. Keeps nothing in memory."""

    def __init__(self, shared: Path, config: Config, clock: Callable[[], datetime]) -> None:
        self.folders = ShamanFolders(shared)
        self.files = FileStore(self.folders, clock)
        self.checkouts = Checkouts(self.files, config.shaman.checkout_links)
        self._max_age = config.shaman.garbage_collect.max_age

    def collect(
        self, now: datetime, *, dry_run: bool = False, progress: Progress = lambda _what, _count: None
    ) -> Collection:
        """Remove what no checkout uses and nobody asked for within the configured time. Raises `StoreError`."""
        return collect(self.folders, now, self._max_age, dry_run=dry_run, progress=progress)


def shaman_of(config: Config, clock: Callable[[], datetime]) -> Shaman | None:
    """Shaman, unless it is switched off, or the shared storage is a place that this machine does not have."""
    jobs = Path(config.effective_storage_path)
    # A manager on Linux may be told of `S:\renders`, which only clients on Windows have.
    return Shaman(jobs.parent, config, clock) if config.shaman.enabled and jobs.is_absolute() else None
