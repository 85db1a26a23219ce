"""The helper process in the long run: killed again and again, and asked for a long time."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import JobTypeError
from tests.integration.compiling import DECLARATION, Studio

KILLS = 100
MOST_TASKS = 3_000
"""A job that is compiled has fewer; a kill comes up to as long after its start as this many take."""

COMPILED = "compiled"
KILLED = "script (test.js) crashed the JavaScript engine (exit code -9)"

WARM_UP = 200
COMPILES = 2_000
MOST_GROWTH = 1.1

SCRIPT = f"""{DECLARATION}
function compileJob(job) {{
    print("compiling", job.settings.count);
    for (let number = 0; number < job.settings.count; number++) {{
        const task = author.Task(`task-${{number}}`, "misc");
        task.addCommand(author.Command("echo", {{ message: `number ${{number}}` }}));
        job.addTask(task);
    }}
}}"""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio with the job type `test`, whose helper is running."""
    studio = Studio(tmp_path, ScriptLimits())
    studio.write("test.js", SCRIPT)
    studio.compile("test", settings={"count": 1})
    yield studio
    studio.compiler.close()


def processes() -> dict[int, str]:
    """The state of every child of this process, by process id: R runs, S sleeps, Z is a zombie."""
    states = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            state, parent, *_ = path.read_text().rsplit(")", 1)[1].split()
            if int(parent) == os.getpid():
                states[int(path.parent.name)] = state
    return states


def resident_kb(pid: int) -> int:
    """How much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def open_files() -> set[tuple[str, str]]:
    """The files and pipes that this process has open: number and what is behind it, which for a pipe is unique."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the folder itself, which was open for this listing
            found.add((path.name, str(path.readlink())))
    return found


def outcome(studio: Studio, count: int) -> str:
    """What becomes of a job of so many tasks."""
    try:
        tasks = studio.compile("test", settings={"count": count}).tasks
    except JobTypeError as error:
        return str(error)
    return COMPILED if len(tasks) == count else f"{len(tasks)} tasks instead of {count}"


@pytest.mark.long
def test_killed_again_and_again(tmp_path: Path) -> None:
    """A helper killed at any moment costs the job it compiles, with a clear error; the next one is made, and all of it.

    Afterwards no process is left, not even as a zombie, and no thread or pipe.
    """
    # By name, not by number: what an earlier test left for the garbage collector may be closed while this one runs.
    before, files, threads = processes(), open_files(), set(threading.enumerate())
    studio = Studio(tmp_path, ScriptLimits())
    with closing(studio.compiler):
        studio.write("test.js", SCRIPT)
        studio.compile("test", settings={"count": 1})
        started = time.monotonic()
        studio.compile("test", settings={"count": MOST_TASKS})
        longest_s = time.monotonic() - started
        dice = random.Random(20260103)  # noqa: S311 - the moments are to be arbitrary, not secret
        outcomes: Counter[str] = Counter()
        for _ in range(KILLS):
            helper, settings = studio.compiler.helper_process_id, {"count": dice.randrange(MOST_TASKS)}
            assert helper is not None
            killer = threading.Timer(dice.uniform(0, longest_s), os.kill, (helper, signal.SIGKILL))
            killer.start()
            outcomes[outcome(studio, settings["count"])] += 1
            killer.join()
            # Whatever became of that one, the next is made: also when the helper was killed between the two.
            assert len(studio.compile("test", settings={"count": 3}).tasks) == 3
            children = {pid: state for pid, state in processes().items() if pid not in before}
            assert list(children) == [studio.compiler.helper_process_id]
            assert "Z" not in children.values()
        assert outcomes.keys() == {COMPILED, KILLED}
    assert processes().keys() <= before.keys()
    assert open_files() - files == set()
    assert set(threading.enumerate()) - threads == set()


@pytest.mark.long
def test_many_compiles_leak_nothing(studio: Studio) -> None:
    """After a warm-up, neither the helper nor its parent grows by more than a tenth; it is one helper all along."""
    helper = studio.compiler.helper_process_id
    assert helper is not None

    def compile_many(times: int) -> dict[str, int]:
        for number in range(times):
            assert len(studio.compile("test", settings={"count": number % 10}).tasks) == number % 10
        gc.collect()
        return {"helper": resident_kb(helper), "parent": resident_kb(os.getpid())}

    warm = compile_many(WARM_UP)
    after = compile_many(COMPILES)
    assert studio.compiler.helper_process_id == helper
    growth = {name: round(after[name] / warm[name], 3) for name in warm}
    assert all(ratio <= MOST_GROWTH for ratio in growth.values()), (growth, warm, after)
