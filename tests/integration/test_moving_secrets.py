"""Workers that came over from Flamenco 3: their secret is checked once by the old hash, and never again."""

from __future__ import annotations

import base64

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.domain.access import hash_of
from flamenco.domain.errors import AccessDenied, Busy
from flamenco.domain.model import Worker
from flamenco.farm import speaking
from flamenco.farm.context import Farm
from flamenco.farm.old_secrets import WRONG
from flamenco.store import workers
from flamenco.testing import Clock
from tests.integration.farming import giving_up_soon, new_worker
from tests.integration.old_farms import HASHES, SECRETS

HERE, THERE = "192.0.2.1", "192.0.2.2"
BODY = HASHES[0][7:]


def moved(farm: Farm, secret_hash: str = HASHES[0]) -> Worker:
    """A worker whose secret is hashed so."""
    worker = new_worker(farm)
    with farm.store.write() as tx:
        workers.replace_secret(tx, worker.key, _hash(farm, worker), secret_hash)
    return worker


def _hash(farm: Farm, worker: Worker) -> str:
    with farm.store.read() as tx:
        found = workers.find_with_secret(tx, worker.id)
    assert found
    return found[1]


def test_the_first_time(farm: Farm, clock: Clock) -> None:
    """The right secret opens the door, and the hash is one of ours from then on; bcrypt is not asked any more."""
    worker = moved(farm)
    assert speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE).id == worker.id
    assert (farm.old_secrets.checked, _hash(farm, worker)) == (1, hash_of(SECRETS[0]))
    clock.forward(60)  # what is remembered for a moment is forgotten
    speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE)
    with pytest.raises(AccessDenied):
        speaking.authenticate(farm, worker.id, SECRETS[1], address=HERE)
    assert farm.old_secrets.checked == 1


def test_a_wrong_secret(farm: Farm, clock: Clock) -> None:
    """It is refused, and whoever sends some again and again waits; others do not, and the hash stays what it is."""
    worker = moved(farm)
    for _ in range(WRONG.waits_from):
        with pytest.raises(AccessDenied):
            speaking.authenticate(farm, worker.id, SECRETS[1], address=HERE)
    with pytest.raises(Busy, match=r"192\.0\.2\.1"):
        speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE)
    assert farm.old_secrets.checked == WRONG.waits_from
    assert _hash(farm, worker) == HASHES[0]
    assert speaking.authenticate(farm, worker.id, SECRETS[0], address=THERE).id == worker.id
    clock.forward(60)


@pytest.mark.parametrize("secret_hash", [f"$2a$15${BODY}", f"$2a$31${BODY}", f"$2a$04${BODY[:-2]}", "$2ü", ""])
def test_hashes_that_are_not_checked(farm: Farm, secret_hash: str) -> None:
    """What would take long, or is none, opens nothing, and costs nothing."""
    worker = moved(farm, secret_hash)
    for secret in (SECRETS[0], "", secret_hash):
        with pytest.raises(AccessDenied):
            speaking.authenticate(farm, worker.id, secret, address=HERE)
    assert farm.old_secrets.checked == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_long_secrets(farm: Farm) -> None:
    """Of a secret bcrypt saw 72 bytes, so what comes behind them counts from the second time on."""
    import bcrypt  # noqa: PLC0415 - as the manager does

    secret = "0123456789abcdef" * 5
    worker = moved(farm, bcrypt.hashpw(secret[:72].encode(), bcrypt.gensalt(4)).decode())
    with pytest.raises(AccessDenied):
        speaking.authenticate(farm, worker.id, secret[:71], address=HERE)
    assert speaking.authenticate(farm, worker.id, secret, address=HERE).id == worker.id
    assert _hash(farm, worker) == hash_of(secret)
    with pytest.raises(AccessDenied):
        speaking.authenticate(farm, worker.id, "\0" + secret, address=HERE)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_when_the_database_is_busy(farm: Farm) -> None:
    """The worker is let in all the same, and the hash is kept the next time."""
    worker = moved(farm)
    with giving_up_soon(farm), farm.store.write():
        assert speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE).id == worker.id
    assert _hash(farm, worker) == HASHES[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_few_are_checked_at_once(farm: Farm) -> None:
    """Whoever comes when some wait is told to come again, at once, so that no thread is kept."""
    worker, waiting, taken = moved(farm), farm.old_secrets._places._waiting, 0
    while waiting.acquire(blocking=False):
        taken += 1
    with pytest.raises(Busy):
        speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE)
    waiting.release(taken)
    assert speaking.authenticate(farm, worker.id, SECRETS[0], address=HERE).id == worker.id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_program_is_answered(farm: Farm) -> None:
    """A wrong secret is one, and after some of them it is said when to come again."""
    client = testing.TestClient(create_app(farm))

    def ask(worker: Worker) -> testing.Result:
        token = base64.b64encode(f"{worker.id}:{SECRETS[1]}".encode()).decode()
        headers = {"Authorization": f"Basic {token}"}
        return client.simulate_post("/api/v3/worker/task", headers=headers, remote_addr=HERE)

    worker, of_ours = moved(farm), new_worker(farm)
    answers = [ask(worker) for _ in range(WRONG.waits_from + 1)]
    assert {each.status_code for each in answers[:-1]} == {ask(of_ours).status_code} == {403}
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].status_code in (429, 503)
