"""The manual of plugins: nothing is missing, nothing is wrong, and every example does what it says."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import falcon.testing
import pytest
import yaml
from click.testing import CliRunner

from flamenco import CommandFailed, builtin
from flamenco.api.app import Application, create_app
from flamenco.cli import main
from flamenco.client import ManagerClient, ManagerError
from flamenco.config import Loaded, load
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.hooks import specs
from flamenco.hooks.manager import Hooks
from flamenco.testing import FakeWorker
from flamenco.web.assets import STATIC
from tests.docs import manual

HOOKS = [name for name, function in vars(specs).items() if hasattr(function, f"{specs.PROJECT}_spec")]
SHIPPED = [
    path.stem
    for path in sorted((Path(__file__).parents[2] / "plugins").iterdir())
    if path.suffix == ".py" or (path / "__init__.py").is_file()
]

Submit = Callable[..., Any]
FakeWorkers = Callable[..., FakeWorker]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Which plugins, of the core and the shipped ones, implement each hook."""
    folder = tmp_path_factory.mktemp("all")
    file = folder / "flamenco-manager.yaml"
    file.write_text(yaml.safe_dump({"plugins": SHIPPED}))
    plugins = load(file, folder, environ={}, hooks=builtin.core_hooks({})).hooks.plugins()
    assert {plugin.name for plugin in plugins if plugin.enabled} >= {*SHIPPED, "builtin.core"}
    return {hook: {plugin.name for plugin in plugins if hook in plugin.hooks} for hook in HOOKS}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook: str, users: dict[str, set[str]]) -> None:
    """A heading with its exact signature, when it is called and what it gives, an example, a test, and all its users.

    A hook that fewer than two plugins use is none.
    """
    arguments = ", ".join(inspect.signature(getattr(specs, hook)).parameters)
    section = manual.hooks()[hook]
    assert section.signature == f"{hook}({arguments})"
    assert "\nCalled: " in section.text
    assert "\nGives: " in section.text
    assert f"def {hook}(" in section.example
    assert f"test_hook_{hook}" in globals()
    assert section.users == users[hook]
    assert len(users[hook]) >= 2


def test_no_hook_is_documented_that_does_not_exist() -> None:
    """What is gone from the code is gone from the manual."""
    assert set(manual.hooks()) == set(HOOKS)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_plugin_is_mentioned(name: str) -> None:
    """The manual and the README beside the plugins list all of them."""
    readme = Path(__file__).parents[2] / "plugins" / "README.md"
    assert f"- `{name}`: " in manual.TEXT
    assert f"- `{name}`: " in readme.read_text()


