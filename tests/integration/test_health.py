"""Whether the manager says that it is there, and that it can work; and when something hangs, that it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.config.access_settings import AccessConfig
from flamenco.domain.errors import Unavailable
from flamenco.farm import health
from flamenco.farm.context import Farm
from flamenco.services.runner import Chore, Runner
from flamenco.testing import Clock


@pytest.fixture
def farm(make_farm: Callable[..., Farm], tmp_path: Path) -> Farm:
    """A farm with a shared storage."""
    return make_farm(shared_storage_path=str(tmp_path / "shared"))


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """The application, called directly; the folders are there, as they are once a manager has started."""
    farm.config.local_storage_path.mkdir(parents=True)
    farm.config.shared_path.mkdir(parents=True)
    return testing.TestClient(create_app(farm))


def problems(client: testing.TestClient) -> dict[str, str]:
    """What is wrong; the status says whether anything is."""
    answer = client.simulate_get("/readyz")
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.status_code == 200) == answer.json["ready"] == (not answer.json["problems"])
    found: dict[str, str] = answer.json["problems"]
    return found


def test_all_is_well(client: testing.TestClient) -> None:
    """Both say so, and are asked in any way."""
    alive = client.simulate_get("/healthz")
    assert (alive.status_code, alive.text) == (200, "ok\n")
    assert client.simulate_head("/healthz").status_code == 200
    assert client.simulate_head("/readyz").status_code == 200
    assert problems(client) == {}


def test_nobody_has_to_sign_in(make_farm: Callable[..., Farm]) -> None:
    """What asks has no token."""
    client = testing.TestClient(create_app(make_farm(access=AccessConfig(mode="login"))))
    assert client.simulate_get("/healthz").status_code == 200
    assert client.simulate_get("/readyz").status_code == 503
    assert client.simulate_get("/api/x/jobs").status_code == 401


def test_a_storage_that_is_gone(client: testing.TestClient, farm: Farm, clock: Clock) -> None:
    """It is said without its path; once it is back, so is the manager. It is not looked at with each request."""
    folder = farm.config.shared_path
    folder.rmdir()
    assert problems(client) == {"storage": "The manager cannot write to its storage."}
    folder.mkdir()
    assert "storage" in problems(client)
    clock.forward(health.KEPT_S)
    assert problems(client) == {}


def test_a_database_that_does_not_answer(
    client: testing.TestClient, farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is there all the same."""

    @contextmanager
    def away() -> Any:
        raise Unavailable("The database does not answer: connection to 10.0.0.7 refused")
        yield

    monkeypatch.setattr(farm.store, "read", away)
    assert problems(client) == {"database": "The database does not answer, or not in time."}
    assert client.simulate_get("/healthz").status_code == 200


def test_what_hangs_keeps_one_thread(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is answered in time, however often; afterwards all is as before."""
    monkeypatch.setattr(health, "PATIENCE_S", 0.01)
    goes_on, begun = threading.Event(), []

    def hang() -> str:
        begun.append(threading.current_thread())
        goes_on.wait()
        return ""

    look = health.Look(hang, clock.timer)
    for _ in range(3):
        look.begin()
        assert look.seen() == "It does not answer in time."
    assert len(begun) == 1
    goes_on.set()
    begun[0].join()
    assert look.seen() == ""


def test_a_look_that_fails(clock: Clock) -> None:
    """It is a problem, and not the end of anything."""
    look = health.Look(lambda: str(1 / 0), clock.timer)
    look.begin()
    assert look.seen() == "It cannot be looked at; the manager's log says why."


@pytest.mark.parametrize(("at", "is_late"), [(0.0, False), (health.LATE_S, False), (health.LATE_S + 1, True)])
def test_chores_that_are_late(at: float, *, is_late: bool) -> None:
    """Those that were due long ago are named; others are not."""
    said = health.late({"chores": 0.0, "moves": 1000.0}, at)
    assert said == ("Nothing was heard for minutes of: chores." if is_late else "")


def test_chores_say_when_they_are_due(client: testing.TestClient, farm: Farm, clock: Clock) -> None:
    """One that hangs in a thread with others is noticed within minutes; a runner that ended is not waited for."""
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_: Farm) -> float:
        hangs.set()
        goes_on.wait()
        return 60.0

    runner = Runner(farm, [Chore("one", hang, leased=False), Chore("two", lambda _: 60.0, 3600.0, leased=False)])
    runner.start()
    hangs.wait()
    assert problems(client) == {}
    clock.forward(health.LATE_S + 1)
    assert problems(client) == {"chores": "Nothing was heard for minutes of: chores."}
    goes_on.set()
    runner.stop()
    assert farm.chores_due == {}
    assert problems(client) == {}
