"""Runs one program on Linux, and sees to it that nothing of it is left: a process of its own beside the worker.

It is the parent of whatever the program leaves behind (a "subreaper"), so nothing gets away by a session of its own
or by a parent that ends. It is started as a file, without the packages of the worker, and ends with the program:

    supervisor.py STATUS CONTROL OOM_SCORE PROGRAM ARGUMENT…

To the descriptor STATUS it writes lines: `pid N` or `error ERRNO`, `unscored ERRNO` when OOM_SCORE cannot be set,
`code N` when the program has ended, negative for a signal, and `left N` for each process that cannot be killed. When
CONTROL comes to its end, because the worker has closed it or is gone, everything is killed. What is detached, in
another session, is killed when the program ends; what is in its session, such as the program that a launcher has
launched, may go on.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

KILL_LIMIT_S = 4.0
KILL_PAUSE_S = 0.01


def _prctl(*numbers: int) -> None:
    ctypes.CDLL(None).prctl(*numbers)


def main(status: int, control: int, oom_score: str, argv: list[str]) -> None:
    """Run `argv` to its end, and what it leaves behind to that one's end, or until CONTROL ends."""
    os.set_inheritable(status, False)  # noqa: FBT003 - it has no names
    os.set_inheritable(control, False)  # noqa: FBT003
    _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    children = _listen_to_children()
    program, error = _start(argv, oom_score, status)
    if error:
        _tell(status, f"error {error}")
        return
    _tell(status, f"pid {program}")
    # The output is the program's alone: it has ended when nobody can write to it any more.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        for pid, code in _reaped():
            if pid == program:
                # The detached ones first: who is told of the end may look whether they are gone.
                _kill(_descendants(but_not_of=program))
                _tell(status, f"code {os.waitstatus_to_exitcode(code)}")
        if not _has_children():
            return
        ready, _, _ = select.select([children, control], [], [])
        if control in ready:
            _end_all(program, status)
            return
        os.read(children, 4096)


def _listen_to_children() -> int:
    """A descriptor that can be read whenever a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _start(argv: list[str], oom_score: str, status: int) -> tuple[int, int]:
    """Start the program in a session of its own; its process id, and the number of the error when there is one."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _become(argv, oom_score, status, writing)
    os.close(writing)
    said = os.read(reading, 16)
    os.close(reading)
    if said:
        os.waitpid(pid, 0)  # or whoever takes in what we leave behind has a dead child
    return pid, int(said or 0)


def _become(argv: list[str], oom_score: str, status: int, problems: int) -> None:
    """Become the program. Never returns."""
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if oom_score:
            _set_oom_score(oom_score, status)
        os.execvp(argv[0], argv)  # noqa: S606 - the worker has checked what it is
    except OSError as error:
        os.write(problems, str(error.errno).encode())
    finally:
        os._exit(127)


def _set_oom_score(score: str, status: int) -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes its time
            file.write(score)
    except OSError as error:
        _tell(status, f"unscored {error.errno}")


def _reaped() -> Iterator[tuple[int, int]]:
    """Children that have ended, with their wait statuses."""
    while True:
        try:
            pid, code = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, code


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _end_all(program: int, status: int) -> None:
    """Kill everything, again and again, for what is killed may just have started another one."""
    deadline = time.monotonic() + KILL_LIMIT_S
    while True:
        _kill(left := _descendants())
        for pid, code in _reaped():
            if pid == program:
                _tell(status, f"code {os.waitstatus_to_exitcode(code)}")
        if not _has_children():
            return
        if time.monotonic() > deadline:
            for pid in left:
                _tell(status, f"left {pid}")
            return
        time.sleep(KILL_PAUSE_S)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:  # gone already, or another user's, such as root's by sudo
            continue


def _descendants(but_not_of: int | None = None) -> list[int]:
    """Every process below this one; those of the session `but_not_of` are left out."""
    children: dict[int, list[int]] = {}
    sessions: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes its time
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    words = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            children.setdefault(int(words[1]), []).append(int(name))
            sessions[int(name)] = int(words[3])
    found = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return [pid for pid in found if sessions[pid] != but_not_of]


def _tell(status: int, line: str) -> None:
    try:
        os.write(status, f"{line}\n".encode())
    except OSError:  # the worker is gone; CONTROL says so as well
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
