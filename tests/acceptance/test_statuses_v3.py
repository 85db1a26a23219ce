"""Today's protocol over real sockets: every operation, with every status it may answer, held against our document."""

from __future__ import annotations

import hashlib
import http.client
import io
import shutil
import socket
import sqlite3
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from flamenco.server.arriving import MOST_HELD
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.rendering import picture
from tests.contract import reading
from tests.contract.reading import Contract

DOCUMENT = document(SURFACES["v3"])
PATHS = {each["operationId"]: (method, path) for path, method, each in reading.operations(DOCUMENT)}
PROMISED: dict[str, Any] = reading.read(reading.V3)["operations"]
SEEN_ELSEWHERE: set[tuple[str, int]] = set()
"""What tests with a manager of their own have seen."""

NOBODY = "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"
SECRET = "a secret of no importance"

HANDLED_BRIEFLY = {
    # The request never got as far as the farm: a body that is no good, or a secret that is none.
    *("registerWorker", "signOn", "workerStateChanged", "taskUpdate", "taskOutputProduced", "checkSharedStoragePath"),
    *("checkBlenderExePath", "requestWorkerStatusChange", "setWorkerTags", "setWorkerSleepSchedule", "setJobStatus"),
    *("createWorkerTag", "updateWorkerTag", "setJobPriority", "setJobTag", "setTaskStatus", "shamanFileStore"),
    *("shamanCheckoutRequirements", "shamanCheckout", "saveSetupAssistantConfig", "removeJobBlocklist"),
    *("deleteJobMass", "updateConfigurationFile"),
}


class Farm:
    """A client of a real manager. Every answer is held against the document, and every status is noted."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.seen: set[tuple[str, int]] = set()
        # Each request has a connection of its own: one that is kept ends with the process at its other end.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=manager.url, timeout=60, limits=limits)
        self._contract = Contract(DOCUMENT)
        self._judging = threading.Lock()
        self._names = iter(range(1_000_000))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        operation: str,
        status: int,
        body: Any = None,
        *,
        raw: Any = None,
        auth: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        **path: Any,
    ) -> httpx.Response:
        """Send a request, and make sure that it is answered with `status` and as the document says."""
        method, template = PATHS[operation]
        request = self._http.build_request(
            method, template.format(**path), json=body, content=raw, headers=headers, params=query
        )
        return self.note(operation, status, self._http.send(request, auth=auth), both=raw is None)

    def note(self, operation: str, status: int, response: httpx.Response, *, both: bool = True) -> httpx.Response:
        """Make sure that an answer has `status` and is as the document says; `both`: so was the request."""
        assert response.status_code == status, f"{operation}: {response.status_code} {response.text}"
        with self._judging:
            self._contract.judge(operation, response, both=both)
            self.seen.add((operation, status))
        self._check_form(operation, response)
        return response

    def _check_form(self, operation: str, response: httpx.Response) -> None:
        """JSON ends with a newline and has no nulls; an error says what is wrong, with a code where the farm spoke.

        What has no body does not claim to be of a kind: clients would try to read it.
        """
        assert bool(response.content) == ("content-type" in response.headers), f"{operation} {response.headers}"
        if "json" not in response.headers.get("content-type", "") or not response.content:
            return
        assert response.text.endswith("\n")
        answer = response.json()
        assert not any_null(answer)
        if response.status_code >= 400 and isinstance(answer, dict) and response.status_code != 423:
            assert answer["message"]
            assert answer.get("code") in (response.status_code, None)
            if "code" not in answer:
                assert response.status_code == 403 or operation in HANDLED_BRIEFLY, f"{operation} {answer}"

    def submit(self, **changes: Any) -> dict[str, Any]:
        """A job with one task that echoes."""
        job = {
            "name": f"job {next(self._names)}",
            "type": "echo",
            "priority": 50,
            "submitter_platform": "linux",
            "settings": {"message": "m", "count": 1},
        }
        answer: dict[str, Any] = self.call("submitJob", 200, job | changes).json()
        return answer

    def task_of(self, job_id: str) -> str:
        """The first task of a job."""
        return str(self.call("fetchJobTasks", 200, job_id=job_id).json()["tasks"][0]["id"])

    def worker(self, *, awake: bool = True, can_restart: bool = False) -> tuple[str, str]:
        """A new worker, signed on; returns its id and secret."""
        name = f"worker {next(self._names)}"
        about = {"name": name, "supported_task_types": ["misc"]}
        registered = self.call("registerWorker", 200, about | {"secret": SECRET, "platform": "linux"}).json()
        who = (registered["uuid"], SECRET)
        body = about | {"software_version": "3.9", "can_restart": can_restart}
        self.call("signOn", 200, body, auth=who)
        if awake:
            self.call("workerStateChanged", 204, {"status": "awake"}, auth=who)
        return who

    def tag(self) -> dict[str, Any]:
        """A new tag."""
        answer: dict[str, Any] = self.call("createWorkerTag", 200, {"name": f"tag {next(self._names)}"}).json()
        return answer


def any_null(value: Any) -> bool:
    """Whether there is a null anywhere in it. Parameters of commands and settings are the job's own."""
    if isinstance(value, dict):
        return any(any_null(each) for key, each in value.items() if key not in ("settings", "parameters"))
    return value is None or (isinstance(value, list) and any(map(any_null, value)))


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A manager that every test of this module may use; each makes its own jobs and workers."""
    folder = tmp_path_factory.mktemp("statuses")
    (folder / "data").mkdir()
    programs = f"blender_folders=[{tmp_path_factory.getbasetemp()}]"
    with running_manager(folder, "--processes", "1", "--set", programs) as manager:
        client = Farm(manager)
        yield client
        client.close()


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A manager without Shaman, whose Blender is none, for what other tests of this module would disturb."""
    folder = tmp_path_factory.mktemp("another")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "blender").write_text("#!/bin/sh\necho I am a teapot\n")
    (programs / "blender").chmod(0o755)
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    with running_manager(folder, "--processes", "1", "--set", "shaman.enabled=false", environ=environ) as manager:
        client = Farm(manager)
        yield client
        client.close()


