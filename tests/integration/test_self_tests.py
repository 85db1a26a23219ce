"""Self-tests in a farm: what a worker is told to try out, and what becomes of it and of tasks by what it saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing
from msgspec.structs import replace

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.config.self_test_settings import SelfTestConfig
from flamenco.domain.errors import Conflict
from flamenco.domain.findings import Grade
from flamenco.domain.model import Assignment, Command, Worker
from flamenco.domain.self_tests.facts import Came, Facts, Order, PlaceFacts, ProgramFacts, Step, StepFacts, Why
from flamenco.domain.self_tests.judging import EVERYTHING, Report
from flamenco.domain.self_tests.names import PREFIX
from flamenco.domain.sickness import RELAPSE
from flamenco.domain.statuses import WorkerStatus
from flamenco.domain.variables import Variable, VariableValue, everywhere
from flamenco.farm import following, self_tests, sickness, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, explanation, stranding
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.entering import access, basic
from tests.integration.farming import SECRET, TASK_TYPES, new_worker, present, store_job
from tests.integration.test_delivery import serving

COMMANDS = ["blender-render", "echo", "frames-to-video"]
STEPS = [StepFacts(step=step, came=Came.OK) for step in Step if step is not Step.SPEED]


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """The shared storage, as the manager has it."""
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


@pytest.fixture
def farm(make_farm: Callable[..., Farm], storage: Path) -> Farm:
    """A farm with a shared storage."""
    return make_farm(shared_storage_path=str(storage))


def our_worker(farm: Farm, name: str = "worker") -> Worker:
    """A worker of ours that has signed on: it says which commands it has, and that it can test itself."""
    worker = new_worker(farm, name)
    workers.tell_commands(farm, worker, COMMANDS)
    order = self_tests.begin(farm, worker, Why.SIGN_ON)
    if order is not None:
        self_tests.report(farm, worker, order.id, well(order))
    return present(farm, worker)


def well(order: Order, **of_places: Any) -> Facts:
    """What a worker says that sees all as it should be, but for that of its storages."""
    seen = [
        PlaceFacts(name=each.name, **{"steps": STEPS, "token": read(each.path, each.token_file), **of_places})
        for each in order.places
    ]
    programs = [ProgramFacts(name=each.name, came=Came.SEEN, path=f"/bin/{each.exe}") for each in order.programs]
    return Facts(places=seen, programs=programs, clock_ahead_s=0.0, user="render")


def read(folder: str, name: str) -> str:
    """What is in the manager's file."""
    return (Path(folder) / name).read_text() if name else ""


def result_of(farm: Farm, worker: Worker, why: Why = Why.ASKED, **of_places: Any) -> Report:
    """What follows when the worker tests itself."""
    order = self_tests.begin(farm, worker, why)
    assert order is not None
    return self_tests.report(farm, worker, order.id, well(order, **of_places))


GONE: dict[str, Any] = {"steps": [StepFacts(step=Step.EXISTS, came=Came.FAILED, error="ENOENT")], "token": ""}


def without(farm: Farm, worker: Worker, program: str) -> Report:
    """The worker finds that a program is missing."""
    order = self_tests.begin(farm, worker, Why.ASKED)
    assert order is not None
    facts = well(order)
    gone = [replace(each, came=Came.MISSING) if each.name == program else each for each in facts.programs]
    return self_tests.report(farm, worker, order.id, replace(facts, programs=gone))


def left_in(folder: Path) -> list[str]:
    """The files of self-tests in a storage."""
    return [each.name for each in folder.iterdir() if each.name.startswith(PREFIX)]


