"""Programs of tasks, as the worker runs them: readiness to be killed, long lines, launchers, cancelling."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from flamenco import CommandCancelled, CommandFailed
from flamenco.worker.cancellation import Cancellation, Why
from flamenco.worker.output_lines import LONGEST_LINE_BYTES
from flamenco.worker.process import command_text, run_process
from tests.integration.working import FAMILY, wait_until_ended

OOM_SCORE = Path("/proc/self/oom_score_adj")


class Program:
    """Runs Python scripts as programs and keeps what they print."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pids: set[int] = set()
        self.cancellation = Cancellation()
        self.heard = threading.Event()

    def run(self, script: str, oom_score: int | None = None) -> list[str]:
        """Run the script to its end; gives its lines."""
        run_process([sys.executable, "-c", script], self._hear, self.cancellation, oom_score)
        return self.lines

    def _hear(self, pid: int, line: str) -> None:
        self.pids.add(pid)
        self.lines.append(line)
        self.heard.set()


def test_the_command_line_can_be_pasted() -> None:
    """What the log says can be typed into a shell."""
    assert command_text(["/opt/my blender", "-b", "it's $HOME"]) == "'/opt/my blender' -b 'it'\"'\"'s $HOME'"


def test_all_output_comes_before_the_end() -> None:
    """Every line is there when the program has ended, also a last one without an end, and input is empty."""
    assert Program().run("import sys; print(repr(sys.stdin.read())); sys.stdout.write('no end')") == ["''", "no end"]


def test_long_lines_are_cut() -> None:
    """A line of megabytes comes in parts that are lines of the log."""
    lines = Program().run("print('ä' * 1_000_000)")
    assert "".join(lines) == "ä" * 1_000_000
    assert max(len(line.encode()) for line in lines) <= LONGEST_LINE_BYTES


def test_output_that_is_no_text() -> None:
    """Bytes that are no UTF-8 do not stop anything."""
    assert Program().run("import sys; sys.stdout.buffer.write(b'a\\xff\\xfe\\x00b\\n')") == ["a\ufffd\ufffd\0b"]


def test_a_launcher_is_waited_for() -> None:
    """A program that hands over to another one and ends has ended when that one has."""
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'print(42)'])"
    assert Program().run(script) == ["42"]


def test_a_program_that_closes_its_output() -> None:
    """Closing the output is not the end; the exit code still counts, and cancelling still works."""
    with pytest.raises(CommandFailed, match="exited with code 5"):
        Program().run("import os; os.close(1); os.close(2); os._exit(5)")
    program = Program()
    timer = threading.Timer(0.2, program.cancellation.cancel, [Why.MANAGER])
    timer.start()
    with pytest.raises(CommandCancelled):
        program.run("import os, time; os.close(1); os.close(2); time.sleep(1000)")
    timer.join()


def test_cancelling_ends_the_family() -> None:
    """Cancelling kills the program and its child, and comes back soon."""
    program = Program()

    def cancel() -> None:
        assert program.heard.wait(20)
        program.cancellation.cancel(Why.MANAGER)

    threading.Thread(target=cancel).start()
    with pytest.raises(CommandCancelled):
        program.run(FAMILY)
    wait_until_ended(int(word) for word in program.lines[0].split()[-2:])


def test_a_cancelled_task_starts_nothing(tmp_path: Path) -> None:
    """After the task was taken away no program is started any more."""
    program = Program()
    program.cancellation.cancel(Why.SHUTDOWN)
    with pytest.raises(CommandCancelled):
        program.run(f"open({str(tmp_path / 'file')!r}, 'w')")
    assert not (tmp_path / "file").exists()


def test_the_first_reason_stays() -> None:
    """Who took the task away first decides what is still reported."""
    cancellation = Cancellation()
    cancellation.cancel(Why.MANAGER)
    cancellation.cancel(Why.SHUTDOWN)
    assert cancellation.why is Why.MANAGER


def test_late_callbacks_are_called_at_once() -> None:
    """What is to happen on cancelling happens also when that was just before."""
    called = []
    cancellation = Cancellation()
    cancellation.cancel(Why.MANAGER)
    with cancellation.calling(lambda: called.append(1)):
        assert called == [1]


def test_readiness_to_be_killed() -> None:
    """The program has the score that is asked for, and the worker has its own again."""
    before = OOM_SCORE.read_text()
    script = f"print(open({str(OOM_SCORE)!r}).read().strip())"
    assert Program().run(script, oom_score=321) == ["321"]
    assert OOM_SCORE.read_text() == before
    assert Program().run(script) == [before.strip()]


def test_a_score_that_cannot_be_set() -> None:
    """A score that the system does not take is no reason not to run the program."""
    assert Program().run("print(42)", oom_score=99999) == ["42"]
