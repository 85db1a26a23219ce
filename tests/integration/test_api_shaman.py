"""Shaman over HTTP, without a socket: every status and body, and what there is when it is off. Chore and CLI too."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from falcon import testing
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.config import Config, Duration, ShamanConfig, ShamanGarbageCollectConfig
from flamenco.domain.errors import Refused, StoreError
from flamenco.farm import deletion, shaman
from flamenco.farm.context import Farm
from flamenco.files.shaman.system import Shaman
from flamenco.services import shaman as chore
from flamenco.services.runner import runners
from flamenco.testing import Clock
from tests.integration.shaman_files import content_of, put

API = "/api/v3/shaman"
DATA = b"hahaha"
SHA = "be178c0543eb17f5f3043021c9e5fcf30285e557a4fc309cce97ff9ca6182912"
MISSING = hashlib.sha256(b"missing").hexdigest()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Shaman has no database, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """The application over a farm, called directly."""
    return testing.TestClient(create_app(farm))


def shaman_of(farm: Farm) -> Shaman:
    """The farm's Shaman, which is on."""
    assert farm.shaman is not None
    return farm.shaman


def send(
    client: testing.TestClient, body: bytes = DATA, sha: str = SHA, size: object = len(DATA), **headers: str
) -> testing.Result:
    """Upload, as the add-on does; `Can_Defer_Upload="True"` is a header."""
    named = {f"X-Shaman-{name.replace('_', '-')}": value for name, value in headers.items()}
    return client.simulate_post(
        f"{API}/files/{sha}/{size}", body=body, headers={"Content-Type": "application/octet-stream", **named}
    )


def check_out(client: testing.TestClient, path: str, *files: dict[str, Any]) -> testing.Result:
    """Ask for a checkout."""
    return client.simulate_post(f"{API}/checkout/create", json={"files": files, "checkoutPath": path})


def specification(path: str = "a.blend", sha: str = SHA, size: object = len(DATA)) -> dict[str, Any]:
    """A file in a request."""
    return {"sha": sha, "size": size, "path": path}


def test_whole_exchange(client: testing.TestClient, farm: Farm) -> None:
    """What the add-on does in a submission: ask, send, ask again, get the folder."""
    wanted = {"files": [specification("sub\\a.blend"), specification("b.blend")]}
    asked = client.simulate_post(f"{API}/checkout/requirements", json=wanted)
    assert asked.status_code == 200
    assert asked.json == {"files": [specification("sub\\a.blend") | {"status": "unknown"}]}
    assert client.simulate_get(f"{API}/files/{SHA}/6").json == {"status": "unknown"}
    sent = send(client, Can_Defer_Upload="True", Original_Filename="=?utf-8?q?h=C3=A4?=")
    assert (sent.status_code, sent.content) == (200, b"")
    assert client.simulate_get(f"{API}/files/{SHA}/6").json == {"status": "stored"}
    assert client.simulate_post(f"{API}/checkout/requirements", json=wanted).json == {"files": []}
    made = check_out(client, "My Job", *wanted["files"])
    assert (made.status_code, made.json) == (200, {"checkoutPath": "My Job"})
    folder = shaman_of(farm).folders.jobs / "My Job"
    assert Path(farm.config.effective_storage_path) == folder.parent
    assert (folder / "sub" / "a.blend").read_bytes() == DATA
    again = check_out(client, "My Job", specification())
    assert again.json["checkoutPath"].startswith("My Job-")


def test_empty_file(client: testing.TestClient) -> None:
    """A file may have nothing in it."""
    empty = hashlib.sha256(b"").hexdigest()
    assert send(client, b"", empty, 0).status_code == 200
    assert client.simulate_get(f"{API}/files/{empty}/0").json == {"status": "stored"}


def test_any_content_type(client: testing.TestClient) -> None:
    """What kind of file it is makes no difference, nor whether that is said."""
    assert client.simulate_post(f"{API}/files/{SHA}/6", body=DATA, headers={"Content-Type": "x/y"}).status_code == 200