def quieten(farm: Farm) -> None:
    """Cancel all jobs, so that a worker of this test gets no task of another."""
    for job in farm.call("fetchJobs", 200).json()["jobs"]:
        if job["status"] in ("queued", "active", "paused"):
            farm.call("setJobStatus", 204, {"status": "cancel-requested", "reason": "enough"}, job_id=job["id"])


def test_meta(farm: Farm) -> None:
    """Version, configuration, checks, variables, storage, farm status."""
    version = farm.call("getVersion", 200).json()
    assert version["name"] == "Flamenco"
    configuration = farm.call("getConfiguration", 200).json()
    assert configuration["isFirstRun"] is True
    assert configuration["shamanEnabled"] is True
    shared = str(farm.manager.data_dir / "shared" / "jobs")
    assert configuration["storageLocation"] == shared
    location = farm.call("getSharedStorage", 200, audience="users", platform="linux").json()
    assert location == {"location": shared, "audience": "users", "platform": "linux", "shamanEnabled": True}
    variables = farm.call("getVariables", 200, audience="workers", platform="windows").json()
    assert variables["blender"] == {"name": "blender", "value": "blender.exe", "is_twoway": False}
    assert variables["jobs"]["value"] == shared
    # Any audience is taken; the document does not say so.
    nobody = httpx.get(f"{farm.manager.url}/api/v3/configuration/variables/nobody/linux")
    assert (nobody.status_code, nobody.json()) == (200, {})
    assert farm.call("getFarmStatus", 200).json()["status"] in ("starting", "inoperative", "idle", "waiting", "active")


