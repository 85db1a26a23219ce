"""`flamenco completion`: what a shell has to read once so that Tab completes commands, jobs and workers."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from flamenco.domain.errors import Refused

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print what has a shell complete `flamenco` when Tab is pressed: commands, options, and what there is.

    Jobs, workers, tags and job types are those of the manager that FLAMENCO_MANAGER, or --manager before it on the
    line, names. Without SHELL it is the one that SHELL in the environment says.

    \b
    Example:
      flamenco completion bash > ~/.local/share/bash-completion/completions/flamenco
      flamenco completion zsh > "${fpath[1]}/_flamenco"
      flamenco completion fish > ~/.config/fish/completions/flamenco.fish
    """
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in SHELLS:
        raise Refused(f"Say which shell: {', '.join(SHELLS)}.")
    kind = get_completion_class(chosen)
    if kind is None:  # which is only said of shells that click does not know
        raise Refused(f"There is nothing for {chosen}.")
    click.echo(kind(ctx.find_root().command, {}, "flamenco", "_FLAMENCO_COMPLETE").source())
