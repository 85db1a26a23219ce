"""The names of a job's files in the manager's local storage, and their addresses, which mirror it.

Everything of a job is in `job-<first 4 of its UUID>/<UUID>/`. Clients know these names; they never change.
"""

from __future__ import annotations

import re

URL_PREFIX = "/job-files"

LAST_RENDERED = ("last-rendered.jpg", "last-rendered-small.jpg", "last-rendered-tiny.jpg")
"""What was rendered last, from the largest image to the smallest."""

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
_JOB = re.compile(_UUID)
_TASK_LOG = re.compile(rf"task-{_UUID}\.txt")


def is_job_id(text: str) -> bool:
    """Whether `text` is a job's UUID in the form in which it is stored."""
    return _JOB.fullmatch(text) is not None


def folder_of(job_id: str) -> tuple[str, str]:
    """The job's folder below the root, as the names of two folders, one in the other."""
    return f"job-{job_id[:4]}", job_id


def task_log_name(task_id: str) -> str:
    """The name of a task's log in its job's folder."""
    return f"task-{task_id}.txt"


def url_of(job_id: str) -> str:
    """The address of the job's folder, without the manager's own."""
    return "/".join((URL_PREFIX, *folder_of(job_id)))


def is_task_log(name: str) -> bool:
    """Whether a file of that name is a task's log."""
    return _TASK_LOG.fullmatch(name) is not None


def is_public(folder: str, job_id: str, name: str) -> bool:
    """Whether anybody may read the file `folder/job_id/name`: a task's log or an image, where those are kept."""
    if not is_job_id(job_id) or (folder, job_id) != folder_of(job_id):
        return False
    return name in LAST_RENDERED or is_task_log(name)
