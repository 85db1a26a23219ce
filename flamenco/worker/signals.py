"""What a worker does about signals: the main thread waits for them, and the agent lives in another one.

So a command that is deep in foreign code keeps neither signals nor the time limit of the shutdown from working.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeAlias

import structlog

from flamenco.platforms import signals
from flamenco.worker.agent import Agent

SHUTDOWN_LIMIT_S: Final = 20.0
EXIT_STUCK: Final = 254

CHECK_S: Final = 0.1
"""How often the main thread looks whether there was a signal; on Windows a waiting thread cannot be interrupted."""

Handler: TypeAlias = Callable[[int, FrameType | None], None]

log = structlog.get_logger()


def run(agent: Agent, live: Callable[[], int]) -> int:
    """Call `live`, a method of `agent`, which ends by itself or by a signal. Only for the main thread.

    Gives the exit code; raises what the agent raises.
    """
    ended = threading.Event()
    outcome: list[int] = []
    problems: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(live())
        except BaseException as error:  # raised again in the main thread
            problems.append(error)
        finally:
            ended.set()

    received: list[int] = []
    _handle(_noting(received))
    threading.Thread(target=work, name="agent", daemon=True).start()
    while not ended.wait(CHECK_S) and not received:
        pass
    if received:
        report(received[0])
        agent.stop()
        if not ended.wait(SHUTDOWN_LIMIT_S):
            log.error("the worker did not stop in time; giving up")
            os._exit(EXIT_STUCK)
    if problems:
        raise problems[0]
    return outcome[0]


@contextmanager
def received() -> Iterator[list[int]]:
    """The signals that would have ended the worker during the `with` block. Only for the main thread."""
    noted: list[int] = []
    before = _handle(_noting(noted))
    try:
        yield noted
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def report(number: int) -> None:
    """Log which signal ends the worker."""
    log.info("stopping", signal=signal.Signals(number).name)


def _noting(noted: list[int]) -> Handler:
    def on_signal(number: int, _: FrameType | None) -> None:
        # No more than this: it may interrupt a log line, or a lock being taken.
        noted.append(number)

    return on_signal


def _handle(handler: Handler) -> dict[int, Any]:
    """Have `handler` called for the signals that end a worker; gives what was done about them before."""
    before = {}
    for name in signals.ENDING:
        number = getattr(signal, name, None)
        # Whoever had SIGHUP ignored, as nohup does, wants the worker to outlive its terminal.
        if number and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            before[number] = signal.signal(number, handler)
    return before
