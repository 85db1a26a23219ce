"""A real nginx before a manager, with TLS and below a path, configured as docs/access.md has it."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.acceptance.conftest import Manager, on_both_long, running_manager, wait_until
from tests.acceptance.signing_in import PASSWORD, add_user
from tests.docs import manual

NAME = "farm.studio.com"
JOB = {"name": "shot 12", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}}

FRAME = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


class Site(NamedTuple):
    """A manager, and where nginx has it."""

    manager: Manager
    port: int
    certificate: Path

    def client(self, address: str = "127.0.0.2") -> httpx.Client:
        """Somebody at another address than the proxy, who trusts its certificate."""
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        transport = httpx.HTTPTransport(verify=trusting, local_address=address)
        # No name server knows it.
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}/flamenco/",
            headers={"Host": f"{NAME}:{self.port}"},
            transport=transport,
            timeout=60,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, web_server: str) -> Iterator[Site]:
    """Both, with a manager in mode login that trusts the proxy."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "this test needs nginx; on Debian: apt install nginx-light"
    folder = tmp_path_factory.mktemp("site")
    add_user(folder / "data", "root", "admin")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    certificate, key = folder / "farm.pem", folder / "farm.key"
    named = ["-subj", f"/CN={NAME}", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *named]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    settings = {
        "access.mode": "login",
        "server": web_server,
        "access.proxy.trusted": "[127.0.0.1]",
        "public_url": f"https://{NAME}:{port}/flamenco",
    }
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    with running_manager(folder, "--processes", "2", *arguments) as manager:
        server = (
            manual.blocks("nginx", "docs/access.md")[0]
            .replace("listen 443", f"listen 127.0.0.1:{port}")
            .replace("http://127.0.0.1:8080", manager.url)
            .replace(f"/etc/ssl/{NAME}.pem", str(certificate))
            .replace(f"/etc/ssl/{NAME}.key", str(key))
        )
        configuration = folder / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""
        configuration.write_text(FRAME.format(folder=folder, server=server, user=user))
        with (folder / "nginx.log").open("wb") as log:
            nginx = subprocess.Popen([program, "-p", folder, "-c", configuration], stderr=log)
        try:
            found = Site(manager, port, certificate)
            with found.client() as client:
                assert wait_until(lambda: _answers(client)), (folder / "nginx.log").read_text()
            yield found
        finally:
            nginx.terminate()
            nginx.wait(10)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("api/version").status_code == 200
    except httpx.TransportError:
        return False


def sign_in(client: httpx.Client) -> httpx.Response:
    """As the page does: with the headers of a browser that is on it."""
    body = {"name": "root", "password": PASSWORD}
    origin = f"https://{client.headers['Host']}"
    return client.post("api/x/sign-in", json=body, headers={"Origin": origin}).raise_for_status()


@on_both_long
def test_signing_in_over_tls(site: Site) -> None:
    """The cookie never goes without TLS, and the manager knows from where somebody comes, whatever they say."""
    with site.client() as client:
        answer = sign_in(client)
        assert answer.headers["set-cookie"].startswith("__Host-flamenco_session=")
        assert client.get("api/x/me").json()["name"] == "root"
        spoofed = {"X-Forwarded-For": "10.9.9.9", "X-Real-IP": "10.9.9.9", "Forwarded": "for=10.9.9.9"}
        client.post("api/v3/worker-mgt/tags", json={"name": "gpu"}, headers=spoofed).raise_for_status()
        change = client.get("api/x/audit").json()["changes"][0]
        assert (change["operation"], change["address"]) == ("createWorkerTag", "127.0.0.2")
        strange = client.post("api/v3/jobs", json=JOB, headers={"Origin": "https://evil.example"})
        assert strange.status_code == 403


def test_links_lead_back_through_the_proxy(site: Site) -> None:
    """To logs, and with a key in the path as well."""
    with site.client() as client:
        sign_in(client)
        made = client.post("api/x/tokens", json={"name": "t", "role": "submit"}).json()
        job = client.post(f"{made['path'].lstrip('/')}api/v3/jobs", json=JOB).json()
        tasks = client.get(f"api/v3/jobs/{job['id']}/tasks").json()["tasks"]
        client.post(f"api/v3/tasks/{tasks[0]['id']}/setstatus", json={"status": "canceled", "reason": "no need"})
        for prefix in ("", made["path"].lstrip("/")):
            url = client.get(f"{prefix}api/v3/tasks/{tasks[0]['id']}/log").json()["url"]
            assert url.startswith(f"/flamenco/{prefix}job-files/")
            read = client.get(f"https://127.0.0.1:{site.port}{url}")
            assert "queued -> canceled" in read.text


@on_both_long
def test_files_go_straight_through(site: Site) -> None:
    """The manager has the beginning of an upload while its end is not sent yet."""
    content = os.urandom(1 << 20)
    path = f"api/v3/shaman/files/{hashlib.sha256(content).hexdigest()}/{len(content)}"
    go_on = threading.Event()

    def blocks() -> Iterator[bytes]:
        yield content[: 1 << 19]
        assert go_on.wait(60)
        yield content[1 << 19 :]

    with site.client() as client, site.client() as other:
        sign_in(client)
        sign_in(other)
        answers: list[httpx.Response] = []
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
        upload = threading.Thread(
            target=lambda: answers.append(client.post(path, content=blocks(), headers=headers)), daemon=True
        )
        upload.start()
        try:
            assert wait_until(lambda: other.get(path).json()["status"] == "uploading", 30)
        finally:
            go_on.set()
            upload.join(60)
        assert answers[0].status_code == 200
        assert other.get(path).json()["status"] == "stored"


def test_whoever_follows_events_waits(site: Site) -> None:
    """For something to happen, and is told at once when it does."""
    with site.client() as client, site.client() as other:
        sign_in(client)
        sign_in(other)
        start = client.get("api/x/events").json()["next"]
        told: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: told.append(client.get(f"api/x/events?after={start}&topics=/jobs&wait=30")), daemon=True
        )
        asking.start()
        job = other.post("api/v3/jobs", json=JOB).json()
        asking.join(30)
        assert job["id"] in told[0].text


@pytest.mark.long
def test_a_worker_over_tls(site: Site, tmp_path: Path) -> None:
    """With the certificates of those who vouch for the manager it works, through the proxy; without, it says why."""
    with site.client() as client:
        sign_in(client)
        made = client.post("api/x/workers", json={"name": "render-07", "platform": "linux"}).json()
        credentials = tmp_path / "flamenco-worker-credentials.yaml"
        credentials.write_text(f"worker_id: {made['worker_id']}\nworker_secret: {made['secret']}\n")
        credentials.chmod(0o600)
        job = client.post("api/v3/jobs", json=JOB).json()
        url = f"https://127.0.0.1:{site.port}/flamenco/"
        command = [sys.executable, "-m", "flamenco", "worker", "--data-dir", str(tmp_path), "--manager", url]
        log = tmp_path / "worker.log"
        for more, done in (
            ([], lambda: "CERTIFICATE_VERIFY_FAILED" in log.read_text()),
            (["--ca-file", str(site.certificate)], lambda: _status(client, job["id"]) == "completed"),
        ):
            with log.open("wb") as output:
                worker = subprocess.Popen([*command, *more], stdout=output, stderr=output, cwd=tmp_path)
            try:
                assert wait_until(done, 30), log.read_text()
            finally:
                worker.terminate()
                worker.wait(10)


def _status(client: httpx.Client, job_id: str) -> str:
    status: str = client.get(f"api/v3/jobs/{job_id}").json()["status"]
    return status
