"""Submitting through the whole of the farm: what is checked, what is refused, and that nothing half-done is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco.domain.errors import FarmError, JobTypeError, Refused
from flamenco.domain.model import Submission
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs, overview, tasks
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker, run_next

SCRIPT = """
const JOB_TYPE = {{ label: "X", settings: [] }};
function compileJob(job) {{
    const task = author.Task("the task", "misc");
    task.addCommand(author.Command({command}));
    job.addTask(task);
}}
"""


@pytest.fixture
def folder(farm: Farm) -> Path:
    """The studio's folder of job types, which the farm of these tests looks into."""
    farm.config.job_types_path.mkdir(parents=True)
    return farm.config.job_types_path


def submit(farm: Farm, folder: Path, command: str) -> str:
    """Submit a job with that one command; its id."""
    (folder / "one.js").write_text(SCRIPT.format(command=command))
    return jobs.submit(farm, Submission(name="n", type="one"), strict=True).id


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("'echo', {}", r'task "the task": echo: .*"message" is missing'),
        ("'sleep', { duration_in_seconds: 'long' }", r'sleep: parameter "duration_in_seconds".*"long"'),
        ("'sleep', { duration_in_seconds: -1 }", "cannot be negative"),
        ("'exec', { exe: '' }", '"exe" is missing'),
        ("'exec', { exe: 'x', args: 'y' }", "cannot convert to list of strings"),
        ("'frames-to-video', { exe: 'ffmpeg', fps: 0, inputGlob: 'a', outputFile: 'b' }", '"fps"'),
        ("'exec', null", '"exe" is missing'),
    ],
)
def test_a_command_that_no_worker_could_run_is_refused(farm: Farm, folder: Path, command: str, says: str) -> None:
    """The message names task, command and parameter, and nothing is stored."""
    with pytest.raises(Refused, match=says):
        submit(farm, folder, command)
    assert overview.overview(farm).jobs == []


@pytest.mark.parametrize(
    "command",
    [
        "'exec', { exe: 'x', args: [1, null, true], surplus: 5 }",
        "'blender-render', { exe: 'x', blendfile: '', exeArgs: 7 }",
        "'sleep', { duration_in_seconds: 0.5 }",
        "'not-of-this-manager', { anything: { goes: [1] } }",
    ],
)
def test_what_a_worker_would_run_is_accepted(farm: Farm, folder: Path, command: str) -> None:
    """Parameters are read as leniently as workers read them, and unknown commands may be known to some worker."""
    job_id = submit(farm, folder, command)
    assert jobs.fetch(farm, job_id).counts.queued == 1


def test_a_submitted_job_runs(farm: Farm) -> None:
    """A shipped job type with its defaults: stored, handed out in order, completed."""
    job = jobs.submit(farm, Submission(name="n", type="echo-sleep-test", settings={"message": "hi"}), strict=True)
    assert (job.counts.queued, job.steps_total, job.settings["sleep_repeats"]) == (2, 2, 1)
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["echo", "sleep"]
    assert jobs.fetch(farm, job.id).status is JobStatus.COMPLETED


GO = (JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.REQUEUEING)
WAIT = (JobStatus.PAUSED, JobStatus.PAUSE_REQUESTED)


@pytest.mark.parametrize("asked", [*GO, *WAIT])
def test_what_a_job_starts_as(farm: Farm, asked: JobStatus) -> None:
    """Whatever a client calls it that its job is to start, it is queued; one that is to wait is paused."""
    submission = Submission(name="n", type="echo-sleep-test", settings={"message": "hi"}, initial_status=asked)
    jobs.check(farm, submission, strict=True)
    job = jobs.submit(farm, submission, strict=True)
    assert job.status is (JobStatus.QUEUED if asked in GO else JobStatus.PAUSED)
    assert (tasks.assign_next(farm, new_worker(farm)) is not None) == (asked in GO)


@pytest.mark.parametrize(
    ("submission", "error", "says"),
    [
        (Submission(name="n", type="no-such-type"), Refused, "no-such-type"),
        (Submission(name="n", type="echo-sleep-test"), Refused, "message"),
        (Submission(name="n", type="echo-sleep-test", settings={"message": 5}), Refused, "message"),
        (
            Submission(name="n", type="echo-sleep-test", settings={"message": "m", "sleep_repeats": 2**40}),
            Refused,
            "sleep_repeats",
        ),
        (Submission(name="n", type="echo-sleep-test", settings={"message": "m"}, worker_tag="x"), Refused, "tag x"),
        *(
            (Submission(name="n", type="echo-sleep-test", initial_status=status), Refused, status)
            for status in JobStatus
            if status not in (*GO, *WAIT)
        ),
        (Submission(name="n", type="broken"), JobTypeError, "broken.js:3"),
    ],
)
def test_what_cannot_be_a_job_is_refused(
    farm: Farm, folder: Path, submission: Submission, error: type[FarmError], says: str
) -> None:
    """The message names what is wrong, and nothing is stored."""
    (folder / "broken.js").write_text(
        "const JOB_TYPE = { label: 'x', settings: [] };\nfunction compileJob(job) {\nthrow new Error('no');\n}\n"
    )
    with pytest.raises(error, match=says):
        jobs.submit(farm, submission, strict=True)
    if "tag" not in says:  # that, only storing finds
        with pytest.raises(error, match=says):
            jobs.check(farm, submission, strict=True)
    assert overview.overview(farm).jobs == []
