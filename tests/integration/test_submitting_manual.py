"""What docs/submitting.md and docs/api.md show, as somebody types it: commands, a file of settings, programs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm.context import Farm
from tests.docs import manual
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.test_delivery import serving

PAGE = "docs/submitting.md"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it works; what the last lines steer is the one job that is called like that."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "try.yaml").write_text(manual.blocks("yaml", PAGE)[0])
    said: dict[str, list[str]] = {}
    with serving(farm) as url:
        assert CliRunner().invoke(main, ["tags", "create", "gpu", "--manager", url]).exit_code == 0
        for line in lines_for_a_shell(PAGE):
            where = () if line.startswith("flamenco jobtypes") else ("--manager", url)
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], *where])
            assert done.exit_code == 0, (line, done.output)
            said.setdefault(" ".join(line.split()[1:3]), []).append(done.stdout)
    assert "simple-blender-render" in said["jobtypes list"][0]
    assert "sleep_duration_seconds" in said["jobtypes show"][0]
    assert "hello" in said["submit echo-sleep-test"][0]
    assert len(said["submit echo-sleep-test"][1].strip()) == 36
    assert "Try" in said["jobs --search"][0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_programs(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    """One submits a job, the other finds it."""
    with serving(farm) as url:
        for page in (PAGE, "docs/api.md"):
            (program,) = manual.blocks("python", page)
            assert "http://farm:8080" in program
            exec(compile(program.replace("http://farm:8080", url), page, "exec"), {})  # noqa: S102 - our own manual
    said = capsys.readouterr().out.splitlines()  # with lines of the manager's own log
    assert any(len(line) == len(" queued") + 36 and line.endswith(" queued") for line in said)
    assert "From a program queued" in said
