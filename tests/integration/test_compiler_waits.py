"""What scripts say of the jobs that a job waits for, and of the frames of its tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.errors import JobTypeError
from flamenco.domain.job_waits import Kind, Offset, Span, Wanted, When
from flamenco.domain.model import Submission
from flamenco.domain.task_frames import frames_of
from flamenco.domain.wait_texts import wanted_in
from tests.docs import manual
from tests.integration.compiling import CREATED, JOB_ID, Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all tests here: scripts leave nothing behind, so they may share a helper."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio
    studio.compiler.close()


TASK = "job.addTask(author.Task('a', 'b'));"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ()),
        ("if ('dependsOn' in job) job.dependsOn(' AB ');", (Wanted(job="ab"),)),
        ("job.dependsOn('ab', { kind: 'all', when: 'ended' });", (Wanted(job="ab", when=When.ENDED),)),
        (
            "job.dependsOn('ab', { kind: 'frames', offset: -1 }); job.dependsOn('cd', { offset: [-1, 0] });",
            (Wanted(job="ab", kind=Kind.FRAMES, offset=Offset(-1, -1)), Wanted(job="cd", offset=Offset(-1, 0))),
        ),
    ],
)
def test_a_job_waits_for_others(studio: Studio, body: str, expected: tuple[Wanted, ...]) -> None:
    """As the script says; it is not one of Flamenco's fields."""
    job = studio.run(f"{TASK} {body} job.settings.fields = [Object.keys(job), JSON.stringify(job)].join();")
    assert job.depends_on == expected
    assert "dependsOn" not in job.settings["fields"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("job.dependsOn('ab', { kind: 'parts' });", "job.dependsOn: kind is all or frames"),
        ("job.dependsOn('ab', { when: 'now' });", "job.dependsOn: when is completed or ended"),
        ("job.dependsOn('ab', { offset: 0.5 });", "job.dependsOn: offset is a whole number, or a list of two"),
        ("job.dependsOn('ab', { offset: [1, 0] });", "job.dependsOn: offset is a whole number, or a list of two"),
        ("job.dependsOn('ab', { offset: 1e9 });", "job.dependsOn: offset is a whole number, or a list of two"),
        ("job.dependsOn('ab', { of: 1 });", "what the second argument has is kind or when or offset"),
        ("job.dependsOn('ab', 'frames');", "how a job depends on another must be an object"),
        ("for (let i = 0; i < 101; i++) job.dependsOn(`${i}`);", "waits for more than 100 others"),
        ("task.frames = 'all';", 'task "a": its frames "all" are no frames'),
    ],
)
def test_what_makes_no_sense_is_refused(studio: Studio, body: str, complaint: str) -> None:
    """With what would make sense."""
    with pytest.raises(JobTypeError, match=re.escape(complaint)):
        studio.run(f"const task = author.Task('a', 'b'); {body} job.addTask(task);")


def test_a_task_says_which_frames_it_is_about(studio: Studio) -> None:
    """In words of its own, whatever its commands say; copies keep them."""
    job = studio.run(
        "const task = author.Task('a', 'b'); if ('frames' in task) task.frames = ' 3-5 ';"
        "task.addCommand(author.Command('echo', { frames: '9' })); job.addTask(task);"
        "task.frames = ''; task.optional = true; job.addTask(task);"
        "job.settings.seen = { keys: Object.keys(task), written: JSON.parse(JSON.stringify(task)) };"
        "job.tasks = [job.tasks[0]].concat(author.Task('c', 'd'));"
    )
    assert [frames_of(task.commands, task.frames) for task in job.tasks] == [Span(3, 5), None]
    seen = job.settings["seen"]
    assert "frames" not in seen["keys"]
    # Its random identifier is the one text that may hold them by chance.
    assert "3-5" not in json.dumps(seen["written"] | {"uuid": ""})


def test_scripts_for_frames_say_which() -> None:
    """So jobs of the shipped job types can wait frame by frame."""
    compiler = Compiler([bundled.job_types()])
    settings = {"script": "x.py", "frames": "1-4", "chunk_size": 2}
    try:
        job = compiler.compile(Submission(name="job", type="frame-script", settings=settings), JOB_ID, CREATED)
    finally:
        compiler.close()
    assert [frames_of(task.commands, task.frames) for task in job.tasks] == [Span(1, 2), Span(3, 4)]


def test_the_examples_of_the_manual(studio: Studio) -> None:
    """A job type and metadata say what docs/dependencies.md has them say."""
    (example,) = manual.blocks("js", "docs/dependencies.md")
    expected = Wanted(job="ab", kind=Kind.FRAMES, offset=Offset(-1, 0))
    assert studio.run(f"{TASK} {example}", settings={"after": "ab"}).depends_on == (expected,)
    assert studio.run(f"{TASK} {example}").depends_on == ()
    (written,) = manual.blocks("json", "docs/dependencies.md")
    assert wanted_in(written) == [replace(expected, job="6d0e2b4a-0c0a-4ae2-a36e-2a5a8e3e0c8d")]