def test_path_checks(farm: Farm, tmp_path: Path) -> None:
    """A folder will do or will not, and so will a Blender; only nonsense is an error."""

    def folder(path: str) -> dict[str, Any]:
        answer: dict[str, Any] = farm.call("checkSharedStoragePath", 200, {"path": path}).json()
        assert answer["path"] == path
        return answer

    assert folder(str(tmp_path)) == {
        "path": str(tmp_path),
        "is_usable": True,
        "cause": "Directory checked successfully",
    }
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    for wrong, why in {
        "": "empty path",
        "\\\\NAS\\share": "UNC",
        str(tmp_path / "missing"): "exist",
        str(tmp_path / "file"): "not a directory",
    }.items():
        answer = folder(wrong)
        assert not answer["is_usable"]
        assert why in answer["cause"]
    assert not farm.call("checkSharedStoragePath", 200).json()["is_usable"]
    farm.call("checkSharedStoragePath", 400, {"path": 3})
    found = farm.call("findBlenderExePath", 200).json()
    assert all(each["is_usable"] and each["cause"].startswith("Blender ") for each in found)
    missing = farm.call("checkBlenderExePath", 200, {"path": "blender-that-is-not-there"}).json()
    assert (missing["is_usable"], missing["cause"]) == (False, "Blender could not be found")
    fake = tmp_path / "blender"
    fake.write_text("#!/bin/sh\necho noise\necho Blender 4.2.0\n")
    fake.chmod(0o755)
    good = farm.call("checkBlenderExePath", 200, {"path": str(tmp_path)}).json()
    assert good == {
        "input": str(tmp_path),
        "path": str(fake),
        "source": "input_path",
        "is_usable": True,
        "cause": "Found Blender 4.2.0",
    }
    for name in ("blender.sh", "teapot"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho Blender 4.2.0\n")
        (tmp_path / name).chmod(0o755)
        assert not farm.call("checkBlenderExePath", 200, {"path": str(tmp_path / name)}).json()["is_usable"]
    assert not (tmp_path / "ran").exists()
    fake.write_text("#!/bin/sh\necho I am a teapot\n")
    assert "There was an error" in farm.call("checkBlenderExePath", 200, {"path": str(fake)}).json()["cause"]
    farm.call("checkBlenderExePath", 400, {"path": []})


def test_configuration_file(farm: Farm, tmp_path: Path) -> None:
    """The settings can be read and written; what is wrong changes nothing; what loads code is left alone."""
    everything = farm.call("getConfigurationFile", 200).json()
    assert everything["_meta"] == {"version": 3}
    assert everything["task_timeout"] == "10m0s"
    assert everything["shaman"]["garbageCollect"] == {"period": "24h0m0s", "maxAge": "744h0m0s"}
    assert "plugins_dir" not in everything
    changed = everything | {"manager_name": "Other", "worker_timeout": "1m30s"}
    farm.call("updateConfigurationFile", 204, changed)
    file = farm.manager.data_dir / "flamenco-manager.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    written = yaml.safe_load(file.read_text())
    assert (written["manager_name"], written["worker_timeout"]) == ("Other", "1m30s")
    # The manager reads it anew by itself.
    assert wait_until(lambda: farm.call("getVersion", 200).json()["name"] == "Other")
    again = farm.call("getConfigurationFile", 200).json()
    assert (again["manager_name"], again["worker_timeout"]) == ("Other", "1m30s")
    for wrong in (
        changed | {"task_timeout": 5},
        changed | {"task_timout": "5s"},
        changed | {"plugins_dir": str(tmp_path)},
        changed | {"plugins": ["webhooks"]},
        changed | {"listen": "nonsense"},
        # Nor what the manager could not start with.
        changed | {"processes": 100_000},
        changed | {"database": "sqlite:////proc/nope/x.sqlite"},
        changed | {"database": "postgresql://nobody@127.0.0.1:1/none"},
        changed | {"local_manager_storage_path": "/proc/nope"},
        changed | {"_meta": {"version": 99}},
    ):
        farm.call("updateConfigurationFile", 400, wrong)
    assert yaml.safe_load(file.read_text()) == written
    farm.call("updateConfigurationFile", 204, everything)
    assert yaml.safe_load(file.with_name(f"{file.name}.bak").read_text()) == written
    assert wait_until(lambda: farm.call("getVersion", 200).json()["name"] == "Flamenco")


def test_setup_assistant_restarts_the_manager(tmp_path: Path) -> None:
    """What it is told is written down, and counts once the manager has started anew."""
    (tmp_path / "data").mkdir()
    storage = tmp_path / "renders"
    storage.mkdir()
    with running_manager(tmp_path, "--processes", "1") as manager:
        farm = Farm(manager)
        blender = {
            "input": "blender",
            "path": "/usr/bin/blender",
            "source": "path_envvar",
            "is_usable": True,
            "cause": "",
        }
        complete = {"storageLocation": str(storage), "blenderExecutable": blender}
        for wrong in (
            complete | {"storageLocation": ""},
            complete | {"blenderExecutable": blender | {"is_usable": False}},
            complete | {"blenderExecutable": blender | {"input": ""}},
            complete | {"blenderExecutable": blender | {"path": ""}},
            complete | {"blenderExecutable": blender | {"source": "nonsense"}},
        ):
            farm.call("saveSetupAssistantConfig", 400, wrong)
        farm.call("saveSetupAssistantConfig", 400)
        farm.call("saveSetupAssistantConfig", 204, complete)

        def has_restarted() -> bool:
            try:
                with httpx.Client(base_url=manager.url, timeout=10) as fresh:
                    answer = fresh.get("/api/v3/configuration").json()
            except httpx.TransportError:
                return False
            return bool(answer["storageLocation"] == str(storage / "jobs"))

        assert wait_until(has_restarted)
        assert farm.call("getConfiguration", 200).json()["isFirstRun"] is False
        told = httpx.get(f"{manager.url}/api/x/events", params={"after": 0, "topics": "/lifecycle"}).json()["events"]
        assert [each["payload"]["type"] for each in told] == ["manager-startup", "manager-shutdown", "manager-startup"]
        SEEN_ELSEWHERE.update(farm.seen)
        farm.close()


def test_configuration_that_cannot_be_read_or_written(another: Farm, tmp_path: Path) -> None:
    """The manager goes on, and says what is wrong."""
    everything = another.call("getConfigurationFile", 200).json()
    file = another.manager.data_dir / "flamenco-manager.yaml"
    file.write_text("nonsense: [")
    assert "not YAML" in another.call("getConfiguration", 500).json()["message"]
    file.unlink()
    # Nothing can be renamed over a folder with something in it.
    (file / "in the way").mkdir(parents=True)
    another.call("updateConfigurationFile", 500, everything)
    blender = {"input": "", "path": "", "source": "default", "is_usable": True, "cause": ""}
    setup = {"storageLocation": str(tmp_path), "blenderExecutable": blender}
    another.call("saveSetupAssistantConfig", 500, setup)
    shutil.rmtree(file)


def test_blender_that_does_not_run(another: Farm) -> None:
    """A program called blender that is none, found by looking for Blender, is an error."""
    assert "there was an issue finding Blender" in another.call("findBlenderExePath", 500).json()["message"]


def test_worker_protocol(farm: Farm) -> None:
    """A worker from its registration to its end."""
    quieten(farm)
    farm.call("registerWorker", 400, {"name": "n"})
    who = farm.worker(awake=False)
    stranger = (who[0], "wrong")
    farm.call("signOn", 400, {"name": 3}, auth=who)
    for operation, body in (
        ("signOn", {"name": "n", "supported_task_types": [], "software_version": "3"}),
        ("signOff", None),
        ("workerState", None),
        ("workerStateChanged", {"status": "awake"}),
        ("scheduleTask", None),
    ):
        farm.call(operation, 403, body, auth=stranger)
        farm.call(operation, 403, body)
    for operation, body in (("taskUpdate", {}), ("mayWorkerRun", None)):
        farm.call(operation, 403, body, auth=stranger, task_id=NOBODY)
    farm.call("scheduleTask", 409, auth=who)
    farm.call("workerStateChanged", 400, {"status": "dancing"}, auth=who)
    farm.call("workerStateChanged", 204, {"status": "awake"}, auth=who)
    farm.call("workerState", 204, auth=who)
    farm.call("scheduleTask", 204, auth=who)
    job = farm.submit()
    task = farm.call("scheduleTask", 200, auth=who).json()
    assert (task["job"], task["status"]) == (job["id"], "active")
    farm.call("taskUpdate", 204, {"activity": "working", "log": "line"}, auth=who, task_id=task["uuid"])
    farm.call("taskUpdate", 400, {"taskStatus": "soft-failed"}, auth=who, task_id=task["uuid"])
    farm.call("taskUpdate", 400, {}, auth=who, task_id="nonsense")
    farm.call("taskUpdate", 404, {}, auth=who, task_id=NOBODY)
    farm.call("taskUpdate", 409, {}, auth=farm.worker(), task_id=task["uuid"])
    assert farm.call("mayWorkerRun", 200, auth=who, task_id=task["uuid"]).json() == {
        "mayKeepRunning": True,
        "reason": "",
        "statusChangeRequested": False,
    }
    farm.call("mayWorkerRun", 400, auth=who, task_id="nonsense")
    farm.call("requestWorkerStatusChange", 204, {"status": "asleep", "is_lazy": True}, worker_id=who[0])
    assert farm.call("scheduleTask", 423, auth=who).json() == {"status_requested": "asleep"}
    assert farm.call("workerState", 200, auth=who).json() == {"status_requested": "asleep"}
    farm.call("taskUpdate", 204, {"taskStatus": "completed"}, auth=who, task_id=task["uuid"])
    assert farm.call("fetchJob", 200, job_id=job["id"]).json()["status"] == "completed"
    farm.call("signOff", 204, auth=who)


def test_output(farm: Farm) -> None:
    """Images that a worker hands in, until there are too many at once."""
    quieten(farm)
    who, job = farm.worker(), farm.submit()
    task = farm.call("scheduleTask", 200, auth=who).json()["uuid"]
    assert farm.call("fetchJobLastRenderedInfo", 204, job_id=job["id"]).content == b""
    farm.call("fetchJobLastRenderedInfo", 400, job_id="nonsense")

    def hand_in(status: int, image: bytes, *, kind: str = "image/jpeg", task_id: str = task, auth: Any = who) -> None:
        farm.call("taskOutputProduced", status, raw=image, headers={"Content-Type": kind}, task_id=task_id, auth=auth)

    hand_in(202, picture())
    hand_in(400, picture(), kind="image/gif")
    hand_in(400, b"")
    hand_in(403, picture(), auth=None)
    hand_in(404, picture(), task_id=NOBODY)
    hand_in(413, b"\xff\xd8\xff" + bytes(26_214_401))

    def is_shown() -> bool:
        method, path = PATHS["fetchJobLastRenderedInfo"]
        return httpx.request(method, farm.manager.url + path.format(job_id=job["id"])).status_code == 200

    assert wait_until(is_shown)
    shown = farm.call("fetchJobLastRenderedInfo", 200, job_id=job["id"]).json()
    assert len(shown["suffixes"]) == 3
    for suffix in shown["suffixes"]:
        assert httpx.get(f"{farm.manager.url}{shown['base']}/{suffix}").headers["Content-Type"] == "image/jpeg"
    farm.call("fetchGlobalLastRenderedInfo", 200)
    # Small to send and slow to look at: more of them than are kept waiting.
    stream = io.BytesIO()
    Image.new("RGB", (6000, 6000)).save(stream, "PNG")
    method, path = PATHS["taskOutputProduced"]
    url, headers = farm.manager.url + path.format(task_id=task), {"Content-Type": "image/png"}
    for _ in range(50):
        answer = httpx.request(method, url, content=stream.getvalue(), headers=headers, auth=who, timeout=60)
        if answer.status_code == 429:
            break
    assert answer.json() == {"code": 429, "message": "image processing queue is full"}
    farm.seen.add(("taskOutputProduced", 429))


def test_no_image_yet(another: Farm) -> None:
    """A farm that never rendered has no last image."""
    another.call("fetchGlobalLastRenderedInfo", 204)


def test_worker_management(farm: Farm) -> None:
    """What people do with workers."""
    who = farm.worker()
    worker_id = who[0]
    listed = farm.call("fetchWorkers", 200).json()["workers"]
    assert worker_id in [each["id"] for each in listed]
    found = farm.call("fetchWorker", 200, worker_id=worker_id).json()
    assert "tags" not in found
    assert "task" not in found
    ask = {"status": "asleep", "is_lazy": False}
    farm.call("requestWorkerStatusChange", 204, ask, worker_id=worker_id)
    assert farm.call("fetchWorker", 200, worker_id=worker_id).json()["status_change"] == ask
    farm.call("requestWorkerStatusChange", 204, {"status": "awake", "is_lazy": False}, worker_id=worker_id)
    assert "status_change" not in farm.call("fetchWorker", 200, worker_id=worker_id).json()
    restart = {"status": "restart", "is_lazy": False}
    message = farm.call("requestWorkerStatusChange", 412, restart, worker_id=worker_id).json()["message"]
    assert message == f'worker "{worker_id}" does not know how to restart'
    able = farm.worker(can_restart=True)[0]
    farm.call("requestWorkerStatusChange", 204, restart, worker_id=able)
    tag = farm.tag()
    farm.call("setWorkerTags", 204, {"tag_ids": [tag["id"], NOBODY]}, worker_id=worker_id)
    assert farm.call("fetchWorker", 200, worker_id=worker_id).json()["tags"] == [tag]
    farm.call("setWorkerTags", 204, {"tag_ids": []}, worker_id=worker_id)
    schedule = {"is_active": False, "days_of_week": "mo tu", "start_time": "09:00", "end_time": "18:00"}
    farm.call("fetchWorkerSleepSchedule", 204, worker_id=worker_id)
    farm.call("fetchWorkerSleepSchedule", 204, worker_id=NOBODY)
    farm.call("setWorkerSleepSchedule", 204, schedule, worker_id=worker_id)
    assert farm.call("fetchWorkerSleepSchedule", 200, worker_id=worker_id).json() == schedule
    farm.call("setWorkerSleepSchedule", 400, schedule | {"start_time": "nine"}, worker_id=worker_id)
    farm.call("setWorkerSleepSchedule", 404, schedule, worker_id=NOBODY)
    for operation, body in (
        ("fetchWorker", None),
        ("deleteWorker", None),
        ("requestWorkerStatusChange", ask),
        ("setWorkerTags", {"tag_ids": []}),
    ):
        farm.call(operation, 400, body, worker_id="nonsense")
        answer = farm.call(operation, 404, body, worker_id=NOBODY).json()
        assert answer == {"code": 404, "message": f'worker "{NOBODY}" not found'}
    farm.call("fetchWorkerSleepSchedule", 400, worker_id="nonsense")
    farm.call("deleteWorker", 204, worker_id=worker_id)
    farm.call("fetchWorker", 404, worker_id=worker_id)
    farm.call("workerState", 403, auth=who)


def test_tags(farm: Farm) -> None:
    """Made, changed and removed."""
    tag = farm.tag()
    assert tag.keys() == {"id", "name"}
    assert tag in farm.call("fetchWorkerTags", 200).json()["tags"]
    assert farm.call("fetchWorkerTag", 200, tag_id=tag["id"]).json() == tag
    farm.call("createWorkerTag", 400, {"description": "without a name"})
    assert "error creating worker tag" in farm.call("createWorkerTag", 409, {"name": tag["name"]}).json()["message"]
    other = farm.tag()
    farm.call("updateWorkerTag", 204, {"name": "renamed", "description": "for large jobs"}, tag_id=tag["id"])
    farm.call("updateWorkerTag", 204, {"name": "renamed"}, tag_id=tag["id"])
    assert farm.call("fetchWorkerTag", 200, tag_id=tag["id"]).json()["description"] == "for large jobs"
    farm.call("updateWorkerTag", 204, {"name": "renamed", "description": ""}, tag_id=tag["id"])
    assert "description" not in farm.call("fetchWorkerTag", 200, tag_id=tag["id"]).json()
    farm.call("updateWorkerTag", 409, {"name": other["name"]}, tag_id=tag["id"])
    for operation, body in (("fetchWorkerTag", None), ("updateWorkerTag", {"name": "n"}), ("deleteWorkerTag", None)):
        farm.call(operation, 400, body, tag_id="nonsense")
        answer = farm.call(operation, 404, body, tag_id=NOBODY).json()
        assert answer == {"code": 404, "message": f'worker tag "{NOBODY}" not found'}
    tagged = farm.submit(worker_tag=other["id"])
    assert tagged["worker_tag"] == other["id"]
    farm.call("deleteWorkerTag", 204, tag_id=other["id"])
    assert "worker_tag" not in farm.call("fetchJob", 200, job_id=tagged["id"]).json()


def test_submission(farm: Farm) -> None:
    """Job types, checking and submitting: errors have a code and a message, whatever is wrong."""
    types = farm.call("getJobTypes", 200).json()["job_types"]
    assert [each["name"] for each in types] == sorted(each["name"] for each in types)
    echo = farm.call("getJobType", 200, typeName="echo").json()
    assert echo in types
    farm.call("getJobType", 404, typeName="there-is-none")
    broken = farm.manager.data_dir / "jobtypes" / "broken.js"
    broken.write_text("const JOB_TYPE = {")
    assert "error getting job type" in farm.call("getJobType", 500, typeName="broken").json()["message"]
    broken.unlink()
    job = {"name": "n", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}}
    stored = farm.call("submitJob", 200, job | {"type_etag": echo["etag"], "initial_status": "paused"}).json()
    assert (stored["priority"], stored["status"], stored["submitter_platform"]) == (50, "paused", "")
    farm.call("submitJobCheck", 204, job | {"type_etag": echo["etag"], "priority": 3, "metadata": {"a": "b"}})
    wrong: list[Any] = [
        job | {"type": "there-is-none"},
        job | {"settings": None},
        job | {"priority": "high"},
        {"name": "n", "type": "echo"},
        [],
    ]
    for operation in ("submitJob", "submitJobCheck"):
        for each in wrong:
            answer = farm.call(operation, 400, each).json()
            assert answer["code"] == 400
            assert answer["message"]
        outdated = farm.call(operation, 412, job | {"type_etag": "old"}).json()["message"]
        assert "rejecting job because its settings are outdated, refresh the job type" in outdated
    unknown_tag = farm.call("submitJob", 400, job | {"worker_tag": NOBODY}).json()["message"]
    assert "error persisting job in database" in unknown_tag


