"""Flamenco, a render-farm manager: every name that a plugin needs, and the only ones of ours that it should use.

What needs a library that not everybody has or waits for is not here: `flamenco.client`, to speak to a manager, and
`flamenco.testing`, for the tests of plugins.
"""

from flamenco.domain.durations import Duration, in_words
from flamenco.domain.errors import ConfigError, NotFound, Refused
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import AuthoredJob, AuthoredTask, Command, JobType, JobTypeSetting, Submission
from flamenco.domain.scheduling.accounts import Usage
from flamenco.domain.scheduling.values import FarmView, Hold, JobCandidate, Limit, Term, WorkerView
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import TimeLimits
from flamenco.domain.visible import visible
from flamenco.hooks.authentication import Authenticator, Identity, Presented
from flamenco.hooks.cli_options import json_option, manager_option
from flamenco.hooks.routes import ApiRequest, ApiResponse, FarmReader, Route
from flamenco.hooks.setting import Setting
from flamenco.hooks.specs import HOOKS_VERSION, hookimpl
from flamenco.hooks.statistics import REQUEST_BOUNDS_S, FarmStatistics, LimitUse, RequestTimes, SinkState
from flamenco.hooks.types import (
    CommandCancelled,
    CommandContext,
    CommandFailed,
    CommandType,
    EventSink,
    ManagerConfig,
    Program,
    PublishedEvent,
    SchedulingPolicy,
    Undeliverable,
)
from flamenco.hooks.web_pages import WebPage

try:
    from flamenco._version import __version__
except ImportError:  # a checkout from which nothing was ever installed
    __version__ = "0.0.0"

__all__ = [
    "HOOKS_VERSION",
    "REQUEST_BOUNDS_S",
    "ApiRequest",
    "ApiResponse",
    "Authenticator",
    "AuthoredJob",
    "AuthoredTask",
    "Command",
    "CommandCancelled",
    "CommandContext",
    "CommandFailed",
    "CommandType",
    "ConfigError",
    "Duration",
    "EventSink",
    "FailureRule",
    "FarmReader",
    "FarmStatistics",
    "FarmView",
    "Hold",
    "Identity",
    "JobCandidate",
    "JobStatus",
    "JobType",
    "JobTypeSetting",
    "Limit",
    "LimitUse",
    "ManagerConfig",
    "NotFound",
    "Presented",
    "Program",
    "PublishedEvent",
    "Refused",
    "RequestTimes",
    "Route",
    "SchedulingPolicy",
    "Setting",
    "SinkState",
    "Submission",
    "TaskStatus",
    "Term",
    "TimeLimits",
    "Undeliverable",
    "Usage",
    "WebPage",
    "WorkerStatus",
    "WorkerView",
    "__version__",
    "hookimpl",
    "in_words",
    "json_option",
    "manager_option",
    "visible",
]
