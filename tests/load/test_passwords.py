"""Guessing passwords: it slows nobody, opens nothing, and does not tell who there is."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from statistics import fmean, quantiles

import httpx
import pytest

from flamenco.farm.passwords import Passwords
from tests import length
from tests.acceptance.conftest import running_manager
from tests.acceptance.signing_in import PASSWORD, add_user, signed_in

SLOWEST_S = 0.25
GUESSERS = 4


@pytest.mark.longer
def test_guessing_slows_nobody_and_opens_nothing(tmp_path: Path) -> None:
    """Thousands of wrong passwords, of one name and of many: others are answered as ever, and nobody gets in."""
    add_user(tmp_path / "data", "root", "admin")
    attempts, inside, times = length.of(1_000, 10_000), list[httpx.Response](), list[float]()
    pause = threading.Event()
    with running_manager(tmp_path, "--processes", "2", "--set", "access.mode=login") as manager:

        def guess(first: int) -> None:
            with httpx.Client(base_url=manager.url, timeout=60) as client:
                for number in range(first, attempts, GUESSERS):
                    name = "root" if number % 2 else f"name-{number}"
                    answer = client.post("/api/x/sign-in", json={"name": name, "password": f"wrong {number}"})
                    if answer.status_code == 200:
                        inside.append(answer)

        with signed_in(manager.url, "root") as root:
            guessing = [threading.Thread(target=guess, args=(first,)) for first in range(GUESSERS)]
            for thread in guessing:
                thread.start()
            while any(thread.is_alive() for thread in guessing):
                started = time.monotonic()
                assert root.get("/api/x/me").status_code == 200
                times.append(time.monotonic() - started)
                pause.wait(0.02)
    assert inside == []
    slowest = quantiles(times, n=20)[-1]
    assert slowest < SLOWEST_S, f"{len(times)} requests meanwhile, 95 % of them within {slowest * 1e3:.0f} ms"


@pytest.mark.long
def test_a_wrong_name_takes_as_long_as_a_wrong_password() -> None:
    """So that nobody learns who there is: the means of many, by turns, are within 5 % of each other."""
    passwords = Passwords()
    known = passwords.hash(PASSWORD)
    passwords.is_right("x", "")
    times: dict[str, list[float]] = {known: [], "": []}
    for _ in range(60):  # by turns, so that a noisy moment of the machine hits both
        for stored, taken in times.items():
            started = time.process_time()
            assert not passwords.is_right("wrong", stored)
            taken.append(time.process_time() - started)
    wrong_password, wrong_name = (fmean(sorted(taken)[10:-10]) for taken in times.values())
    assert abs(wrong_name / wrong_password - 1) < 0.05
