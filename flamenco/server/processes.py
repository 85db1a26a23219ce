"""What the main process of a manager does, and those that serve: how they start, share their work, and end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from copy import copy
from wsgiref.types import WSGIApplication

import structlog

from flamenco.bootstrap import create_app, create_farm, prepare
from flamenco.compiler.channel import Channel
from flamenco.compiler.script_limits import script_limits_of
from flamenco.compiler.shared_sandbox import SharedSandbox
from flamenco.config import Config, Loaded
from flamenco.discovery.advertising import Advertising
from flamenco.domain.errors import FarmError
from flamenco.farm import lifecycle
from flamenco.farm.context import Farm, utc_now
from flamenco.server.lifetime import Lifetime
from flamenco.server.requests import RequestSlots
from flamenco.server.tls import tls_of
from flamenco.services.runner import Runner, runners, stop_all
from flamenco.store.engine import Store
from flamenco.store.process_turns import ProcessTurns

log = structlog.get_logger(__name__)

SWITCH_S = 0.001
"""How long a thread may go on while another one waits for its turn; Python's own 0.005 is felt by workers that ask for
tasks while jobs are read and stored."""


LENT_S = 60.0
"""How long a process that was replaced keeps the helper process for others that were, and have jobs compiled."""

LENT_AT_END_S = 0.2
"""The same when all of the manager ends."""


class Manager:
    """A manager, in its main process; each process that serves has a copy of it from its fork, and a farm besides."""

    def __init__(
        self,
        loaded: Loaded,
        configure: Callable[[], Loaded],
        ready: Callable[[], None],
        advertising: Advertising | None,
    ) -> None:
        self.lifetime = Lifetime()
        self._loaded = loaded
        self._configure = configure
        self._ready = ready
        self._advertising = advertising
        self.tls = tls_of(loaded.config)
        self._channel: Channel | None = None
        self._turns: ProcessTurns | None = None
        self.number: int = 0
        """Which process this is, of those that serve; no other has had it."""
        self._sandbox: SharedSandbox | None = None
        self._farm: Farm | None = None
        self._runners: list[Runner] = []

    @property
    def config(self) -> Config:
        """The configuration that processes are started with."""
        return self._loaded.config

    # -- in the main process ------------------------------------------------------------------------------------------

    def share(self) -> None:
        """Have the processes that are forked from now on share a helper, and none with those that they replace.

        They and those take turns with the database.
        """
        self._turns = self._turns or ProcessTurns()
        if self._channel is not None:
            self._channel.close()
        self._channel = Channel()

    def reconfigure(self) -> None:
        """Read the configuration anew. One that cannot be used is not: the manager goes on with the one it has."""
        try:
            loaded = self._configure()
            tls = tls_of(loaded.config)
            prepare(loaded.config, loaded.hooks)
        except FarmError as error:
            log.error("the new configuration cannot be used, so the old one stays", reason=str(error))
        else:
            self._loaded, self.tls = loaded, tls
            if self._channel is not None:
                self.share()
            log.info("the configuration was read anew")

    def successor(self) -> Manager:
        """A copy of it, as a fork has one, for a server that does not fork. It is to share no helper."""
        other = copy(self)
        other._advertising = self._advertising and self._advertising.another()
        other.tls = copy(self.tls)  # each looks for renewed files by itself, until it is told to stop
        return other

    def say_goodbye(self) -> None:
        """Tell, once, that the manager stops."""
        self.lifetime.stop(self._tell_shutdown)

    def _tell_shutdown(self) -> None:
        store = Store(self.config.database_url, pool_size=1)
        lifecycle.tell_shutdown(store, utc_now())
        store.close()

    # -- in a process that serves -------------------------------------------------------------------------------------

    def application(self) -> WSGIApplication:
        """Make a farm, and the application that answers for it."""
        sys.setswitchinterval(SWITCH_S)
        loaded = self._loaded
        if self._channel is not None:
            self._sandbox = SharedSandbox(script_limits_of(loaded.config), self._channel)
        self._farm = create_farm(
            loaded.config,
            loaded.hooks,
            config_file=loaded.file,
            sandbox=self._sandbox,
            sources=loaded.sources,
            process=None if self._turns is None else self._turns.of(self.number),
        )
        if self.tls is not None:
            self.tls.refresh()  # the main process does not look
            self._farm.certified_names = self.tls.names
        self._farm.restart = self.lifetime.reload
        self._farm.shut_down = self.lifetime.end
        return RequestSlots(create_app(self._farm), loaded.config.threads)

    def start(self, *, is_first: bool) -> None:
        """Begin with what is not answering requests; the first process of all says that the manager is there."""
        self.lifetime.end_with_main()
        if self.tls is not None:
            self.tls.watch()
        if self._farm is not None:
            self._runners = runners(self._farm)
            for runner in self._runners:
                runner.start()
        # Whether it is wanted may change with the configuration, so that is asked of every process anew.
        if self._advertising is not None and self.config.autodiscoverable:
            self._advertising.start(None if self.tls is None else self.tls.names)
        if is_first:
            if self._farm is not None:
                lifecycle.tell_startup(self._farm)
            self._ready()
        if self._sandbox is not None:
            self._sandbox.start()

    def stop_waiting(self) -> None:
        """Answer requests that wait for something to happen: the process is to end."""
        if self._farm is not None:
            self._farm.event_waits.stop()

    def retire(self) -> None:
        """Leave to others what is not answering requests: this process was replaced."""
        if self._farm is not None:
            self._farm.is_replaced = True
        self.stop_waiting()
        if self.tls is not None:
            self.tls.stop()
        if self._advertising is not None:
            self._advertising.stop()
        threading.Thread(target=stop_all, args=(self._runners,), daemon=True).start()

    def end(self, *, is_replaced: bool) -> None:
        """Let go of everything: no request is being answered any more."""
        if self.tls is not None:
            self.tls.stop()
        if self._advertising is not None:
            self._advertising.stop()
        if not is_replaced:
            self.lifetime.await_goodbye()
        stop_all(self._runners)
        if self._farm is not None:
            self._farm.close()
        if self._sandbox is not None:
            self._sandbox.close(LENT_S if is_replaced else LENT_AT_END_S)
