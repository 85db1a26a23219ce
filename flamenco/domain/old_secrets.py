"""Hashes of workers' secrets that came over from Flamenco 3, which hashes by bcrypt. Pure."""

from __future__ import annotations

import re
from typing import Final

LONGEST_SECRET: Final = 72
"""Of a secret, bcrypt sees so many bytes and no more."""

HIGHEST_COST: Final = 14
"""About a second of work. Each step more doubles that, up to days, which a wrong secret would take as well."""

_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")


def is_old(secret_hash: str) -> bool:
    """Whether that is a hash by bcrypt, and not one of ours."""
    return secret_hash.startswith("$2")


def cost_of(secret_hash: str) -> int | None:
    """What it costs to check a secret by that hash, a power of two; None for what is none of bcrypt's."""
    found = _BCRYPT.fullmatch(secret_hash)
    return int(found[1]) if found else None


def is_checked(secret_hash: str) -> bool:
    """Whether secrets are checked by that hash: it is one, and not too costly."""
    cost = cost_of(secret_hash)
    return cost is not None and cost <= HIGHEST_COST
