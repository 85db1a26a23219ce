"""The farm: everything a use case works with, put together once per process."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.config.access_settings import NetworkRoles, networks
from flamenco.config.paths import CONFIG_FILE_NAME
from flamenco.domain.access import Caller
from flamenco.domain.errors import Busy
from flamenco.domain.failure_rules import FailureRule, KnownRule
from flamenco.domain.model import Speaker
from flamenco.domain.shipped_rules import name_of
from flamenco.domain.timeouts import Moment, Watch
from flamenco.domain.variables import Variables
from flamenco.farm.attempts import Repeated
from flamenco.farm.event_waits import EventWaits
from flamenco.farm.identity import Callers
from flamenco.farm.image_queue import ImageQueue
from flamenco.farm.known_callers import KnownCallers
from flamenco.farm.known_estimates import KnownEstimates
from flamenco.farm.measurements import RequestHistograms
from flamenco.farm.old_secrets import OldSecrets
from flamenco.farm.passwords import Passwords
from flamenco.farm.scheduling.known_jobs import KnownJobs
from flamenco.farm.scheduling.policies import Policies
from flamenco.farm.throttle import COUNTED, SIGNING_IN, SIGNING_IN_BY_NAME, HourlyCount, Throttle, stopped_scripts
from flamenco.files.images import LastRendered
from flamenco.files.logs import TaskLogs
from flamenco.files.rule_matching import RuleMatching
from flamenco.files.shaman.system import shaman_of
from flamenco.hooks.manager import Hooks
from flamenco.store.engine import BUSY_TIMEOUT_S, Store

Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)

_LOG_SEARCHES = 2
"""So many threads of a process search logs at the same time; each may keep a processor busy."""


def utc_now() -> datetime:
    """The present moment, with its time zone."""
    return datetime.now(UTC)


def _must_be_restarted() -> None:
    log.warning("the configuration was changed; restart the manager for it to count")


def _must_be_stopped() -> None:
    log.error("the manager should stop; stop it")


def _known_rule(plugin: str, rule: FailureRule) -> KnownRule:
    name = name_of(rule)
    return KnownRule(rule, "Flamenco" if name else f"the plugin {plugin}", name)


class Farm:
    """One manager process's view of the farm. Safe to share between threads; not to be carried across a fork.

    `certified_names` are those that the manager's own certificate is for, if it has one.
    `config_file` is where the configuration was read from, or would be; `restart` has the whole manager read it anew,
    `shut_down` has it end. `is_replaced`: another process has taken over, with a newer configuration.
    `sources`: where settings have their values from, by their keys, as `config.Loaded` says.
    `clock` is what people call the time, and may be moved; `timer` gives seconds that nobody moves.
    `task_watch`, `worker_watch`: of whom nothing was heard for how long, as far as this process has watched.
    `failure_rules` are those of the configuration and of plugins, in their order, and `rule_matching` looks for them.
    `command_limits` are those that commands have by default, by the names of the few that have any.
    `chores_due`: by when, by the timer, something is to be heard of each thread of chores. `sleep_checked`: when this
    process last looked which workers should sleep. `idle_workers`: the keys of those that this process had nothing for
    when they asked last. `log_searches` is held while a log is searched, `large_action` while somebody has something
    done with many jobs, tasks or workers, `starting` while jobs are let go that waited for a moment.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        compiler: Compiler,
        hooks: Hooks,
        clock: Clock = utc_now,
        config_file: Path | None = None,
        timer: Callable[[], float] = time.monotonic,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config
        self.sources = sources or {}
        self.config_file = config_file or config.data_dir / CONFIG_FILE_NAME
        self.certified_names: Collection[str] = ()
        self.restart: Callable[[], None] = _must_be_restarted
        self.shut_down: Callable[[], None] = _must_be_stopped
        self.is_replaced: bool = False
        self.store = store
        self.compiler = compiler
        self.hooks = hooks
        self.clock = clock
        self.timer = timer
        self.logs = TaskLogs(config.local_storage_path, config.task_log_mb * 1024 * 1024)
        self.images = LastRendered(config.local_storage_path)
        self.image_queue = ImageQueue()
        self.shaman = shaman_of(config, clock)
        self.variables = Variables(config.effective_variables, platform.system().lower())
        self.command_types = hooks.command_types()
        self.failure_rules = [
            *(KnownRule(rule, "the configuration") for rule in config.failures.rules),
            *(_known_rule(plugin, rule) for plugin, rule in hooks.failure_rules(config)),
        ]
        self.rule_matching = RuleMatching()
        self.command_limits = {name: each.time_limits for name, each in self.command_types.items() if each.time_limits}
        self.event_sinks = hooks.event_sinks(config)
        self.authenticators = hooks.authenticators(config)
        self.policies = Policies(hooks.scheduling_policies(config), config.policies)
        self._large_write = threading.Lock()
        self.large_action = threading.Lock()
        self.starting = threading.Lock()
        self.log_searches = threading.BoundedSemaphore(_LOG_SEARCHES)
        self.known_jobs = KnownJobs()
        self.idle_workers: set[int] = set()
        self.request_times = RequestHistograms()
        self.task_watch = self.worker_watch = Watch(self.moment())
        self.sleep_checked = self.moment()
        self.chores_due: dict[str, float] = {}
        self.repeated = Repeated()
        self.callers = Callers()
        self.known_callers: KnownCallers[Caller] = KnownCallers(timer)
        self.known_workers: KnownCallers[Speaker] = KnownCallers(timer)
        self.known_estimates = KnownEstimates(timer)
        self.network_roles = NetworkRoles(config.access.networks)
        self.trusted_proxies = networks("access.proxy.trusted", config.access.proxy.trusted)
        self.passwords = Passwords()
        self.old_secrets = OldSecrets(timer)
        self.signing_in = Throttle(timer, SIGNING_IN)
        self.failed_sign_ins = Throttle(timer, COUNTED)
        self.recorded_sign_ins = HourlyCount(timer)
        self.signing_in_by_name = Throttle(timer, SIGNING_IN_BY_NAME)
        self.stopped_scripts = Throttle(timer, stopped_scripts(float(config.compile_timeout)))
        self.event_waits = EventWaits(store, config.threads)

    def moment(self) -> Moment:
        """What clock and timer say."""
        return Moment(self.clock(), self.timer())

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
        """Let go of the database and of the compiler's helper process, once no image needs them any more.

        Requests that wait come back, and event sinks are closed.
        """
        self.event_waits.stop()
        for sink in self.event_sinks.values():
            try:
                if sink.close:
                    sink.close()
            except Exception:  # whatever a plugin does, the rest is closed
                log.exception("an event sink could not be closed", sink=sink.name)
        self.image_queue.close()
        self.compiler.close()
        self.rule_matching.close()
        self.store.close()