def test_jobs(farm: Farm) -> None:
    """Looking at jobs, and steering them."""
    job_id = farm.submit(priority=1)["id"]
    for operation, body in (
        ("fetchJob", None),
        ("deleteJob", None),
        ("deleteJobWhatWouldItDo", None),
        ("setJobStatus", {"status": "canceled", "reason": "r"}),
        ("setJobPriority", {"priority": 1}),
        ("setJobTag", {}),
    ):
        assert farm.call(operation, 400, body, job_id="nonsense").json()["code"] == 400
        farm.call(operation, 404, body, job_id=NOBODY)
    farm.call("fetchJobTasks", 400, job_id="nonsense")
    farm.call("fetchJobBlocklist", 400, job_id="nonsense")
    farm.call("setJobPriority", 204, {"priority": 99}, job_id=job_id)
    farm.call("setJobPriority", 400, {"priority": 101}, job_id=job_id)
    farm.call("setJobTag", 204, {"id": farm.tag()["id"]}, job_id=job_id)
    farm.call("setJobTag", 204, {"name": farm.tag()["name"]}, job_id=job_id)
    for unknown in ({"id": NOBODY}, {"id": ""}, {"name": ""}):
        assert farm.call("setJobTag", 406, unknown, job_id=job_id).json()["message"] == "tag not found"
    farm.call("setJobTag", 204, {}, job_id=job_id)
    found = farm.call("fetchJob", 200, job_id=job_id).json()
    assert found["priority"] == 99
    assert "worker_tag" not in found
    farm.call("setJobStatus", 400, {"status": "canceled"}, job_id=job_id)
    assert farm.call("fetchJobBlocklist", 200, job_id=NOBODY).json() == []
    assert farm.call("fetchJobTasks", 200, job_id=NOBODY).json() == {"tasks": []}
    assert farm.call("removeJobBlocklist", 400, job_id=job_id).json()["message"].startswith("empty list")
    farm.call("removeJobBlocklist", 204, [{"worker_id": NOBODY, "task_type": "misc"}], job_id=job_id)
    assert farm.call("deleteJobWhatWouldItDo", 200, job_id=job_id).json() == {"shaman_checkout": False}
    farm.call("deleteJob", 204, job_id=job_id)
    farm.call("deleteJobMass", 400, {})
    farm.call("deleteJobMass", 416, {"last_updated_max": "2001-01-01T00:00:00Z"})
    for asked, expected in (
        ({"limit": "2"}, 2),
        ({"status_in": "completed,failed", "limit": "1"}, None),
        ({"order_by": "-priority,name", "offset": "1", "limit": "1"}, 1),
    ):
        jobs = farm.call("fetchJobs", 200, query=asked).json()["jobs"]
        assert expected is None or len(jobs) == expected