def test_what_is_to_be_tried_out(make_farm: Callable[..., Farm], storage: Path, tmp_path: Path) -> None:
    """The shared storage as the worker's platform has it, two-way variables, and programs for its types of tasks."""
    projects = Variable(
        is_twoway=True,
        values=(
            VariableValue(platform="linux", value=str(tmp_path / "projects")),
            VariableValue(platform="windows", value="P:\\"),
        ),
    )
    shared = Variable(
        is_twoway=True,
        values=(
            VariableValue(platform="linux", value=str(storage)),
            VariableValue(platform="windows", value="S:\\"),
        ),
    )
    variables = {"shared": shared, "projects": projects, "blender": everywhere("/b"), "blender_36": everywhere("/c")}
    farm = make_farm(shared_storage_path=str(storage), variables={**variables, "blenderArgs": everywhere("-b")})
    (tmp_path / "projects").mkdir()
    worker = new_worker(farm, "w", TASK_TYPES, "windows")
    order = self_tests.begin(farm, worker, Why.SIGN_ON)
    assert order is not None
    name = f"{PREFIX}{order.id}.token"
    assert [(each.name, each.path, each.token_file) for each in order.places] == [
        ("shared storage", "S:\\", name),
        ("{projects}", "P:\\", name),
    ]
    assert [(each.name, each.exe, each.like) for each in order.programs] == [
        ("blender", "/b", "blender"),
        ("blender_36", "/c", "blender"),
        ("ffmpeg", "ffmpeg", "ffmpeg"),
    ]
    assert order.is_quick
    assert left_in(storage) == left_in(tmp_path / "projects") == [name]
    other = self_tests.begin(farm, new_worker(farm, "v", ("misc",)), Why.ASKED)
    assert other is not None
    assert (other.programs, other.is_quick) == ([], False)


def test_a_good_worker(farm: Farm, storage: Path) -> None:
    """It is given tasks as before, and nothing is left in the storage."""
    worker = our_worker(farm)
    assert worker.commands == tuple(COMMANDS)
    assert left_in(storage) == []
    last = self_tests.state(farm, worker.id).last
    assert last is not None
    assert (last.is_passed, last.why, last.kept) == (True, Why.SIGN_ON, {})
    assert worker.warning == ""


def test_a_worker_with_another_storage(farm: Farm, storage: Path) -> None:
    """It is given nothing, everybody is told why, and it is given tasks again when it has the right one."""
    worker = our_worker(farm)
    job = store_job(farm, authored_job(authored_task()))
    report = result_of(farm, worker, token="")
    (problem,) = [each.sentence for each in report.findings if each.grade is Grade.PROBLEM]
    assert str(storage) in problem
    assert report.kept == {EVERYTHING: problem}
    assert present(farm, worker).commands == ()
    assert present(farm, worker).warning == f"self-test: {problem}"
    assert claim.assign_next(farm, worker) is None
    (reason,) = explanation.explain(farm, job.id).waiting
    assert (reason.why, reason.text) == ("self-test", f"worker worker has failed its self-test: {problem}")
    stranding.look(farm)
    assert problem in explanation.explain(farm, job.id).job.activity
    result_of(farm, worker)
    assert present(farm, worker).warning == ""
    assert isinstance(claim.assign_next(farm, worker), Assignment)


def test_a_worker_without_blender(farm: Farm) -> None:
    """It is given what does without, and what was asked of nobody else waits for it with the sentence."""
    worker = our_worker(farm)
    render = authored_task("r", "blender", commands=(Command("blender-render", {}),))
    video = authored_task("v", "ffmpeg", commands=(Command("frames-to-video", {}),))
    job = store_job(farm, authored_job(render, video))
    without(farm, worker, "blender")
    assert present(farm, worker).commands == ("echo", "frames-to-video")
    given = claim.assign_next(farm, worker)
    assert isinstance(given, Assignment)
    assert given.task.name == "v"
    (reason,) = explanation.explain(farm, job.id).waiting
    assert reason.text.startswith("worker worker has failed its self-test: Blender is not there: jobs call it")
    # Until it passes one, also when it starts anew and nobody has it test itself.
    workers.tell_commands(farm, worker, [*COMMANDS, "sleep"])
    assert present(farm, worker).commands == ("echo", "frames-to-video", "sleep")
    result_of(farm, worker)
    assert present(farm, worker).commands == ("blender-render", "echo", "frames-to-video", "sleep")


def test_workers_that_say_nothing(farm: Farm) -> None:
    """Existing workers cannot test themselves, and are trusted as before."""
    worker = new_worker(farm)
    assert not self_tests.state(farm, worker.id).can_test_itself
    with pytest.raises(Conflict, match="worker-check"):
        self_tests.ask(farm, worker.id, lazy=True)
    ours = our_worker(farm, "ours")
    assert self_tests.state(farm, ours.id).can_test_itself
    result_of(farm, ours, **GONE)
    workers.sign_on(
        farm, ours, name="ours", software="3.9", task_types=TASK_TYPES, can_restart=False, address="127.0.0.1"
    )
    assert not self_tests.state(farm, ours.id).can_test_itself
    assert present(farm, ours).commands is None