@pytest.mark.parametrize("number", range(len(manual.blocks("yaml"))))
def test_configurations_can_be_read(number: int, tmp_path: Path) -> None:
    """Every piece of configuration is one that a manager takes."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml")[number])
    loaded = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({}))
    assert any(plugin.enabled and plugin.origin == "shipped" for plugin in loaded.hooks.plugins())
    assert loaded.hooks.scheduling_policies(loaded.config)


def test_every_block_of_python_is_run_here() -> None:
    """Each is the first plugin, an example of a hook, or the example of a test; there is no other."""
    first, *others, test = manual.blocks("python")
    assert others == [section.example for section in manual.hooks().values()][: len(others)]
    assert "def command_types" in first
    assert "pytestmark" in test


def test_the_first_plugin(tmp_path: Path) -> None:
    """The file of the first minute gives a command, wherever it is put."""
    (tmp_path / "shout.py").write_text(manual.blocks("python")[0])
    hooks = builtin.worker_hooks((), tmp_path, environ={})
    assert hooks.command_types()["shout"].task_types == ("misc",)
    (plugin,) = [each for each in hooks.plugins() if each.name == "shout"]
    assert plugin.summary == "Shouts: a command that writes a message to the task's log in capitals."


@pytest.mark.long
def test_the_example_of_a_test(tmp_path: Path) -> None:
    """Run as an author would run it, it passes."""
    (tmp_path / "test_example.py").write_text(manual.blocks("python")[-1])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "flamenco.testing", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "test_example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


# -- one test for each hook, about its example --------------------------------------------------------------------


def test_hook_settings(submit: Submit, fake_worker: FakeWorkers, client: ManagerClient, configuration: Loaded) -> None:
    """At four minutes past three nothing is handed out by default, and the reason is told."""
    job = submit("blender-echo")
    assert fake_worker().next_task() is None
    assert client.explain(job.id).holds[0].reason == "jobs are handed out from 18 to 24 h"
    assert {"plugins.example.begin", "plugins.example.end"} <= {setting.key for setting in configuration.shown()}


@pytest.mark.flamenco(plugins={"example": {"begin": 3, "end": 4}})
def test_hook_settings_from_a_file(submit: Submit, fake_worker: FakeWorkers) -> None:
    """With other hours in the file, jobs are handed out."""
    submit("blender-echo")
    assert fake_worker().next_task()


def test_hook_command_types(fake_worker: FakeWorkers, tmp_path: Path, client: ManagerClient) -> None:
    """The command counts, fails with a sentence, and is documented."""
    (tmp_path / "three").write_text("a\nb\nc\n")
    worker = fake_worker()
    lines = worker.run_command("count-lines", file=str(tmp_path / "three"), atLeast=2)
    assert lines[-1] == "3 lines"
    with pytest.raises(CommandFailed, match="has 3 lines, 9 are needed"):
        worker.run_command("count-lines", file=str(tmp_path / "three"), atLeast=9)
    documented = {each["name"]: each for each in client.get("/api/x/commands")["commands"]}
    assert [each["name"] for each in documented["count-lines"]["parameters"]] == ["file", "atLeast"]


def test_hook_job_type_folders(configuration: Loaded, farm: Farm) -> None:
    """Scripts in the folder beside the plugin are job types."""
    folder = Path(configuration.config.plugins_path) / "example_job_types"
    assert folder in configuration.hooks.job_type_folders()
    folder.mkdir()
    (folder / "from_plugin.js").write_text('const JOB_TYPE = { label: "x" }; function compileJob(job) {}')
    assert "from-plugin" in {job_type.name for job_type in farm.compiler.job_types()}


def test_hook_job_settings(farm: Farm, submit: Submit, client: ManagerClient) -> None:
    """Blender jobs are asked for the kind of shot, others are not; it is checked and stored."""
    shown = falcon.testing.TestClient(create_app(farm)).simulate_get("/api/jobs/types").json["job_types"]
    settings = {each["name"]: [setting["key"] for setting in each["settings"]] for each in shown}
    assert settings["blender-echo"] == ["tasks", "shot_kind"]
    assert "shot_kind" not in settings["echo-sleep-test"]
    assert client.job(submit("blender-echo").id).settings["shot_kind"] == "preview"
    with pytest.raises(ManagerError, match="preview, final"):
        submit("blender-echo", settings={"shot_kind": "draft"})


def test_hook_scheduling_policies(submit: Submit, fake_worker: FakeWorkers, client: ManagerClient) -> None:
    """Previews first; finals not on laptops, and no more than two at once."""
    final = submit("blender-echo", settings={"tasks": 5, "shot_kind": "final"}, priority=60)
    preview = submit("blender-echo", settings={"shot_kind": "preview"}, priority=50)
    assert [client.explain(job.id).position for job in (preview, final)] == [1, 2]
    laptop = fake_worker("laptop-1")
    given = laptop.next_task()
    assert given is not None
    assert given.job == preview.id
    assert fake_worker("laptop-2").next_task() is None
    assert [fake_worker(f"tower-{number}").next_task() is not None for number in range(3)] == [True, True, False]
    assert client.explain(final.id).waiting[0].why == "limit"


def test_hook_failure_rules(submit: Submit, fake_worker: FakeWorkers, client: ManagerClient) -> None:
    """A task that says that it diverged takes its job with it; both rules are listed, before Flamenco's own."""
    job = submit("blender-echo", settings={"tasks": 20})
    worker = fake_worker()
    task = worker.next_task()
    assert task is not None
    worker.fail(task, "ERROR: solver diverged at frame 12")
    said = "The simulation diverged at frame 12; nobody needs to try it again."
    assert client.job(job.id).status == "failed"
    assert said in client.jobs.get(job.id).activity
    by = [rule.by for rule in client.failures.rules()]
    assert by[:2] == ["the plugin example"] * 2
    assert set(by[2:]) == {"Flamenco"}


def test_hook_event_sinks(
    submit: Submit, fake_worker: FakeWorkers, pass_time: Callable[..., None], configuration: Loaded, farm: Farm
) -> None:
    """A job that was completed is a line in the file, and no second one when something else of it changes."""
    job = submit("blender-echo", name="first")
    fake_worker().run_all()
    pass_time(1)
    jobs.set_priority(farm, job.id, 70)
    pass_time(1)
    file = configuration.config.data_dir / "completed.txt"
    assert file.read_text() == "2026-01-02 first\n"


def test_hook_job_submitting(submit: Submit) -> None:
    """No project, no job; with one it is written in capitals."""
    with pytest.raises(ManagerError, match="say which project") as refused:
        submit("blender-echo")
    assert refused.value.status == 400
    assert submit("blender-echo", metadata={"project": "film"}).metadata == {"project": "FILM"}


