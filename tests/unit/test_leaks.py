"""The search for secrets at the end of a run of tests: it finds each that is somewhere, and nothing else."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import FEW, Search

ROOT = Path(__file__).parents[2]
TOKEN = "_".join(("flt", "a1b2c3", "kD93jfhQ7sLmZxUe02NvbTyRpWq"))
SECRET = "a secret of enough letters"
RANDOM = "8b1a9953c4611296a827abf8c47804d7" * 2

LEAKING = f"""
import logging
import falcon, falcon.testing, httpx

TOKEN, SECRET = {TOKEN!r}, {SECRET!r}
HEADERS = {{"Authorization": "Basic {base64.b64encode(f"id:{SECRET}".encode()).decode()}"}}

class Echo:
    def on_get(self, req, resp):
        resp.text = req.get_param("text") or "nothing"

def ask(text):
    app = falcon.App()
    app.add_route("/", Echo())
    return falcon.testing.TestClient(app).simulate_get("/", headers=HEADERS, params={{"text": text}})

def test_learn():
    assert ask("nothing").text == "nothing"

def test_file(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "manager.log").write_text(f"before {{SECRET}} after")

def test_token_in_file(tmp_path):
    (tmp_path / "access.log").write_text(f"GET /t/{{TOKEN}}/api/version")

def test_other_file(tmp_path):
    (tmp_path / "flamenco-worker-credentials.yaml").write_text("worker_id: me\\nworker_secret: {RANDOM}\\n")
    (tmp_path / "database.sqlite").write_bytes(b"\\0" * 1000 + b"{RANDOM}" + b"\\0")

def test_printed():
    print(f"Authorization: {{SECRET}}")

def test_logged():
    logging.getLogger("a").warning("token %s", TOKEN)

def test_answered():
    ask(SECRET)

def test_over_the_network():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=f"you are {{SECRET}}"))
    httpx.Client(transport=transport, auth=("id", SECRET)).get("http://x/network")
"""
"""Tests that pass, each of which leaves a secret somewhere."""

PLACES = (
    "test_file0/deep/er/manager.log",
    "test_token_in_file0/access.log",
    "test_other_file0/database.sqlite",
    "test_printed, Captured stdout",
    "test_logged, Captured log",
    "answer to GET /:",
    "answer to GET /network",
)

CLEAN = f"""
def test_files(tmp_path):
    (tmp_path / "flamenco-worker-credentials.yaml").write_text("worker_id: me\\nworker_secret: {RANDOM}\\n")
    (tmp_path / "worker.log").write_text("worker_id: me, flt_a1b2_***, {RANDOM[:8]}")
    (tmp_path / "link").symlink_to(tmp_path / "flamenco-worker-credentials.yaml")
    print("nothing")
"""


def run(folder: Path, tests: str, *arguments: str) -> tuple[int, str]:
    """The exit code of a run of these tests with the search, and what it printed."""
    (folder / "test_given.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.leaks", "--basetemp", str(folder / "made"), *arguments]
    environ = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    shutil.rmtree(folder / "made")  # the search at the end of the run that this is in would find it as well
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="one process"),
        pytest.param(("-p", "xdist", "-n", "2"), marks=pytest.mark.long, id="two processes"),
    ],
)
def test_leaks_are_found(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A run whose tests all pass fails for what they left in files, logs and answers, and says where, not what."""
    code, said = run(tmp_path, LEAKING, *arguments)
    assert code == 1, said
    assert "8 passed" in said
    for place in PLACES if not arguments else PLACES[1:3]:
        assert place in said
    complaints = "\n".join(line for line in said.splitlines() if " that begins with " in line)
    assert not any(secret in complaints for secret in (TOKEN, SECRET, RANDOM))


def test_nothing_else_is_found(tmp_path: Path) -> None:
    """Files that are there to hold a secret may do so, also by a link, and what only looks like one is none."""
    code, said = run(tmp_path, CLEAN)
    assert code == 0, said


@pytest.mark.parametrize("text", ["", "short", "x" * 100, "abababababababababab"])
def test_what_is_no_secret(text: str) -> None:
    """What might stand anywhere is not looked for."""
    search = Search()
    search.learn(text)
    assert not search.known


@pytest.mark.parametrize(
    ("text", "is_token"),
    [
        (f"/t/{TOKEN}/api", True),
        (f"token={TOKEN}", True),
        ("flt_ID_SECRET", False),
        ("flt_a1b2c3_…", False),
        ("flt_a1b2c3_***", False),
        ("flt_a1b2c3", False),
    ],
)
def test_tokens(text: str, is_token: bool) -> None:
    """A token is found by its form, wherever it stands; its number alone is none."""
    search = Search()
    search.look_at("log", text.encode(), tokens=True)
    assert bool(search.found) == is_token
    assert TOKEN not in "".join(search.found)


@pytest.mark.parametrize("others", [0, FEW + 1])
@pytest.mark.parametrize("secret", ["abcdefghijklmnop12", "words of a secret, and more"])
def test_however_many_secrets_there_are(secret: str, others: int) -> None:
    """Each is found, as a word among others, as a part of one, and with spaces in it."""
    search = Search()
    for number in range(others):
        search.learn(f"another-secret-{number}-zyxwv")
    search.learn(secret)
    search.look_at("clean", b"nothing in here, but many a word", tokens=False)
    assert search.found == []
    search.look_at("log", f"it said {secret} and-{secret}-then".encode(), tokens=False)
    assert search.found == [f"log: the secret that begins with {secret[:4].encode()!r}"]