def test_a_worker_is_asked(farm: Farm) -> None:
    """As it is for everything else: by a status that it is to take; it tells what it found, and is as before."""
    worker = our_worker(farm)
    self_tests.ask(farm, worker.id, lazy=True)
    assert self_tests.state(farm, worker.id).is_asked
    assert claim.assign_next(farm, worker) is WorkerStatus.TESTING
    workers.state_changed(farm, worker, WorkerStatus.TESTING)
    assert present(farm, worker).status_requested is None
    assert self_tests.state(farm, worker.id).is_asked
    assert result_of(farm, worker).is_passed
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert not self_tests.state(farm, worker.id).is_asked


def test_a_worker_in_error_is_brought_back(farm: Farm) -> None:
    """Where a self-test had it be in error, and one that a person starts by hand says that all is well by now."""
    worker = our_worker(farm)
    result_of(farm, worker, **GONE)
    workers.state_changed(farm, worker, WorkerStatus.ERROR)
    result_of(farm, worker, Why.BY_HAND)
    assert present(farm, worker).status_requested is WorkerStatus.AWAKE
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    workers.state_changed(farm, worker, WorkerStatus.ERROR)
    result_of(farm, worker, Why.BY_HAND)
    assert present(farm, worker).status_requested is None, "that was for another reason"


def test_one_that_was_never_ended(farm: Farm, storage: Path) -> None:
    """What is left of it goes with the next one, and what it says after all is not heard."""
    worker = our_worker(farm)
    first = self_tests.begin(farm, worker, Why.ASKED)
    second = self_tests.begin(farm, worker, Why.ASKED)
    assert first is not None
    assert second is not None
    assert left_in(storage) == [f"{PREFIX}{second.id}.token"]
    with pytest.raises(Conflict, match="begun anew"):
        self_tests.report(farm, worker, first.id, Facts())
    self_tests.report(farm, worker, second.id, well(second))
    assert left_in(storage) == []
    with pytest.raises(Conflict, match="is over"):
        self_tests.report(farm, worker, second.id, Facts())


def test_whoever_need_not(make_farm: Callable[..., Farm], storage: Path) -> None:
    """Nobody tests itself at sign-on where the setting says so, and one that waits for approval learns nothing."""
    farm = make_farm(
        shared_storage_path=str(storage),
        self_test=SelfTestConfig(at_sign_on=False, checks=("clock",)),
        **access("open"),
    )
    worker = our_worker(farm)
    assert self_tests.state(farm, worker.id).last is None
    order = self_tests.begin(farm, worker, Why.ASKED)
    assert order is not None
    assert (order.places, order.programs) == ([], [])
    strict = make_farm(shared_storage_path=str(storage), **access("open", registration="approve"))
    stranger = new_worker(strict, "stranger")
    assert self_tests.begin(strict, stranger, Why.ASKED) is None
    assert left_in(storage) == []


def test_a_storage_that_the_manager_has_not(make_farm: Callable[..., Farm], tmp_path: Path) -> None:
    """Nobody can tell whether a worker has the same, so it is kept from nothing."""
    farm = make_farm(shared_storage_path=str(tmp_path / "none"))
    worker = our_worker(farm)
    order = self_tests.begin(farm, worker, Why.SIGN_ON)
    assert order is not None
    assert [each.token_file for each in order.places] == [""]
    assert self_tests.report(farm, worker, order.id, well(order, **GONE)).kept == {}


def test_what_happens_is_told(farm: Farm) -> None:
    """On a topic of the worker's own, for whoever wants to know when to look."""
    worker = our_worker(farm)
    since = following.follow(farm, None, ["/workers/*"], 100, 0).next
    result_of(farm, worker, **GONE)
    events = following.follow(farm, since, ["/workers/*"], 100, 0).events
    (told,) = [each.payload for each in events if each.topic == f"/workers/{worker.id}/self-test"]
    assert (told["passed"], told["kept_away"]) == (False, ["*"])