def test_answers_without_a_body(client: testing.TestClient, farm: Farm) -> None:
    """Stored, stored already, and being sent by somebody: nothing is said but that, and nothing claims to be JSON."""
    folder = shaman_of(farm).folders.upload_folder(content_of(DATA))
    folder.mkdir(parents=True)
    theirs = folder / "6-abc.tmp"
    theirs.touch()
    deferred = send(client, Can_Defer_Upload="True")
    answers = [deferred, send(client, Can_Defer_Upload="False"), send(client)]
    assert [answer.status_code for answer in answers] == [425, 200, 208]
    assert {answer.content for answer in answers} == {b""}
    assert not any("content-type" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("body", "size", "message"),
    [
        (b"hihihi", 6, f"file SHA256 mismatched, declared {SHA} but received {hashlib.sha256(b'hihihi').hexdigest()}"),
        (b"haha", 6, "file size mismatched, declared 6 but received 4 bytes"),
        (DATA, 7, "file size mismatched, declared 7 but received 6 bytes"),
    ],
)
def test_mismatch(client: testing.TestClient, body: bytes, size: int, message: str) -> None:
    """What is not what the path says is 417, in the words of Flamenco."""
    answer = send(client, body, size=size)
    assert (answer.status_code, answer.json) == (417, {"code": 417, "message": message})
    assert client.simulate_get(f"{API}/files/{SHA}/{size}").json == {"status": "unknown"}


def test_capitals(client: testing.TestClient) -> None:
    """A checksum in capitals is that of no file."""
    answer = send(client, sha=SHA.upper())
    assert answer.status_code == 417
    assert answer.json["message"] == f"file SHA256 mismatched, declared {SHA.upper()} but received {SHA}"


@pytest.mark.parametrize("spelt", ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])
def test_can_defer(client: testing.TestClient, spelt: str) -> None:
    """Yes and no may be spelt as in Go, and as in Python."""
    assert send(client, Can_Defer_Upload=spelt).status_code == 200


@pytest.mark.parametrize(
    ("call", "with_code"),
    [
        (lambda client: send(client, Can_Defer_Upload="maybe"), False),
        (lambda client: send(client, Can_Defer_Upload=""), False),
        (lambda client: send(client, Can_Defer_Upload="true,false"), False),
        (lambda client: send(client, Original_Filename="=?no-such-charset?q?x?="), True),
        (lambda client: send(client, Original_Filename="=?utf-8?q?=FF?="), True),
        (lambda client: send(client, size="6.5"), False),
        (lambda client: send(client, size="six"), False),
        (lambda client: send(client, size=-1), False),
        (lambda client: send(client, size=10**30), False),
        (lambda client: send(client, sha=SHA[:-1]), True),
        (lambda client: client.simulate_get(f"{API}/files/{'x' * 64}/1"), True),
        (lambda client: client.simulate_get(f"{API}/files/{SHA}/x"), False),
        (lambda client: client.simulate_post(f"{API}/checkout/requirements", json={}), False),
        (lambda client: client.simulate_post(f"{API}/checkout/requirements", json={"files": None}), False),
        (lambda client: client.simulate_post(f"{API}/checkout/requirements"), False),
        (
            lambda client: client.simulate_post(
                f"{API}/checkout/requirements", json={"files": [specification(size=-1)]}
            ),
            False,
        ),
        (
            lambda client: client.simulate_post(
                f"{API}/checkout/requirements", json={"files": [specification(sha="abc")]}
            ),
            True,
        ),
        (lambda client: check_out(client, "a", {"sha": SHA, "size": 6}), False),
        (lambda client: check_out(client, "a\0"), False),
    ],
    ids=[
        "defer-maybe",
        "defer-empty",
        "defer-two",
        "name-charset",
        "name-encoding",
        "size-fraction",
        "size-word",
        "size-negative",
        "size-huge",
        "sha-short",
        "path-sha",
        "path-size",
        "no-files",
        "null-files",
        "no-body",
        "files-negative-size",
        "files-short-sha",
        "checkout-no-path",
        "checkout-nul",
    ],
)
def test_bad_requests(
    client: testing.TestClient, call: Callable[[testing.TestClient], testing.Result], with_code: bool
) -> None:
    """What is wrong by itself is 400, and nothing is stored."""
    answer = call(client)
    assert answer.status_code == 400, answer.text
    assert set(answer.json) == ({"code", "message"} if with_code else {"message"})
    assert client.simulate_get(f"{API}/files/{SHA}/6").json == {"status": "unknown"}


@pytest.mark.parametrize(
    ("files", "status", "reason"),
    [
        ([specification(sha=MISSING, size=7)], 424, "unknown files requested in checkout"),
        ([specification(sha="abc")], 400, "SHA-256"),
        ([specification("../../../etc/cron.d/x")], 400, "invalid file path"),
        ([specification("a"), specification("a/b")], 400, "a file and a folder"),
        ([specification("x" * 300)], 400, "is too long"),
    ],
)
def test_no_checkout(
    client: testing.TestClient, farm: Farm, files: list[dict[str, Any]], status: int, reason: str
) -> None:
    """A checkout that cannot be made is not there; the log has no traceback for it.

    The answer says why, and where no files that could still be sent would help, it does before they are.
    """
    assert send(client).status_code == 200
    with capture_logs() as logs:
        answers = [check_out(client, "job", *files)]
        asked = client.simulate_post(f"{API}/checkout/requirements", json={"files": files})
        assert asked.status_code == (200 if status == 424 else status)
        if status != 424:
            answers.append(asked)
    for answer in answers:
        assert answer.status_code == answer.json["code"] == status
        assert reason in answer.json["message"]
    assert not any("exc_info" in entry for entry in logs)
    assert not list(shaman_of(farm).folders.jobs.glob("**/*"))


