"""A plugin made from what the manual says alone, outside the repository: built as a wheel, installed, and used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.docs import manual

ROOT = Path(__file__).parents[2]

JOB_TYPE = """
const JOB_TYPE = { label: "Shouting", settings: [{ key: "message", type: "string", required: true }] };

function compileJob(job) {
    const task = author.Task("shout", "misc");
    task.addCommand(author.Command("shout", { message: job.settings.message }));
    job.addTask(task);
}
"""


def pip(*arguments: str) -> None:
    """Run pip, which must succeed."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=300)


def printed(environ: Mapping[str, str], folder: Path, *arguments: str) -> str:
    """What `flamenco` prints there."""
    done = subprocess.run(
        [sys.executable, "-m", "flamenco", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.long
def test_a_plugin_from_the_manual_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its wheel and ours, installed into a folder of their own: the plugin is found, and its command runs in a farm."""
    project, site = tmp_path / "flamenco-shout", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(manual.blocks("toml")[0])
    (project / "flamenco_shout.py").write_text(manual.blocks("python")[0])
    for source in (project, ROOT):
        pip("wheel", "--no-deps", "--wheel-dir", str(tmp_path / "wheels"), str(source))
    pip("install", "--no-deps", "--target", str(site), *map(str, (tmp_path / "wheels").glob("*.whl")))
    environ = {"PYTHONPATH": str(site)}

    where = "import flamenco; print(flamenco.__file__)"
    used = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, check=True
    )
    assert Path(used.stdout.decode().strip()).is_relative_to(site)
    plugins = {each["name"]: each for each in json.loads(printed(environ, tmp_path, "plugins", "list", "--json"))}
    shout = plugins["shout"]
    assert (shout["origin"], shout["enabled"], shout["version"]) == ("installed", True, "1.0")
    assert shout["hooks"] == ["command_types"]
    assert not plugins["fair_share"]["enabled"]
    assert "What to shout." in printed(environ, tmp_path, "commands", "show", "shout")

    monkeypatch.setenv("PYTHONPATH", str(site))
    with running_manager(tmp_path, "--processes", "1") as manager:
        (manager.data_dir / "jobtypes" / "shouting.js").write_text(JOB_TYPE)
        with running_workers(tmp_path, manager.url, 1), ManagerClient(manager.url) as client:
            job = client.submit_job(JobRequest(name="n", type="shouting", settings={"message": "hello there"}))
            assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED, 60), manager.log
        logs = [path.read_text() for path in (manager.data_dir / "storage").rglob("*.txt")]
    assert any("HELLO THERE" in text for text in logs)


PAGE_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "flamenco-example"
version = "1.0"

[project.entry-points.flamenco]
example = "flamenco_example"

[tool.hatch.build.targets.wheel]
packages = ["flamenco_example"]
"""


@pytest.mark.long
def test_the_page_of_an_installed_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the example of the manual: its module comes with its wheel, and is sent."""
    package, site = tmp_path / "project" / "flamenco_example", tmp_path / "site"
    package.mkdir(parents=True)
    (package.parent / "pyproject.toml").write_text(PAGE_PROJECT)
    (package / "__init__.py").write_text(manual.hooks()["web_pages"].example)
    (package / "example.js").write_text(manual.hooks()["web_pages"].module)
    for source in (package.parent, ROOT):
        pip("wheel", "--no-deps", "--wheel-dir", str(tmp_path / "wheels"), str(source))
    pip("install", "--no-deps", "--target", str(site), *map(str, (tmp_path / "wheels").glob("*.whl")))
    monkeypatch.setenv("PYTHONPATH", str(site))
    with running_manager(tmp_path, "--processes", "1") as manager, httpx.Client(base_url=manager.url) as client:
        (page,) = client.get("/api/x/pages").json()["pages"]
        assert (page["plugin"], page["title"]) == ("example", "What waits")
        assert client.get(page["module"]).text == manual.hooks()["web_pages"].module
        assert client.get("/web/ui.js").status_code == 200
        assert client.get("/api/x/example/waiting").json() == {"waiting": {}}
