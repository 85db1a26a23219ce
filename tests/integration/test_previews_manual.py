"""The commands of docs/previews.md on orders and previews, as somebody types them one after the other."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.farm import previews
from flamenco.farm.context import Farm
from tests.docs import manual
from tests.integration.farming import new_worker, run_next
from tests.integration.test_delivery import serving


def typed(heading: str) -> list[str]:
    """The lines for a shell below a heading of the manual."""
    text = (manual.ROOT / "docs" / "previews.md").read_text("utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = section.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ")
    return [line for line in block.splitlines() if line]


def run(line: str, url: str) -> str:
    """Type it."""
    done = CliRunner().invoke(main, [*shlex.split(line, comments=True)[1:], "--manager", url])
    assert done.exit_code == 0, (line, done.output)
    return done.stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm) -> None:
    """All of it works, and does what it says."""
    with serving(farm) as url:
        submit, every, forward = typed("Choose the order of frames")
        run(submit, url)
        assert run(every, url) == "Shot 14: put into another order\n"
        assert run(forward, url) == "Shot 14: put into another order\n"
        submit, explain, waiting, link, approve = typed("Look at a few frames first")
        run(submit, url)
        assert "preview first: first,middle,last" in run(explain, url)
        assert run(waiting, url) == "No job is like that; `flamenco jobs` lists them.\n"
        run('flamenco pause "Shot 14"', url)
        worker = new_worker(farm)
        for _ in range(3):
            run_next(farm, worker)
        assert "Shot 15" in run(waiting, url)
        address = run(link, url).strip()
        assert address.startswith(f"{url}/approve/")
        assert previews.asked(farm, address.rpartition("/")[2]).job.name == "Shot 15"
        assert run(approve, url) == "Shot 15: approved\n"
        refused = CliRunner().invoke(main, [*shlex.split(approve)[1:], "--manager", url])
        assert (refused.exit_code, "was approved already" in refused.output) == (1, True)
