"""What Blender's add-on does with a manager, and how strictly its client reads the answers.

That client raises an error for a missing key, a null, a number of another kind, a word that it does not know, a date
without a time; and for a refusal of a job that does not have both a code and a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest

from flamenco import __version__
from tests.acceptance.conftest import Manager
from tests.contract import reading

WORDS: dict[str, list[str]] = reading.read(reading.V3)["enums"]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Kind(NamedTuple):
    """What a value has to be: a type, words of an enum, a moment, a list or another object. `?` may be missing."""

    required: dict[str, Any]
    optional: Mapping[str, Any] = MappingProxyType({})


class Enum(NamedTuple):
    """One of the words of that enum."""

    name: str


class Moment:
    """A date with a time."""


class Any_:  # noqa: N801 - the standard library has taken the name
    """Anything but null."""


VERSION = Kind({"version": str, "shortversion": str, "name": str, "git": str})
STORAGE = Kind({"location": str, "audience": Enum("ManagerVariableAudience"), "platform": str, "shamanEnabled": bool})
EVAL_INFO = Kind({"showLinkButton": bool, "description": str})
SETTING = Kind(
    {"key": str, "type": Enum("AvailableJobSettingType")},
    {
        "subtype": Enum("AvailableJobSettingSubtype"),
        "choices": [str],
        "propargs": dict,
        "description": Any_,
        "label": Any_,
        "default": Any_,
        "eval": str,
        "evalInfo": EVAL_INFO,
        "visible": Enum("AvailableJobSettingVisibility"),
        "required": bool,
        "editable": bool,
    },
)
JOB_TYPE = Kind({"name": str, "label": str, "settings": [SETTING], "etag": str}, {"description": str})
JOB_TYPES = Kind({"job_types": [JOB_TYPE]})
TAGS = Kind({"tags": [Kind({"id": str, "name": str}, {"description": str})]})
JOB = Kind(
    {
        "id": str,
        "created": Moment,
        "updated": Moment,
        "status": Enum("JobStatus"),
        "activity": str,
        "name": str,
        "steps_completed": int,
        "steps_total": int,
        "type": str,
        "priority": int,
        "submitter_platform": str,
    },
    {"settings": dict, "metadata": dict, "worker_tag": str, "storage": Kind({"shaman_checkout_id": str})},
)
ERROR = Kind({"code": int, "message": str})
FILE = Kind({"sha": str, "size": int, "path": str, "status": Enum("ShamanFileStatus")})
REQUIREMENTS = Kind({"files": [FILE]})
FILE_STATUS = Kind({"status": Enum("ShamanFileStatus")})
CHECKOUT = Kind({"checkoutPath": str})


def read(value: Any, kind: Any, where: str = "answer") -> Any:
    """Read as the add-on does; what it does not know is kept. Fails where it would."""
    assert value is not None, where
    match kind:
        case Kind():
            assert type(value) is dict, where
            for key, each in kind.required.items():
                assert key in value, f"{where}.{key} is missing"
                read(value[key], each, f"{where}.{key}")
            for key, each in kind.optional.items():
                if key in value:
                    read(value[key], each, f"{where}.{key}")
        case list():
            assert type(value) is list, where
            for number, each in enumerate(value):
                read(each, kind[0], f"{where}[{number}]")
        case Enum():
            assert value in WORDS[kind.name], f"{where} is {value!r}"
        case _ if kind is Moment:
            assert MOMENT.fullmatch(value), f"{where} is {value!r}"
            datetime.fromisoformat(value)
        case _ if kind is not Any_:
            assert type(value) is kind, f"{where} is {value!r}"
    return value


@pytest.fixture
def blender(shared_manager: Manager) -> Iterator[httpx.Client]:
    """Blender, with the add-on."""
    headers = {"User-Agent": "Flamenco/3.9-beta1 (Blender add-on)"}
    with httpx.Client(base_url=f"{shared_manager.url}/api/v3", headers=headers, timeout=30) as client:
        yield client


def get(blender: httpx.Client, path: str, kind: Kind) -> Any:
    """Fetch something."""
    answer = blender.get(path)
    assert answer.status_code == 200
    return read(answer.json(), kind)


def test_refresh(blender: httpx.Client) -> None:
    """What it asks first: version, storage for this user's platform, job types, tags."""
    blender.post("/worker-mgt/tags", json={"name": "plain"})
    blender.post("/worker-mgt/tags", json={"name": "described", "description": "for large jobs"})
    version = get(blender, "/version", VERSION)
    # It stops and asks its user unless the version is its own.
    assert version["shortversion"] == version["version"].split(" ")[0] == "3.9-beta1"
    assert httpx.get(blender.base_url.join("version")).json()["shortversion"] == __version__
    for platform in ("linux", "windows", "darwin"):
        assert get(blender, f"/configuration/shared-storage/users/{platform}", STORAGE)["platform"] == platform
    types = get(blender, "/jobs/types", JOB_TYPES)["job_types"]
    assert {"echo", "simple-blender-render"} <= {each["name"] for each in types}
    settings = [setting for each in types for setting in each["settings"]]
    assert any("evalInfo" in setting for setting in settings)
    assert all(isinstance(setting.get("description", ""), str) for setting in settings)
    assert len(get(blender, "/worker-mgt/tags", TAGS)["tags"]) >= 2
    for name in {each["name"] for each in types}:
        get(blender, f"/jobs/type/{name}", JOB_TYPE)


