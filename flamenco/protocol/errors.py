"""What an error looks like on the wire."""

from __future__ import annotations

from msgspec import Struct


class Error(Struct, frozen=True):
    """What every error looks like."""

    code: int
    message: str


class BriefError(Struct, frozen=True):
    """What an error of today's Flamenco looks like when the request never got as far as the farm."""

    message: str
