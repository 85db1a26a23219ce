"""How long the processes of a manager wait: for clients, for requests, and for one another."""

from __future__ import annotations

STOP_TIMEOUT_S = 3
"""How long a process may take in all to stop; then it is killed."""

FINISH_TIMEOUT_S = 2
"""How long requests may still take once the manager is asked to stop."""

REPLACED_TIMEOUT_S = 3600
"""How long they may take in a process that others have replaced: whoever sends a large file is not to begin anew."""

KEEPALIVE_S = 30
"""How long an idle connection is kept for the next request, so that workers that poll need no new one each time."""

HEARTBEAT_TIMEOUT_S = 120
"""A process whose main loop was silent for so long is replaced. Requests run in threads and never hold it up."""

BEAT_EVERY_S = 1.0
"""How often it says that it is not silent, as the main loop comes by at least once a second."""

MOST_WAITING = 128
"""So many threads of one process may wait for clients that send large files, or read large answers, beside those that
work on requests. They take long, and workers that ask for tasks meanwhile must not have to wait for them."""

DRAIN_S = 5.0
"""How long what is left of a body is read and dropped, after an answer, so that the connection can be kept."""

LINGER_S = 2.0
"""How long a process that was replaced waits for another request over a connection: longer than a page pauses, or a
program that waits for something, so that what they send meets no connection that is just being closed."""

PART_S = 2.0
"""How long a client may take to close its end of a connection after its last answer; cut off, it may not get to read
that."""

LOOK_EVERY_S = 0.5
"""How often it is seen to who has taken too long."""
