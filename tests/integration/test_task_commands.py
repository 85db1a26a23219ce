"""What workers get to run, on each platform: for programs, for people, and as lines that they can run by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from falcon import testing
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain.model import Command
from flamenco.domain.variables import Variable, VariableValue, this_platform
from flamenco.farm.context import Farm
from flamenco.hooks.types import CommandType
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job, take
from tests.integration.test_delivery import serving

BLENDER = Variable(
    values=(
        VariableValue(value="/opt/blender", platform="linux"),
        VariableValue(value="/Applications/Blender.app/blender", platform="darwin"),
        VariableValue(value=r"C:\Program Files\blender.exe", platform="windows"),
    )
)
ROOT = Variable(
    is_twoway=True,
    values=(
        VariableValue(value="/mnt/farm", platforms=("linux", "darwin")),
        VariableValue(value="F:", platform="windows"),
    ),
)
COMMANDS = (
    Command("echo", {"message": "{text}"}),
    Command(
        "blender-render", {"exe": "{blender}", "exeArgs": "-b -y", "blendfile": "{root}/a b.blend", "args": ["-f", "7"]}
    ),
    Command("exec", {"exe": "rm", "args": ["-rf", "a'b", 3]}),
    Command("exec", {}),
    Command("of-a-plugin", {"deep": {"x": ["{text}"]}}),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to commands."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """A farm with workers on three platforms."""
    return make_farm(variables={"blender": BLENDER, "root": ROOT})


def ask(farm: Farm, task_id: str, query: str = "", status: int = 200) -> Any:
    """What the API says of a task's commands."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/tasks/{task_id}/commands{query}")
    assert answer.status_code == status, answer.text
    return answer.json


def test_each_platform_has_its_own(farm: Farm) -> None:
    """Variables of the farm and of the job are replaced as for a worker there, and lines are for its shell."""
    job = store_job(farm, authored_job(authored_task(commands=COMMANDS), variables={"text": "hello there"}))
    given = take(farm, new_worker(farm, platform="windows")).task
    found = ask(farm, given.id, "?platform=windows")
    assert found["platform"] == "windows"
    assert [each["parameters"] for each in found["commands"]] == [each.parameters for each in given.commands]
    echo, blender, remove, empty, plugin = found["commands"]
    assert echo == {"name": "echo", "parameters": {"message": "hello there"}}
    assert blender["line"] == r"& 'C:\Program Files\blender.exe' -b -y 'F:\a b.blend' -f 7"
    assert remove["line"] == "& rm -rf 'a''b' 3"
    assert 'mandatory parameter "exe" is missing' in empty["problem"]
    assert plugin == {"name": "of-a-plugin", "parameters": {"deep": {"x": ["{text}"]}}}
    linux = ask(farm, given.id, "?platform=linux")
    assert [each.get("line") for each in linux["commands"]] == [
        *(None, "/opt/blender -b -y '/mnt/farm/a b.blend' -f 7", "rm -rf 'a'\\''b' 3", None, None)
    ]
    own = ask(farm, given.id)
    assert own["platform"] == own["platforms"][0] == this_platform()
    assert {"linux", "windows", "darwin"} <= set(own["platforms"])
    assert job.id == given.job_id


def test_what_cannot_be_asked(farm: Farm) -> None:
    """A platform that is none, and a task that there is not."""
    job = store_job(farm, authored_job(authored_task()))
    (task,) = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/jobs/{job.id}/tasks").json["tasks"]
    assert "platform" in ask(farm, task["id"], "?platform=amiga", 400)["message"]
    ask(farm, job.id, "", 404)


def test_a_plugin_that_does_not_say_what_it_runs(farm: Farm) -> None:
    """Its parameters are shown all the same, and what went wrong is logged."""
    (known,) = [each for name, each in farm.command_types.items() if name == "exec"]

    def broken(_parameters: object) -> list[str]:
        raise LookupError("no such thing")

    kinds = CommandType(
        name="exec", description="", task_types=("misc",), parameters=known.parameters, run=known.run, argv=broken
    )
    farm.command_types = {**farm.command_types, "exec": kinds}
    job = store_job(farm, authored_job(authored_task(commands=(Command("exec", {"exe": "true"}),))))
    (task,) = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/jobs/{job.id}/tasks").json["tasks"]
    with capture_logs() as logs:
        assert ask(farm, task["id"])["commands"] == [{"name": "exec", "parameters": {"exe": "true"}}]
    assert any(each["event"] == "a command does not say what it runs" for each in logs)


def test_on_the_command_line(farm: Farm) -> None:
    """Lines for a shell, with comments for all else; JSON for programs."""
    store_job(farm, authored_job(authored_task("frame", commands=COMMANDS), name="shot", variables={"text": "a\nb"}))
    with serving(farm) as url:

        def run(*words: str) -> Result:
            return CliRunner().invoke(main, ["commands", "of", *words, "--manager", url])

        shown = run("shot", "frame", "--platform", "darwin").stdout.splitlines()
        assert shown[:6] == [
            "# echo",
            "#   message: a\\nb",
            "# blender-render",
            "/Applications/Blender.app/blender -b -y '/mnt/farm/a b.blend' -f 7",
            "# exec",
            "rm -rf 'a'\\''b' 3",
        ]
        assert shown[6].startswith("# exec: ")
        assert shown[7:] == ["# of-a-plugin", '#   deep: {"x":["{text}"]}']
        found = json.loads(run("shot", "1", "--json").stdout)
        assert (found["platform"], len(found["commands"])) == (this_platform(), len(COMMANDS))
        assert run("shot", "2").exit_code == 1
        assert run("shot", "1", "--platform", "amiga").exit_code == 2