def test_something_in_the_way(client: testing.TestClient, farm: Farm) -> None:
    """A folder that cannot be made for what is in its place is 500, and the message says what."""
    assert send(client).status_code == 200
    jobs = shaman_of(farm).folders.jobs
    jobs.mkdir(parents=True)
    (jobs / "file").touch()
    answer = check_out(client, "file/job", specification())
    assert (answer.status_code, answer.json["code"]) == (500, 500)
    assert "is no folder" in answer.json["message"]


@pytest.mark.parametrize("name", ["Shot: 1", "a*{b}?", "..", "../outside", "", "/abs", "x" * 300, "ö" * 300, "C:\\x"])
def test_any_name_of_a_job(client: testing.TestClient, farm: Farm, name: str) -> None:
    """Nobody sends all their files to learn that their job should have been called otherwise."""
    assert send(client).status_code == 200
    answer = check_out(client, name, specification())
    assert answer.status_code == 200
    (path,) = [each for each in shaman_of(farm).folders.jobs.glob("**/*") if not each.is_dir()]
    assert path.read_bytes() == DATA
    assert path.is_relative_to(shaman_of(farm).folders.jobs / answer.json["checkoutPath"])
    job: dict[str, Any] = {"name": name or "job", "type": "echo-sleep-test", "submitter_platform": "linux"}
    job["storage"] = {"shaman_checkout_id": answer.json["checkoutPath"]}
    settings = {"message": "m", "sleep_duration_seconds": 0, "sleep_repeats": 0}
    stored = client.simulate_post("/api/v3/jobs", json=job | {"settings": settings})
    assert stored.status_code == 200
    deletion.request(farm, stored.json["id"])
    while not deletion.delete_some(farm, stored.json["id"]):
        pass
    assert not list(shaman_of(farm).folders.jobs.glob("**/*"))


def test_client_that_goes_away(client: testing.TestClient) -> None:
    """A body that ends early is 500, for whoever may still hear it, and one line in the log."""
    with capture_logs() as logs:
        answer = client.simulate_post(f"{API}/files/{SHA}/6", body=b"ha", headers={"Content-Length": "6"})
    assert (answer.status_code, answer.json["code"]) == (500, 500)
    assert "after 2 of 6 bytes" in answer.json["message"]
    assert [entry["event"] for entry in logs] == ["a file was not stored"]


@pytest.mark.parametrize(
    "settings",
    [{"shaman": ShamanConfig(enabled=False)}, {"shared_storage_path": "S:\\renders"}],
    ids=["off", "no place"],
)
def test_inactive(make_farm: Callable[..., Farm], settings: dict[str, Any]) -> None:
    """Without Shaman, or without a place for it on this machine, everything about it is 503."""
    farm = make_farm(**settings)
    client = testing.TestClient(create_app(farm))
    answers = [
        client.simulate_post(f"{API}/checkout/requirements", json={"files": [specification()]}),
        check_out(client, "job", specification()),
        client.simulate_get(f"{API}/files/{SHA}/6"),
        send(client),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json) == (503, {"code": 503, "message": "shaman server not active"})
    assert shaman.collect_garbage(farm) is None
    assert not chore.is_due(farm)
    shaman.erase_checkout(farm, "job")


def test_storage_that_fails(client: testing.TestClient, farm: Farm) -> None:
    """Storage that cannot be used is 500, and said in the log."""
    shaman_of(farm).folders.shared.parent.mkdir(parents=True, exist_ok=True)
    shaman_of(farm).folders.shared.write_text("no folder")
    with capture_logs() as logs:
        answer = send(client)
    assert (answer.status_code, answer.json["code"]) == (500, 500)
    assert any(entry["log_level"] == "error" for entry in logs)
    with pytest.raises(StoreError, match="cannot be removed"):
        shaman.erase_checkout(farm, "job")


