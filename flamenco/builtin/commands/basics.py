"""Commands of no particular kind: echo, sleep, exec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct

from flamenco import CommandContext, CommandType, hookimpl
from flamenco.domain.durations import format_nanoseconds
from flamenco.hooks.parameters import plain_text

TASK_TYPES = ("misc",)

LONGEST_SLEEP_S = 10 * 365 * 24 * 3600
"""Longer sleeps are cut to this; no clock of any platform takes arbitrary numbers."""

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    '"': r"\"",
    "\\": "\\\\",
}


class EchoParameters(Struct, frozen=True):
    """Parameters of `echo`."""

    message: Annotated[Any, Meta(description="What to write to the task's log.")]


class SleepParameters(Struct, frozen=True):
    """Parameters of `sleep`."""

    duration_in_seconds: Annotated[float, Meta(ge=0, description="How long; a fraction of a second is dropped.")]


class ExecParameters(Struct, frozen=True):
    """Parameters of `exec`."""

    exe: Annotated[str, Meta(min_length=1, description="The program, run directly and not through a shell.")]
    args: Annotated[tuple[str, ...], Meta(description="Its arguments.")] = ()


def echo(context: CommandContext, parameters: EchoParameters) -> None:
    """Write the message to the task's log, quoted so that it stays one line."""
    context.log(f"echo: {quoted(plain_text(parameters.message))}")


def sleep(context: CommandContext, parameters: SleepParameters) -> None:
    """Do nothing for a while."""
    seconds = int(min(parameters.duration_in_seconds, LONGEST_SLEEP_S))
    context.wait(seconds)
    context.log(f"slept {format_nanoseconds(seconds * 1_000_000_000)}")


def program_line(parameters: ExecParameters) -> list[str]:
    """Program and arguments."""
    return [parameters.exe, *parameters.args]


def execute(context: CommandContext, parameters: ExecParameters) -> None:
    """Run a program; the task fails unless it exits with code 0."""
    context.run_process(program_line(parameters))


def quoted(text: str) -> str:
    """`text` in double quotes, with escapes for what does not print."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if escape := _ESCAPES.get(character):
        return escape
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@hookimpl
def command_types() -> Iterable[CommandType]:
    """The commands of this module."""
    yield CommandType(
        name="echo",
        description="Write a message to the task's log.",
        task_types=TASK_TYPES,
        parameters=EchoParameters,
        run=echo,
    )
    yield CommandType(
        name="sleep",
        description="Do nothing for a number of seconds.",
        task_types=TASK_TYPES,
        parameters=SleepParameters,
        run=sleep,
    )
    yield CommandType(
        name="exec",
        description="Run any program.",
        task_types=TASK_TYPES,
        parameters=ExecParameters,
        run=execute,
        argv=program_line,
    )
