"""The table of everything that can be asked: three surfaces over one farm, a resource for each path."""

from __future__ import annotations

from msgspec import Struct

from flamenco.api.resource import Resource
from flamenco.api.v1 import jobs as v1_jobs
from flamenco.api.v1 import meta as v1_meta
from flamenco.api.v1 import worker as v1_worker
from flamenco.api.v3 import jobs as v3_jobs
from flamenco.api.v3 import meta as v3_meta
from flamenco.api.v3 import worker as v3_worker
from flamenco.api.x import commands as x_commands
from flamenco.api.x import events as x_events
from flamenco.api.x import explain as x_explain
from flamenco.api.x import jobtypes as x_jobtypes
from flamenco.api.x import overview
from flamenco.api.x import worker as x_worker


class Surface(Struct, frozen=True, kw_only=True):
    """One API: all its paths lie below `prefix`, its OpenAPI document is served at `document`.

    `brief`: requests that are wrong by themselves are answered with a message and no code.
    """

    title: str
    version: str
    prefix: str
    document: str
    routes: dict[str, type[Resource]]
    brief: bool = False


SURFACES = {
    "v1": Surface(
        title="Flamenco",
        version="1.0.0",
        prefix="/api",
        document="/api/openapi.json",
        routes={
            "/version": v1_meta.Version,
            "/worker/register-worker": v1_worker.RegisterWorker,
            "/worker/sign-on": v1_worker.SignOn,
            "/worker/sign-off": v1_worker.SignOff,
            "/worker/state": v1_worker.State,
            "/worker/state-changed": v1_worker.StateChanged,
            "/worker/task": v1_worker.ScheduleTask,
            "/worker/task/{task_id}": v1_worker.TaskUpdate,
            "/jobs/types": v1_jobs.JobTypes,
            "/jobs": v1_jobs.Jobs,
            "/jobs/{job_id}": v1_jobs.Job,
        },
    ),
    "v3": Surface(
        title="Flamenco, as its workers of today speak",
        version="1.0.0",
        prefix="/api/v3",
        document="/api/v3/openapi3.json",
        brief=True,
        routes={
            "/version": v3_meta.Version,
            "/worker/register-worker": v3_worker.RegisterWorker,
            "/worker/sign-on": v3_worker.SignOn,
            "/worker/sign-off": v3_worker.SignOff,
            "/worker/state": v3_worker.State,
            "/worker/state-changed": v3_worker.StateChanged,
            "/worker/task": v3_worker.ScheduleTask,
            "/worker/task/{task_id}": v3_worker.TaskUpdate,
            "/worker/task/{task_id}/may-i-run": v3_worker.MayRun,
            "/worker/task/{task_id}/output-produced": v3_worker.OutputProduced,
            "/jobs/{job_id}/setstatus": v3_jobs.JobStatus,
        },
    ),
    "x": Surface(
        title="Flamenco, our own additions",
        version="0.1.0",
        prefix="/api/x",
        document="/api/x/openapi.json",
        routes={
            "/overview": overview.Overview,
            "/jobtypes/problems": x_jobtypes.Problems,
            "/commands": x_commands.Commands,
            "/worker/commands": x_worker.Commands,
            "/jobs/{job_id}/explain": x_explain.Explain,
            "/jobs/{job_id}/explain/{worker_id}": x_explain.ExplainForWorker,
            "/sinks": x_events.Sinks,
            "/dead-letters": x_events.DeadLetters,
            "/dead-letters/retry": x_events.Retry,
            "/dead-letters/discard": x_events.Discard,
        },
    ),
}
"""Every surface by its short name."""
