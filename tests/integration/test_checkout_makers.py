"""Who made a checkout of Shaman is who submits a job with it: nobody has files of others deleted by naming them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from falcon import testing

from flamenco.domain.access import Role
from flamenco.farm import deletion
from flamenco.farm.context import Farm
from flamenco.services.deletion import Deletions
from flamenco.testing import Clock
from tests.integration.entering import Client, access, add_user, with_token
from tests.integration.shaman_files import content_of, put

MakeFarm = Callable[..., Farm]

SCENE = b"a scene"
JOB = {
    "name": "shot 12",
    "type": "echo-sleep-test",
    "submitter_platform": "linux",
    "settings": {"message": "m", "sleep_duration_seconds": 1, "sleep_repeats": 1},
}


@pytest.fixture
def farm(make_farm: MakeFarm) -> Farm:
    """A farm where one may submit from nearby without signing in, with two users."""
    farm = store(make_farm(**access("lan")))
    add_user(farm, "anna", Role.ARTIST)
    add_user(farm, "bob", Role.ARTIST)
    return farm


def store(farm: Farm) -> Farm:
    """The same, with a file stored of which there can be checkouts."""
    assert farm.shaman
    put(farm.shaman.files, SCENE)
    return farm


def check_out(client: Client, path: str) -> str:
    """Make a checkout, as the add-on does; the path that it got."""
    content = content_of(SCENE)
    file = {"sha": content.sha, "size": content.size, "path": "a.blend"}
    answer = client.post("/api/v3/shaman/checkout/create", {"files": [file], "checkoutPath": path})
    assert answer.status_code == 200, answer.text
    used: str = answer.json["checkoutPath"]
    return used


def submit(client: Client, path: str, api: str = "/api/v3/jobs") -> testing.Result:
    """Submit a job with that checkout."""
    return client.post(api, JOB | {"storage": {"shaman_checkout_id": path}})


def folder(farm: Farm, path: str) -> Path:
    """Where a checkout is."""
    assert farm.shaman
    return farm.shaman.folders.jobs / path


def delete(farm: Farm, job: testing.Result) -> None:
    """Delete a job, to its end."""
    deletion.request(farm, job.json["id"])
    while deletion.requested(farm, 1):
        Deletions().tick(farm)


@pytest.mark.parametrize("named", ["film/shot", "film/shot/", "./film//shot", "film", "film/shot/sub"])
def test_nobody_submits_with_the_checkout_of_somebody_else(farm: Farm, named: str) -> None:
    """Nor with one around or inside of it, whoever they are; who made it does, with another token as well."""
    path = check_out(with_token(farm, Role.SUBMIT, user="anna"), "film/shot")
    assert path == "film/shot"
    for stranger in (with_token(farm, Role.ARTIST, user="bob"), with_token(farm, Role.SUBMIT), Client(farm)):
        for api in ("/api/v3/jobs", "/api/v3/jobs/check"):
            refused = submit(stranger, named, api)
            assert refused.status_code == 403
            assert "film/shot was made by somebody else; make one of your own" in refused.json["message"]
    assert folder(farm, path).is_dir()
    job = submit(with_token(farm, Role.ARTIST, user="anna"), path)
    assert job.status_code == 200
    delete(farm, job)
    assert not folder(farm, path).exists()


def test_whoever_may_delete_all_jobs_may_have_any_checkout(farm: Farm, clock: Clock) -> None:
    """They could have it deleted anyway; and a path that is free again is for whoever makes something there."""
    path = check_out(with_token(farm, Role.SUBMIT, user="anna"), "film")
    clock.forward(1)
    job = submit(with_token(farm, Role.WRANGLER), path)
    assert job.status_code == 200
    delete(farm, job)
    assert not folder(farm, path).exists()
    bob = with_token(farm, Role.ARTIST, user="bob")
    assert check_out(bob, "film") == path
    assert submit(bob, path).status_code == 200


def test_what_is_made_later_does_not_go_with_a_job_that_named_it_before(farm: Farm, clock: Clock) -> None:
    """Names can be guessed, and nobody could see then that it was to be somebody else's."""
    early = submit(with_token(farm, Role.ARTIST, user="bob"), "film/shot")
    assert early.status_code == 200
    clock.forward(1)
    path = check_out(with_token(farm, Role.SUBMIT, user="anna"), "film/shot")
    assert not deletion.shaman_checkout_goes(farm, early.json["id"])
    delete(farm, early)
    assert folder(farm, path).is_dir()
    assert submit(with_token(farm, Role.SUBMIT, user="anna"), path).status_code == 200


def test_what_nobody_is_known_to_have_made_is_for_all(farm: Farm) -> None:
    """Made without signing in, or before it was noted: as it always was, also for who signs in between the two."""
    path = check_out(Client(farm, address="10.0.0.7"), "film")
    for client in (Client(farm, address="10.0.0.8"), with_token(farm, Role.ARTIST, user="bob")):
        assert submit(client, path).status_code == 200
    assert submit(Client(farm), "made/before").status_code == 200


def test_an_open_manager_asks_nobody(make_farm: MakeFarm) -> None:
    """Who is there may do everything."""
    farm = store(make_farm())
    add_user(farm, "anna", Role.ARTIST)
    path = check_out(with_token(farm, Role.SUBMIT, user="anna"), "film")
    assert submit(Client(farm), path).status_code == 200
