"""The images' recipes, where no container engine runs: their steps are taken in an empty folder, in place of `/`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server
from typing import Any, NamedTuple

import pytest
import yaml

from flamenco.config import Config
from flamenco.config.declared import settings_of
from flamenco.worker import worker_settings
from tests.acceptance.conftest import START_TIMEOUT_S, STOP_TIMEOUT_S, wait_until

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "scripts/containers"

INSTRUCTIONS = {
    *("FROM", "ARG", "RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE"),
    *("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"),
}


class Step(NamedTuple):
    """An instruction of a recipe, without ends of lines."""

    what: str
    text: str


def steps(name: str) -> list[Step]:
    """A recipe as an engine reads it."""
    text = re.sub(r"^\s*#.*\n", "", (RECIPES / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]
    assert {each.what for each in found} <= INSTRUCTIONS
    return found


def variables(name: str) -> dict[str, str]:
    """What a recipe puts into the environment."""
    words = [word for each in steps(name) if each.what == "ENV" for word in shlex.split(each.text)]
    return dict(word.split("=", 1) for word in words)


def test_recipes_are_as_they_should_be() -> None:
    """Not as root, with a volume, told to end as we want to be; what is left of a package list is taken away."""
    for name in ("manager.Dockerfile", "worker.Dockerfile"):
        found = steps(name)
        texts = [f"{each.what} {each.text}" for each in found]
        assert texts.index("USER 10001") < next(at for at, each in enumerate(found) if each.what == "ENTRYPOINT")
        assert any("useradd --uid 10001 " in text for text in texts)
        assert {"VOLUME /data", "STOPSIGNAL SIGTERM", 'ENTRYPOINT ["flamenco"]'} <= set(texts)
        for each in found:
            if each.what == "RUN" and "apt-get install" in each.text:
                assert "--no-install-recommends" in each.text
                assert "rm -rf /var/lib/apt/lists/*" in each.text
            if each.what == "COPY" and not each.text.startswith("--from"):
                *sources, _ = each.text.split()
                assert all((ROOT / source).exists() for source in sources), each.text
        assert not any(each.what == "FROM" and each.text.endswith(":latest") for each in found)


def test_the_names_of_settings() -> None:
    """Each variable is a setting of ours; a mistake would be found by a manager that does not start."""
    composed: dict[str, Any] = yaml.safe_load((RECIPES / "compose.yaml").read_text())
    ours = {**variables("manager.Dockerfile"), **composed["services"]["manager"]["environment"]}
    known = {setting.environment_name for setting in settings_of(Config)}
    assert {name for name in ours if name.startswith("FLAMENCO_")} <= known
    proxy = composed["services"]["proxy"]["networks"]["farm"]["ipv4_address"]
    assert ours["FLAMENCO_ACCESS_PROXY_TRUSTED"] == proxy
    worker = {name for name in variables("worker.Dockerfile") if name.startswith("FLAMENCO_")}
    assert worker == {"FLAMENCO_HOME"}
    assert "FLAMENCO_WORKER_MANAGER_URL" in (RECIPES / "worker.Dockerfile").read_text()
    assert any(setting.key == "manager_url" for setting in worker_settings.settings_list())
    asked = set(re.findall(r"\{\$(\w+)", (RECIPES / "Caddyfile").read_text()))
    assert asked == set(composed["services"]["proxy"]["environment"])
    built = composed["services"]["manager"]["build"]
    assert (RECIPES / built["context"] / built["dockerfile"]).resolve().is_file()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """What the manager's image has, below a folder."""
    folder = tmp_path / "image"
    work = folder / "source"
    for step in steps("manager.Dockerfile"):
        if step.what == "WORKDIR":
            work = folder / step.text.lstrip("/")
            work.mkdir(parents=True, exist_ok=True)
        elif step.what == "COPY" and not step.text.startswith("--from"):
            *sources, target = step.text.split()
            for source in sources:
                place = work / target if len(sources) == 1 else work / target / source
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, place)
        elif step.what == "RUN" and "useradd" not in step.text:
            told = step.text.replace("/opt/", f"{folder}/opt/")
            subprocess.run(["sh", "-ec", told], cwd=work, check=True, timeout=600)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.long
def test_the_manager_of_the_image(root: Path) -> None:
    """It starts with what the recipe says and nothing else, is well by the recipe's judgement, and ends when told."""
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    own = {name: value.replace("/opt/", f"{root}/opt/") for name, value in variables("manager.Dockerfile").items()}
    own |= {name: f"{root}{own[name]}" for name in ("FLAMENCO_DATA_DIR", "FLAMENCO_SHARED_STORAGE_PATH")}
    own |= {"FLAMENCO_LISTEN": f"127.0.0.1:{port}", "HOME": str(root / "data")}
    own["PATH"] = own["PATH"].replace("$PATH", os.environ["PATH"])
    (root / "farm").mkdir()
    (command,) = (each.text for each in steps("manager.Dockerfile") if each.what == "CMD")
    health = re.search(r"CMD (\[.*\])", next(e.text for e in steps("manager.Dockerfile") if e.what == "HEALTHCHECK"))
    assert health is not None
    check = [word.replace("8080", str(port)) for word in yaml.safe_load(health[1])]
    process = subprocess.Popen(["flamenco", *yaml.safe_load(command)], env=own, cwd=root / "data")
    try:
        assert wait_until(
            lambda: not subprocess.run(check, env=own, stderr=subprocess.DEVNULL, timeout=30, check=False).returncode,
            START_TIMEOUT_S,
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.wait()
    assert (root / "data/flamenco-manager.sqlite").is_file()