def job_of(blender: httpx.Client, **changes: Any) -> dict[str, Any]:
    """A job as the add-on submits it: every field that it may send."""
    (echo,) = [each for each in blender.get("/jobs/types").json()["job_types"] if each["name"] == "echo"]
    return {
        "name": "Scène 3, shot 12.blend",
        "type": "echo",
        "type_etag": echo["etag"],
        "priority": 50,
        "settings": {"message": "{jobs}/x", "count": 2},
        "metadata": {},
        "submitter_platform": "linux",
        "initial_status": "queued",
    } | changes


def test_check_and_submit(blender: httpx.Client) -> None:
    """A job is checked before it is packed, and submitted afterwards, with everything the add-on may say of it."""
    assert blender.post("/jobs/check", json=job_of(blender)).status_code == 204
    tag = blender.post("/worker-mgt/tags", json={"name": "chosen"}).json()["id"]
    for changes in (
        {},
        {"initial_status": "paused"},
        {"initial_status": "active"},
        {"worker_tag": tag},
        {"metadata": {"project": "P"}, "submitter_platform": "windows"},
        {"storage": {"shaman_checkout_id": "checked/out"}},
    ):
        answer = blender.post("/jobs", json=job_of(blender, **changes))
        assert answer.status_code == 200
        read(answer.json(), JOB)


@pytest.mark.parametrize("path", ["/jobs", "/jobs/check"])
def test_refusals(blender: httpx.Client, path: str) -> None:
    """Whatever is wrong with a job, the add-on can show why."""
    (echo,) = [each for each in blender.get("/jobs/types").json()["job_types"] if each["name"] == "echo"]
    whole = job_of(blender)
    wrong: list[tuple[Any, int]] = [
        (whole | {"type": "none-such"}, 400),
        (whole | {"settings": None}, 400),
        (whole | {"settings": []}, 400),
        (whole | {"priority": 1.5}, 400),
        (whole | {"metadata": {"a": 1}}, 400),
        (whole | {"name": None}, 400),
        (whole | {"name": "\0"}, 400),
        (whole | {"initial_status": "dancing"}, 400),
        (whole | {"initial_status": "completed"}, 400),
        ({key: value for key, value in whole.items() if key != "submitter_platform"}, 400),
        (whole | {"settings": {"message": "m", "count": 10**9}}, 400),
        ("nonsense", 400),
        (whole | {"type_etag": echo["etag"][::-1]}, 412),
    ]
    for body, status in wrong:
        answer = blender.post(path, json=body)
        assert answer.status_code == status, body
        assert read(answer.json(), ERROR)["code"] == status
    for content, kind in ((b"{", "application/json"), (b"", "application/json"), (b"{}", "text/plain")):
        answer = blender.post(path, content=content, headers={"Content-Type": kind})
        assert answer.status_code == 400
        assert read(answer.json(), ERROR)["message"]


def test_packing_with_shaman(blender: httpx.Client, shared_manager: Manager) -> None:
    """Files are sent as the add-on sends them: in rounds, capitalised booleans, names in RFC 2047, empty files too."""
    contents = {
        "shot.blend": b"BLENDER",
        "textures/größe.png": b"PNG",
        "empty.txt": b"",
        "twice.txt": b"BLENDER",
    }
    files = [
        {"sha": hashlib.sha256(content).hexdigest(), "size": len(content), "path": path}
        for path, content in contents.items()
    ]
    missing = blender.post("/shaman/checkout/requirements", json={"files": files})
    wanted = read(missing.json(), REQUIREMENTS)["files"]
    assert [each["path"] for each in wanted] == ["shot.blend", "textures/größe.png", "empty.txt"]
    for each in wanted:
        where = f"/shaman/files/{each['sha']}/{each['size']}"
        assert get(blender, where, FILE_STATUS)["status"] == "unknown"
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Shaman-Can-Defer-Upload": "True",
            "X-Shaman-Original-Filename": "=?utf-8?q?textures/gr=C3=B6=C3=9Fe=2Epng?=",
        }
        answer = blender.post(where, content=contents[each["path"]], headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert get(blender, where, FILE_STATUS)["status"] == "stored"
    again = blender.post("/shaman/checkout/requirements", json={"files": files})
    assert read(again.json(), REQUIREMENTS) == {"files": []}
    used = []
    for _ in range(2):
        made = blender.post("/shaman/checkout/create", json={"files": files, "checkoutPath": "Scène 3"})
        used.append(read(made.json(), CHECKOUT)["checkoutPath"])
    assert used[0] == "Scène 3"
    assert re.fullmatch(r"Scène 3-[a-z0-9]{4}", used[1])
    for path in used:
        for name, content in contents.items():
            file = shared_manager.data_dir / "shared" / "jobs" / path / name
            assert file.is_symlink()
            assert file.read_bytes() == content
    unknown = [{**files[0], "sha": "0" * 64}]
    refused = blender.post("/shaman/checkout/create", json={"files": unknown, "checkoutPath": "Scène 4"})
    assert refused.status_code == 424
    read(refused.json(), ERROR)
