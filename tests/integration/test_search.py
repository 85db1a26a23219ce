"""Finding jobs, workers, tags, users and projects at once, by a part of their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flamenco.domain.access import ITSELF, Owner, Role
from flamenco.domain.searching import best
from flamenco.farm import deletion, tags
from flamenco.farm.context import Farm
from flamenco.farm.search import Findings, search
from tests.conftest import authored_job
from tests.integration.entering import Client, access, add_user, with_token
from tests.integration.farming import new_worker, store_job
from tests.integration.test_api_lists import owned


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shot", ["Shot 2", "shot 1", "The shot", "a snapshot"]),
        ("SHOT 1", ["shot 1"]),
        ("zzz", []),
    ],
)
def test_the_best_come_first(text: str, found: list[str]) -> None:
    """What begins so, then what has a word that does, then the rest; of the alike, the first."""
    names = ["a snapshot", "The shot", "Shot 2", "shot 1"]
    assert best(filter(lambda name: text.lower() in name.lower(), names), text, 9, str) == found


def test_all_kinds_at_once(farm: Farm) -> None:
    """Jobs by any of their names and by their UUID; users and projects are those that jobs have."""
    first = owned(farm, "Fright night", Owner("anna"), project="Sprite Fright", batch="Friday")
    second = owned(farm, "other", Owner("Frida", "10.0.0.7"), project="Sprite Fright")
    worker = new_worker(farm, "fridge")
    tag = tags.create(farm, "FR only", "")
    found = search(farm, "fr", 5, ITSELF)
    assert [job.id for job in found.jobs] == [first, second]
    assert [each.id for each in found.workers] == [worker.id]
    assert [each.id for each in found.tags] == [tag.id]
    assert (found.users, found.projects, found.batches) == (["Frida"], ["Sprite Fright"], ["Friday"])
    assert [job.id for job in search(farm, second[:13].upper(), 5, ITSELF).jobs] == [second]
    assert search(farm, "  ", 5, ITSELF) == Findings()
    deletion.request(farm, first)
    assert [job.id for job in search(farm, "fr", 5, ITSELF).jobs] == [second]


def test_no_more_than_a_few(farm: Farm) -> None:
    """The newest, of those that fit as well."""
    made = [store_job(farm, authored_job(name=f"job {number}")).id for number in range(8)]
    assert [job.id for job in search(farm, "job", 3, ITSELF).jobs] == made[:-4:-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_over_http(farm: Farm) -> None:
    """One answer, with everything in it."""
    client = Client(farm)
    job_id = owned(farm, "shot", Owner("anna"), project="film")
    worker = new_worker(farm, "shotgun")
    assert client.get("/api/x/search?q=SHOT").json == {
        "jobs": [{"id": job_id, "name": "shot", "status": "queued", "user": "anna", "project": "film"}],
        "workers": [{"id": worker.id, "name": "shotgun", "status": "awake"}],
        "tags": [],
        "users": [],
        "projects": [],
        "batches": [],
    }
    assert client.get("/api/x/search").status_code == 400
    assert client.get("/api/x/search?q=a&limit=21").status_code == 400


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_may_see_no_others_finds_their_own(make_farm: Callable[..., Farm]) -> None:
    """Nothing of the farm, not even names of others."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    mine = owned(farm, "shot 1", Owner("anna"))
    owned(farm, "shot 2", Owner("shotput"), project="shots")
    new_worker(farm, "shotgun")
    found = with_token(farm, Role.SUBMIT, user="anna").get("/api/x/search?q=shot").json
    assert [job["id"] for job in found.pop("jobs")] == [mine]
    assert set(map(tuple, found.values())) == {()}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_job_types_for_a_form(farm: Farm) -> None:
    """With their settings, and what is wrong with scripts beside."""
    found = Client(farm).get("/api/x/jobtypes").json
    assert set(found) == {"job_types", "problems"}
