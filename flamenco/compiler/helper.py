"""The helper process: runs job type scripts in V8. The only importer of py_mini_racer.

Started by `sandbox.py` as `python -m flamenco.compiler.helper SETUP`. One request per line on stdin, one reply per
line on stdout. The process is made to be lost: a script may block it, abort it or fill its memory, and the parent
then starts another. It ends when stdin closes, so it does not outlive its parent.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote, unquote

import msgspec
import psutil
from py_mini_racer import (
    JSEvalException,
    JSOOMException,
    JSParseException,
    JSTimeoutException,
    init_mini_racer,
    mini_racer,
)

from flamenco.compiler.protocol import EXIT_IDLE, EXIT_MEMORY, PROGRAM, RUNNING, Request, ScriptError, Setup

V8_FLAGS = ("--single-threaded", "--jitless")
"""In this order: V8 drops everything behind a flag it does not know. Without `--single-threaded` closing a context
may deadlock; scripts this short are no slower without a just-in-time compiler, and it is a third of V8's holes."""

WATCH_INTERVAL_S = 0.02
CLOSING_S = 0.5
LAST_WORDS_S = 0.5
PRELUDE = "flamenco-prelude"
_OURS = f"\n//# sourceURL={PRELUDE}"
"""Put behind program text that is not the script's, so that its lines are not taken for those of the script."""
STRICT = '"use strict"; '
"""Put before the script, on its first line: lines keep their numbers."""

_HEADLINE = re.compile(r"(?P<file>[^\n]*?):(?P<line>\d+): (?P<text>.*)", re.DOTALL)
_CARET = re.compile(r"\n[^\n]*\n(?P<before>[ \t]*)\^+[ \t]*(?:\n|$)")
_FRAME = re.compile(r"^    at .*?(?P<file>[^\s():]+):(?P<line>\d+):(?P<column>\d+)\)?$", re.MULTILINE)
_NAMES_BYTES = re.compile(r"(?:Int|Uint|Float)\d|ArrayBuffer|DataView|TextEncoder|TextDecoder|btoa|atob")
"""In scripts, and in modules that they may require, that need `bytes.js`; V8 takes a millisecond to read it."""

_OUR_END = "SyntaxError: Unexpected token ';'"
"""What V8 says of the text put behind the script, where the script stops in the middle."""

_MODULE_HEAD = "(function (exports, require, module) {"
"""What the prelude puts before a module, on its first line."""


_NICENESS = 10
"""Whoever submits a job can wait a little better than the workers, whose requests need the same processors."""


class Engine:
    """V8, started once, running one script at a time, each in a context of its own."""

    def __init__(self, memory_mb: int) -> None:
        init_mini_racer(flags=V8_FLAGS)
        self._prelude = Path(__file__).with_name("prelude.js").read_text(encoding="utf-8")
        self._bytes = Path(__file__).with_name("bytes.js").read_text(encoding="utf-8")
        self._memory = memory_mb * 2**20
        self.closing_since: float | None = None
        """When the context of a run that is over began to close; closing may take for ever."""

    def run(self, request: Request, output: BinaryIO) -> None:
        """Run `request`, write its reply to `output`, and only then close the context.

        Ends the process after a script that ran into a limit: it may still be at work, deep inside V8.
        """
        deadline = time.monotonic() + request.timeout_s
        with mini_racer() as context:
            context.set_hard_memory_limit(self._memory)
            source = _Source(request)
            try:
                result = self._result(context, request, source, deadline)
            except JSTimeoutException:
                _give_up(output, ScriptError(kind="timeout"))
            except JSOOMException:
                _give_up(output, ScriptError(kind="memory"))
            except (JSEvalException, JSParseException) as error:
                printed = "[]"
                with suppress(JSTimeoutException):
                    printed = _printed(context, LAST_WORDS_S)
                _reply(output, source.error(str(error)), f'{{"printed":{printed},"result":null}}')
            else:
                _reply(output, None, result)
            self.closing_since = time.monotonic()
        self.closing_since = None

    def _result(self, context: Any, request: Request, source: _Source, deadline: float) -> str:
        """What the script printed and what came out, as the JSON text of an object."""

        def evaluate(program: str) -> object:
            # Every evaluation has a timeout: what an earlier one left in the queue of promises may run in a later one.
            return context.eval(program, timeout_sec=max(0.001, deadline - time.monotonic()))

        prelude = self._prelude
        if _NAMES_BYTES.search(request.source) or _NAMES_BYTES.search(request.start):
            prelude = self._bytes + prelude
        evaluate(f"{prelude}__flamenco.start({json.dumps(request.start)}){_OURS}")
        evaluate(source.program)
        call = "describe()" if request.job is None else f"compile({json.dumps(request.job)})"
        evaluate(f"__flamenco.{call}{_OURS}")
        # V8 runs the jobs of promises before it begins with this; they must come to an end as well.
        result = evaluate(f"__flamenco.result(){_OURS}")
        if not isinstance(result, str):
            raise JSEvalException(f"{PRELUDE}:1: TypeError: no text came out of the script")
        return result