def test_hook_job_compiled(submit: Submit) -> None:
    """Large jobs are less urgent, very large ones are refused."""
    assert submit("blender-echo", priority=50, settings={"tasks": 3}).priority == 50
    assert submit("blender-echo", priority=50, settings={"tasks": 101}).priority == 40
    with pytest.raises(ManagerError, match="1001 tasks are too many"):
        submit("blender-echo", settings={"tasks": 1001})


def test_hook_cli_commands(
    configuration: Loaded, farm: Farm, submit: Submit, fake_worker: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the plugin is, `flamenco` has the command; it asks a manager, and says when none answers."""
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)
    environ = {"FLAMENCO_CONFIG": str(configuration.file), "FLAMENCO_DATA_DIR": str(configuration.config.data_dir)}
    runner = CliRunner(env=environ)
    assert "have something to do" in runner.invoke(main, ["--help"]).stdout.partition("Commands:")[2]
    submit("blender-echo")
    fake_worker("idle")
    assert fake_worker("at work").next_task()
    with listening(create_app(farm)) as url:
        done = runner.invoke(main, ["busy", "--manager", url])
    assert (done.exit_code, done.stdout) == (0, "1 of 2 workers are busy\n"), done.stderr
    done = runner.invoke(main, ["busy", "--manager", url])
    assert done.exit_code == 1
    assert "cannot be reached" in done.stderr


class _Silent(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(application: Application) -> Iterator[str]:
    """The application on a free port of this machine; gives its URL."""
    with make_server("127.0.0.1", 0, application, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_hook_api_routes(submit: Submit, client: ManagerClient) -> None:
    """Both paths answer with what waits."""
    submit("blender-echo", settings={"tasks": 3})
    assert client.get("/api/x/example/waiting") == {"waiting": {"misc": 3}}
    assert client.get("/api/x/example/waiting/misc") == {"waiting": 3}
    assert client.get("/api/x/example/waiting/other") == {"waiting": 0}


def test_hook_web_pages(farm: Farm, submit: Submit, client: ManagerClient) -> None:
    """The page is listed, its module is sent as it stands in the manual, and what that asks for is there."""
    submit("blender-echo", settings={"tasks": 3})
    (page,) = client.get("/api/x/pages")["pages"]
    assert (page["title"], page["icon"], page["listed"]) == ("What waits", "clock", True)
    app = falcon.testing.TestClient(create_app(farm))
    assert app.simulate_get(f"/{page['module']}").text == manual.hooks()["web_pages"].module
    assert client.get("/api/x/example/waiting") == {"waiting": {"misc": 3}}
    html = {"Accept": "text/html"}
    assert app.simulate_get(f"/plugins/{page['plugin']}/{page['path']}", headers=html).status_code == 200


def test_the_parts_of_a_page_are_in_the_manual() -> None:
    """Each name that pages may import is there, and each that is there can be imported; so do ours and the example."""
    surface = (STATIC / "app" / "ui.js").read_text("utf-8")
    names = {"UI_VERSION"}
    for listed in re.findall(r"export \{([^}]*)\}", surface):
        names |= {name.strip() for name in listed.split(",") if name.strip()}
    section = manual.TEXT.partition("\n## The parts of a page\n")[2].partition("\n## ")[0]
    assert names <= set(re.findall(r"`(\w+)", section))
    ours = (Path(__file__).parents[2] / "plugins").rglob("*.js")
    modules = [path.read_text("utf-8") for path in ours if "job_types" not in path.parts]
    assert len(modules) >= 2
    for module in (*modules, manual.hooks()["web_pages"].module):
        for imported, source in re.findall(r"import \{([^}]*)\} from \"([^\"]+)\"", module):
            assert source == "../../ui.js"
            assert {name.strip() for name in imported.split(",") if name.strip()} <= names


def test_hook_authenticators(farm: Farm) -> None:
    """A machine is known by what it says, from its network and no other."""
    app = falcon.testing.TestClient(create_app(farm))
    inside = app.simulate_get("/api/x/me", headers={"X-Machine": "rack-1"}, remote_addr="10.99.0.7").json
    assert (inside["name"], inside["role"], inside["way"]) == ("rack-1", "viewer", "plugin")
    outside = app.simulate_get("/api/x/me", headers={"X-Machine": "rack-1"}, remote_addr="10.98.0.7").json
    assert outside["way"] == "mode"


def test_examples_need_nothing_else() -> None:
    """Each example is a whole plugin: loaded alone, with its hook and no mistake."""
    for name, section in manual.hooks().items():
        namespace: dict[str, Any] = {"__file__": "example.py", "__name__": "example"}
        exec(compile(section.example, f"example of {name}", "exec"), namespace)  # noqa: S102 - our own manual
        assert namespace[name].flamenco_impl is not None
    assert Hooks({}).plugins() == []