def test_the_api(farm: Farm, storage: Path) -> None:
    """People ask and look; a worker asks what to do, and tells."""
    worker = our_worker(farm)
    client = testing.TestClient(create_app(farm))
    path = f"/api/x/workers/{worker.id}/self-test"
    assert client.simulate_get(path).json["last"]["passed"]
    assert client.simulate_post(path, json={}).json["is_asked"]
    assert client.simulate_post(f"/api/x/workers/{new_worker(farm, 'go').id}/self-test", json={}).status_code == 409
    own = {"headers": basic(worker.id, SECRET)}
    order = client.simulate_post("/api/x/worker/self-test", json={"why": "asked"}, **own).json
    (place,) = order["places"]
    text = read(place["path"], place["token_file"])
    seen = {"name": place["name"], "steps": [{"step": "exists", "came": "ok"}], "token": text}
    answer = client.simulate_post(f"/api/x/worker/self-test/{order['id']}", json={"places": [seen]}, **own).json
    assert answer["passed"], answer
    assert client.simulate_post(f"/api/x/worker/self-test/{order['id']}", json={}, **own).status_code == 409
    long = {"places": [{"name": "x", "steps": [], "token": "y" * 1000}]}
    assert client.simulate_post(f"/api/x/worker/self-test/{order['id']}", json=long, **own).status_code == 400
    assert left_in(storage) == []


def test_the_command(farm: Farm) -> None:
    """It shows what was found the last time, and why a worker is given what not; as JSON for programs."""
    worker = our_worker(farm, "render-07")
    run = CliRunner().invoke
    with serving(farm) as url:
        done = run(main, ["self-test", "render-07", "--last", "--manager", url])
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("render-07: all is well\n")
        without(farm, worker, "ffmpeg")
        done = run(main, ["self-test", "render-07", "--last", "--manager", url])
        assert done.exit_code == 1
        assert "render-07: is given no tasks with frames-to-video: FFmpeg is not there" in done.stdout
        assert run(main, ["self-test", "render-07", "--last", "--json", "--manager", url]).stdout.startswith("[{")
        done = run(main, ["self-test", "render-07", "--limit", "1", "--manager", url])
        assert "has not tested itself yet" in done.stderr
        new_worker(farm, "go")
        done = run(main, ["self-test", "go", "--manager", url])
        assert (done.exit_code, "worker-check" in done.stderr) == (1, True)
        assert "never tested itself" in run(main, ["self-test", "go", "--last", "--manager", url]).stdout


@pytest.mark.parametrize("passes", [True, False])
def test_a_sick_worker_tests_itself(farm: Farm, *, passes: bool) -> None:
    """It is asked to as soon as it is sick: when nothing is wrong with it, it is well again, and else it stays sick."""
    worker = our_worker(farm)
    sickness.fall_sick(farm, worker.id, "It failed 5 tasks of 2 jobs, one after the other.")
    assert present(farm, worker).status is WorkerStatus.ERROR
    assert claim.assign_next(farm, worker) is WorkerStatus.TESTING
    workers.state_changed(farm, worker, WorkerStatus.TESTING)
    result_of(farm, worker, **({} if passes else GONE))
    workers.state_changed(farm, worker, WorkerStatus.AWAKE if passes else WorkerStatus.ERROR)
    now = present(farm, worker)
    assert (now.status, bool(now.sick)) == ((WorkerStatus.AWAKE, False) if passes else (WorkerStatus.ERROR, True))
    result_of(farm, worker, Why.SIGN_ON)
    assert bool(present(farm, worker).sick) is not passes, "a quick look says nothing of what made it sick"


def test_a_self_test_that_sees_nothing_is_not_asked_twice(farm: Farm, clock: Clock) -> None:
    """Else the worker would be healed and be sick again for ever: a person sees to it, or it is asked much later."""
    worker = our_worker(farm)

    def falls_sick() -> WorkerStatus | None:
        sickness.fall_sick(farm, worker.id, "There is no space left on a disk of it.")
        return present(farm, worker).status_requested

    assert falls_sick() is WorkerStatus.TESTING
    workers.state_changed(farm, worker, WorkerStatus.TESTING)
    result_of(farm, worker)
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert falls_sick() is None
    assert present(farm, worker).status is WorkerStatus.ERROR
    sickness.heal(farm, worker.id)
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    clock.forward(RELAPSE.total_seconds())
    assert falls_sick() is WorkerStatus.TESTING
