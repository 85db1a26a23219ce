"""The commands of docs/workers.md that speak to a manager, as somebody types them one after the other."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm.context import Farm
from tests.conftest import authored_job, authored_task
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.farming import new_worker, store_job
from tests.integration.test_delivery import serving


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm) -> None:
    """All of it works, but for the first two lines, which start workers: tests/acceptance/test_five_minutes.py."""
    start, named, *typed = lines_for_a_shell("docs/workers.md")
    assert (start, named) == ("flamenco worker", "flamenco worker --manager http://farm:8080")
    new_worker(farm, "render-07")
    store_job(farm, authored_job(authored_task(), name="Shot 12"))
    said: dict[str, list[str]] = {}
    with serving(farm) as url:
        for line in typed:
            if "--tag desks" in line:  # which a farm has to have
                assert CliRunner().invoke(main, ["tags", "create", "desks", "--manager", url]).exit_code == 0
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--manager", url])
            assert done.exit_code == 0, (line, done.output)
            said.setdefault(" ".join(line.split()[1:3]), []).append(done.stdout)
    assert "render-07" in said["workers"][0]
    assert len(said["workers request"]) == 4
    assert "asleep" in said["workers request"][0]
    assert "gpu" in said["tags assign"][0]
