"""Options for commands that ask a manager, the core's and those of plugins, so that they are the same everywhere.

click is imported when an option is added: whoever does that has it already, and the plugins without commands need none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add `--json`, given to the function as `as_json: bool`."""
    import click  # noqa: PLC0415 - see above

    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs to read.")(function)


def manager_option(function: F) -> F:
    """Add `--manager URL`, given to the function as `manager_url: str`."""
    import click  # noqa: PLC0415 - see above

    return click.option(
        "--manager",
        "manager_url",
        envvar="FLAMENCO_MANAGER",
        default="http://localhost:8080",
        show_default=True,
        metavar="URL",
        help="The manager to talk to; FLAMENCO_MANAGER in the environment says the same.",
    )(function)
