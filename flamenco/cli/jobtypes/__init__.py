"""`flamenco jobtypes`: for authors of job types. Works on files; no manager is needed."""

from __future__ import annotations

import logging

import click

from flamenco.cli.jobtypes.check import check
from flamenco.cli.jobtypes.compile import compile_
from flamenco.cli.jobtypes.listing import list_, show
from flamenco.cli.jobtypes.new import new
from flamenco.cli.jobtypes.test import test


@click.group()
def jobtypes() -> None:
    """List, check, try out and test job types. None of this needs a manager.

    \b
    flamenco jobtypes new say-hello            begin one
    flamenco jobtypes check say_hello.js       is anything wrong with it?
    flamenco jobtypes compile say_hello.js     which tasks does it make?
    flamenco jobtypes test .                   does it do what its tests say?
    """
    # What scripts print is part of what these commands say; without this it would be on stderr as well.
    logging.getLogger("flamenco.compiler").addHandler(logging.NullHandler())


for _command in (list_, show, check, compile_, test, new):
    jobtypes.add_command(_command)
