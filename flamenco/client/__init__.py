"""Typed HTTP client of a manager, for the worker agent, the command line, tests and people's own scripts.

The worker's calls are those of `/api/v3/worker`. Every call has a time limit. What can go wrong is one of
two: `ManagerUnreachable`, when there was no answer, and `ManagerError`, when the answer was not a yes.
A `ManagerClient` may be shared by threads.
"""

from __future__ import annotations

from flamenco.client.addresses import DEFAULT_URL, parse_manager_url
from flamenco.client.answers import (
    AssignedTask,
    DeadLetter,
    Explanation,
    JobRequest,
    JobSummary,
    JobType,
    JobTypeSetting,
    Overview,
    SinkState,
    SubmittedJob,
    Version,
    WorkerRegistration,
    WorkerSignOn,
    WorkerSummary,
)
from flamenco.client.archives import JobArchive, UnpackedJob
from flamenco.client.attempts import (
    Attempt,
    AttemptTask,
    AttemptWorker,
    Eta,
    GivenJob,
    GivenTask,
    JobTimes,
    WorkerDay,
    WorkerTime,
    WorkerTimes,
)
from flamenco.client.connection import DEFAULT_TIMEOUT_S, ManagerError, ManagerUnreachable
from flamenco.client.events import Events, FarmEvent
from flamenco.client.failures import ListedRule
from flamenco.client.jobs import Blocked, Job, count_by_status
from flamenco.client.lists import Findings, JobRow, Listed, NamedByJob, Note, TaskRow, TrashedJob, WorkerRow
from flamenco.client.manager import ManagerClient
from flamenco.client.retention import DueJob, RetentionLook
from flamenco.client.self_tests import KeptAway, SelfTestReport, SelfTestState
from flamenco.client.series import Series, SeriesGroup, SeriesPoint
from flamenco.client.tasks import Task, TaskCommand, TaskCommands, TaskSummary, TaskWorker
from flamenco.client.workers import ListedWorker, StatusChange, Tag, Worker, WorkerTask
from flamenco.domain.listing import LimitState, WaitingJob
from flamenco.protocol.v3.jobs import JobDeletionInfo as JobDeletion
from flamenco.protocol.v3.meta import TaskLogInfo as TaskLog
from flamenco.protocol.v3.worker import MayKeepRunning as RunPermission
from flamenco.protocol.v3.worker import TaskUpdate
from flamenco.protocol.x.actions import ActionOutcome, ActionRefusal, ActionUndo
from flamenco.protocol.x.filters import ShownWorkerStatus
from flamenco.protocol.x.frames import FramesAgain, FramesWanted, FrameTask
from flamenco.protocol.x.job_waits import Dependencies, Dependency, Dependent, DependsOn
from flamenco.protocol.x.jobs import ExplainedHold, ExplainedJob, ExplainedTerm, FailedTask, WaitingTasks
from flamenco.protocol.x.logs import LogHit, LogHits
from flamenco.protocol.x.overview import ActiveTask as TaskOfWorker
from flamenco.protocol.x.previews import ApprovalLink, KeptPreview, Preview

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "DEFAULT_URL",
    "ActionOutcome",
    "ActionRefusal",
    "ActionUndo",
    "ApprovalLink",
    "AssignedTask",
    "Attempt",
    "AttemptTask",
    "AttemptWorker",
    "Blocked",
    "DeadLetter",
    "Dependencies",
    "Dependency",
    "Dependent",
    "DependsOn",
    "DueJob",
    "Eta",
    "Events",
    "ExplainedHold",
    "ExplainedJob",
    "ExplainedTerm",
    "Explanation",
    "FailedTask",
    "FarmEvent",
    "Findings",
    "FrameTask",
    "FramesAgain",
    "FramesWanted",
    "GivenJob",
    "GivenTask",
    "Job",
    "JobArchive",
    "JobDeletion",
    "JobRequest",
    "JobRow",
    "JobSummary",
    "JobTimes",
    "JobType",
    "JobTypeSetting",
    "KeptAway",
    "KeptPreview",
    "LimitState",
    "Listed",
    "ListedRule",
    "ListedWorker",
    "LogHit",
    "LogHits",
    "ManagerClient",
    "ManagerError",
    "ManagerUnreachable",
    "NamedByJob",
    "Note",
    "Overview",
    "Preview",
    "RetentionLook",
    "RunPermission",
    "SelfTestReport",
    "SelfTestState",
    "Series",
    "SeriesGroup",
    "SeriesPoint",
    "ShownWorkerStatus",
    "SinkState",
    "StatusChange",
    "SubmittedJob",
    "Tag",
    "Task",
    "TaskCommand",
    "TaskCommands",
    "TaskLog",
    "TaskOfWorker",
    "TaskRow",
    "TaskSummary",
    "TaskUpdate",
    "TaskWorker",
    "TrashedJob",
    "UnpackedJob",
    "Version",
    "WaitingJob",
    "WaitingTasks",
    "Worker",
    "WorkerDay",
    "WorkerRegistration",
    "WorkerRow",
    "WorkerSignOn",
    "WorkerSummary",
    "WorkerTask",
    "WorkerTime",
    "WorkerTimes",
    "count_by_status",
    "parse_manager_url",
]
