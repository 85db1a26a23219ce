"""The commands of docs/frames.md, as somebody types them one after the other."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm.context import Farm
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.farming import new_worker, run_next, statuses
from tests.integration.framing import render_job, shown
from tests.integration.test_delivery import serving


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm) -> None:
    """All of it works, and says what was done."""
    job = render_job(farm, "1-10", "11-20", "40-48", name="Shot 12")
    worker = new_worker(farm)
    for _ in range(4):
        run_next(farm, worker)
    said = []
    with serving(farm) as url:
        for line in lines_for_a_shell("docs/frames.md"):
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--manager", url])
            assert done.exit_code == 0, done.output
            said.append(done.stdout)
            if len(said) == 2:
                run_next(farm, worker)
    again, tried, split, listed, skipped, failed = said
    assert again == "render-11-20: queued again, for the frames 12\n1 task queued again, depending on these\n"
    assert tried.splitlines() == [
        "render-40-48: would be queued again, for the frames 40-48",
        "1 task with such frames to be run anyway",
    ]
    assert split.splitlines() == [
        "render-40-48: queued again, for the frames 40-48",
        "render-12: is new, for the frames 12",
    ]
    assert "render-12" in listed
    assert (skipped, failed) == ("render-40-48: skipped\n", "0 tasks skipped\n")
    assert statuses(farm, job) == ["active", "completed", "completed", "completed", "queued", "queued"]
    assert shown(farm, job)["render-11-20"] == "11,13-20 completed"
