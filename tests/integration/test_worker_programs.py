"""Programs of tasks, as the worker runs them: readiness to be killed, long lines, launchers, cancelling."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from flamenco import CommandCancelled, CommandFailed
from flamenco.worker.cancellation import Cancellation, CancelReason
from flamenco.worker.output_lines import LONGEST_LINE_BYTES
from flamenco.worker.process import command_text, run_process
from tests.integration.working import FAMILY, is_running, wait_until_ended

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
        run_process([sys.executable, "-c", script], self.hear, self.cancellation, oom_score)
        return self.lines

    def hear(self, pid: int, line: str) -> None:
        """Take in a line."""
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
    timer = threading.Timer(0.2, program.cancellation.cancel, [CancelReason.MANAGER])
    timer.start()
    with pytest.raises(CommandCancelled):
        program.run("import os, time; os.close(1); os.close(2); time.sleep(1000)")
    timer.join()


def test_cancelling_ends_the_family() -> None:
    """Cancelling kills the program and its child, and comes back soon."""
    program = Program()

    def cancel() -> None:
        assert program.heard.wait(20)
        program.cancellation.cancel(CancelReason.MANAGER)

    threading.Thread(target=cancel).start()
    with pytest.raises(CommandCancelled):
        program.run(FAMILY)
    wait_until_ended(int(word) for word in program.lines[0].split()[-2:])


def test_a_cancelled_task_starts_nothing(tmp_path: Path) -> None:
    """After the task was taken away no program is started any more."""
    program = Program()
    program.cancellation.cancel(CancelReason.SHUTDOWN)
    with pytest.raises(CommandCancelled):
        program.run(f"open({str(tmp_path / 'file')!r}, 'w')")
    assert not (tmp_path / "file").exists()


def test_the_first_reason_stays() -> None:
    """Who took the task away first decides what is still reported."""
    cancellation = Cancellation()
    cancellation.cancel(CancelReason.MANAGER)
    cancellation.cancel(CancelReason.SHUTDOWN)
    assert cancellation.why is CancelReason.MANAGER


def test_late_callbacks_are_called_at_once() -> None:
    """What is to happen on cancelling happens also when that was just before."""
    called = []
    cancellation = Cancellation()
    cancellation.cancel(CancelReason.MANAGER)
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


# -- what a program leaves behind -------------------------------------------------------------------------------------

DETACHED = {
    "session": "subprocess.Popen(sleeper, start_new_session=True)",
    "daemon": "os.fork() or (os.setsid(), os.fork() and os._exit(0), os.execvp(sleeper[0], sleeper))",
    "double-fork": "os.fork() or (os.fork() and os._exit(0), os.execvp(sleeper[0], sleeper))",
    "background": "subprocess.Popen(sleeper)",
    "other-environment": "subprocess.Popen(sleeper, start_new_session=True, env={})",
}
"""Ways to start what does not end with the program. Each prints its process id, and keeps the output open."""

PARENT = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-c", "import os, time; print('family', os.getpid(), flush=True); time.sleep(1000)"]
{start}
{then}
"""


def pids_in(lines: list[str]) -> list[int]:
    """The process ids that were printed."""
    return [int(line.split()[1]) for line in lines if line.startswith("family ")]


@pytest.mark.parametrize("way", DETACHED)
def test_what_is_left_behind_ends_with_the_program(way: str) -> None:
    """Whatever a program has detached, and holds its output open, neither keeps the task nor outlives it."""
    program = Program()
    script = PARENT.format(start=DETACHED[way], then="time.sleep(0.5)")
    run_process([sys.executable, "-c", script], program.hear, program.cancellation, held_output_s=0.5)
    (pid,) = pids_in(program.lines)
    assert not is_running(pid)


@pytest.mark.parametrize("way", DETACHED)
def test_cancelling_ends_what_was_detached(way: str) -> None:
    """Cancelling ends it all, whatever the program has done to get away from it."""
    program = Program()

    def cancel() -> None:
        assert program.heard.wait(20)
        program.cancellation.cancel(CancelReason.MANAGER)

    threading.Thread(target=cancel).start()
    with pytest.raises(CommandCancelled):
        program.run(PARENT.format(start=DETACHED[way], then="time.sleep(1000)"))
    (pid,) = pids_in(program.lines)
    assert not is_running(pid)


def test_what_is_not_of_the_task_goes_on() -> None:
    """Other children of the worker, and programs that run at the same time, are not touched, nor left as zombies."""
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    other = Program()
    running = threading.Thread(target=other.run, args=["import time; print(1, flush=True); time.sleep(3); print(2)"])
    running.start()
    assert other.heard.wait(20)
    before = children_of(os.getpid())
    assert Program().run(PARENT.format(start=DETACHED["daemon"], then="time.sleep(0.3)"))
    assert children_of(os.getpid()) == before
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    running.join()
    assert other.lines == ["1", "2"]


def children_of(pid: int) -> set[int]:
    """Its children, those that have ended and were not asked for among them."""
    found: set[int] = set()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.update(map(int, file.read_text().split()))
    return found


def test_a_killed_worker_leaves_nothing_running(tmp_path: Path) -> None:
    """When the worker itself is killed, its program and all that has started end too: somebody else has the task."""
    code = (
        "import sys\nfrom flamenco.worker.process import run_process\n"
        "from flamenco.worker.cancellation import Cancellation\n"
        "run_process([sys.executable, '-c', sys.argv[1]], lambda pid, line: print(line, flush=True), Cancellation())"
    )
    script = PARENT.format(start=DETACHED["daemon"], then="print('family', os.getpid(), flush=True); time.sleep(1000)")
    worker = subprocess.Popen([sys.executable, "-c", code, script], stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    pids = pids_in([worker.stdout.readline(), worker.stdout.readline()])
    assert len(pids) == 2
    worker.kill()
    worker.wait()
    worker.stdout.close()
    wait_until_ended(pids)


def test_a_killed_supervisor(tmp_path: Path) -> None:
    """When what watches over a program is killed, the program ends with it, and the command fails."""
    script = "import os, time; print('family', os.getppid(), os.getpid(), flush=True); time.sleep(1000)"
    program = Program()

    def kill() -> None:
        assert program.heard.wait(20)
        os.kill(pids_in(program.lines)[0], signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(CommandFailed, match="SIGKILL"):
        program.run(script)
    wait_until_ended([int(program.lines[0].split()[2])])


def test_the_program_has_the_worker_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables, folder, input and signals are those of the worker, whatever runs between them."""
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    script = "import os, signal; print(os.environ['PYTHONPATH'], os.getcwd(), signal.getsignal(signal.SIGCHLD).name)"
    assert Program().run(script) == [f"/nowhere {Path.cwd()} SIG_DFL"]
    assert Program().run("import os; print(sorted(os.listdir('/proc/self/fd')))") == ["['0', '1', '2', '3']"]


def test_exit_codes() -> None:
    """An exit code is the program's own, and a signal has its name."""
    with pytest.raises(CommandFailed, match="exited with code 7"):
        Program().run("exit(7)")
    with pytest.raises(CommandFailed, match="killed by SIGSEGV"):
        Program().run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["/no/such/program"], "there is no such program on this worker"),
        (["/etc/passwd"], "Permission denied"),
        (["a\0b"], "null byte"),
    ],
)
def test_programs_that_cannot_be_started(argv: list[str], reason: str) -> None:
    """What cannot be started says why, and leaves no process and no descriptor behind."""
    before = children_of(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))
    program = Program()
    with pytest.raises(CommandFailed, match=reason):
        run_process(argv, program.hear, program.cancellation)
    assert (children_of(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))) == before