def test_erase_checkout(client: testing.TestClient, farm: Farm) -> None:
    """The folder of a job that is deleted goes; a job without one is fine, and a path elsewhere is refused."""
    send(client)
    check_out(client, "a/job", specification())
    for path in ("", "a/job", "a/job", "never/was"):
        shaman.erase_checkout(farm, path)
    assert list(shaman_of(farm).folders.jobs.iterdir()) == []
    with pytest.raises(Refused):
        shaman.erase_checkout(farm, "../file-store")


def test_kind_of_links(make_farm: Callable[..., Farm]) -> None:
    """The settings say what a checkout is made of."""
    farm = make_farm(shaman=ShamanConfig(checkout_links="copy"))
    client = testing.TestClient(create_app(farm))
    send(client)
    check_out(client, "job", specification())
    assert not (shaman_of(farm).folders.jobs / "job" / "a.blend").is_symlink()


def collecting(**settings: float) -> ShamanConfig:
    """Shaman with these settings of its garbage collection."""
    return ShamanConfig(
        garbage_collect=ShamanGarbageCollectConfig(**{name: Duration(value) for name, value in settings.items()})
    )


def test_chore(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Garbage is collected as often as the settings say, of files as old as they say, and said to be."""
    farm = make_farm(shaman=collecting(period=77, max_age=3600))
    files = shaman_of(farm).files
    shaman_of(farm).folders.jobs.mkdir(parents=True)
    old = put(files, b"old", timedelta(seconds=3601))
    put(files, b"young", timedelta(seconds=3599))
    with capture_logs() as logs:
        assert chore.collect(farm) == 77
    assert [entry["files"] for entry in logs] == [1]
    assert not files.keep(old)
    with capture_logs() as logs:
        assert chore.collect(farm) == 77
    assert logs == []


def test_chore_without_storage(make_farm: Callable[..., Farm]) -> None:
    """What cannot be looked at is one line in the log, and looked at again the next time."""
    farm = make_farm(shaman=collecting(period=77))
    put(shaman_of(farm).files, b"old", timedelta(days=100))
    with capture_logs() as logs:
        assert chore.collect(farm) == 77
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.parametrize(("period", "there"), [(0.0, False), (60.0, True)])
def test_chore_is_among_the_others(make_farm: Callable[..., Farm], period: float, there: bool) -> None:
    """The chore has a thread of its own, so that it holds up no other; a period of 0 switches it off."""
    farm = make_farm(shaman=collecting(period=period))
    names = [[each.name for each in runner._chores] for runner in runners(farm)]
    assert (["shaman"] in names) == there


@pytest.fixture
def gc(tmp_path: Path) -> Callable[..., Any]:
    """Run `flamenco shaman gc` on a data directory of its own, with arguments."""

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["shaman", "gc", "--data-dir", str(tmp_path / "cli"), *arguments])

    return run


def test_command(gc: Callable[..., Any], tmp_path: Path) -> None:
    """The command lists what it would remove, removes it, and says so to people and programs."""
    store = Shaman(tmp_path / "cli" / "shared", Config(), lambda: datetime.now(UTC))
    store.folders.jobs.mkdir(parents=True)
    old, new = put(store.files, b"old"), put(store.files, b"new")
    a_year_ago = (datetime.now(UTC) - timedelta(days=365)).timestamp()
    os.utime(store.folders.blob(old), (a_year_ago, a_year_ago))
    os.utime(store.folders.blob(new))
    listed = gc("--dry-run")
    assert listed.exit_code == 0, listed.output
    assert f"{old.sha[:2]}/{old.sha[2:]}/3.blob" in listed.stdout
    assert listed.stdout.splitlines()[-1] == "1 of 2 stored files would be removed, 3 bytes"
    told = msgspec.json.decode(gc("--dry-run", "--json").stdout)
    assert (told["dry_run"], told["bytes"], told["files_stored"], len(told["files"])) == (True, 3, 2, 1)
    assert store.files.keep(new)
    done = gc()
    assert done.stdout.splitlines()[-1] == "1 of 2 stored files removed, 3 bytes"
    assert not store.folders.blob(old).exists()
    last = gc()
    assert (last.stdout, last.stderr) == ("0 of 1 stored files removed, 0 bytes\n", "")


def test_command_where_nothing_is_stored(gc: Callable[..., Any], tmp_path: Path) -> None:
    """It says where it looked: the store of another manager may have been meant."""
    empty = gc("--dry-run")
    assert str(tmp_path / "cli") in empty.stderr
    assert empty.stdout == "0 of 0 stored files would be removed, 0 bytes\n"


def test_command_without_shaman(gc: Callable[..., Any]) -> None:
    """Where Shaman is off, the command says which settings are about that."""
    failed = gc("--set", "shaman.enabled=false")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "shaman.enabled" in failed.stderr
