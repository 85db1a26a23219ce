"""Links by which somebody approves a preview without signing in: once, for a while, and never by looking at them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from falcon import testing
from sqlalchemy import func, select

from flamenco.api.app import create_app
from flamenco.domain.access import ITSELF, Role
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.model import Job
from flamenco.farm import audit, deletion, previews, users
from flamenco.farm.context import Farm
from flamenco.services import upkeep
from flamenco.store.schema import approval_links
from flamenco.testing import Clock
from tests.integration.entering import access, add_user, with_token
from tests.integration.farming import new_worker, run_next
from tests.integration.previewing import framed, stands, stored
from tests.integration.test_pages import BROWSER

DAY = timedelta(days=1)


@pytest.fixture
def waiting(farm: Farm) -> Job:
    """A job with a preview that is there."""
    job = stored(farm, *framed(4), preview="first")
    run_next(farm, new_worker(farm))
    return job


def kept(farm: Farm) -> int:
    """How many links there are."""
    with farm.store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(approval_links)).scalar_one())


def test_it_asks_and_then_does(farm: Farm, waiting: Job) -> None:
    """Whatever looks at it approves nothing; the button does, once. What is stored of it opens nothing."""
    client = testing.TestClient(create_app(farm))
    made = client.simulate_post(f"/api/x/jobs/{waiting.id}/approval-links", json={"hours": 8})
    assert made.status_code == 200, made.text
    path = made.json["url"].removeprefix("http://localhost")
    assert path.startswith("/approve/flt_")
    for _ in range(3):
        page = client.simulate_get(path, headers=BROWSER)
        assert page.status_code == 200
        assert "Waiting for approval: the preview (first) is there." in page.text
        assert '<form method="post"' in page.text
        assert page.headers["cache-control"] == "no-store"
        assert client.simulate_head(path).status_code in (200, 405)
    assert stands(farm, waiting) == "waiting"
    with farm.store.read() as tx:
        (stored_text,) = tx.execute(select(approval_links.c.secret_hash)).scalars()
    assert stored_text not in path
    done = client.simulate_post(path, headers=BROWSER)
    assert (done.status_code, "The job goes on" in done.text) == (200, True)
    assert stands(farm, waiting) == "over"
    for again in (client.simulate_get(path, headers=BROWSER), client.simulate_post(path, headers=BROWSER)):
        assert again.status_code == 404
        assert "This link was used already, or its time is over" in again.text
    (record, _) = audit.of_job(farm, waiting.id, 2)
    assert (record.operation, record.after) == ("approveByLink", {"preview": "over"})
    assert kept(farm) == 0


@pytest.mark.parametrize("token", ["x", "flt_000000000000_" + "0" * 64, "..%2f..%2fetc", "<script>"])
def test_what_is_no_link(farm: Farm, token: str) -> None:
    """Is told the same as one that was used, and nothing that was in it is on the page."""
    page = testing.TestClient(create_app(farm)).simulate_get(f"/approve/{token}", headers=BROWSER)
    assert page.status_code == 404
    assert "<script>" not in page.text


def test_its_time_is_over(farm: Farm, clock: Clock, waiting: Job) -> None:
    """Then it is good for nothing, and is forgotten."""
    link = previews.make_link(farm, ITSELF, waiting.id, DAY)
    clock.forward(DAY.total_seconds() - 1)
    assert previews.asked(farm, str(link.token)).job.id == waiting.id
    clock.forward(1)
    with pytest.raises(NotFound):
        previews.approve_by_link(farm, str(link.token), "127.0.0.1")
    assert stands(farm, waiting) == "waiting"
    upkeep.forget_access(farm)
    assert kept(farm) == 0


def test_who_may_make_one(make_farm: Callable[..., Farm]) -> None:
    """Those who may approve the job themselves; it is good for nothing any more once they are gone."""
    farm = make_farm(**access("login"))
    job = stored(farm, *framed(4), preview="first")
    path = f"/api/x/jobs/{job.id}/approval-links"
    for name, role, expected in (("vera", Role.VIEWER, 403), ("otto", Role.ARTIST, 403), ("wanda", Role.WRANGLER, 200)):
        add_user(farm, name, role)
        made = with_token(farm, role, user=name).post(path, {})
        assert made.status_code == expected, made.text
    nobody = testing.TestClient(create_app(farm))
    assert nobody.simulate_post(path, json={}).status_code == 401
    page = "/approve" + made.json["url"].rpartition("/approve")[2]
    assert "wanda had this link made" in nobody.simulate_get(page, headers=BROWSER).text
    users.remove(farm, "wanda")
    assert nobody.simulate_post(page, headers=BROWSER).status_code == 404
    assert stands(farm, job) == "rendering"


def test_two_use_it_at_once(farm: Farm, waiting: Job) -> None:
    """One of them has; and nobody approves by a link of a job that was approved otherwise."""
    link, other = (str(previews.make_link(farm, ITSELF, waiting.id, DAY).token) for _ in range(2))

    def use(_number: int) -> bool:
        try:
            previews.approve_by_link(farm, link, "127.0.0.1")
        except (Conflict, NotFound):
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(use, range(4))) == 1
    with pytest.raises(NotFound):
        previews.asked(farm, other)


def test_where_nothing_waits(farm: Farm, waiting: Job) -> None:
    """There is no link; and those that are there end with their job."""
    none = stored(farm, *framed(2))
    with pytest.raises(Conflict, match="no preview that could be approved"):
        previews.make_link(farm, ITSELF, none.id, DAY)
    link = str(previews.make_link(farm, ITSELF, waiting.id, DAY).token)
    deletion.request(farm, waiting.id)
    with pytest.raises(NotFound):
        previews.asked(farm, link)


@pytest.mark.parametrize("above", ["", "/flamenco"])
def test_where_it_leads(farm: Farm, waiting: Job, above: str) -> None:
    """To the manager as whoever asked has reached it, without the key that they may have in the path."""
    client = testing.TestClient(create_app(farm))
    headers = {"X-Forwarded-Prefix": above} if above else {}
    made = client.simulate_post(f"/api/x/jobs/{waiting.id}/approval-links", json={}, headers=headers)
    assert made.json["url"].startswith(f"http://localhost{above}/approve/flt_")
