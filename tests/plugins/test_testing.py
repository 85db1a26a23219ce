"""The pytest plugin for authors of plugins: what its fixtures promise, and that it works where they use it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from flamenco import CommandFailed, Refused, testing
from flamenco.client import AssignedTask, ManagerClient, ManagerError, SubmittedJob
from flamenco.config import Loaded
from flamenco.domain.errors import ConfigError
from flamenco.domain.statuses import TaskStatus, WorkerStatus
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.testing import START, Clock, FakeWorker

Submit = Callable[..., SubmittedJob]
Hire = Callable[..., FakeWorker]
PassTime = Callable[..., None]

HELLO = {"message": "hello"}
WAIT_S = 30.0

ORACLE = '''
"""Says things."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from flamenco import CommandFailed, CommandType, EventSink, Refused, Setting, hookimpl


class Question(Struct):
    """Parameters of `oracle`."""

    text: Annotated[str, Meta(min_length=1, description="What to ask.")]
    image: str = ""


def answer(context, question):
    """Answer it."""
    if "meaning" in question.text:
        raise CommandFailed("nobody knows")
    context.log(f"asked {question.text}")
    context.step()
    context.run_process(["echo", "it is so"])
    if question.image:
        context.output_produced(Path(question.image))


@hookimpl
def settings():
    """Where the events go."""
    yield Setting(key="diary", type=str, default="", help="A file for the events.", path=True)
    yield Setting(key="attempts", type=int, default=0, help="So many events are not taken at first.")


@hookimpl
def command_types():
    """The command."""
    yield CommandType(
        name="oracle", description="Ask.", task_types=("divination",), parameters=Question, run=answer
    )


@hookimpl
def job_type_folders():
    """Beside this file."""
    yield Path(__file__).parent


@hookimpl
def job_submitting(submission):
    """Refuse some."""
    if submission.metadata.get("project") == "doomed":
        raise Refused("The oracle has spoken.")


@hookimpl
def event_sinks(config):
    """The diary."""
    own = config.plugins.oracle
    trouble = iter(range(own.attempts))

    def deliver(event):
        if next(trouble, None) is not None:
            raise OSError("out of ink")
        with Path(own.diary).open("a") as diary:
            diary.write(f"{event.topic} {event.payload.get('status')}\\n")

    if own.diary:
        yield EventSink(name="diary", description="Writes down jobs.", deliver=deliver, topics=("/jobs",))
