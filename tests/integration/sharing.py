"""Processes that share a helper process as those of a manager do, each told by a test what to do.

`python -m tests.integration.sharing FOLDER LIMITS DESCRIPTOR…` forks one for each descriptor, that of a socket over
which it is told in lines of JSON, and answers in such lines.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from flamenco.compiler.channel import Channel
from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.compiler.shared_sandbox import SharedSandbox
from flamenco.domain.errors import FarmError
from flamenco.domain.model import Submission
from tests.integration.compiling import CREATED, JOB_ID

ROOT = Path(__file__).parents[2]
ANSWER_S = 60.0


class Member:
    """One of the processes, as the test sees it."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = end.makefile("r")
        self.pid: int = json.loads(self._lines.readline())

    def tell(self, what: str, **about: Any) -> None:
        """Have it do something: `start`, `expect`, `helper`, `compile` with settings, or `close`."""
        self._end.sendall(json.dumps([what, about]).encode() + b"\n")

    def answer(self) -> Any:
        """What came of what it was told first and has not answered."""
        return json.loads(self._lines.readline())

    def ask(self, what: str, **about: Any) -> Any:
        """Both of these."""
        self.tell(what, **about)
        return self.answer()

    def let_go(self) -> None:
        """Have it end, if it has not."""
        self._lines.close()
        self._end.close()


class Members:
    """Two of them, and their parent, which has no part in it."""

    def __init__(self, folder: Path, script: str, limits: ScriptLimits) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "test.js").write_text(script)
        pairs = [socket.socketpair() for _ in range(2)]
        theirs = [theirs.fileno() for _, theirs in pairs]
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.sharing", folder, msgspec.json.encode(limits), *map(str, theirs)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            pass_fds=theirs,
        )
        for ours, their in pairs:
            their.close()
            ours.settimeout(ANSWER_S)
        self.members = [Member(ours) for ours, _ in pairs]

    def close(self) -> None:
        """End them all."""
        for member in self.members:
            member.let_go()
        assert self._parent.wait(ANSWER_S) == 0


def _obey(folder: Path, limits: ScriptLimits, channel: Channel, end: socket.socket) -> None:
    sandbox = SharedSandbox(limits, channel)
    compiler = Compiler([folder], limits, sandbox=sandbox)
    end.sendall(b"%d\n" % os.getpid())
    for line in end.makefile("r"):
        what, about = json.loads(line)
        end.sendall(json.dumps(_done(sandbox, compiler, what, about)).encode() + b"\n")
    sandbox.close()


def _done(sandbox: SharedSandbox, compiler: Compiler, what: str, about: dict[str, Any]) -> Any:
    if what == "helper":
        return sandbox.process_id
    if what == "job types":
        return [job_type.name for job_type in compiler.job_types()]
    if what != "compile":
        getattr(sandbox, what)()
        return None
    try:
        job = compiler.compile(Submission(name="job", type="test", settings=about), JOB_ID, CREATED)
    except FarmError as error:
        return [type(error).__name__, str(error)]
    return [task.name for task in job.tasks]


def main(folder: Path, limits: ScriptLimits, ends: list[socket.socket]) -> None:
    """Fork, and wait until all have ended."""
    channel = Channel()
    for end in ends:
        if not os.fork():
            for other in ends:
                if other is not end:
                    other.close()
            _obey(folder, limits, channel, end)
            os._exit(0)
    for end in ends:
        end.close()
    for _ in ends:
        os.wait()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        msgspec.json.decode(sys.argv[2], type=ScriptLimits),
        [socket.socket(fileno=int(number)) for number in sys.argv[3:]],
    )
