"""The table of everything that can be asked: three surfaces over one farm, a resource for each path."""

from __future__ import annotations

from msgspec import Struct

from flamenco.api.resource import Resource
from flamenco.api.v1 import resources as v1_jobs
from flamenco.api.v1 import resources as v1_meta
from flamenco.api.v1 import resources as v1_worker
from flamenco.api.v3 import configuration as v3_configuration
from flamenco.api.v3 import jobs as v3_jobs
from flamenco.api.v3 import last_rendered as v3_last_rendered
from flamenco.api.v3 import meta as v3_farm_status
from flamenco.api.v3 import meta as v3_meta
from flamenco.api.v3 import shaman as v3_shaman
from flamenco.api.v3 import tasks as v3_task_logs
from flamenco.api.v3 import tasks as v3_tasks
from flamenco.api.v3 import worker as v3_worker
from flamenco.api.v3 import workers as v3_sleep
from flamenco.api.v3 import workers as v3_tags
from flamenco.api.v3 import workers as v3_workers
from flamenco.api.worker_calls import worker_calls
from flamenco.api.x import access as x_access
from flamenco.api.x import actions as x_actions
from flamenco.api.x import archives as x_archives
from flamenco.api.x import attempts as x_attempts
from flamenco.api.x import events as x_events
from flamenco.api.x import failures as x_failures
from flamenco.api.x import frames as x_frames
from flamenco.api.x import job_types as x_commands
from flamenco.api.x import job_types as x_jobtypes
from flamenco.api.x import job_waits as x_job_waits
from flamenco.api.x import jobs as x_explain
from flamenco.api.x import jobs as x_jobs
from flamenco.api.x import limits as x_limits
from flamenco.api.x import logs as x_logs
from flamenco.api.x import overview
from flamenco.api.x import pages as x_pages
from flamenco.api.x import previews as x_previews
from flamenco.api.x import retention as x_retention
from flamenco.api.x import search as x_search
from flamenco.api.x import self_tests as x_self_tests
from flamenco.api.x import series as x_series
from flamenco.api.x import settings as x_settings
from flamenco.api.x import setup as x_setup
from flamenco.api.x import tasks as x_tasks
from flamenco.api.x import trash as x_trash
from flamenco.api.x import worker as x_worker
from flamenco.api.x import worker_times as x_worker_times
from flamenco.api.x import workers as x_workers
from flamenco.domain.events import PUBLISHED


class Surface(Struct, frozen=True, kw_only=True):
    """One API: all its paths lie below `prefix`, its OpenAPI document is served at `document`.

    `schemas` are described beside those of the operations: what is published as events, say.
    `brief`: requests that are wrong by themselves are answered with a message and no code.
    """

    title: str
    version: str
    prefix: str
    document: str
    routes: dict[str, type[Resource]]
    brief: bool = False
    schemas: tuple[type[Struct], ...] = ()


