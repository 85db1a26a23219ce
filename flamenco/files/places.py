"""Where the files of a job lie below the manager's local storage: `job-<first 4 of the UUID>/<UUID>/`."""

from __future__ import annotations

from pathlib import Path


def job_folder(root: Path, job_id: str) -> Path:
    """The folder of a job's files; it may not exist yet."""
    return root / f"job-{job_id[:4]}" / job_id
