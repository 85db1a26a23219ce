"""Programs with all that they have started: how they are begun, so that they can be ended together, and ended.

On Linux and macOS a program has a process group of its own, on Windows it is the root of a tree; what leaves that is
not found any more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any, Final

KILL_WAIT_S: Final = 5.0
"""How long the program may take that kills others on Windows."""

if sys.platform != "win32":
    OWN_GROUP: Final[dict[str, Any]] = {"start_new_session": True}
    """For `subprocess.Popen`: a program that is not told when a terminal has Ctrl-C pressed."""

    def kill(pid: int) -> None:
        """Kill what is left of the group of a program that was begun so. Nothing happens when all of it is gone.

        Raises `PermissionError` when it has become another user's, such as root's by sudo.
        """
        try:
            # The group outlives the process that gave it its number, for as long as anyone is in it.
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def ask_to_end(process: subprocess.Popen[bytes]) -> None:
        """Have a program end itself, which was begun so."""
        process.terminate()

else:
    OWN_GROUP: Final[dict[str, Any]] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    """The same for Windows."""

    def kill(pid: int) -> None:
        """Kill a program and what it has started, and what that has."""
        command = ["taskkill", "/F", "/T", "/PID", str(pid)]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=KILL_WAIT_S, check=False)

    def ask_to_end(process: subprocess.Popen[bytes]) -> None:
        """Have a program end itself, which was begun so; to terminate it would be to kill it."""
        process.send_signal(signal.CTRL_BREAK_EVENT)
