"""The fixtures of `flamenco.testing`, for a farm with the example of the hook that a test is named after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flamenco import builtin
from flamenco.config import Loaded, load
from flamenco.testing import client, clock, fake_worker, farm, pass_time, pytest_configure, submit
from tests.docs import manual

__all__ = ["client", "clock", "fake_worker", "farm", "pass_time", "pytest_configure", "submit"]

ECHO = """
const JOB_TYPE = { label: "Blender echo", settings: [{ key: "tasks", type: "int32", default: 1 }] };

function compileJob(job) {
    for (let number = 0; number < job.settings.tasks; number++) {
        const task = author.Task(`echo-${number}`, "misc");
        task.addCommand(author.Command("echo", { message: job.name }));
        job.addTask(task);
    }
}
"""
"""A job type called `blender-echo`, of as many tasks as one likes."""


@pytest.fixture
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Loaded:
    """A configuration with the example as the plugin `example`, in the folder of plugins; `settings` of the marker."""
    about = request.node.originalname.removeprefix("test_hook_")
    hook = next(name for name in manual.hooks() if about.startswith(name))
    mark = request.node.get_closest_marker("flamenco")
    settings: dict[str, Any] = dict(mark.kwargs.get("plugins", {}) if mark else {})
    for folder in ("plugins", "jobtypes"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "example.py").write_text(manual.hooks()[hook].example)
    if manual.hooks()[hook].module:
        (tmp_path / "data" / "plugins" / "example.js").write_text(manual.hooks()[hook].module)
    (tmp_path / "data" / "jobtypes" / "blender_echo.js").write_text(ECHO)
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(yaml.safe_dump({"plugins": settings}))
    return load(file, tmp_path / "data", environ={}, hooks=builtin.core_hooks({}))
