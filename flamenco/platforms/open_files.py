"""How many files, and connections, a process may have open."""

from __future__ import annotations

import sys
from typing import Final

MOST_WATCHED_ON_WINDOWS: Final = 512
"""So many sockets Python can wait for at once there (`FD_SETSIZE`)."""

if sys.platform != "win32":
    import resource

    def grant(wanted: int) -> int:
        """Ask the system for so many open files; how many this process may have, `wanted` at most if that is enough."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return wanted
        granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
        return granted

    def most_watched(wanted: int) -> int:
        """So many of `wanted` connections can be waited for at once."""
        return wanted

else:

    def grant(wanted: int) -> int:
        """The same; Windows has no such limit."""
        return wanted

    def most_watched(wanted: int) -> int:
        """So many of `wanted` connections can be waited for at once, beside the port and what wakes the loop up."""
        return min(wanted, MOST_WATCHED_ON_WINDOWS - 2)