def test_mass_deletion(another: Farm) -> None:
    """All jobs that have not changed since a moment go."""
    job = another.submit()
    another.call("deleteJobMass", 204, {"last_updated_max": job["updated"]})

    def is_gone() -> bool:
        return httpx.get(f"{another.manager.url}/api/v3/jobs/{job['id']}").status_code == 404

    assert wait_until(is_gone)


def test_tasks(farm: Farm) -> None:
    """Looking at tasks and their logs, and steering them."""
    quieten(farm)
    job = farm.submit()
    task_id = farm.task_of(job["id"])
    for operation in ("fetchTask", "fetchTaskLogTail", "fetchTaskLogInfo"):
        assert farm.call(operation, 400, task_id="nonsense").json()["code"] == 400
        farm.call(operation, 404, task_id=NOBODY)
    found = farm.call("fetchTask", 200, task_id=task_id).json()
    assert found["worker"] == {"id": "", "name": "", "address": ""}
    assert found["failed_by_workers"] == []
    assert "last_touched" not in found
    farm.call("fetchTaskLogTail", 204, task_id=task_id)
    farm.call("fetchTaskLogInfo", 204, task_id=task_id)
    change = {"status": "canceled", "reason": "enough"}
    farm.call("setTaskStatus", 400, {"status": "lost", "reason": ""}, task_id=task_id)
    farm.call("setTaskStatus", 404, change, task_id=NOBODY)
    assert farm.call("setTaskStatus", 404, change, task_id="nonsense").json()["code"] == 404
    farm.call("setTaskStatus", 204, change, task_id=task_id)
    canceled = farm.call("fetchTask", 200, task_id=task_id).json()
    assert (canceled["status"], canceled["activity"]) == ("canceled", "enough")
    tail = farm.call("fetchTaskLogTail", 200, task_id=task_id)
    assert tail.headers["content-type"].startswith("text/plain")
    info = farm.call("fetchTaskLogInfo", 200, task_id=task_id).json()
    assert httpx.get(farm.manager.url + info["url"]).text.endswith(tail.text)
    assert farm.call("fetchJobTasks", 200, job_id=job["id"], query={"status_in": "queued"}).json() == {"tasks": []}


