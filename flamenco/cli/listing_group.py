"""A group of commands about one kind of thing, which lists them when it is told nothing else."""

from __future__ import annotations

import click


class ListingGroup(click.Group):
    """`flamenco things --json` is `flamenco things list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `list` where options come without a command."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)
