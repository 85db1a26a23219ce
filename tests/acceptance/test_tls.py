"""A manager that speaks TLS itself: who works with it, what it refuses, and that a renewed certificate counts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, launch, on_both_long, running_manager, wait_until
from tests.acceptance.signing_in import PASSWORD, add_user
from tests.certificates import Authority, Pair

LARGE = 24 << 20


class Site(NamedTuple):
    """A manager with a certificate, and who vouches for it."""

    manager: Manager
    authority: Authority
    pair: Pair

    def client(self) -> httpx.Client:
        """Somebody who trusts it."""
        return httpx.Client(base_url=self.manager.url, verify=self.authority.trusting, timeout=30)

    def connect(self) -> ssl.SSLSocket:
        """A connection to it."""
        raw = socket.create_connection(self.address, timeout=30)
        return self.authority.trusting.wrap_socket(raw, server_hostname="localhost")

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        url = httpx.URL(self.manager.url)
        assert url.port is not None
        return url.host, url.port


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, web_server: str) -> Iterator[Site]:
    """A manager of two processes, or cheroot's one, with somebody who can sign in, and something large to download."""
    folder = tmp_path_factory.mktemp("site")
    authority = Authority(folder / "authority")
    pair = authority.vouch()
    add_user(folder / "data", "root", "admin")
    (folder / "data" / "flamenco3-addon.zip").write_bytes(os.urandom(LARGE))
    settings = (f"tls.certificate={pair.certificate}", f"tls.key={pair.key}", "access.mode=lan", f"server={web_server}")
    arguments = [word for setting in settings for word in ("--set", setting)]
    with running_manager(folder, "--processes", "2", *arguments, verify=authority.trusting) as manager:
        yield Site(manager, authority, pair)


REQUEST = b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"


def read_answers(connection: ssl.SSLSocket, count: int = 1) -> bytes:
    """So many answers of the kind that follow that request."""
    data = b""
    while data.count(b'"name":') < count:
        piece = connection.recv(1 << 16)
        assert piece, data
        data += piece
    return data


@on_both_long
def test_says_where_it_is(site: Site) -> None:
    """The address that is printed begins with https, and the page there leads nowhere else."""
    assert site.manager.url.startswith("https://127.0.0.1:")
    with site.client() as client:
        page = client.get("/", headers={"Accept": "text/html"}).text
    assert "<script" in page
    assert "http:" not in page


def test_names_of_the_certificate_are_its_own(site: Site) -> None:
    """Nobody has to allow them; others are refused as ever."""
    with site.client() as client:
        assert client.get("/api/version", headers={"Host": "farm.test"}).status_code == 200
        assert client.get("/api/version", headers={"Host": "farm.example.com"}).status_code == 421


def test_cookies_are_for_tls_alone(site: Site) -> None:
    """The session has the name that no other host can set, and goes away by the same terms."""
    with site.client() as client:
        answer = client.post("/api/x/sign-in", json={"name": "root", "password": PASSWORD})
        assert answer.status_code < 300, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-flamenco_session=")
        assert "; Secure" in cookie
        assert client.get("/api/x/users").status_code == 200
        gone = client.post("/api/x/sign-out").headers["Set-Cookie"]
        assert gone.startswith("__Host-flamenco_session=")
        assert "; Secure" in gone
        assert client.get("/api/x/users").status_code in (401, 403)


@pytest.mark.long
def test_a_browser_signs_in_and_out(site: Site) -> None:
    """A real one, which keeps to what such cookies are for."""
    program = shutil.which("chromium")
    assert program, "this test needs Chromium; on Debian: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True)
        page.goto(f"{site.manager.url}/sign-in")
        page.get_by_label("Name").fill("root")
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button").click()
        page.goto(f"{site.manager.url}/api/version")  # where nothing keeps a page from asking
        [cookie] = page.context.cookies()
        assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-flamenco_session", True, True)
        assert page.evaluate("() => fetch('/api/x/me').then(answer => answer.json())")["name"] == "root"
        assert page.evaluate("() => fetch('/api/x/sign-out', {method: 'POST'}).then(answer => answer.ok)")
        assert page.context.cookies() == []
        browser.close()


@on_both_long
def test_requests_one_after_the_other(site: Site) -> None:
    """Over one connection, several sent at once, and one in two pieces."""
    with site.connect() as connection:
        connection.sendall(3 * REQUEST + REQUEST[:20])
        answers = read_answers(connection, 3)
        connection.sendall(REQUEST[20:])
        answers += read_answers(connection)
        assert answers.count(b"HTTP/1.1 200 OK") == 4


