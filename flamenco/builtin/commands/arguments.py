"""Arguments that a job type gives in one string, as people type them."""

from __future__ import annotations

from flamenco.domain.shell import shell_split
from flamenco.hooks.parameters import invalid_parameter


def split_arguments(command: str, parameter: str, text: str) -> list[str]:
    """Split `text` as a shell does. Raises `ParameterError` for a quote that is never closed and the like."""
    try:
        return shell_split(text)
    except ValueError as error:
        raise invalid_parameter(command, parameter, text, str(error)) from error
