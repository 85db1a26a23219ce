"""What it costs to know who asks: a request with a token, where everybody signs in, beside one where nobody has to."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import pytest
from falcon import testing
from msgspec.structs import replace

from benchmarks.conftest import MakeFarm
from flamenco.api.app import create_app
from flamenco.config.access_settings import AccessConfig
from flamenco.domain.access import ITSELF, Role
from flamenco.farm import tokens
from flamenco.farm.context import Farm

ROUNDS = 1_500
MOST_RATIO = 1.10
PATH = "/api/v3/worker-mgt/tags"


def clients(farm: Farm) -> dict[str, testing.TestClient]:
    """Somebody who asks that farm, and somebody with a token who asks the same one in mode `login`."""
    strict = Farm(
        replace(farm.config, access=AccessConfig(mode="login")), farm.store, farm.compiler, farm.hooks, farm.clock
    )
    _, text = tokens.add(strict, ITSELF, "benchmark", Role.VIEW)
    with_token = testing.TestClient(create_app(strict), headers={"Authorization": f"Bearer {text}"})
    return {"open": testing.TestClient(create_app(farm)), "login": with_token}


def test_a_token_costs_at_most_a_tenth_more(farm_of: MakeFarm) -> None:
    """The same request in mode `open` and, with a token, in mode `login`: the medians of many, by turns."""
    is_open, in_login = clients(farm_of(1, 1)).values()
    times: dict[testing.TestClient, list[float]] = {is_open: [], in_login: []}
    for _ in range(ROUNDS):
        for client, taken in times.items():
            before = time.process_time()
            answer = client.simulate_get(PATH, host="localhost")
            taken.append(time.process_time() - before)
            assert answer.status_code == 200
    plain, with_token = median(times[is_open]), median(times[in_login])
    ratio = with_token / plain
    print(f"\na request: {plain * 1e6:.0f} µs in open, {with_token * 1e6:.0f} µs in login, ratio {ratio:.3f}")
    assert ratio <= MOST_RATIO


@pytest.mark.parametrize("mode", ["open", "login"])
def test_request(benchmark: Any, farm_of: MakeFarm, mode: str) -> None:
    """One of them."""
    client = clients(farm_of(1, 1))[mode]
    assert benchmark(lambda: client.simulate_get(PATH, host="localhost")).status_code == 200