SURFACES = {
    "v1": Surface(
        title="Flamenco",
        version="1.0.0",
        prefix="/api",
        document="/api/openapi.json",
        routes={
            "/version": v1_meta.Version,
            **worker_calls(v1_worker.DIALECT),
            "/jobs/types": v1_jobs.JobTypes,
            "/jobs": v1_jobs.Jobs,
            "/jobs/{job_id}": v1_jobs.Job,
        },
    ),
    "v3": Surface(
        title="Flamenco, as today's workers and add-ons speak",
        version="1.0.0",
        prefix="/api/v3",
        document="/api/v3/openapi3.json",
        brief=True,
        schemas=PUBLISHED,
        routes={
            "/version": v3_meta.Version,
            "/status": v3_farm_status.FarmStatus,
            "/configuration": v3_configuration.Configuration,
            "/configuration/check/shared-storage": v3_configuration.CheckSharedStorage,
            "/configuration/check/blender": v3_configuration.CheckBlender,
            "/configuration/setup-assistant": v3_configuration.SetupAssistant,
            "/configuration/file": v3_configuration.ConfigurationFile,
            "/configuration/variables/{audience}/{platform}": v3_configuration.Variables,
            "/configuration/shared-storage/{audience}/{platform}": v3_configuration.SharedStorage,
            **worker_calls(v3_worker.DIALECT),
            "/worker/task/{task_id}/may-i-run": v3_worker.MayRun,
            "/worker/task/{task_id}/output-produced": v3_worker.OutputProduced,
            "/worker-mgt/workers": v3_workers.Workers,
            "/worker-mgt/workers/{worker_id}": v3_workers.Worker,
            "/worker-mgt/workers/{worker_id}/setstatus": v3_workers.WorkerStatusRequest,
            "/worker-mgt/workers/{worker_id}/settags": v3_workers.WorkerTags,
            "/worker-mgt/workers/{worker_id}/sleep-schedule": v3_sleep.SleepSchedule,
            "/worker-mgt/tags": v3_tags.Tags,
            "/worker-mgt/tag/{tag_id}": v3_tags.Tag,
            "/jobs/types": v3_jobs.JobTypes,
            "/jobs/type/{typeName}": v3_jobs.JobType,
            "/jobs": v3_jobs.Jobs,
            "/jobs/mass-delete": v3_jobs.MassDelete,
            "/jobs/check": v3_jobs.Check,
            "/jobs/{job_id}": v3_jobs.Job,
            "/jobs/{job_id}/what-would-delete-do": v3_jobs.WhatWouldDeleteDo,
            "/jobs/{job_id}/setstatus": v3_jobs.JobStatus,
            "/jobs/{job_id}/last-rendered": v3_last_rendered.OfJob,
            "/jobs/last-rendered": v3_last_rendered.OfFarm,
            "/tasks/{task_id}/logtail": v3_task_logs.Tail,
            "/tasks/{task_id}/log": v3_task_logs.Info,
            "/jobs/{job_id}/setpriority": v3_jobs.JobPriority,
            "/jobs/{job_id}/settag": v3_jobs.JobTag,
            "/jobs/{job_id}/tasks": v3_jobs.JobTasks,
            "/jobs/{job_id}/blocklist": v3_jobs.JobBlocklist,
            "/tasks/{task_id}": v3_tasks.Task,
            "/tasks/{task_id}/setstatus": v3_tasks.TaskStatus,
            "/shaman/checkout/requirements": v3_shaman.Requirements,
            "/shaman/checkout/create": v3_shaman.Checkout,
            "/shaman/files/{checksum}/{filesize}": v3_shaman.File,
        },
    ),
    "x": Surface(
        title="Flamenco, our own additions",
        version="0.1.0",
        prefix="/api/x",
        document="/api/x/openapi.json",
        routes={
            "/overview": overview.Overview,
            "/series": x_series.Series,
            "/limits": x_limits.Limits,
            "/settings": x_settings.Settings,
            "/plugins": x_settings.Plugins,
            "/setup": x_setup.SetUp,
            "/setup/trial-render": x_setup.Trial,
            "/about": x_settings.About,
            "/search": x_search.Search,
            "/pages": x_pages.Pages,
            "/jobtypes": x_jobtypes.JobTypes,
            "/jobtypes/problems": x_jobtypes.Problems,
            "/commands": x_commands.Commands,
            "/worker/commands": x_worker.Commands,
            "/worker/self-test": x_self_tests.Begin,
            "/worker/self-test/{order_id}": x_self_tests.End,
            "/jobs": x_jobs.Jobs,
            "/jobs/actions": x_actions.OfJobs,
            "/jobs/groups": x_jobs.Groups,
            "/tasks/actions": x_actions.OfTasks,
            "/workers/actions": x_actions.OfWorkers,
            "/trash": x_trash.Trash,
            "/failure-rules": x_failures.Rules,
            "/retention": x_retention.Retention,
            "/archives": x_archives.Archives,
            "/archives/unpack": x_archives.Unpack,
            "/archives/{file}": x_archives.File,
            "/jobs/compile": x_jobs.Compile,
            "/jobs/{job_id}/attempts": x_attempts.OfJob,
            "/jobs/{job_id}/frames": x_frames.Frames,
            "/jobs/{job_id}/history": x_jobs.History,
            "/jobs/{job_id}/times": x_attempts.Times,
            "/tasks/{task_id}/attempts": x_attempts.OfTask,
            "/tasks/{task_id}/commands": x_tasks.Commands,
            "/jobs/{job_id}": x_jobs.Job,
            "/jobs/{job_id}/tasks": x_tasks.Tasks,
            "/jobs/{job_id}/tasks/statuses": x_tasks.TaskStatuses,
            "/jobs/{job_id}/tasks/at/{index}": x_tasks.TaskAt,
            "/jobs/{job_id}/explain": x_explain.Explain,
            "/jobs/{job_id}/explain/{worker_id}": x_explain.ExplainForWorker,
            "/jobs/{job_id}/approval-links": x_previews.ApprovalLinks,
            "/jobs/{job_id}/dependencies": x_job_waits.Dependencies,
            "/jobs/{job_id}/dependencies/{other_id}": x_job_waits.Dependency,
            "/jobs/{job_id}/dependencies/{other_id}/satisfy": x_job_waits.Satisfaction,
            "/tasks/{task_id}/log": x_logs.Log,
            "/tasks/{task_id}/log/search": x_logs.Search,
            "/tasks/{task_id}/log/place": x_logs.Place,
            "/events": x_events.Events,
            "/sinks": x_events.Sinks,
            "/dead-letters": x_events.DeadLetters,
            "/dead-letters/retry": x_events.Retry,
            "/dead-letters/discard": x_events.Discard,
            "/me": x_access.Me,
            "/me/password": x_access.Password,
            "/sign-in": x_access.SignIn,
            "/sign-out": x_access.SignOut,
            "/users": x_access.Users,
            "/users/{name}": x_access.User,
            "/tokens": x_access.Tokens,
            "/tokens/{token}": x_access.Token,
            "/audit": x_access.Audit,
            "/workers": x_workers.Workers,
            "/workers/{worker_id}": x_workers.Worker,
            "/workers/{worker_id}/tasks": x_attempts.OfWorker,
            "/workers/{worker_id}/times": x_worker_times.WorkerTimes,
            "/workers/{worker_id}/self-test": x_self_tests.OfWorker,
            "/workers/{worker_id}/approve": x_workers.Approve,
        },
    ),
}
"""Every surface by its short name."""
