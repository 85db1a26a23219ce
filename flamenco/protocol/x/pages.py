"""Pages of plugins on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.protocol.fields import Text


class Page(Struct, frozen=True, kw_only=True):
    """A page, at `plugins/<plugin>/<path>` below the manager's address."""

    plugin: Text
    path: Text
    title: Text
    icon: Text
    module: Annotated[str, Meta(description="Where its script is, below the manager's address.")]
    listed: Annotated[bool, Meta(description="Whether it is in the navigation: of those that share a page, one is.")]


class Pages(Struct, frozen=True, kw_only=True):
    """The pages of all plugins."""

    pages: list[Page]
