"""Flamenco, a render-farm manager: the names a plugin author needs."""

from flamenco.domain.scheduling import FarmView, Hold, JobCandidate, Term
from flamenco.hooks.specs import hookimpl
from flamenco.hooks.types import CommandCancelled, CommandContext, CommandFailed, CommandType, SchedulingPolicy

__version__ = "0.1.0"

__all__ = [
    "CommandCancelled",
    "CommandContext",
    "CommandFailed",
    "CommandType",
    "FarmView",
    "Hold",
    "JobCandidate",
    "SchedulingPolicy",
    "Term",
    "__version__",
    "hookimpl",
]