def test_failures_and_blocklist(farm: Farm) -> None:
    """A worker that fails too often is blocked, and people can let it try again."""
    quieten(farm)
    who = farm.worker()
    job = farm.submit(settings={"message": "m", "count": 5})
    for _ in range(3):
        task = farm.call("scheduleTask", 200, auth=who).json()["uuid"]
        farm.call("taskUpdate", 204, {"taskStatus": "failed"}, auth=who, task_id=task)
    (entry,) = farm.call("fetchJobBlocklist", 200, job_id=job["id"]).json()
    assert (entry["worker_id"], entry["task_type"]) == (who[0], "misc")
    assert farm.call("fetchTask", 200, task_id=task).json()["failed_by_workers"][0]["id"] == who[0]
    farm.call("removeJobBlocklist", 204, [entry], job_id=job["id"])
    assert farm.call("fetchJobBlocklist", 200, job_id=job["id"]).json() == []


def test_shaman(farm: Farm) -> None:
    """Files are asked for, sent and made a folder of."""
    # More than is looked at before all of it is there.
    content = f"content {NOBODY}".encode() + bytes(MOST_HELD)
    sha, size = hashlib.sha256(content).hexdigest(), len(content)
    spec = {"sha": sha, "size": size, "path": "a/b.txt"}
    headers = {"Content-Type": "application/octet-stream", "X-Shaman-Can-Defer-Upload": "False"}
    where: dict[str, Any] = {"checksum": sha, "filesize": size}
    missing = farm.call("shamanCheckoutRequirements", 200, {"files": [spec]}).json()
    assert missing == {"files": [spec | {"status": "unknown"}]}
    farm.call("shamanCheckoutRequirements", 400, {"files": [{"sha": 1}]})
    assert farm.call("shamanFileStoreCheck", 200, **where).json() == {"status": "unknown"}
    farm.call("shamanFileStore", 417, raw=b"something else", headers=headers, **where)
    farm.call("shamanFileStore", 400, raw=content, headers=headers | {"X-Shaman-Can-Defer-Upload": "perhaps"}, **where)
    farm.call("shamanFileStore", 400, raw=content, headers=headers, checksum=sha, filesize="many")
    half_sent, may_go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield content[:3]
        half_sent.set()
        assert may_go_on.wait(30)
        yield content[3:]

    with ThreadPoolExecutor(1) as pool:
        length = {"Content-Length": str(size)}
        other = pool.submit(lambda: farm.call("shamanFileStore", 200, raw=slowly(), headers=headers | length, **where))
        assert half_sent.wait(30)

        def is_uploading() -> bool:
            url = f"{farm.manager.url}/api/v3/shaman/files/{sha}/{size}"
            return bool(httpx.get(url).json()["status"] == "uploading")

        assert wait_until(is_uploading)
        deferring = headers | {"X-Shaman-Can-Defer-Upload": "True"}
        farm.call("shamanFileStore", 425, raw=content, headers=deferring, **where)
        may_go_on.set()
        assert other.result(30).content == b""
    farm.call("shamanFileStore", 208, raw=content, headers=headers, **where)
    other_sha = hashlib.sha256(b"another file").hexdigest()
    length = {"Content-Length": "12"}
    cut = half_closed(farm, "shamanFileStore", 500, b"ano", checksum=other_sha, filesize=12, headers=headers | length)
    assert "the connection ended after 3 of 12 bytes" in cut.json()["message"]
    assert farm.call("shamanCheckoutRequirements", 200, {"files": [spec]}).json() == {"files": []}
    used = farm.call("shamanCheckout", 200, {"files": [spec], "checkoutPath": "my job"}).json()["checkoutPath"]
    assert (farm.manager.data_dir / "shared" / "jobs" / used / "a" / "b.txt").read_bytes() == content
    farm.call("shamanCheckout", 400, {"files": [spec]})
    missing = {"files": [spec | {"size": size + 1}], "checkoutPath": "my job"}
    assert "unknown files" in farm.call("shamanCheckout", 424, missing).json()["message"]
    (farm.manager.data_dir / "shared" / "jobs" / "in the way").touch()
    blocked = {"files": [spec], "checkoutPath": "in the way/my job"}
    assert "is no folder" in farm.call("shamanCheckout", 500, blocked).json()["message"]
    job = farm.submit(storage={"shaman_checkout_id": used})
    assert job["storage"] == {"shaman_checkout_id": used}
    assert farm.call("deleteJobWhatWouldItDo", 200, job_id=job["id"]).json() == {"shaman_checkout": True}


