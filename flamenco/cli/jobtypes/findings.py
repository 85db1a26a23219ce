"""Printing what is wrong with a script, and what it said: the line, with a caret below the place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click
import msgspec

from flamenco.authoring.bench import Finding
from flamenco.compiler.protocol import Printed

_COLORS = {"error": "red", "warning": "yellow"}
_WIDEST = 160
"""How much of a line is shown, in characters."""


def lines_of(finding: Finding) -> Iterator[str]:
    """`FILE:LINE:COLUMN: error: MESSAGE`, as editors and CI read it; below that the line and a caret."""
    place = f"{finding.file}:{finding.line}:{finding.column}" if finding.line else finding.file
    severity = click.style(finding.severity, fg=_COLORS[finding.severity], bold=True)
    first, *more = finding.message.split("\n")
    yield f"{click.style(place, bold=True)}: {severity}: {first}"
    yield from (f"    {line}" for line in more)
    if finding.text.strip():
        start = max(0, finding.column - _WIDEST // 2) if len(finding.text) > _WIDEST else 0
        yield f"    {finding.text[start : start + _WIDEST]}"
        if finding.column:
            # Tabs stay tabs, so that the caret is below its place however wide they are.
            before = "".join("\t" if char == "\t" else " " for char in finding.text[start : finding.column - 1])
            missing = finding.column - 1 - start - len(before)
            yield f"    {before}{' ' * missing}{click.style('^', fg=_COLORS[finding.severity])}"


def echo_finding(finding: Finding, *, indent: str = "", err: bool = False) -> None:
    """Print a finding."""
    for line in lines_of(finding):
        click.echo(f"{indent}{line}", err=err)


def echo_printed(printed: Iterable[Printed], *, indent: str = "", err: bool = False) -> None:
    """Print what the script printed."""
    for each in printed:
        word = click.style("alert", fg="yellow") if each.warning else "print"
        first, *more = each.text.split("\n")
        click.echo(f"{indent}{word}  {first}", err=err)
        for line in more:
            click.echo(f"{indent}       {line}", err=err)


def echo_json(value: Any) -> None:
    """Print a value as JSON, for other programs and for people."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
