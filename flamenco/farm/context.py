"""The farm: everything a use case works with, put together once per process."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.errors import Busy
from flamenco.domain.scheduling import JobCandidate
from flamenco.domain.variables import Variables
from flamenco.farm.measurements import RequestHistograms
from flamenco.farm.ranking import Ranking
from flamenco.files.images import LastRendered
from flamenco.files.logs import TaskLogs
from flamenco.hooks.manager import Hooks
from flamenco.store.engine import BUSY_TIMEOUT_S, Store

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, with its time zone."""
    return datetime.now(UTC)


class Farm:
    """One manager process's view of the farm. Safe to share between threads; not to be carried across a fork.

    `known_jobs`: what policies see of jobs that does not change, by row number, with when they were last updated.
    """

    def __init__(self, config: Config, store: Store, compiler: Compiler, hooks: Hooks, clock: Clock = utc_now) -> None:
        self.config = config
        self.store = store
        self.compiler = compiler
        self.hooks = hooks
        self.clock = clock
        self.logs = TaskLogs(config.local_storage_path)
        self.images = LastRendered(config.local_storage_path)
        self.variables = Variables(config.effective_variables, platform.system().lower())
        self.command_types = hooks.command_types()
        self.event_sinks = hooks.event_sinks(config)
        self.ranking = Ranking(hooks.scheduling_policies(config), config.policies)
        self._large_write = threading.Lock()
        self.known_jobs: dict[int, tuple[datetime, JobCandidate]] = {}
        self.request_times = RequestHistograms()

    @contextmanager
    def one_large_write(self) -> Iterator[None]:
        """Wait until no other thread of this process stores a whole job.

        However many come in at once, workers then find at most one per process before them. Nothing but the order of
        who waits depends on it. Raises `Busy`.
        """
        if not self._large_write.acquire(timeout=BUSY_TIMEOUT_S):
            raise Busy("The manager is busy storing jobs; try again in a moment.")
        try:
            yield
        finally:
            self._large_write.release()

    def close(self) -> None:
        """Let go of the database and of the compiler's helper process."""
        self.compiler.close()
        self.store.close()