def half_closed(
    farm: Farm, operation: str, status: int, body: bytes = b"", *, headers: dict[str, str] | None = None, **path: Any
) -> httpx.Response:
    """The answer to a client that closes its half of the connection behind what it sends, and listens all the same."""
    method, template = PATHS[operation]
    url = httpx.URL(farm.manager.url + template.format(**path))
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        # In one piece, so that the end is there before the manager looks at any of it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connection.sendall(f"{method.upper()} {url.path} HTTP/1.1\r\nHost: farm\r\n{lines}\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        with closing(http.client.HTTPResponse(connection, method=method.upper())) as heard:
            heard.begin()
            answer = httpx.Response(heard.status, headers=heard.getheaders(), content=heard.read())
    answer.request = httpx.Request(method, url, headers=headers)
    return farm.note(operation, status, answer, both=False)


def test_clients_that_have_gone(farm: Farm) -> None:
    """Nobody lists anything for them, and above all they get no task."""
    quieten(farm)
    who, tag, job = farm.worker(), farm.tag(), farm.submit()
    login = {"Authorization": f"Basic {b64encode(':'.join(who).encode()).decode()}"}
    gone: list[tuple[str, dict[str, Any]]] = [
        ("fetchWorkers", {}),
        ("fetchWorker", {"worker_id": who[0]}),
        ("fetchWorkerSleepSchedule", {"worker_id": who[0]}),
        ("fetchWorkerTags", {}),
        ("fetchWorkerTag", {"tag_id": tag["id"]}),
    ]
    for operation, path in gone:
        assert half_closed(farm, operation, 418, **path).content == b""
    assert half_closed(farm, "scheduleTask", 400, headers=login).content == b""
    assert farm.call("fetchTask", 200, task_id=farm.task_of(job["id"])).json()["status"] == "queued"


def test_shaman_switched_off(another: Farm) -> None:
    """Without Shaman, its operations say so."""
    where: dict[str, Any] = {"checksum": "0" * 64, "filesize": 1}
    headers = {"Content-Type": "application/octet-stream"}
    answers = [
        another.call("shamanCheckoutRequirements", 503, {"files": []}),
        another.call("shamanCheckout", 503, {"files": [], "checkoutPath": "a"}),
        another.call("shamanFileStoreCheck", 503, **where),
        another.call("shamanFileStore", 503, raw=b"x", headers=headers, **where),
    ]
    assert all(each.json() == {"code": 503, "message": "shaman server not active"} for each in answers)


def test_busy_database(farm: Farm) -> None:
    """While somebody else holds the database, nothing is lost: come back in a second."""
    who, job = farm.worker(), farm.submit()
    about = {"name": "n", "secret": SECRET, "platform": "linux", "supported_task_types": ["misc"]}
    calls: list[Callable[[], httpx.Response]] = [
        lambda: farm.call("registerWorker", 503, about),
        lambda: farm.call("scheduleTask", 503, auth=who),
        lambda: farm.call("deleteJob", 503, job_id=job["id"]),
        lambda: farm.call("deleteJobMass", 503, {"last_updated_max": "2100-01-01T00:00:00Z"}),
    ]
    other = sqlite3.connect(farm.manager.data_dir / "flamenco-manager.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    try:
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(lambda call: call(), calls))
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert all(answer.headers["Retry-After"] == "1" for answer in answers)
    assert time.monotonic() - started < 30