'''
"""A plugin as a studio may have it."""

ASK = """
const JOB_TYPE = {
  label: "Ask",
  settings: [
    { key: "questions", type: "string", required: true },
    { key: "image", type: "string", default: "" },
  ],
};
function compileJob(job) {
  for (const text of job.settings.questions.split(",")) {
    const task = author.Task(text, "divination");
    task.addCommand(author.Command("oracle", { text: text, image: job.settings.image }, 2));
    job.addTask(task);
  }
}
"""
"""Its job type."""


@pytest.fixture
def oracle(tmp_path: Path) -> Path:
    """The plugin in the folder that the farm of the test looks into."""
    folder = tmp_path / "flamenco" / "plugins"
    folder.mkdir(parents=True)
    (folder / "oracle.py").write_text(ORACLE)
    (folder / "ask.js").write_text(ASK)
    return folder


# -- the configuration ----------------------------------------------------------------------------------------------


def test_without_a_marker_nothing_is_enabled(farm: Farm, clock: Clock) -> None:
    """A test that says nothing has a farm with the core alone, at the time when every test begins."""
    assert dict(farm.config.plugins) == {}
    assert farm.clock() == clock() == START
    assert farm.config.data_dir.name == "flamenco"


@pytest.mark.flamenco(plugins={"ageing": {"points_per_hour": 2}, "deadline": None, "fair_share": False})
def test_plugins_as_a_group(farm: Farm) -> None:
    """The marker takes plugins as the file has them: with settings, without, and switched off."""
    assert list(farm.config.plugins) == ["ageing", "deadline"]
    assert farm.config.plugins.ageing.points_per_hour == 2


@pytest.mark.flamenco(plugins=["deadline"], settings={"manager_name": "Our farm", "shaman": {"enabled": False}})
def test_plugins_as_a_list_and_settings(configuration: Loaded) -> None:
    """Plugins may be a list of names, and every setting of a manager can be given."""
    assert list(configuration.config.plugins) == ["deadline"]
    assert configuration.config.manager_name == "Our farm"
    assert configuration.config.shaman.enabled is False


@pytest.mark.flamenco(plugins=["ageing"], settings={"manager_name": "near and far"})
class TestNearness:
    """Markers on a class and on its tests."""

    @pytest.mark.flamenco(plugins=["deadline"])
    def test_the_nearer_marker_wins(self, configuration: Loaded) -> None:
        """What a test says replaces what its class says, and the rest stays."""
        assert list(configuration.config.plugins) == ["deadline"]
        assert configuration.config.manager_name == "near and far"


@pytest.mark.flamenco(plugins_dir="../../plugins")
def test_a_relative_folder_counts_from_the_test(configuration: Loaded) -> None:
    """`plugins_dir` is found from the file of the test, whatever the current folder is."""
    assert configuration.config.plugins_path.samefile(Path(__file__).parents[2] / "plugins")
    assert "ageing" in configuration.config.plugins


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (pytest.mark.flamenco(plugins=["agein"]), "did you mean 'ageing'"),
        (pytest.mark.flamenco(plugins={"ageing": {"points_per_our": 1}}), "did you mean 'points_per_hour'"),
        (pytest.mark.flamenco(plugins={"ageing": {"points_per_hour": -1}}), "points_per_hour"),
        (pytest.mark.flamenco(settings={"managername": "x"}), "did you mean 'manager_name'"),
    ],
)
def test_mistakes_show_as_for_users(request: pytest.FixtureRequest, mark: pytest.MarkDecorator, reason: str) -> None:
    """What a manager would refuse to start with is refused in its words."""
    request.node.add_marker(mark)
    with pytest.raises(ConfigError, match=reason):
        request.getfixturevalue("configuration")


@pytest.mark.parametrize("mark", [pytest.mark.flamenco(plugin=["ageing"]), pytest.mark.flamenco("plugin")])
def test_mistakes_in_the_marker(request: pytest.FixtureRequest, mark: pytest.MarkDecorator) -> None:
    """A word that the marker does not have is told, with those that it has; so is a value without one."""
    request.node.add_marker(mark)
    with pytest.raises(pytest.UsageError, match=r"has no plugin; it is flamenco\(plugins=None"):
        request.getfixturevalue("configuration")


# -- jobs and time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "first"), [(4, "fresh"), (6, "waiting")])
@pytest.mark.flamenco(plugins={"ageing": {"points_per_hour": 2}})
def test_time_passes_for_policies(
    submit: Submit, fake_worker: Hire, pass_time: PassTime, hours: float, first: str
) -> None:
    """A job that has waited for long enough comes before one of a higher priority, once time has passed."""
    jobs = {"waiting": submit("echo-sleep-test", settings=HELLO)}
    pass_time(hours * 3600)
    jobs["fresh"] = submit("echo-sleep-test", settings=HELLO, priority=60)
    pass_time()
    assert _next(fake_worker()).job == jobs[first].id


@pytest.mark.flamenco(plugins=["deadline"])
def test_a_refused_job(submit: Submit) -> None:
    """The reason of a plugin that refuses a job is in the error."""
    with pytest.raises(ManagerError, match="write 2026-05-31") as caught:
        submit("echo-sleep-test", settings=HELLO, metadata={"deadline": "soon"})
    assert caught.value.status == 400


@pytest.mark.usefixtures("oracle")
def test_a_studios_plugin_refuses(submit: Submit) -> None:
    """A plugin file in the folder of the farm is in use, and what it raises comes back."""
    with pytest.raises(ManagerError, match="The oracle has spoken"):
        submit("echo-sleep-test", settings=HELLO, metadata={"project": "doomed"})
    assert submit("echo-sleep-test", settings=HELLO, metadata={"project": "blessed"}).metadata["project"] == "blessed"


@pytest.mark.usefixtures("oracle")
@pytest.mark.flamenco(plugins={"oracle": {"diary": "diary.txt"}})
def test_events_reach_the_sinks(submit: Submit, fake_worker: Hire, pass_time: PassTime, tmp_path: Path) -> None:
    """A sink gets everything since the start of the test, when time passes and not before."""
    diary = tmp_path / "flamenco" / "diary.txt"
    submit("echo-sleep-test", settings=HELLO)
    worker = fake_worker()
    for _ in range(2):
        worker.complete(_next(worker))
    assert not diary.exists()
    pass_time(0)
    assert list(dict.fromkeys(diary.read_text().splitlines())) == ["/jobs queued", "/jobs active", "/jobs completed"]


@pytest.mark.usefixtures("oracle")
@pytest.mark.flamenco(plugins={"oracle": {"diary": "diary.txt", "attempts": 2}})
def test_a_sink_that_fails_is_tried_again(submit: Submit, pass_time: PassTime, tmp_path: Path) -> None:
    """An event that was not taken comes again once the sink has had its rest, as the clock has it."""
    diary = tmp_path / "flamenco" / "diary.txt"
    submit("echo-sleep-test", settings=HELLO)
    for seconds in (0, 0, 60):
        pass_time(seconds)
        assert not diary.exists()
    pass_time(60)
    assert diary.read_text() == "/jobs queued\n"


@pytest.mark.flamenco(plugins=["fair_share"])
def test_more_events_than_a_batch(submit: Submit, pass_time: PassTime, farm: Farm) -> None:
    """Many jobs are ranked and told of in one go; a farm without sinks has nothing to deliver."""
    for number in range(5):
        submit("echo-sleep-test", name=f"job {number}", settings=HELLO, metadata={"user": f"artist {number}"})
    pass_time(60)
    assert farm.event_sinks == {}


# -- workers --------------------------------------------------------------------------------------------------------


def test_a_worker_by_hand(client: ManagerClient, submit: Submit, fake_worker: Hire) -> None:
    """A worker takes a task, is given the same again, and reports what the test says; the other goes its own way."""
    job = submit("echo-sleep-test", settings=HELLO)
    worker, other = fake_worker("one"), fake_worker("other")
    first, again = worker.next_task(), worker.next_task()
    assert first
    assert again
    assert first.uuid == again.uuid
    assert other.next_task() is None
    worker.complete(first)
    second = other.next_task()
    assert second
    other.fail(second, "out of patience")
    worker.complete(_next(worker))
    assert worker.next_task() is None
    assert client.job(job.id).status == "completed"
    assert {each.name for each in client.overview().workers} == {"one", "other"}


def test_failing_by_hand(client: ManagerClient, submit: Submit, fake_worker: Hire, farm: Farm) -> None:
    """A task that the only worker fails has failed, for the reason that was given."""
    job = submit("echo-sleep-test", settings=HELLO)
    worker = fake_worker()
    worker.fail(_next(worker), "out of patience")
    assert client.job(job.id).status == "failed"
    task = tasks.of_job(farm, job.id)[0]
    assert (task.status, task.activity) == (TaskStatus.FAILED, "out of patience")
    assert "out of patience\n" in tasks.log_path(farm, task.id).read_text()


def test_running_a_task(client: ManagerClient, submit: Submit, fake_worker: Hire, farm: Farm) -> None:
    """The commands of a task are really run; log and outcome are with the worker and with the manager."""
    job = submit("echo-sleep-test", settings={"message": "hello", "sleep_duration_seconds": 0})
    worker = fake_worker()
    task = _next(worker)
    assert worker.run(task) == ['echo: "hello"']
    assert 'echo: "hello"' in tasks.log_path(farm, task.uuid).read_text()
    assert [each.name for each in worker.run_all()] == ["sleep"]
    assert worker.log_lines[0] == 'echo: "hello"'
    assert worker.steps == [1, 1]
    assert worker.failures == []
    assert client.job(job.id).status == "completed"


@pytest.mark.usefixtures("oracle")
def test_running_the_commands_of_a_plugin(
    client: ManagerClient, submit: Submit, fake_worker: Hire, tmp_path: Path, farm: Farm
) -> None:
    """A plugin's job type, task type, command, steps and image all come together, and a program is really run."""
    picture = tmp_path / "picture.png"
    Image.new("RGB", (8, 8)).save(picture)
    job = submit("ask", settings={"questions": "is it so", "image": str(picture)})
    worker = fake_worker()
    (task,) = worker.run_all()
    assert task.task_type == "divination"
    assert worker.log_lines[0] == "asked is it so"
    assert worker.log_lines[-1].endswith("> it is so")
    assert worker.steps == [1]
    assert worker.outputs == [picture]
    assert client.job(job.id).status == "completed"
    assert farm.image_queue.wait_until_idle(WAIT_S)
    assert list(farm.config.local_storage_path.rglob("*.jpg"))


@pytest.mark.usefixtures("oracle")
def test_a_command_that_fails(client: ManagerClient, submit: Submit, fake_worker: Hire) -> None:
    """A failing command fails its task and not the test; the reason is the last line, and among the failures."""
    job = submit("ask", settings={"questions": "what is the meaning,is it so"})
    worker = fake_worker()
    assert worker.run(_next(worker))[-1] == "Failed: oracle: nobody knows"
    assert worker.failures == ["Failed: oracle: nobody knows"]
    worker.run_all()
    assert client.job(job.id).status == "failed"


@pytest.mark.usefixtures("oracle")
def test_running_one_command(fake_worker: Hire) -> None:
    """A command can be run without a job: it gives its log, and raises what it raises."""
    worker = fake_worker()
    lines = worker.run_command("oracle", text="now", image="a.png")
    assert lines[0] == "asked now"
    assert (worker.steps, worker.outputs) == ([1], [Path.cwd() / "a.png"])
    with pytest.raises(CommandFailed, match="nobody knows"):
        worker.run_command("oracle", text="the meaning")
    with pytest.raises(Refused, match='mandatory parameter "text" is missing'):
        worker.run_command("oracle")


def test_running_all_is_bounded(submit: Submit, fake_worker: Hire) -> None:
    """Whoever has more to do than the test thinks is told so."""
    submit("echo-sleep-test", settings={"message": "hello", "sleep_duration_seconds": 0, "sleep_repeats": 3})
    worker = fake_worker()
    with pytest.raises(AssertionError, match="still something to do after 2 tasks"):
        worker.run_all(most=2)
    assert len(worker.run_all(most=2)) == 2


@pytest.mark.usefixtures("oracle")
def test_who_can_do_what(submit: Submit, fake_worker: Hire) -> None:
    """Task types and commands are as the test says; a worker that does not tell them is trusted."""
    submit("ask", settings={"questions": "is it so"})
    able = fake_worker("with all there is")  # without one, the task would fail once it failed with the others
    assert fake_worker("of another type", task_types=["misc"]).next_task() is None
    assert fake_worker("without the plugin", commands=["echo", "sleep"]).next_task() is None
    worker = fake_worker("of today's Flamenco", commands=["echo"], tells=False)
    assert worker.run(_next(worker))[-1] == 'Failed: unknown command: "oracle"'
    assert able.next_task()


@pytest.mark.flamenco(settings={"variables": {"shell": {"values": [{"platform": "windows", "value": "cmd.exe"}]}}})
def test_a_worker_of_another_platform(submit: Submit, fake_worker: Hire) -> None:
    """Variables are those of the worker's platform."""
    submit("echo-sleep-test", settings={"message": "{shell}"})
    task = _next(fake_worker(platform="windows"))
    assert task.commands[0].parameters == {"message": "cmd.exe"}


def test_a_worker_does_what_it_is_asked(submit: Submit, fake_worker: Hire, farm: Farm) -> None:
    """A worker that is to sleep does so instead of taking a task, and works again when it is asked to."""
    submit("echo-sleep-test", settings=HELLO)
    worker = fake_worker()
    for status in (WorkerStatus.ASLEEP, WorkerStatus.AWAKE):
        workers.request_status(farm, worker.id, status, lazy=False)
        assert worker.next_task() is None
        assert worker.status is status
        assert worker.client.overview().workers[0].status is status
    assert worker.next_task()


def _next(worker: FakeWorker) -> AssignedTask:
    """The task that the worker is given; there must be one."""
    task = worker.next_task()
    assert task
    return task


@pytest.mark.flamenco(plugins=["fair_share"])
def test_the_routes_of_plugins(client: ManagerClient, submit: Submit, farm: Farm) -> None:
    """Requests are answered by the manager's own application, without a socket."""
    assert client.version().name == farm.config.manager_name
    job = submit("echo-sleep-test", settings=HELLO)
    assert client.get("/api/x/overview")["jobs"][0]["id"] == job.id


@pytest.mark.usefixtures("oracle")
@pytest.mark.flamenco(plugins=["oiio_commands"])
def test_the_commands_of_plugins_are_documented(client: ManagerClient) -> None:
    """Commands of shipped plugins and of a studio's own are listed with the core's, their parameters as declared."""
    listed = {each["name"]: each for each in client.get("/api/x/commands")["commands"]}
    assert {"echo", "oiiotool", "make-contact-sheet", "oracle"} <= listed.keys()
    text, image = listed["oracle"]["parameters"]
    assert (text["name"], text["required"], text["description"]) == ("text", True, "What to ask.")
    assert (image["name"], image["required"], image["default"]) == ("image", False, "")


# -- where it is used -----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_documented_example_works_for_an_author(tmp_path: Path) -> None:
    """What the documentation shows, put into a folder of its own, is run by pytest and passes."""
    shown = [block for block in (testing.__doc__ or "").split("\n\n") if block.startswith("    ")]
    conftest, *tests = map(textwrap.dedent, shown)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_plugin.py").write_text("import pytest\n\n\n" + "\n\n".join(tests))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout
