"""What is released is what was checked out: it works wherever, and however, somebody installs it as the manual says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Manager, await_manager, is_alive
from tests.docs import manual

ROOT = Path(__file__).parents[2]
VERSION = "9.8.7"
INSTALLED_WITHIN_S = 600.0

TRY_IT = """
from datetime import UTC, datetime
from uuid import uuid4
from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.model import Submission

assert bundled.job_types().is_relative_to({site!r}), bundled.job_types()
compiler = Compiler([bundled.job_types()])
submission = Submission(name="n", type="echo-sleep-test", settings={{"message": "m"}})
job = compiler.compile(submission, str(uuid4()), datetime.now(UTC), strict=True)
compiler.close()
print(len(job.tasks))
"""

pytestmark = pytest.mark.long


def plain(**changes: str) -> dict[str, str]:
    """The environment of somebody who has none of ours: but for what this machine says of its network."""
    ours = ("FLAMENCO_", "PYTHON", "VIRTUAL_ENV", "COVERAGE", "PIP_FIND_LINKS", "PIP_NO_INDEX")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | changes


def run(words: Sequence[str | Path], cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """What a program says on stdout. Fails with all that it said where it does not end well."""
    done = subprocess.run(
        words, cwd=cwd, env=environ or plain(), capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False
    )
    assert done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
    return done.stdout


def git(clone: Path, *words: str) -> str:
    """What git says in a clone, as somebody."""
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@studio.invalid", "-c", "tag.gpgSign=false")
    return run(["git", *who, *words], clone)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this checkout with all that was changed in it, ready for its release and with a tag."""
    folder = tmp_path_factory.mktemp("a clone") / "flamenco"
    git(ROOT, "clone", "--quiet", "--no-tags", str(ROOT), str(folder))
    there = set(git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1])
    for name in git(folder, "ls-files", "-z").split("\0")[:-1]:
        (folder / name).unlink()
    for name in there:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    changes = folder / "CHANGELOG.md"
    changes.write_text(changes.read_text().replace("## [Unreleased]", f"## [{VERSION}] - 2031-02-03", 1))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "As it is")
    return folder


@pytest.fixture(scope="module")
def dist(clone: Path) -> Path:
    """What `scripts/release` makes of a tag; it has built everything twice, and found no difference."""
    git(clone, "tag", "--annotate", "--message", "A release", f"v{VERSION}")
    said = run(["scripts/release", "--no-checks", "--bundle"], clone)
    assert sorted(path.name for path in (clone / "dist").iterdir()) == [
        "SHA256SUMS",
        *sorted(line.split()[1] for line in said.splitlines()),
    ]
    run(["sha256sum", "--check", "--strict", "SHA256SUMS"], clone / "dist")
    return clone / "dist"


@pytest.fixture
def wheel(dist: Path) -> Path:
    """The wheel of the release."""
    return dist / f"flamenco_farm-{VERSION}-py3-none-any.whl"


def test_packages_are_complete(clone: Path, dist: Path, wheel: Path) -> None:
    """The wheel has every file of program, job types and plugins, and the source archive all but CI's."""
    everything = set(git(clone, "ls-files").splitlines())
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not name.startswith("flamenco_farm-")}
    made_of = {name.replace("flamenco/_bundled/", "") for name in inside} - {"flamenco/_version.py"}
    assert made_of == {name for name in everything if name.startswith(("flamenco/", "jobtypes/", "plugins/"))}
    with tarfile.open(dist / f"flamenco_farm-{VERSION}.tar.gz") as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert names - {"PKG-INFO", "flamenco/_version.py"} == {name for name in everything if not name.startswith(".ci/")}


def test_a_wheel_compiles_its_job_types(wheel: Path, tmp_path: Path) -> None:
    """One that was unpacked elsewhere finds its prelude and its job types in itself."""
    site = tmp_path / "site"
    shutil.unpack_archive(wheel, site, "zip")
    script = f"import sys; sys.path.insert(0, {str(site)!r})\n" + TRY_IT.format(site=str(site))
    environ = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    assert run([sys.executable, "-c", script], tmp_path, environ) == "2\n"


def test_without_tags_or_git(clone: Path, dist: Path, tmp_path: Path) -> None:
    """A clone without tags says how many commits it has; a source archive in another's repository says what it is."""
    git(tmp_path, "clone", "--quiet", "--no-tags", str(clone), str(tmp_path / "tagless"))
    assert built(tmp_path / "tagless").startswith("flamenco_farm-0.0.1.dev")
    others = tmp_path / "somebody else's"
    others.mkdir()
    git(others, "init", "--quiet")
    git(others, "commit", "--quiet", "--allow-empty", "--message", "Ours")
    git(others, "tag", "v1.0.0")
    shutil.unpack_archive(dist / f"flamenco_farm-{VERSION}.tar.gz", others, filter="data")
    assert built(others / f"flamenco_farm-{VERSION}") == f"flamenco_farm-{VERSION}-py3-none-any.whl"


def built(folder: Path) -> str:
    """The name of the wheel that pip makes of a folder."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "made", "."], folder)
    (found,) = (folder / "made").iterdir()
    return found.name


def test_a_release_of_what_is_not_committed(clone: Path, dist: Path, tmp_path: Path) -> None:
    """There is none, and none is uploaded without a tag: it says why, before it has done anything."""
    folder = tmp_path / "flamenco"
    git(tmp_path, "clone", "--quiet", "--no-tags", str(clone), str(folder))
    for expected in ("that comes from a tag", "Not everything here is committed"):
        done = subprocess.run(
            [folder / "scripts/release", "--upload"],
            env=plain(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert expected in done.stderr
        (folder / "new.txt").touch()
    assert not (folder / "dist").exists()
    assert not (folder / ".venv").exists()


@contextmanager
def manager_of(program: Path, folder: Path) -> Iterator[Manager]:
    """A manager that somebody starts with what they have installed."""
    folder.mkdir()
    log = folder / "manager.log"
    words = [str(program), "manager", "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, env=plain(HOME=str(folder)), cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        manager = await_manager(process, folder / "data", log)
        yield manager
        assert manager.stop() == 0, manager.log
    finally:
        if is_alive(process.pid):
            os.killpg(process.pid, 9)
        process.wait()


def assert_works(program: Path, folder: Path) -> None:
    """It says its version; its manager is well and serves the page; its worker does what somebody submits."""
    assert run([program, "--version"], folder) == f"flamenco {VERSION}\n"
    with manager_of(program, folder / "farm") as manager:
        assert httpx.get(f"{manager.url}/healthz").status_code == 200
        assert httpx.get(f"{manager.url}/api/v3/version").json()["shortversion"] == VERSION
        page = httpx.get(f"{manager.url}/", headers={"Accept": "text/html"}, follow_redirects=True)
        assert page.headers["Content-Type"].startswith("text/html")
        assert VERSION in page.text
        at = plain(FLAMENCO_MANAGER=manager.url, HOME=str(folder), FLAMENCO_HOME=str(folder / "worker"))
        with subprocess.Popen([program, "worker", "--manager", manager.url], env=at, stderr=subprocess.PIPE) as worker:
            settings = ("--set", "message=hello", "--set", "sleep_duration_seconds=0")
            run([program, "submit", "echo-sleep-test", "--name", "Hello", *settings, "--wait"], folder, at)
            worker.terminate()
            worker.communicate(timeout=60)


def test_pip(wheel: Path, tmp_path: Path) -> None:
    """In a virtual environment, by the manual's lines; a farm of it renders what a demo shows."""
    environ = plain(HOME=str(tmp_path))
    shutil.copy(wheel, tmp_path)
    for line in manual.blocks("sh", "docs/packages.md")[1].splitlines():
        run(["sh", "-ec", line.replace("VERSION", VERSION)], tmp_path, environ)
    assert_works(tmp_path / "flamenco/bin/flamenco", tmp_path)
    run([tmp_path / "flamenco/bin/flamenco", "demo", "--frames", "2", "--workers", "1"], tmp_path, environ)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where uv and pipx are, as PyPI has them."""
    folder = tmp_path_factory.mktemp("tools")
    run([sys.executable, "-m", "venv", folder], folder)
    run([folder / "bin/pip", "install", "--quiet", "uv", "pipx"], folder)
    return folder / "bin"


@pytest.mark.parametrize("tool", ["uv", "pipx"])
@pytest.mark.parametrize("source", ["wheel", "git"])
def test_tools(tools: Path, clone: Path, wheel: Path, tmp_path: Path, tool: str, source: str) -> None:
    """By the manual's line for each: of a wheel, and of the address of a repository with a tag."""
    shutil.copy(wheel, tmp_path)
    (line,) = (each for each in manual.blocks("sh", "docs/packages.md")[0].splitlines() if each.startswith(tool))
    words = line.replace("VERSION", VERSION).split()
    if source == "git":
        words[-1] = f"git+file://{clone.as_posix().replace(' ', '%20')}@v{VERSION}"
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    environ = plain(HOME=str(tmp_path), PATH=path, UV_PYTHON=sys.executable, PIPX_DEFAULT_PYTHON=sys.executable)
    run(words, tmp_path, environ)
    assert_works(tmp_path / ".local/bin/flamenco", tmp_path)
    if source == "wheel":
        with_extras(tmp_path, environ, tool)


def with_extras(folder: Path, environ: Mapping[str, str], tool: str) -> None:
    """Installed again by the manual's line for that, it has the libraries of plugins; without it, it says so."""
    (folder / "flamenco-manager.yaml").write_text(manual.blocks("yaml", "docs/operating.md")[0])
    program = folder / ".local/bin/flamenco"
    before = subprocess.run([program, "doctor"], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert "docs/packages.md" in before.stdout + before.stderr
    (line,) = (each for each in manual.blocks("sh", "docs/packages.md")[3].splitlines() if each.startswith(tool))
    run(["sh", "-ec", line.replace("VERSION", VERSION)], folder, environ)
    run([program, "doctor"], folder, environ)


def test_a_bundle(dist: Path, tools: Path, tmp_path: Path) -> None:
    """By the lines of its own README, where there is no network: by pip, and by uv."""
    (archive,) = dist.glob("flamenco-farm-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "PIP_INDEX_URL", "UV_INDEX_URL"), "http://127.0.0.1:9")
    environ = plain(HOME=str(tmp_path), PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", **nowhere)
    run(["sha256sum", "--check", "--strict", "SHA256SUMS"], folder)
    told = [line.strip() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
    manuals = manual.blocks("sh", "docs/packages.md")[5].splitlines()
    assert told[:2] == manuals
    for line in told:
        own = line.removeprefix("sudo ").replace("/opt/", f"{tmp_path}/opt/").replace("python3 ", f"{sys.executable} ")
        run(["sh", "-ec", own], folder, environ | {"UV_PYTHON": sys.executable})
    assert_works(tmp_path / "opt/flamenco/bin/flamenco", tmp_path)
    assert run([tmp_path / ".local/bin/flamenco", "--version"], tmp_path, environ) == f"flamenco {VERSION}\n"
