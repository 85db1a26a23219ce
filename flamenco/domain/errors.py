"""What can go wrong, in the words of the farm. Raised near the cause, turned into HTTP or exit codes at the border."""

from __future__ import annotations


class FarmError(Exception):
    """Base of every error a user can do something about. Its text is one sentence for that user."""


class NotFound(FarmError):
    """What was asked for does not exist."""


class Refused(FarmError):
    """The request is understood and wrong: a setting, a value, a job that cannot be stored."""


class NotYours(FarmError):
    """A worker speaks about a task that is assigned to another worker, or to nobody."""


class Conflict(FarmError):
    """The thing is in a state in which this cannot be done."""


class Outdated(FarmError):
    """What the client knows is no longer true (a changed job type); it should look again."""


class AccessDenied(FarmError):
    """Unknown worker or wrong secret."""


class TooMuch(FarmError):
    """Larger than the farm accepts."""


class Busy(FarmError):
    """Nothing is wrong, but not now; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class JobTypeError(Refused):
    """A job type's script is broken, or refused the job. The text names the script and, where known, the line.

    The same for programs: `file`, and `line` and `column`, which count from 1 and are 0 where not known; `reason` is
    the text without the place.
    """

    def __init__(self, message: str, *, reason: str = "", file: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.file = file
        self.line = line
        self.column = column


class ConfigError(FarmError):
    """The configuration cannot be used. The text names the key and the place it came from."""


class StoreError(FarmError):
    """What the farm keeps cannot be used: a database that is newer, unreachable or damaged, a disk that is full."""
