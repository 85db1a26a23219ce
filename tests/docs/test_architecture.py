"""The ways that docs/architecture.md describes are taken, in that order, and all that it names is there."""

from __future__ import annotations

import base64
import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from falcon import testing

import flamenco
from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from flamenco.hooks.types import EventSink, PublishedEvent
from flamenco.services import delivery
from tests.docs import calls, manual
from tests.integration.farming import SECRET, new_worker
from tests.integration.scripted_manager import ScriptedManager
from tests.integration.working import Running

MANUALS = ("docs/architecture.md", "CONTRIBUTING.md")
"""Those that name parts of the program."""

TEXT = (manual.ROOT / "docs" / "architecture.md").read_text("utf-8")

JOB = {
    "name": "a job",
    "type": "echo-sleep-test",
    "priority": 50,
    "submitter_platform": "linux",
    "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 0},
}


def names() -> list[tuple[str, str]]:
    """Everything of the program that those name, like `farm.jobs.submit`, with the manual."""
    packages = "|".join(module.name for module in pkgutil.iter_modules(flamenco.__path__))
    name = re.compile(rf"`((?:{packages})(?:\.(?!py`)\w+)+)`")
    texts = {each: (manual.ROOT / each).read_text("utf-8") for each in MANUALS}
    return [(each, found) for each, text in texts.items() for found in dict.fromkeys(name.findall(text))]


def way(title: str) -> list[str]:
    """The calls that are listed below a heading, in order."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE)


def is_there(name: str) -> bool:
    """Whether the program has a module, class, function or method of that name."""
    found: object = flamenco
    for part in name.split("."):
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{getattr(found, '__name__', '')}.{part}")
            except ImportError:
                return False
        found = getattr(found, part)
    return True


def elsewhere(name: str) -> list[str]:
    """Files of the program that are called, or define something that is called, like the last part of a name."""
    last = name.rpartition(".")[2]
    defined = re.compile(rf"^\s*(?:def|class) {last}\b", re.MULTILINE)
    files = sorted(Path(flamenco.__path__[0]).rglob("*.py"))
    found = (file for file in files if file.stem == last or defined.search(file.read_text("utf-8")))
    return [str(file.relative_to(manual.ROOT)) for file in found]


@pytest.mark.parametrize(("text", "name"), names())
def test_what_is_named_is_there(text: str, name: str) -> None:
    """Whoever moves or renames something that a text names corrects the text."""
    assert is_there(name), f"{text} names {name}, which is not there; is it what is in {elsewhere(name)}?"


# -- the ways -------------------------------------------------------------------------------------------------------


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """A farm with the default settings, and no plugin of the manual."""
    return make_farm()


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """Whoever speaks to the manager."""
    return testing.TestClient(create_app(farm))


@pytest.fixture
def login(farm: Farm) -> dict[str, str]:
    """What a worker that is awake says with each request."""
    return {"Authorization": "Basic " + base64.b64encode(f"{new_worker(farm).id}:{SECRET}".encode()).decode()}


def submit(client: testing.TestClient) -> None:
    """Have a job with work for the worker."""
    assert client.simulate_post("/api/v3/jobs", json=JOB).status_code == 200


def submission(farm: Farm, client: testing.TestClient, login: dict[str, str]) -> list[str]:
    """A job comes, as from the add-on."""
    with calls.recorded() as called:
        submit(client)
    return called


def poll(farm: Farm, client: testing.TestClient, login: dict[str, str]) -> list[str]:
    """A worker asks for something to do, and gets a task."""
    submit(client)
    with calls.recorded() as called:
        answer = client.simulate_post("/api/v3/worker/task", headers=login)
    assert answer.status_code == 200
    return called


def update(farm: Farm, client: testing.TestClient, login: dict[str, str]) -> list[str]:
    """It reports that the task is done."""
    submit(client)
    task_id = client.simulate_post("/api/v3/worker/task", headers=login).json["uuid"]
    report = {"taskStatus": "completed", "activity": "done", "log": "all is well\n"}
    with calls.recorded() as called:
        answer = client.simulate_post(f"/api/v3/worker/task/{task_id}", json=report, headers=login)
    assert answer.status_code == 204
    return called


def event(farm: Farm, client: testing.TestClient, login: dict[str, str]) -> list[str]:
    """A job comes, a sink is told, and a program that follows what happens."""
    heard: list[PublishedEvent] = []
    sink = EventSink(name="sink", description="", deliver=heard.append)
    delivery.tick(farm, sink)
    with calls.recorded() as called:
        submit(client)
        delivery.tick(farm, sink)
        assert client.simulate_get("/api/x/events", params={"after": 0}).json["events"]
    assert heard
    return called


def check_way(title: str, called: list[str]) -> None:
    """See that all that is listed below a heading was called, and in that order."""
    listed = way(title)
    assert listed, f"docs/architecture.md lists nothing below {title!r}"
    assert not set(listed) - set(called), f"docs/architecture.md, {title!r}: what is listed is not called any more"
    assert [name for name in called if name in listed] == listed, f"docs/architecture.md, {title!r}: another order"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("title", "happens"),
    [
        ("A job is submitted", submission),
        ("A worker asks for a task", poll),
        ("A worker reports on its task", update),
        ("Something happens", event),
    ],
)
def test_the_manager_goes_that_way(
    farm: Farm,
    client: testing.TestClient,
    login: dict[str, str],
    title: str,
    happens: Callable[[Farm, testing.TestClient, dict[str, str]], list[str]],
) -> None:
    """Everything that is listed is called when it really happens, and in that order."""
    check_way(title, happens(farm, client, login))


def test_the_worker_goes_that_way(tmp_path: Path) -> None:
    """What is listed of a worker that runs a task is called when one does, and in that order."""
    with ScriptedManager() as manager:
        task = manager.add_task(("echo", {"message": "hello"}))
        with calls.recorded() as called, Running(manager, tmp_path):
            manager.wait_until_finished(task)
    check_way("A worker runs a task", called)