@contextmanager
def broken_database(manager: Manager) -> Iterator[None]:
    """Meanwhile, the database has none of the tables that it should have."""
    with closing(sqlite3.connect(manager.data_dir / "flamenco-manager.sqlite", isolation_level=None)) as database:
        # The other tables' references are to stay as they are.
        database.execute("PRAGMA legacy_alter_table = ON")
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        renamed = [name for name in tables if not name.startswith("sqlite_")]

        def rename(old: str, new: str) -> None:
            database.execute("BEGIN IMMEDIATE")
            for name in renamed:
                database.execute(f'ALTER TABLE "{old.format(name)}" RENAME TO "{new.format(name)}"')
            database.execute("COMMIT")

        rename("{}", "lost_{}")
        try:
            yield
        finally:
            rename("lost_{}", "{}")


def test_broken_database(another: Farm) -> None:
    """Every operation that needs the database says that it is broken, and works again when that is mended."""
    who, tag, job = another.worker(), another.tag(), another.submit()
    task = another.call("scheduleTask", 200, auth=who).json()["uuid"]
    about = {"name": "n", "supported_task_types": ["misc"]}
    image = {"raw": picture(), "headers": {"Content-Type": "image/jpeg"}}
    schedule = {"is_active": False, "days_of_week": "", "start_time": "", "end_time": ""}
    submitted = {"name": "n", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}}
    of_job, of_task, of_worker, of_tag = (
        {"job_id": job["id"]},
        {"task_id": task},
        {"worker_id": who[0]},
        {"tag_id": tag["id"]},
    )
    # In an order in which they work, one after the other, with the status that each has then.
    calls: list[tuple[str, int, dict[str, Any]]] = [
        ("registerWorker", 200, {"body": about | {"secret": SECRET, "platform": "linux"}}),
        ("signOn", 200, {"body": about | {"software_version": "3"}, "auth": who}),
        ("workerStateChanged", 204, {"body": {"status": "awake"}, "auth": who}),
        ("workerState", 204, {"auth": who}),
        ("scheduleTask", 200, {"auth": who}),
        ("taskUpdate", 204, {"body": {"activity": "working"}, "auth": who} | of_task),
        ("mayWorkerRun", 200, {"auth": who} | of_task),
        ("taskOutputProduced", 202, image | {"auth": who} | of_task),
        ("signOff", 204, {"auth": who}),
        ("fetchWorkers", 200, {}),
        ("fetchWorker", 200, of_worker),
        ("requestWorkerStatusChange", 204, {"body": {"status": "asleep", "is_lazy": True}} | of_worker),
        ("setWorkerTags", 204, {"body": {"tag_ids": [tag["id"]]}} | of_worker),
        ("setWorkerSleepSchedule", 204, {"body": schedule} | of_worker),
        ("fetchWorkerSleepSchedule", 200, of_worker),
        ("deleteWorker", 204, of_worker),
        ("fetchWorkerTags", 200, {}),
        ("createWorkerTag", 200, {"body": {"name": "another"}}),
        ("fetchWorkerTag", 200, of_tag),
        ("updateWorkerTag", 204, {"body": {"name": "changed"}} | of_tag),
        ("setJobTag", 204, {"body": {"id": tag["id"]}} | of_job),
        ("deleteWorkerTag", 204, of_tag),
        ("fetchJobs", 200, {}),
        ("submitJob", 200, {"body": submitted}),
        ("fetchJob", 200, of_job),
        ("deleteJobWhatWouldItDo", 200, of_job),
        ("setJobStatus", 204, {"body": {"status": "paused", "reason": "r"}} | of_job),
        ("setJobPriority", 204, {"body": {"priority": 1}} | of_job),
        ("fetchJobTasks", 200, of_job),
        ("fetchJobBlocklist", 200, of_job),
        ("removeJobBlocklist", 204, {"body": [{"worker_id": NOBODY, "task_type": "misc"}]} | of_job),
        ("fetchTask", 200, of_task),
        ("fetchTaskLogTail", 200, of_task),
        ("fetchTaskLogInfo", 200, of_task),
        ("setTaskStatus", 204, {"body": {"status": "canceled", "reason": "r"}} | of_task),
        ("deleteJob", 204, of_job),
        ("deleteJobMass", 204, {"body": {"last_updated_max": "2100-01-01T00:00:00Z"}}),
    ]
    with broken_database(another.manager):
        for operation, _, request in calls:
            answer = another.call(operation, 500, **request).json()
            assert answer["code"] == 500
            assert answer["message"].startswith(("The database cannot be used: no such table", "unexpected"))
        # Nobody has to look into the database for what stands elsewhere.
        another.call("getVersion", 200)
        another.call("getJobTypes", 200)
        another.call("submitJobCheck", 204, submitted)
    for operation, status, request in calls:
        another.call(operation, status, **request)


def test_unknown_paths_and_methods(farm: Farm) -> None:
    """The framework's own errors, in the words of today's Flamenco; literal paths come before ids."""
    with httpx.Client(base_url=f"{farm.manager.url}/api/v3") as client:
        missing, wrong = client.get("/nothing"), client.put("/version")
        assert (missing.status_code, missing.text) == (404, '{"message":"Not Found"}\n')
        assert (wrong.status_code, wrong.text) == (405, '{"message":"Method Not Allowed"}\n')
        for literal in ("types", "last-rendered"):
            assert client.get(f"/jobs/{literal}").status_code in (200, 204)


def test_every_status_was_seen(farm: Farm, another: Farm) -> None:
    """The tests above, together, got every status of every operation."""
    SEEN_ELSEWHERE.update(another.seen)
    promised = {(name, status) for name, each in PROMISED.items() for status in each["statuses"]}
    assert promised - farm.seen - SEEN_ELSEWHERE == set()