class _Source:
    """A script's text as it is given to V8, and the way back from V8's messages to the file."""

    def __init__(self, request: Request) -> None:
        self.file = request.file
        self.lines = request.source.split("\n")
        # `void 0` keeps V8 from converting the value of the script's last expression for Python.
        # A first line for Unix shells is only one for V8 where nothing stands before it.
        text = f"//{request.source[2:]}" if request.source.startswith("#!") else request.source
        self.program = f"{STRICT}{text}\n;void 0\n//# sourceURL={quote(request.file)}"

    def error(self, message: str) -> ScriptError:
        """What V8 says: `FILE:LINE: TEXT`, the line, a caret below it, and for errors the stack."""
        caret = _CARET.search(message)
        headline, stack = (message[: caret.start()], message[caret.end() :]) if caret else (message, "")
        match = _HEADLINE.fullmatch(headline.rstrip("\n"))
        if match is None:
            return ScriptError(kind="thrown", text=message.strip(), file=self.file)
        places = [(match["file"], int(match["line"]), len(caret["before"]) + 1 if caret else 0)]
        places += [(frame["file"], int(frame["line"]), int(frame["column"])) for frame in _FRAME.finditer(stack)]
        file, line, column = self._place(places)
        text = match["text"]
        if places[0][1] > len(self.lines) and text == _OUR_END:
            text = "SyntaxError: Unexpected end of input"
        return ScriptError(kind="thrown", text=text, file=file, line=line, column=column)

    def _place(self, places: list[tuple[str, int, int]]) -> tuple[str, int, int]:
        """The innermost place in text of the script's author: file, line and column."""
        for place, line, column in places:
            if place in (PRELUDE, "undefined"):
                continue
            file = self.file if place == PROGRAM else unquote(place)
            if file != self.file:
                return file, line, column - (len(_MODULE_HEAD) if line == 1 else 0)
            if line > len(self.lines):  # it goes on where the text ends, so that is where something is missing
                last = max((number for number, text in enumerate(self.lines) if text.strip()), default=0)
                return file, last + 1, len(self.lines[last].rstrip()) + 1
            return file, line, self._column(line, column - (len(STRICT) if line == 1 else 0))
        return self.file, 0, 0

    def _column(self, line: int, units: int) -> int:
        """The column in characters; V8 counts UTF-16 units."""
        before = self.lines[line - 1].encode("utf-16-le", "replace")[: 2 * max(0, units - 1)]
        return len(before.decode("utf-16-le", "replace")) + 1


def _printed(context: Any, timeout_s: float) -> str:
    """What the script printed, as JSON text. Raises JSTimeoutException."""
    printed = context.eval("__flamenco.printed()", timeout_sec=max(0.001, timeout_s))
    return printed if isinstance(printed, str) else "[]"


def _reply(output: BinaryIO, error: ScriptError | None, result: str) -> None:
    """Write one line. `result` is the JSON text of an object, and not read again: it may be large."""
    for part in (b'{"error":%b,' % msgspec.json.encode(error), memoryview(result.encode())[1:], b"\n"):
        output.write(part)
    output.flush()


def _give_up(output: BinaryIO, error: ScriptError) -> NoReturn:
    _reply(output, error, '{"printed":[],"result":null}')
    os._exit(EXIT_IDLE)


def _watch(engine: Engine, process: psutil.Process, limit: int, parent: int) -> None:
    """End the process when it holds more than `limit` bytes of memory, is stuck after a run, or has lost its parent.

    V8's own limit does not see everything a script can allocate, and Linux's limits on address space do not
    work with V8, which reserves a terabyte of it.
    """
    while True:
        if process.memory_info().rss > limit:
            os._exit(EXIT_MEMORY)
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
    output.write(b"ready\n")
    output.flush()
    while True:
        try:
            line = requests.get(timeout=setup.idle_s)
        except queue.Empty:
            os._exit(EXIT_IDLE)  # at once: sys.exit would wait for V8
        output.write(RUNNING)
        output.flush()
        engine.run(msgspec.json.decode(line, type=Request), output)


if __name__ == "__main__":
    main()
