"""Who may do what, with real managers, workers and commands: the first day, all ways in, revoking, guessing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.signing_in import PASSWORD, add_user, signed_in

JOB = {"name": "shot 12", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}}


class Shell:
    """A user of a machine, who types commands; what they store is below `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
        self.environ: Mapping[str, str] = kept | {"FLAMENCO_HOME": str(home), "COLUMNS": "200"}

    def run(self, *words: object, given: str = "", fails: bool = False) -> str:
        """Type a command, to its end; what it said, on stdout or, when it `fails`, on stderr."""
        command = [sys.executable, "-m", "flamenco", *map(str, words)]
        done = subprocess.run(
            command,
            input=given,
            text=True,
            capture_output=True,
            env=self.environ,
            cwd=self.home,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout


@pytest.fixture(scope="module")
def in_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager that wants to know everybody, and whose administrator is root."""
    folder = tmp_path_factory.mktemp("login")
    add_user(folder / "data", "root", "admin")
    with running_manager(folder, "--processes", "2", "--set", "access.mode=login") as running:
        yield running


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a Chromium."""
    program = shutil.which("chromium")
    assert program, "this test needs Chromium; on Debian: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def become_administrator(page: Page, link: str) -> None:
    """Open the link that the manager printed, and fill in the form; a password that is too short is told."""
    page.goto(link)
    for password in ("short", PASSWORD):
        page.get_by_label("Name").fill("root")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button").click()
        page.wait_for_load_state()
        if password == "short":
            assert "10 to" in page.get_by_role("alert").inner_text()
    page.goto(f"{link.partition('/sign-in')[0]}/api/version")
    assert page.evaluate("() => fetch('/api/x/me').then(answer => answer.json())")["name"] == "root"


@pytest.mark.long
def test_the_first_day(tmp_path: Path, page: Page) -> None:
    """The link that is printed makes the administrator; who may do what is said, and so is how to sign in."""
    with running_manager(tmp_path, "--set", "access.mode=lan") as manager:
        assert "mode lan: from private networks one may look" in manager.log
        found = re.search(r"http://\S+/sign-in\?link=flt_\w+", manager.log)
        assert found, manager.log
        become_administrator(page, found[0])
        shell = Shell(tmp_path / "home")
        refused = shell.run("tags", "create", "gpu", "--manager", manager.url, fails=True)
        assert "flamenco login" in refused
        shell.run("jobs", "--manager", manager.url)
        said = shell.run("login", manager.url, "--name", "root", "--password-stdin", given=f"{PASSWORD}\n")
        assert "as root, with the role admin" in said
        shell.run("tags", "create", "gpu", "--manager", manager.url)
        assert (shell.home / "flamenco-tokens.yaml").stat().st_mode & 0o077 == 0
        assert "createWorkerTag" in shell.run("audit", "--manager", manager.url)


@pytest.mark.long
def test_commands_speak_as_who_has_signed_in(in_login: Manager, tmp_path: Path) -> None:
    """Tokens are made, listed and revoked; a file that others can read is refused; signing out ends it."""
    shell = Shell(tmp_path / "home")
    assert "flamenco login" in shell.run("jobs", "--manager", in_login.url, fails=True)
    shell.run("login", in_login.url, "--name", "root", "--password-stdin", given=f"{PASSWORD}\n")
    token = shell.run("tokens", "add", "Gaffer", "--role", "submit", "--manager", in_login.url).strip()
    listed = json.loads(shell.run("tokens", "--json", "--manager", in_login.url))
    assert [each["name"] for each in listed][-2:] == ["flamenco login", "Gaffer"]
    other = Shell(tmp_path / "other")
    other.run("login", in_login.url, "--token-stdin", given=f"{token}\n")
    other.run("submit", "echo", "--name", "by Gaffer", "--set", "message=m", "--manager", in_login.url)
    assert "may not manage" in other.run("tags", "create", "x", "--manager", in_login.url, fails=True)
    shell.run("tokens", "revoke", listed[-1]["id"], "--manager", in_login.url)
    (file := other.home / "flamenco-tokens.yaml").chmod(0o644)
    assert f"chmod 600 '{file}'" in other.run("jobs", "--manager", in_login.url, fails=True)
    file.chmod(0o600)
    assert wait_until(lambda: all(_is_refused(in_login, token) for _ in range(20)), 30)
    assert "revoked" in other.run("jobs", "--manager", in_login.url, fails=True)
    shell.run("logout", "--manager", in_login.url)
    assert "not signed in" in shell.run("logout", "--manager", in_login.url, fails=True)


def _is_refused(manager: Manager, token: str) -> bool:
    return httpx.get(f"{manager.url}/api/x/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_an_addon_with_a_key_in_the_path(in_login: Manager, tmp_path: Path) -> None:
    """All that Blender's add-on asks, as it asks: it sends nothing but what stands in its preferences."""
    shell = Shell(tmp_path / "home")
    shell.run("login", in_login.url, "--name", "root", "--password-stdin", given=f"{PASSWORD}\n")
    address = shell.run("connect", "--manager", in_login.url).strip()
    assert address.startswith(f"{in_login.url}/t/flt_")
    with httpx.Client(base_url=address) as addon:
        for path in ("version", "configuration", "configuration/shared-storage/users/linux", "worker-mgt/tags"):
            assert addon.get(f"api/v3/{path}").status_code == 200, path
        kinds = addon.get("api/v3/jobs/types").json()["job_types"]
        etag = next(each["etag"] for each in kinds if each["name"] == "echo")
        job = addon.post("api/v3/jobs", json=JOB | {"type_etag": etag}).json()
        assert addon.get(f"api/v3/jobs/{job['id']}").json()["name"] == "shot 12"
        assert addon.get("api/v3/worker-mgt/workers").status_code == 403
    key = address.partition("/t/")[2].rstrip("/")
    assert key not in in_login.log


@pytest.mark.long
@pytest.mark.parametrize("way", ["key", "credentials", "approval"])
def test_a_worker_of_ours_comes_in(tmp_path: Path, way: str) -> None:
    """By a key in the address, by credentials made beforehand, or once somebody has approved it; then it works."""
    add_user(tmp_path / "data", "root", "admin")
    registration = {"key": "secret", "credentials": "closed", "approval": "approve"}[way]
    settings = ("--set", "access.mode=login", "--set", f"workers.registration={registration}")
    with running_manager(tmp_path, *settings) as manager, signed_in(manager.url, "root") as root:
        shell, data, url = Shell(tmp_path / "home"), tmp_path / "worker", manager.url
        data.mkdir()
        shell.run("login", manager.url, "--name", "root", "--password-stdin", given=f"{PASSWORD}\n")
        if way == "key":
            key = shell.run("tokens", "add", "nodes", "--role", "register", "--manager", manager.url).strip()
            url = f"{manager.url}/t/{key}/"
        if way == "credentials":
            file = data / "flamenco-worker-credentials.yaml"
            shell.run("workers", "add", "render-07", "--credentials", file, "--manager", manager.url)
        job = root.post("/api/v3/jobs", json=JOB).json()
        command = [
            sys.executable,
            "-m",
            "flamenco",
            "worker",
            "--data-dir",
            str(data),
            "--manager",
            url,
            "--name",
            "render-07",
        ]
        log = tmp_path / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(command, stdout=output, stderr=output, env=shell.environ, cwd=tmp_path)
        try:
            if way == "approval":
                assert wait_until(lambda: "signed on" in log.read_text()), log.read_text()
                code = re.search(r"code_for_approval='?\"?(\d{3} \d{3})", log.read_text())
                assert code, log.read_text()
                assert root.get("/api/x/overview").json()["workers"][0]["warning"].endswith(code[1].replace(" ", ""))
                approve = ("workers", "approve", "render-07", "--manager", manager.url)
                wrong = f"{(int(code[1].replace(' ', '')) + 1) % 1_000_000:06}"
                assert "not its code" in shell.run(*approve, "--code", wrong, fails=True)
                said = shell.run(*approve, given="n\n", fails=True)
                assert f"render-07 at 127.0.0.1: waits for approval, with the code {code[1].replace(' ', '')}" in said
                assert "nobody was approved" in said
                shell.run(*approve, "--code", code[1])
            assert wait_until(lambda: root.get(f"/api/v3/jobs/{job['id']}").json()["status"] == "completed", 30), (
                log.read_text()
            )
        finally:
            worker.terminate()
            worker.wait(10)
        assert "flt_" not in log.read_text()
        assert "flt_" not in manager.log


@pytest.mark.long
def test_what_is_revoked_is_refused_by_every_process_within_ten_seconds(in_login: Manager) -> None:
    """However often it is asked meanwhile."""
    with signed_in(in_login.url, "root") as root:
        made = root.post("/api/x/tokens", json={"name": "t", "role": "view"}).json()
        for _ in range(50):  # both processes know it
            assert not _is_refused(in_login, made["text"])
        root.delete(f"/api/x/tokens/{made['token']['id']}")
        revoked = let_in = time.monotonic()
        refusals = 0
        while refusals < 50:
            asked = time.monotonic()
            is_refused = _is_refused(in_login, made["text"])
            let_in, refusals = (let_in, refusals + 1) if is_refused else (asked, 0)
            assert asked - revoked < 60
        assert let_in - revoked < 10


def test_what_a_worker_of_flamenco_asks(in_login: Manager) -> None:
    """The words of the wire: 403 without a challenge where it is not let in, and its usual answers where it is."""
    url = f"{in_login.url}/api/v3/worker"
    refused = httpx.post(f"{url}/sign-on", json={})
    assert (refused.status_code, refused.headers.get("WWW-Authenticate")) == (403, None)
    wrong: dict[str, Any] = {"auth": ("6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a", "wrong")}
    refused = httpx.post(f"{url}/task", **wrong)
    assert (refused.status_code, refused.headers.get("WWW-Authenticate")) == (403, None)
