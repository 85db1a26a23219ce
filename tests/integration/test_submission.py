"""Submitting through the whole of the farm: what is checked, what is refused, and that nothing half-done is left."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import structlog
from falcon import testing

from flamenco.api.app import create_app
from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.errors import FarmError, JobTypeError, Refused
from flamenco.domain.model import Submission
from flamenco.domain.statuses import JobStatus
from flamenco.farm import farm_status, jobs
from flamenco.farm import workers as worker_farm
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
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
    assert farm_status.overview(farm).jobs == []


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


NEEDY = """const JOB_TYPE = { label: "x", settings: [
    { key: "frames", type: "string", required: true, aliases: ["range"] },
    { key: "scene", type: "string", required: true },
    { key: "blendfile", type: "string", required: true },
    { key: "samples", type: "int32", required: true, default: 5 },
]};
function compileJob(job) {
    BODY
}"""
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOT_WORKING = "job type needy did not work, tell whoever looks after it: "


@ONE_DATABASE
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("throw 'pick a camera';", "pick a camera"),
        ("throw new Error('pick a camera');", "pick a camera"),
        ("frameChunker('', 1);", 'invalid range "": empty range'),
        ("author.Task('', 'misc');", "author.Task(name, type): name is required"),
        ("throw `it said: ${(() => { try { shellSplit('\\''); } catch (e) { return e; } })()}`;",
         "it said: EOF found when expecting closing quote"),
        ("job.settings.nothing.at(1);", NOT_WORKING + "Cannot read properties of undefined (reading 'at')"),
        ("undeclared = 1;", NOT_WORKING + "undeclared is not defined"),
        ("const t = author.Task('a', 'misc'); job.addTask(t); job.addTask(t);",
         NOT_WORKING + 'task "a" is in the job twice'),
        ("require('./broken');", NOT_WORKING + "Unexpected token ';'"),
        ("} compileJob = 5; {", NOT_WORKING + "its script does not define a compileJob(job) function"),
    ],
)  # fmt: skip
def test_who_submits_reads_what_the_script_says_and_no_internals(
    farm: Farm, folder: Path, body: str, told: str
) -> None:
    """The answer has the script's own words; its file and line are in the manager's log alone."""
    (folder / "needy.js").write_text(NEEDY.replace("BODY", body))
    (folder / "broken.js").write_text("let = ;")
    client = testing.TestClient(create_app(farm))
    settings = {"range": "1", "scene": "s", "blendfile": "b"}
    request = {"name": "n", "type": "needy", "priority": 50, "settings": settings, "submitter_platform": "linux"}
    for path in ("/api/jobs", "/api/v3/jobs", "/api/v3/jobs/check"):
        with structlog.testing.capture_logs() as logs:
            answer = client.simulate_post(path, json=request)
        assert answer.status_code == 400
        assert answer.json["message"].startswith(told), path
        assert not re.search(r"GoError|\.js|:\d", answer.json["message"])
        assert any("needy.js" in entry.get("error", "") for entry in logs), logs
    assert farm_status.overview(farm).jobs == []


@ONE_DATABASE
def test_who_asks_for_a_broken_job_type_reads_no_internals(farm: Farm, folder: Path) -> None:
    """A script that does not even declare its job type: the same when the job type is asked for."""
    (folder / "broken.js").write_text("const JOB_TYPE = { label: 'x', settings: [] };\nlet = ;")
    client = testing.TestClient(create_app(farm))
    with structlog.testing.capture_logs() as logs:
        answer = client.simulate_get("/api/v3/jobs/type/broken")
    assert answer.status_code == 500
    assert answer.json["message"].startswith("error getting job type: job type broken did not work, tell whoever")
    assert ".js" not in answer.json["message"]
    assert any("broken.js:2" in entry.get("error", "") for entry in logs)


@ONE_DATABASE
def test_all_missing_settings_are_named_at_once(farm: Farm, folder: Path) -> None:
    """Settings with a default, or given under another name, are not missing; without the check, a script's error
    is followed by what it was not given."""
    (folder / "needy.js").write_text(NEEDY.replace("BODY", "job.settings.scene.at(1);"))
    client = testing.TestClient(create_app(farm))
    request = {"name": "n", "type": "needy", "priority": 50, "settings": {"range": "1"}, "submitter_platform": "linux"}
    absent = 'settings "scene", "blendfile" are missing; job type needy requires them'
    assert client.simulate_post("/api/jobs", json=request).json["message"] == absent
    message = client.simulate_post("/api/v3/jobs/check", json=request).json["message"]
    assert message == f"{NOT_WORKING}Cannot read properties of undefined (reading 'at') ({absent})"


def test_a_job_without_tasks_is_refused(farm: Farm, folder: Path) -> None:
    """It would wait for ever; promises that add none make no difference."""
    for body in ("author.Task('a', 'misc');", "Promise.resolve().then(() => author.Task('a', 'misc'));"):
        (folder / "needy.js").write_text(NEEDY.replace("BODY", body))
        for do in (jobs.submit, jobs.compiled):
            with pytest.raises(
                Refused, match=r"^job type needy gave this job no tasks; did its script forget job\.addTask"
            ):
                do(farm, Submission(name="n", type="needy"), strict=False)
    assert farm_status.overview(farm).jobs == []


def submit_with_warnings(farm: Farm, folder: Path, commands: str) -> list[str]:
    """The warnings that a client is told for a job with these commands; they are the same on every way in."""
    adding = "".join(f"t.addCommand(author.Command({command}));" for command in commands.split(";"))
    body = f"const t = author.Task('t', 'misc'); {adding} job.addTask(t);"
    (folder / "needy.js").write_text(NEEDY.replace("BODY", body))
    settings = {"range": "1", "scene": "s", "blendfile": "b"}
    told: list[str] = []
    application = create_app(farm)
    with ManagerClient("http://farm", transport=httpx.WSGITransport(app=application)) as client:
        client.submit_job(JobRequest(name="n", type="needy", settings=settings), told.append)
    request = {"name": "n", "type": "needy", "priority": 50, "settings": settings, "submitter_platform": "linux"}
    for path in ("/api/v3/jobs", "/api/v3/jobs/check"):
        answer = testing.TestClient(application).simulate_post(path, json=request)
        assert answer.status_code in (200, 204)
        header = answer.headers.get("X-Flamenco-Warning", "")
        assert [unquote(each.strip()) for each in header.split(",") if each] == told
    return told


def test_commands_that_nobody_has_are_warned_about(farm: Farm, folder: Path) -> None:
    """Whoever submits reads which command is unknown and what may have been meant; the job is stored all the same."""
    told = submit_with_warnings(
        farm, folder, "'ecko', { message: 'a' };'ecko';'zzz, ü\\u001b[31m';'echo', {message: 'a'}"
    )
    assert told == [
        'command "ecko" is unknown to the manager and its workers (did you mean echo?); it is used 2 times',
        'command "zzz, ü�[31m" is unknown to the manager and its workers; it is used 1 times',
    ]
    assert len(farm_status.overview(farm).jobs) == 2


def test_commands_that_a_worker_has_are_not_warned_about(farm: Farm, folder: Path) -> None:
    """What a worker says that it has is known, and may be what was meant; so is what plugins declare."""
    worker_farm.tell_commands(farm, new_worker(farm), ["studio-bake"])
    assert submit_with_warnings(farm, folder, "'studio-bake';'echo', {message: 'a'}") == []
    [told] = submit_with_warnings(farm, folder, "'studio-bakes'")
    assert "(did you mean studio-bake?)" in told


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
    jobs.compiled(farm, submission, strict=True)
    job = jobs.submit(farm, submission, strict=True)
    assert job.status is (JobStatus.QUEUED if asked in GO else JobStatus.PAUSED)
    assert (claim.assign_next(farm, new_worker(farm)) is not None) == (asked in GO)


@pytest.mark.parametrize(
    ("submission", "error", "says"),
    [
        (Submission(name="n", type="no-such-type"), Refused, "no-such-type"),
        (Submission(name="n", type="echo-sleep-test"), Refused, "message"),
        (Submission(name="n", type="echo-sleep-test", settings={"message": True}), Refused, "message"),
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
        (Submission(name="n", type="broken"), JobTypeError, "^no$"),
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
            jobs.compiled(farm, submission, strict=True)
    assert farm_status.overview(farm).jobs == []
