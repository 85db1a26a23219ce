"""The commands of docs/time.md, as somebody types them one after the other."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.farming import new_worker
from tests.integration.test_delivery import serving


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm) -> None:
    """All of it works, and in the end the limits are those that were said last."""
    said: dict[str, list[str]] = {}
    with serving(farm) as url:
        for line in lines_for_a_shell("docs/time.md"):
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--manager", url])
            assert done.exit_code == 0, done.output
            said.setdefault(line.split()[1], []).append(done.stdout)
            if line.startswith("flamenco submit"):
                claim.assign_next(farm, new_worker(farm))
    assert said["time-limits"] == ["Shot 12: given other limits on time\n"]
    limits, waits = said["explain"]
    assert "limits: tasks of type misc may take 3 h (by the job), may be silent for 20 m (by the job)\n" in limits
    assert ": license server is down  (" in waits
    assert said["start-after"] == ["Shot 13: given another start\n"] * 2
