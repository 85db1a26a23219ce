"""The helper process: runs job type scripts in V8. The only importer of py_mini_racer.

Started by `sandbox.py` as `python -m flamenco.compiler.helper SETUP`. One request per line on stdin, and lines of
replies on stdout. The process is made to be lost: a script may block it, abort it or fill its memory, and the parent
then starts another. It ends when stdin closes, so it does not outlive its parent.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec
import psutil
from py_mini_racer import JSEvalException, JSOOMException, JSParseException, init_mini_racer, mini_racer

from flamenco.compiler.places import OURS, PRELUDE, Source
from flamenco.compiler.protocol import EXIT_IDLE, EXIT_MEMORY, EXIT_TIME, RUNNING, Request, ScriptError, Setup
from flamenco.compiler.run_time import RunTime

V8_FLAGS = ("--single-threaded", "--jitless", "--min-semi-space-size=8")
"""In this order: V8 drops everything behind a flag it does not know. Without `--single-threaded` closing a context
may deadlock. Without a just-in-time compiler large jobs take a quarter longer, small ones no longer, and it is a third
of V8's holes. Nearly all that a script makes is there at its end: where V8 looks for what is not after 8 MB instead of
1, it copies the rest less often, which is a tenth of the time of large jobs."""

WATCH_INTERVAL_S = 0.02
CLOSING_S = 0.5
LAST_WORDS_S = 0.5

_BYTES = (
    *("8Array", "8Clamped", "16Array", "32Array", "64Array", "ArrayBuffer", "DataView"),
    *("TextEncoder", "TextDecoder", "btoa", "atob"),
)
"""Scripts with one of these in them, or in modules that they may require, need `bytes.js`, which takes V8 a millisecond
to read. To look for one after the other is ten times as fast as a regular expression, and they get a quarter of a
megabyte of modules."""

_GROWN_BYTES = 5 * 2**20
"""V8 keeps some of what a large job took, for good: 8 MB after 10,000 tasks. Small jobs, however many, leave 2."""

_NICENESS = 10
"""Whoever submits a job can wait a little better than the workers, whose requests need the same processors."""


class _Context:
    """A context of V8, for one script. The prelude is in it already, so that the script need not wait for that."""

    def __init__(self, prelude: str, memory: int) -> None:
        self._maker: AbstractContextManager[Any] = mini_racer()
        # Called in the thread of an event loop, it makes no thread for one, and evaluates in half the time.
        self._v8 = self._maker.__enter__()
        self._v8.set_hard_memory_limit(memory)
        self.evaluate(f"{prelude};void 0{OURS}")

    def evaluate(self, program: str) -> object:
        """The value of a program, which may take for ever."""
        return self._v8.eval(program)

    def text(self, program: str) -> str:
        """The text that a program of ours makes."""
        made = self.evaluate(program + OURS)
        if not isinstance(made, str):
            raise JSEvalException(f"{PRELUDE}:1: TypeError: no text came out of the script")
        return made

    def close(self) -> None:
        """Let go of it, which may take for ever as well."""
        self._maker.__exit__(None, None, None)


class Engine:
    """V8, started once, running one script at a time, each in a context that no other script has seen."""

    def __init__(self, memory_mb: int) -> None:
        init_mini_racer(flags=V8_FLAGS)
        self._prelude = Path(__file__).with_name("prelude.js").read_text(encoding="utf-8")
        self._bytes = Path(__file__).with_name("bytes.js").read_text(encoding="utf-8")
        self._memory = memory_mb * 2**20
        self._next: _Context | None = None
        self.watching_s = 0.0
        """How much processor time went into watching what goes on, which is not the script's."""
        self._run_time: RunTime | None = None
        self._last_reply: Callable[[], None] | None = None
        self._ending = threading.Lock()
        self.closing_since: float | None = None
        """When the context of a run that is over began to close; closing may take for ever."""

    def prepare(self) -> None:
        """Make the context for the next script, unless there is one."""
        self._next = self._next or _Context(self._prelude, self._memory)

    def run(self, request: Request, output: BinaryIO) -> None:
        """Run `request`, write its reply to `output`, and only then close the context.

        Ends the process after a script that needs too much memory: it may still be at work, deep inside V8.
        """
        self._run_time = RunTime(request.timeout_s, self._cpu_s(), time.monotonic())
        context = self._context_for(request)
        source = Source(request)
        try:
            result = _result(context, request, source, output)
        except JSOOMException:
            _reply(output, ScriptError(kind="memory"), _NOTHING)
            os._exit(EXIT_IDLE)
        except (JSEvalException, JSParseException) as error:
            _reply(output, *self._last_words(context, source.error(str(error)), output))
        else:
            self._is_done()
            _reply(output, None, result)
        self.closing_since = time.monotonic()
        context.close()
        self.closing_since = None

    def _cpu_s(self) -> float:
        return time.process_time() - self.watching_s

    def _last_words(self, context: _Context, error: ScriptError, output: BinaryIO) -> tuple[ScriptError, str]:
        """The error with what was printed before; promises that never end may come between the two."""
        self._last_reply = partial(_reply, output, error, _NOTHING)
        self._run_time = RunTime(LAST_WORDS_S, self._cpu_s(), time.monotonic())
        printed = context.text("__flamenco.printed()")
        self._is_done()
        return error, f'{{"printed":{printed},"result":null}}'

    def _is_done(self) -> None:
        with self._ending:
            self._run_time = self._last_reply = None

    def end_if_it_is_time(self) -> None:
        """End the process when a script runs too long; the thread that runs it is inside V8 then. For another one."""
        with self._ending:
            if self._run_time is None or not self._run_time.is_over(self._cpu_s(), time.monotonic()):
                return
            if self._last_reply is None:
                os._exit(EXIT_TIME)
            self._last_reply()
            os._exit(EXIT_IDLE)

    def _context_for(self, request: Request) -> _Context:
        if any(name in text for text in (request.source, request.start) for name in _BYTES):
            return _Context(self._bytes + self._prelude, self._memory)
        self.prepare()
        context, self._next = self._next, None
        assert context is not None  # noqa: S101 - it was made just now
        return context


