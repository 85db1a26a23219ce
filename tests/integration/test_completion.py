"""What a shell is offered, as it asks: real processes, a real manager, and one that is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm.context import Farm
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job
from tests.integration.test_delivery import serving

Ask = Callable[..., list[str]]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What is offered is what the lists say, so one kind of database is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def url(farm: Farm) -> Iterator[str]:
    """A farm with two jobs and a worker, over a socket."""
    store_job(farm, authored_job(authored_task(), name="shot-010"))
    store_job(farm, authored_job(authored_task(), name="Shot 020 лес"))
    new_worker(farm, "render-07")
    with serving(farm) as address:
        yield address


def ask(words: str, url: str = "", of: str = "bash") -> list[str]:
    """What is offered where a line for a shell ends."""
    typed = f"flamenco {words}"
    environ = {**os.environ, "_FLAMENCO_COMPLETE": f"{of}_complete", "COMP_WORDS": typed, "FLAMENCO_MANAGER": url}
    environ["COMP_CWORD"] = str(len(typed.split(" ")) - 1)
    done = subprocess.run(
        [sys.executable, "-c", "from flamenco.cli import main; main(prog_name='flamenco')"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    lines = [line for line in done.stdout.split("\n") if line]
    return [line.partition(",")[2] for line in lines] if of == "bash" else lines


def test_what_there_is(url: str) -> None:
    """Jobs by their names where those are one word, else by their ids; workers; statuses after a comma."""
    assert ask("explain shot-", url) == ["shot-010"]
    (by_id,) = ask("cancel 020", url)
    assert len(by_id) == 8
    assert len(ask("pause ", url)) == 2
    assert ask("workers show r", url) == ["render-07"]
    assert ask("jobs --status queued,ca", url) == ["queued,cancel-requested", "queued,canceled"]


def test_names_do_no_harm(farm: Farm, url: str) -> None:
    """What somebody called a job moves no cursor and begins no line of what the shell reads."""
    store_job(farm, authored_job(authored_task(), name="evil\nplain,rm\x1b[2J\u202e"))
    (only,) = ask("explain evil", url)
    assert len(only) == 8
    told = ask("explain evil", url, of="zsh")
    assert told[2:] == ["evil\\nplain,rm\\x1b[2J\\u202e (queued)"]


def test_nobody_is_there() -> None:
    """Nothing is offered, and nothing said; commands and options are, all the same."""
    assert ask("explain s", "http://127.0.0.1:9") == []
    assert "explain" in ask("expl")
    assert "--manager" in ask("jobs list --man")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_shells_read(shell: str, tmp_path: Path) -> None:
    """It is what that shell takes, where it is here; and it asks for what is completed."""
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0, done.output
    assert f"_FLAMENCO_COMPLETE={shell}_complete" in done.output
    if shutil.which(shell):
        file = tmp_path / "completion"
        file.write_text(done.output)
        subprocess.run([shell, "-n", file], check=True, timeout=60)


def test_which_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is that of the environment, or one has to say."""
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert "#compdef flamenco" in CliRunner().invoke(main, ["completion"]).output
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    done = CliRunner().invoke(main, ["completion"])
    assert (done.exit_code, "bash, zsh, fish" in done.output) == (1, True)
