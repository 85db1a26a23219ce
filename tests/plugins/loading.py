"""Loads a shipped plugin as a studio would, from a configuration file; by default the one its docstring shows.

Also makes the jobs that its scheduling policies are asked about.
"""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flamenco import JobCandidate, builtin, bundled
from flamenco.config import Loaded, load

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
"""When policies are asked."""

_EXAMPLE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def documented_example(plugin: str) -> str:
    """The YAML that the docstring of the shipped plugin has in its one fenced block."""
    folder = bundled.plugins()
    file = next(path for path in (folder / f"{plugin}.py", folder / plugin / "__init__.py") if path.is_file())
    (example,) = _EXAMPLE.findall(ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "")
    return str(example)


def load_text(text: str, folder: Path) -> Loaded:
    """The configuration with that text in its file, and the plugins that it enables. Writes below `folder`."""
    file = folder / "flamenco-manager.yaml"
    file.write_text(text, "utf-8")
    return load(config_file=file, data_dir=folder / "data", environ={}, hooks=builtin.core_hooks({}))


def load_documented(plugin: str, folder: Path) -> Loaded:
    """The shipped plugin with its documented example configuration."""
    return load_text(documented_example(plugin), folder)


def open_job(job_id: str = "job", **fields: Any) -> JobCandidate:
    """A job that was submitted just now."""
    defaults: dict[str, Any] = {"name": job_id, "type": "test", "priority": 50, "created": NOW}
    defaults |= {"metadata": {}, "settings": {}}
    return JobCandidate(id=job_id, **(defaults | fields))
