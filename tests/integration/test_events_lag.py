"""Whoever asks for events all the time, as web pages do, may be told from memory that nothing happened."""

from __future__ import annotations

from typing import Any

import pytest
from falcon import testing
from sqlalchemy import event

from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from flamenco.farm.following import follow
from flamenco.web.assets import page_version
from tests.integration.test_events import publish

LAG_S = 60.0


def test_nothing_new_is_known_without_asking(farm: Farm) -> None:
    """One look at the database serves all who allow for that; who wants to be sure has one of their own."""
    cursor = follow(farm, None, (), 10, 0).next
    publish(farm, "one")
    cursor = follow(farm, cursor, (), 10, 0).next
    follow(farm, cursor, (), 10, 0, LAG_S)
    looks: list[Any] = []
    event.listen(farm.store.engine, "before_cursor_execute", lambda *of: looks.append(of[2]))
    for _ in range(5):
        page = follow(farm, cursor, (), 10, 0, LAG_S)
        assert (page.events, page.next, page.missed, page.more) == ([], cursor, False, False)
    assert looks == []
    publish(farm, "two")
    assert len(follow(farm, cursor, (), 10, 0).events) == 1


def test_what_happened_is_not_kept_back(farm: Farm) -> None:
    """Who is behind what is known gets what there is, whatever lag they allow."""
    cursor = follow(farm, None, (), 10, 0).next
    publish(farm, "one")
    assert farm.event_waits.newest(0) > cursor
    assert len(follow(farm, cursor, (), 10, 0, LAG_S).events) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_old_page_learns_of_a_new_one(farm: Farm) -> None:
    """With every answer comes which version of the page the manager has."""
    answer = testing.TestClient(create_app(farm)).simulate_get("/api/x/events", params={"lag": 0.5})
    assert (answer.status_code, answer.headers["flamenco-page"]) == (200, page_version())
