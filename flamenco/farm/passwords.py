"""Passwords: hashed by argon2id, which takes a while on purpose, so only two at once and nobody waits behind many."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from flamenco.domain.access import LONGEST_PASSWORD, SHORTEST_PASSWORD
from flamenco.domain.errors import Refused
from flamenco.farm.places import Places

MOST_WAITING: Final = 16
"""So many wait for one of the two places; more are sent away, to come again."""

_AT_ONCE = 2
_WAIT_S = 10.0


class Passwords:
    """Hashes and checks passwords. Safe to share between threads."""

    def __init__(self) -> None:
        # What OWASP recommends at least: 19 MiB and two passes of one thread, some 25 ms.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._places = Places(_AT_ONCE, MOST_WAITING, _WAIT_S)
        self._nobody = ""

    def hash(self, password: str) -> str:
        """What is stored of a password. Raises `Refused` for one that is too short, or `Busy`."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise Refused(f"password: is to have from {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        with self._places:
            return self._hasher.hash(password)

    def is_right(self, password: str, password_hash: str) -> bool:
        """Whether that is the password; takes as long where there is none. Raises `Busy`."""
        with self._places:
            if not self._nobody:
                self._nobody = self._hasher.hash("of nobody")
            try:
                self._hasher.verify(password_hash or self._nobody, password[: LONGEST_PASSWORD + 1])
            except (VerificationError, InvalidHashError):
                return False
            return bool(password_hash)
