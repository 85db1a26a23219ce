"""`flamenco openapi`: prints what the manager's API looks like, for programs that make clients of it."""

from __future__ import annotations

import click
import msgspec

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES


@click.command()
@click.argument("surface", type=click.Choice(list(SURFACES)), required=False)
def openapi(surface: str | None) -> None:
    """Print the OpenAPI document of an API as JSON; without SURFACE, those of all, by name.

    v1 is the original API, v3 that of Blender's Flamenco, x our own additions. A manager serves them as well:
    at /api/openapi.json, /api/v3/openapi3.json and /api/x/openapi.json.

    \b
    Example:
      flamenco openapi v1 > flamenco.json
    """
    documents = {name: document(each) for name, each in SURFACES.items()}
    printed = documents[surface] if surface else documents
    click.echo(msgspec.json.format(msgspec.json.encode(printed), indent=2))
