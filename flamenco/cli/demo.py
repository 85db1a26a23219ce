"""`flamenco demo`: a whole farm on this machine, rendering."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import msgspec
from rich.console import Console

from flamenco.cli import EXIT_INTERRUPTED
from flamenco.cli.options import json_option
from flamenco.demo.display import Display, LineDisplay, LiveDisplay
from flamenco.demo.run import Demo, DemoOutcome, Options
from flamenco.domain.errors import FarmError, Refused
from flamenco.platforms import signals

MAX_FRAMES = 1000
MAX_WORKERS = 16


class StopSignals:
    """Remembers that a signal asked to stop.

    A flag, not an exception: an exception could come between the start of a process and the note that it was started.
    """

    def __init__(self) -> None:
        self.received = False
        for number in signals.known(signals.ENDING):
            signal.signal(number, self._receive)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True


@click.command()
@click.option("--blender", metavar="PATH", help="The Blender to render with.  [default: $BLENDER, PATH, the bpy wheel]")
@click.option("--frames", type=click.IntRange(1, MAX_FRAMES), help="How many frames.  [default: 24; for a clip 240]")
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), default=2, show_default=True, help="How many workers.")
@click.option("--dir", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Work here, not in a new folder.")
@click.option("--keep", is_flag=True, help="Leave the farm up when it is done, and keep the folder, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The manager's port.  [default: a free one]")
@click.option("--timeout", "timeout_s", type=click.FloatRange(1), default=600.0, show_default=True, metavar="SECONDS")
@json_option
def demo(
    blender: str | None,
    frames: int | None,
    workers: int,
    folder: Path | None,
    *,
    keep: bool,
    port: int,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Start a farm on this machine and watch it render.

    In a scratch folder, a manager and two workers render a small scene frame by frame and join the frames into a
    video, which stay there for you to look at. The address that it prints first shows all of it in a browser. Without
    any Blender, a generated clip is transcoded instead.

    \b
    Example:
      flamenco demo
      flamenco demo --keep
      flamenco demo --blender /opt/blender/blender --frames 48 --workers 4 --dir my-demo

    With --json, the outcome is on stdout and all else on stderr. Exit codes: 0 done, 1 failed, 130 interrupted.
    """
    signals = StopSignals()
    console = Console(stderr=as_json)
    display: Display = LiveDisplay(console) if console.is_terminal else LineDisplay(console)
    place = _folder(folder)
    options = Options(
        folder=place, blender=blender, frames=frames, workers=workers, port=port, timeout_s=timeout_s, stays=keep
    )

    def tell(outcome: DemoOutcome) -> None:
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(outcome), indent=2))
        else:
            display.end()
            _report(display, outcome)

    try:
        with display:
            Demo(options, display, os.environ, lambda: signals.received).run(tell)
    except FarmError:
        # Ctrl-C also reaches a Blender that is asked for its version, which then seems not to work
        if signals.received:
            _end_interrupted(console, place, remove=not (folder or keep))
        _keep_what_helps(place)
        raise


def _folder(chosen: Path | None) -> Path:
    if chosen is None:
        return Path(tempfile.mkdtemp(prefix="flamenco-demo-"))
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        if any(chosen.iterdir()):
            raise Refused(f"{chosen} is not empty: choose a new folder")
    except OSError as error:
        raise Refused(f"{chosen} cannot be used: {error.strerror}") from error
    return chosen.absolute()


def _keep_what_helps(folder: Path) -> None:
    """Say where logs are, or take the folder away when nothing has come that far."""
    if any(folder.iterdir()):
        click.echo(f"What was made before this went wrong is in {folder}.", err=True)
    else:
        folder.rmdir()


def _end_interrupted(console: Console, folder: Path, *, remove: bool) -> NoReturn:
    if remove:
        shutil.rmtree(folder, ignore_errors=True)
    kept = "" if remove else f" What was made so far is in {folder}."
    console.print(f"Stopped; no process is left.{kept}", highlight=False, markup=False, soft_wrap=True)
    sys.exit(EXIT_INTERRUPTED)


def _report(display: Display, outcome: DemoOutcome) -> None:
    lines = [f"{outcome.frame_count} frames in {outcome.seconds:.1f} s with {outcome.renderer}."]
    if outcome.frames:
        lines.append(f"  frames  {outcome.frames}")
    lines += [f"  video   {outcome.video}", f"  logs    {outcome.logs}"]
    display.say("\n".join(lines))
