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


class Incapable(Conflict):
    """The thing can never do this, whatever state it is in."""


class NoSuchTag(NotFound):
    """A job is to have a worker tag that does not exist."""


class NoneSuch(FarmError):
    """Nothing is such that the request would do anything."""


class AlreadyThere(FarmError):
    """There is one by that name already."""


class Outdated(FarmError):
    """What the client knows is no longer true (a changed job type); it should look again."""


class AccessDenied(FarmError):
    """Unknown worker or wrong secret."""


class Replaced(FarmError):
    """Another program has signed on as the same worker since this one did."""


class TooMuch(FarmError):
    """Larger than the farm accepts."""


class Mismatch(FarmError):
    """What came is not what was announced."""


class FilesMissing(FarmError):
    """What was asked for is made of files that have not been sent."""


class Failed(FarmError):
    """It was understood and tried, and did not work; the text says what happened."""


class Inactive(FarmError):
    """A part of the farm that is switched off in its configuration."""


class Busy(FarmError):
    """Nothing is wrong, but not now; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Busy):
    """More of this is waiting than the farm keeps."""


class UnsupportedImage(Refused):
    """What was sent is no image of a kind that the farm can show."""


class JobTypeError(Refused):
    """A job type's script is broken, or refused the job. The text is for authors: it names the script and the line.

    The same for programs: `file`, and `line` and `column`, which count from 1 and are 0 where not known; `reason` is
    the text without the place. `told` is what whoever submits a job reads.
    """

    def __init__(self, message: str, *, reason: str = "", file: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.told = self.reason
        self.file = file
        self.line = line
        self.column = column


class ConfigError(FarmError):
    """The configuration cannot be used. The text names the key and the place it came from."""


class StoreError(FarmError):
    """What the farm keeps cannot be used: a database that is newer, unreachable or damaged, a folder that is closed."""


class Unavailable(StoreError):
    """The same for now: once somebody has seen to it, it works again without anything else."""


class Unreachable(Unavailable):
    """The database does not answer; it may be starting."""


class DiskFull(Unavailable):
    """There is no space left to store anything."""
