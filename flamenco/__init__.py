"""Flamenco, a render-farm manager: the names a plugin author needs."""

from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Command, JobType, JobTypeSetting, Submission
from flamenco.domain.scheduling import FarmView, Hold, JobCandidate, Limit, Term, Usage, WorkerView
from flamenco.hooks.routes import ApiRequest, ApiResponse, FarmReader, Route
from flamenco.hooks.settings import Setting
from flamenco.hooks.specs import HOOKS_VERSION, hookimpl
from flamenco.hooks.types import (
    CommandCancelled,
    CommandContext,
    CommandFailed,
    CommandType,
    EventSink,
    ManagerConfig,
    PublishedEvent,
    SchedulingPolicy,
    Undeliverable,
)

__version__ = "0.1.0"

__all__ = [
    "HOOKS_VERSION",
    "ApiRequest",
    "ApiResponse",
    "AuthoredJob",
    "AuthoredTask",
    "Command",
    "CommandCancelled",
    "CommandContext",
    "CommandFailed",
    "CommandType",
    "EventSink",
    "FarmReader",
    "FarmView",
    "Hold",
    "JobCandidate",
    "JobType",
    "JobTypeSetting",
    "Limit",
    "ManagerConfig",
    "PublishedEvent",
    "Refused",
    "Route",
    "SchedulingPolicy",
    "Setting",
    "Submission",
    "Term",
    "Undeliverable",
    "Usage",
    "WorkerView",
    "__version__",
    "hookimpl",
]
