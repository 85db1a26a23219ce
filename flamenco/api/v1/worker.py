"""What workers call, in the words of the original API."""

from __future__ import annotations

from typing import Final

from flamenco.api.v1 import conversion
from flamenco.api.worker_calls import Dialect
from flamenco.protocol import v1 as schemas

DIALECT: Final = Dialect(
    registration=schemas.WorkerRegistration,
    registered=schemas.RegisteredWorker,
    registered_worker=conversion.registered_worker,
    sign_on=schemas.WorkerSignOn,
    can_restart=lambda _: False,
    state_change=schemas.WorkerStateChange,
    requested_status=conversion.requested_status,
    state_changed=schemas.WorkerStateChanged,
    reported_status=conversion.reported_status,
    assigned=schemas.AssignedTask,
    assigned_task=conversion.assigned_task,
    update=schemas.TaskUpdate,
    task_change=conversion.task_change,
)