@on_both_long
def test_much_goes_up_and_down(site: Site) -> None:
    """Files of many megabytes arrive whole, both ways."""
    with site.client() as client:
        addon = client.get("/flamenco3-addon.zip").content
        assert addon == (site.manager.data_dir / "flamenco3-addon.zip").read_bytes()
        body = b'{"name": "n", "type": "echo", "settings": {"message": "%b"}}' % (b"x" * (900 << 10))
        assert client.post("/api/jobs", content=body + b" " * (8 << 20), headers=JSON).status_code == 200


JSON = {"Content-Type": "application/json"}


@on_both_long
def test_plain_text_is_told(site: Site) -> None:
    """By an answer that any client can show."""
    answer = httpx.get(site.manager.url.replace("https", "http", 1))
    assert answer.status_code == 400
    assert "https://" in answer.text


@pytest.mark.long
@on_both_long
def test_half_handshakes_hold_up_nobody(site: Site) -> None:
    """Nor do clients in plain text; they are let go, and others are answered meanwhile."""
    hello = ssl.MemoryBIO()
    tls = site.authority.trusting.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    begun = hello.read()
    half = [socket.create_connection(site.address, timeout=30) for _ in range(200)]
    plain = [socket.create_connection(site.address, timeout=30) for _ in range(50)]
    try:
        for number, each in enumerate(half):
            each.sendall((b"", begun[:50], begun)[number % 3])
        for each in plain:
            each.sendall(REQUEST)
        started = time.monotonic()
        with site.client() as client:
            for _ in range(50):
                assert client.get("/api/version").status_code == 200
        assert time.monotonic() - started < 10
        for each in plain:
            assert each.recv(1000).startswith(b"HTTP/1.1 400 ")
        for each in half:
            while each.recv(1 << 16):
                pass
    finally:
        for each in (*half, *plain):
            each.close()


def run(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ours, that trusts the studio's authority."""
    environ = {**os.environ, "SSL_CERT_FILE": str(site.authority.certificate), "FLAMENCO_TOKEN": ""}
    return subprocess.run(
        [sys.executable, "-m", "flamenco", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_worker_and_commands(site: Site, tmp_path: Path) -> None:
    """A job that is submitted over TLS is run by a worker that comes over TLS; strangers are not trusted."""
    submitted = run(site, "submit", "--manager", site.manager.url, "echo", "--set", "message=over TLS", "--name", "n")
    assert submitted.returncode == 0, submitted.stderr
    trusting = ("--ca-file", str(site.authority.certificate))
    environ = {**os.environ, "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "flamenco", "worker", "--manager", site.manager.url, "--data-dir", str(tmp_path)]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen([*command, *trusting], env=environ, stdout=log, stderr=log)
    try:
        with site.client() as client:
            assert wait_until(lambda: "completed" in client.get("/api/v3/jobs").text, 60), (
                tmp_path / "log"
            ).read_text()
    finally:
        worker.terminate()
        worker.wait(STOP_TIMEOUT_S)


def serial(connection: ssl.SSLSocket) -> str:
    """The number of the certificate that was shown."""
    return str((connection.getpeercert() or {})["serialNumber"])


@on_both_long
def test_renewal(site: Site, web_server: str) -> None:
    """New connections get a renewed certificate, in every process, and old ones go on; a broken one changes nothing."""
    with site.connect() as old:
        old.sendall(REQUEST)
        read_answers(old)
        began = serial(old)
        whole = site.pair.certificate.read_bytes()
        site.pair.certificate.write_bytes(whole[:100])
        assert wait_until(lambda: "so the old one stays" in site.manager.log)
        with site.connect() as new:
            assert serial(new) == began
        renewed = site.authority.vouch()
        for file, place in zip(renewed, site.pair, strict=True):
            file.replace(place)
        said = "new connections get the renewed certificate"
        assert wait_until(lambda: site.manager.log.count(said) == (2 if web_server == "gunicorn" else 1))
        for _ in range(8):
            with site.connect() as new:
                assert serial(new) != began
                new.sendall(REQUEST)
                read_answers(new)
        old.sendall(REQUEST)
        read_answers(old)


@on_both_long
def test_configuration_anew(site: Site) -> None:
    """After SIGHUP, the processes that take over speak TLS as well."""
    site.manager.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: "the configuration was read anew" in site.manager.log)
    with site.client() as client:
        assert client.get("/api/version").status_code == 200
    assert "Traceback" not in site.manager.log


def test_refused_start(tmp_path: Path) -> None:
    """With files that cannot be used, a manager does not start, and says so before it does anything."""
    pair = Authority(tmp_path / "authority").vouch()
    pair.key.chmod(0o644)
    (tmp_path / "data").mkdir()
    settings = ("--set", f"tls.certificate={pair.certificate}", "--set", f"tls.key={pair.key}")
    process = launch(tmp_path / "data", tmp_path / "log", *settings)
    assert process.wait(30) == 2
    assert f"chmod 600 '{pair.key}'" in (tmp_path / "log").read_text()
    assert list((tmp_path / "data").iterdir()) == []
