"""What can go wrong, a class for each thing that whoever meets it can do about it.

Raised near the cause, with a sentence for that user, and turned into HTTP or exit codes at the border: `api/errors.py`
has the status of each kind, and an operation those of its own.
"""

from __future__ import annotations


class FarmError(Exception):
    """Base of every error a user can do something about. Its text is one sentence for that user."""


class Refused(FarmError):
    """The request is understood and wrong: ask for something else."""


class AccessDenied(FarmError):
    """Whoever asks may not do that: an unknown worker, a wrong secret, a role that does not reach so far."""


class SignInNeeded(AccessDenied):
    """Nobody knows who asks, and this is not for everybody: sign in."""


class NotFound(FarmError):
    """What was asked for is not there: a job, a file, a part of the farm that is switched off."""


class Conflict(FarmError):
    """How things are now does not allow this, or they are not what the client takes them for: look again."""


class Replaced(FarmError):
    """Another program has signed on as the same worker since this one did: stop."""


class Failed(FarmError):
    """It was understood and tried, and did not work; the text says what happened."""


class Busy(FarmError):
    """Nothing is wrong, but not now; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigError(FarmError):
    """The configuration cannot be used. The text names the key and the place it came from."""


class StoreError(FarmError):
    """What the farm keeps cannot be used: a database that is newer or damaged, a folder that is closed."""


class Unavailable(StoreError):
    """The same for now: a database that does not answer, a full disk. Once somebody has seen to it, all works again."""


class QueueFull(Busy):
    """More of this is waiting than the farm keeps: leave it, there will be another."""


class JobTypeError(Refused):
    """A job type's script is broken, or refused the job. The text is for authors: it names the script and the line.

    The same for programs: `file`, and `line` and `column`, which count from 1 and are 0 where not known; `reason` is
    the text without the place. `for_submitter` is what whoever submits a job reads.
    """

    def __init__(self, message: str, *, reason: str = "", file: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.for_submitter = self.reason
        self.file = file
        self.line = line
        self.column = column


class ScriptStopped(JobTypeError):
    """A script that ran into a limit, or took with it the process that it ran in. On another day it might not."""