_NOTHING = '{"printed":[],"result":null}'


def _result(context: _Context, request: Request, source: Source, output: BinaryIO) -> str:
    """What the script printed and what came out, as the JSON text of an object; its tasks go to `output` before."""
    context.evaluate(f"__flamenco.start({json.dumps(request.start)}){OURS}")
    context.evaluate(source.program)
    call = "describe()" if request.job is None else f"compile({json.dumps(request.job)})"
    context.evaluate(f"__flamenco.{call}{OURS}")
    # V8 runs the jobs of promises before it begins with this; they must come to an end as well.
    while (text := context.text("__flamenco.result()")).startswith("["):
        output.write(text.encode())
        output.write(b"\n")
        output.flush()
    return text


def _reply(output: BinaryIO, error: ScriptError | None, result: str) -> None:
    """Write one line. `result` is the JSON text of an object, and not read again: it may be large."""
    for part in (b'{"error":%b,' % msgspec.json.encode(error), memoryview(result.encode())[1:], b"\n"):
        output.write(part)
    output.flush()


def _watch(engine: Engine, process: psutil.Process, limit: int, parent: int) -> None:
    """End the process when it holds more than `limit` bytes, runs too long, is stuck after a run, or lost its parent.

    V8's own limit does not see everything a script can allocate, and Linux's limits on address space do not
    work with V8, which reserves a terabyte of it.
    """
    while True:
        if process.memory_info().rss > limit:
            os._exit(EXIT_MEMORY)
        engine.watching_s = time.thread_time()
        engine.end_if_it_is_time()
        closing = engine.closing_since
        if (closing is not None and time.monotonic() - closing > CLOSING_S) or os.getppid() != parent:
            os._exit(EXIT_IDLE)
        time.sleep(WATCH_INTERVAL_S)


def _listen(requests: queue.SimpleQueue[bytes]) -> None:
    """Hand on requests; end the process when the parent closes the pipe, whatever a script is doing."""
    while line := sys.stdin.buffer.readline():
        requests.put(line)
    os._exit(EXIT_IDLE)


def _take_stdout() -> BinaryIO:
    """The pipe to the parent, for replies alone: whatever else is written to stdout goes to stderr."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=2**20)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def main() -> NoReturn:
    """Serve requests until stdin closes, a script did harm, or nothing was asked for a while. Does not return."""
    setup = msgspec.json.decode(sys.argv[1], type=Setup)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who closes the pipe
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    output = _take_stdout()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    engine = Engine(setup.memory_mb)
    process = psutil.Process()
    limit = process.memory_info().rss + setup.memory_mb * 2**20
    threading.Thread(target=_watch, args=(engine, process, limit, os.getppid()), daemon=True).start()
    asyncio.run(_serve(engine, requests, output, _Patience(setup, process)))
    raise SystemExit  # never reached: it serves for ever


class _Patience:
    """How long the process waits for its next request."""

    def __init__(self, setup: Setup, process: psutil.Process) -> None:
        self._setup = setup
        self._process = process
        self._at_first = 0

    def begin(self) -> None:
        """There was no request yet, and all is there that the first one needs."""
        self._at_first = self._process.memory_info().rss

    def seconds(self) -> float:
        """From now on. What has grown is soon let go of, and with it what V8 keeps."""
        has_grown = self._process.memory_info().rss - self._at_first > _GROWN_BYTES
        return min(self._setup.idle_s, self._setup.grown_idle_s) if has_grown else self._setup.idle_s


async def _serve(engine: Engine, requests: queue.SimpleQueue[bytes], output: BinaryIO, patience: _Patience) -> None:
    """Serve requests, in the thread of an event loop that has nothing else to do, see `_Context`."""
    engine.prepare()
    patience.begin()
    output.write(b"ready\n")
    output.flush()
    while True:
        try:
            line = requests.get(timeout=patience.seconds())
        except queue.Empty:
            os._exit(EXIT_IDLE)  # at once: sys.exit would wait for V8
        output.write(RUNNING)
        output.flush()
        engine.run(msgspec.json.decode(line, type=Request), output)
        if requests.empty():
            engine.prepare()


if __name__ == "__main__":
    main()
