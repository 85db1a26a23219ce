"""The commands of docs/limits.md, as somebody types them one after the other."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm import tags, workers
from flamenco.farm.context import Farm
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.farming import new_worker
from tests.integration.limiting import worker_at
from tests.integration.test_delivery import serving


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm) -> None:
    """All of it works, and says what the manual says that it does."""
    gpu = tags.create(farm, "gpu")
    tags.set_of_worker(farm, new_worker(farm, "render-01").id, [gpu.id])
    worker_at(farm, "render-07", "10.0.0.7")
    workers.sign_off(farm, new_worker(farm, "old-laptop"))
    said: dict[str, list[str]] = {}
    with serving(farm) as url:
        for line in lines_for_a_shell("docs/limits.md"):
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--manager", url])
            assert done.exit_code == 0, (line, done.output)
            said.setdefault(" ".join(line.split()[1:3]), []).append(done.stdout)
    assert "user:ann" in said["limits"][0]
    assert "machine:10.0.0.7" in said["limits set"][-1]
    assert "this job is not for this worker" in said['explain "Shot'][-1]
    assert "render-07 for misc" in said['job "Shot'][0]
    assert "Fan broken, a new one comes on Monday" in said["workers show"][0]
    assert "old-laptop" in said["workers list"][0]
