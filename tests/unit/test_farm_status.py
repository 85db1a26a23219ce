"""The farm's status: the rules, in their order."""

from __future__ import annotations

import pytest

from flamenco.domain.farm_status import farm_status
from flamenco.domain.statuses import WorkerStatus

NOBODY: dict[str, int] = {}


@pytest.mark.parametrize(
    ("workers", "has_active", "has_queued", "status"),
    [
        (NOBODY, False, False, "inoperative"),
        (NOBODY, True, True, "inoperative"),
        ({"offline": 2, "error": 1, "awake": 0}, True, False, "inoperative"),
        ({"awake": 1, "offline": 3}, True, False, "active"),
        ({"awake": 1}, True, True, "active"),
        ({"awake": 1}, False, True, "waiting"),
        ({"asleep": 1}, True, False, "waiting"),
        ({"asleep": 2}, False, True, "waiting"),
        ({"starting": 1}, False, True, "waiting"),
        ({"asleep": 1, "offline": 1}, False, False, "asleep"),
        ({"asleep": 1, "awake": 1}, False, False, "idle"),
        ({"awake": 1}, False, False, "idle"),
        ({"starting": 1}, False, False, "idle"),
        ({"": 1}, False, False, "idle"),
    ],
)
def test_rules(workers: dict[str, int], has_active: bool, has_queued: bool, status: str) -> None:
    """No workers that are there come first, then work and who does it, then whether everybody sleeps."""
    counted = {WorkerStatus(each): count for each, count in workers.items()}
    assert farm_status(counted, has_active=has_active, has_queued=has_queued) == status
