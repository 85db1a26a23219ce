"""Every shipped plugin in a real manager with real workers, configured as its documentation shows."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

from flamenco.client import JobRequest, ManagerClient, ManagerError
from tests.acceptance.brokers import listening, running_broker
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import is_completed, running_workers, summary
from tests.plugins.loading import documented_example, load_documented
from tests.plugins.test_oidc import PUBLIC_URL, providing

JOB_TIMEOUT_S = 60.0

NOTED_JOB_TYPE = """
const JOB_TYPE = { label: "Noted", settings: [
    { key: "count", type: "int32", default: 1 },
    { key: "folder", type: "string", required: true },
    { key: "seconds", type: "string", default: "0" },
] };

function compileJob(job) {
    for (let number = 0; number < job.settings.count; number++) {
        const task = author.Task(`${job.name}-${number}`, "misc");
        const note = (sign) => `echo "${sign} ${job.name}" >> "$0/ran"`;
        const script = `${note("+")}; sleep ${job.settings.seconds}; ${note("-")}`;
        task.addCommand(author.Command("exec", { exe: "/bin/sh", args: ["-c", script, job.settings.folder] }));
        job.addTask(task);
    }
}
"""
"""`count` tasks, each of which notes in the file `ran` when it begins and ends."""


class Farm(NamedTuple):
    """A manager, a client of it, and the folder that its workers write into."""

    manager: Manager
    client: ManagerClient
    folder: Path

    def submit(self, name: str, job_type: str = "noted", **fields: Any) -> str:
        """Submit a job; its settings get the folder."""
        settings = {"folder": str(self.folder)} if job_type == "noted" else {}
        settings |= fields.pop("settings", {})
        return self.client.submit_job(JobRequest(name=name, type=job_type, settings=settings, **fields)).id

    def finish(self, *job_ids: str) -> None:
        """Wait until the jobs are completed."""
        for job_id in job_ids:
            done = wait_until(partial(is_completed, self.manager.url, job_id), JOB_TIMEOUT_S)
            assert done, (summary(self.manager.url, job_id), self.manager.log)

    @property
    def ran(self) -> list[str]:
        """The names of jobs in the order in which tasks of theirs began."""
        return [line[2:] for line in (self.folder / "ran").read_text().splitlines() if line.startswith("+")]

    def flamenco(self, *arguments: str) -> Any:
        """What a command prints as JSON, with the manager's configuration."""
        environ = {**os.environ, "FLAMENCO_MANAGER": self.manager.url}
        done = subprocess.run(
            [sys.executable, "-m", "flamenco", *arguments, "--json"],
            cwd=self.folder.parent,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@contextmanager
def farm_of(folder: Path, plugin: str, replaced: Mapping[str, str] | None = None) -> Iterator[Farm]:
    """A manager of two processes with the documented example of the plugin, in which some texts may be replaced."""
    text = documented_example(plugin)
    for old, new in (replaced or {}).items():
        assert old in text
        text = text.replace(old, new)
    config = folder / "flamenco-manager.yaml"
    config.write_text(text)
    shared = folder / "shared"
    shared.mkdir()
    with running_manager(folder, "--processes", "2", "--config", str(config)) as manager:
        (manager.data_dir / "jobtypes" / "noted.js").write_text(NOTED_JOB_TYPE)
        with ManagerClient(manager.url) as client:
            yield Farm(manager, client, shared)


@pytest.mark.long
def test_fair_share(tmp_path: Path) -> None:
    """Projects are a setting to choose from; who has had little comes first; `flamenco shares` tells who had what."""
    with farm_of(tmp_path, "fair_share") as farm:
        (noted,) = [each for each in farm.client.job_types() if each.name == "noted"]
        assert "project" in {setting.key for setting in noted.settings}
        film = farm.submit("film", settings={"project": "film", "count": 6, "seconds": "0.3"})
        with running_workers(tmp_path, farm.manager.url, 1):
            assert wait_until((farm.folder / "ran").exists, JOB_TIMEOUT_S)
            series = farm.submit("series", settings={"project": "series", "count": 2})
            farm.finish(film, series)
        assert farm.client.job(series).metadata["project"] == "series"
        assert farm.ran.index("series") < 5, "it did not wait for all of the other's tasks"
        shares = {each["account"]: each for each in farm.flamenco("shares")}
        assert shares["film"]["used_s"] > shares["series"]["used_s"]
        assert [term.policy for term in farm.client.explain(film).terms] == ["priority", "fair_share"]
        with pytest.raises(ManagerError, match="choose one of film"):
            farm.submit("other", settings={"project": "other"})


@pytest.mark.long
def test_ageing(tmp_path: Path) -> None:
    """A job says how long it has waited, and that counts more and more."""
    with farm_of(tmp_path, "ageing") as farm:
        job = farm.submit("old")
        (before,) = [term for term in farm.client.explain(job).terms if term.policy == "ageing"]
        grown = wait_until(lambda: farm.client.explain(job).terms[-1].score > before.score, JOB_TIMEOUT_S)
        assert grown
        with running_workers(tmp_path, farm.manager.url, 1):
            farm.finish(job)


@pytest.mark.long
def test_deadline(tmp_path: Path) -> None:
    """A job that is nearly due comes before one that was there first; a deadline that is none is refused."""
    with farm_of(tmp_path, "deadline") as farm:
        first = farm.submit("first")
        due = farm.submit("due", metadata={"deadline": (datetime.now(UTC) + timedelta(minutes=20)).isoformat()})
        with pytest.raises(ManagerError, match="tomorrow"):
            farm.submit("never", metadata={"deadline": "tomorrow"})
        assert (farm.client.explain(due).position, farm.client.explain(first).position) == (1, 2)
        with running_workers(tmp_path, farm.manager.url, 1):
            farm.finish(first, due)
        assert farm.ran == ["due", "first"]


@pytest.mark.long
def test_working_hours(tmp_path: Path) -> None:
    """A project that is to run on another day waits, and says for when; all else is done."""
    day = f"days: {datetime.now(UTC) + timedelta(days=3):%a}"
    with farm_of(tmp_path, "working_hours", {"days: mo tu we th fr": day, "days: sa su": day}) as farm:
        film = farm.submit("film", metadata={"project": "Sprite Fright"}, priority=90)
        other = farm.submit("other")
        with running_workers(tmp_path, farm.manager.url, 1):
            farm.finish(other)
        assert farm.ran == ["other"]
        (hold,) = farm.client.explain(film).holds
        assert (hold.policy, hold.reason[:8]) == ("working_hours", "goes on ")


@pytest.mark.long
def test_worker_limits(tmp_path: Path) -> None:
    """Three workers and a job for one at a time: no two of its tasks overlap, and the others do something else."""
    with farm_of(tmp_path, "worker_limits") as farm:
        with running_workers(tmp_path, farm.manager.url, 3):
            narrow = farm.submit("narrow", settings={"count": 4, "seconds": "0.2", "max_workers": 1}, priority=90)
            wide = farm.submit("wide", settings={"count": 6, "seconds": "0.2"})
            farm.finish(narrow, wide)
        lines = (farm.folder / "ran").read_text().splitlines()
        changes = {"+ narrow": 1, "- narrow": -1}
        assert max(accumulate(changes.get(line, 0) for line in lines)) == 1
        with pytest.raises(ManagerError, match="max_workers"):
            farm.submit("odd", settings={"max_workers": -1})
        assert farm.flamenco("limits") == []


class _Receiver(BaseHTTPRequestHandler):
    """Takes in deliveries, and fails the first one."""

    def do_POST(self) -> None:
        """Keep what came, or answer that it cannot be taken now."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received: list[tuple[Mapping[str, str], bytes]] = self.server.received  # type: ignore[attr-defined]
        received.append((dict(self.headers), body))
        self.send_response(503 if len(received) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.long
def test_webhooks(tmp_path: Path) -> None:
    """Every change of a job is posted, signed, in order, and again where it was not taken the first time."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    received: list[tuple[Mapping[str, str], bytes]] = []
    server.received = received  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    here = {"localhost:9000": f"127.0.0.1:{server.server_address[1]}"}
    try:
        with farm_of(tmp_path, "webhooks", here) as farm, running_workers(tmp_path, farm.manager.url, 1):
            job = farm.submit("job")
            farm.finish(job)
            assert wait_until(lambda: b'"completed"' in b"".join(body for _, body in received), JOB_TIMEOUT_S)
            assert [(sink["name"], sink["dead"]) for sink in farm.flamenco("sinks", "list")] == [("webhooks.chat", 0)]
    finally:
        server.shutdown()
        server.server_close()
    headers, body = received[-1]
    signed = hmac.new(b"change-me", headers["X-Flamenco-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Flamenco-Signature"] == f"sha256={signed}"
    numbers = [int(headers["X-Flamenco-Delivery"]) for headers, _ in received]
    assert numbers[0] == numbers[1], "the first one was tried again"
    assert numbers == sorted(numbers)
    assert {json.loads(body)["payload"]["id"] for _, body in received} == {job}


@pytest.mark.long
def test_mqtt(tmp_path: Path) -> None:
    """A configuration of today's Flamenco is all it takes: what happens is told to those who listen to the broker."""
    with running_broker(tmp_path, password="change-me") as broker, listening(broker.port, "change-me") as listener:
        here = {"localhost:1883": f"127.0.0.1:{broker.port}"}
        with farm_of(tmp_path, "mqtt", here) as farm, running_workers(tmp_path, farm.manager.url, 1):
            job = farm.submit("job")
            farm.finish(job)
            told = {"flamenco/jobs", f"flamenco/jobs/{job}", "flamenco/workers"}
            assert wait_until(lambda: told <= {message.topic for message in listener.messages}, JOB_TIMEOUT_S)
            assert wait_until(
                lambda: "completed" in {message.payload.get("status") for message in listener.messages}, JOB_TIMEOUT_S
            )
            assert [(sink["name"], sink["dead"]) for sink in farm.flamenco("sinks", "list")] == [("mqtt", 0)]


@pytest.mark.long
def test_event_log(tmp_path: Path) -> None:
    """Whatever happens is a line of JSON in a file."""
    with farm_of(tmp_path, "event_log") as farm, running_workers(tmp_path, farm.manager.url, 1):
        job = farm.submit("job")
        farm.finish(job)
        file = tmp_path / "events.jsonl"
        assert wait_until(lambda: file.exists() and f'"id":"{job}"' in file.read_text().replace(" ", ""), JOB_TIMEOUT_S)
        assert wait_until(lambda: '"completed"' in file.read_text(), JOB_TIMEOUT_S)
        topics = {json.loads(line)["topic"] for line in file.read_text().splitlines()}
    assert {"/jobs", f"/jobs/{job}", "/workers"} <= topics


@pytest.mark.long
def test_prometheus(tmp_path: Path) -> None:
    """What the farm does is there to be scraped."""
    with farm_of(tmp_path, "prometheus") as farm, running_workers(tmp_path, farm.manager.url, 1):
        farm.finish(farm.submit("job", settings={"count": 3}))
        polls = re.compile(r'flamenco_request_duration_seconds_count\{.*operation="scheduleTask".*\} [1-9]')
        # The other process has its say within some seconds.
        assert wait_until(lambda: bool(polls.search(httpx.get(f"{farm.manager.url}/metrics").text)), JOB_TIMEOUT_S)
        answer = httpx.get(f"{farm.manager.url}/metrics", timeout=10)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = dict(re.findall(r"^(\w+\{[^}]*\}) (\S+)$", answer.text, re.MULTILINE))
    assert float(values['flamenco_jobs{status="completed"}']) == 1
    assert float(values['flamenco_tasks{status="completed"}']) == 3
    assert float(values['flamenco_workers{status="awake"}']) == 1


@pytest.mark.long
def test_oiio_commands(tmp_path: Path) -> None:
    """The job type that the plugin brings makes a contact sheet by the command that it brings, on a worker that has it.

    A worker without the plugin is given none of it.
    """
    with farm_of(tmp_path, "oiio_commands") as farm:
        for number in range(4):
            Image.new("RGB", (80, 40), (60 * number, 20, 20)).save(farm.folder / f"frame-{number}.png")
        sheet = farm.folder / "sheet.png"
        job = farm.submit(
            "sheet",
            "make-contact-sheet",
            settings={
                "images": str(farm.folder / "frame-*.png"),
                "output_file": str(sheet),
                "columns": 2,
                "tile_width": 40,
                "tile_height": 20,
            },
        )
        with running_workers(tmp_path, farm.manager.url, 1):
            without = wait_until(lambda: [w for w in farm.client.overview().workers if w.status == "awake"] != [])
            assert without
            (waiting,) = farm.client.explain(job).waiting
            assert (waiting.why, waiting.count) == ("no-worker-with-command", 1)
            (tmp_path / "able").mkdir()
            with running_workers(tmp_path / "able", farm.manager.url, 1, "--plugins", "oiio_commands"):
                farm.finish(job)
        with Image.open(sheet) as image:
            assert image.width >= 80
            assert image.height >= 40


def test_proxy_header(tmp_path: Path) -> None:
    """Whom the proxy names is signed in, with the role of the example; without the header nobody is."""
    with farm_of(tmp_path, "proxy_header", {"[10.0.0.2]": "[127.0.0.1]"}) as farm:
        url = f"{farm.manager.url}/api/x/me"
        roles = {name: httpx.get(url, headers={"X-Remote-User": name}).json()["role"] for name in ("anna", "bob")}
        assert roles == {"anna": "admin", "bob": "artist"}
        assert httpx.get(url).status_code == 401


def test_oidc(tmp_path: Path) -> None:
    """Somebody presses the button, says at the provider who they are, and comes back as a user of the farm."""
    with providing() as provider:
        replaced = {
            "https://login.studio.com/realms/studio": provider.issuer,
            "https://farm.studio.com": PUBLIC_URL,
            "…": "a secret of two",
        }
        provider.claims["groups"] = ["td"]
        with farm_of(tmp_path, "oidc", replaced) as farm, httpx.Client(base_url=farm.manager.url) as browser:
            button = browser.get("/api/x/sign-in").json()["ways"][0]
            away = browser.get(button["path"])
            back = browser.get(provider.authorize(away.headers["location"]))
            assert (back.status_code, back.headers["location"]) == (303, "/")
            me = browser.get("/api/x/me").json()
            assert (me["name"], me["role"]) == ("anna", "wrangler")
            assert "a secret of two" not in farm.manager.log


def test_every_shipped_plugin_is_tested_here(tmp_path: Path) -> None:
    """A plugin that is added gets a test above, and its example is a configuration that enables it."""
    plugins = {path.stem for path in (Path(__file__).parents[2] / "plugins").iterdir() if path.suffix in ("", ".py")}
    for plugin in plugins - {"__pycache__"}:
        assert f"test_{plugin}" in globals(), plugin
        assert plugin in load_documented(plugin, tmp_path).config.plugins
