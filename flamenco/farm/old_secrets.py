"""Checks secrets of workers against hashes of Flamenco 3, once each: bcrypt takes a while on purpose.

Whoever knows a worker's id may send wrong ones. So few are checked at once, nobody waits for long, whoever is wrong
again and again has to wait, and hashes that would take long are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flamenco.domain import old_secrets
from flamenco.farm.places import Places
from flamenco.farm.throttle import Throttle, Waits

WRONG: Final = Waits(
    waits_from=10, sentence="{times} wrong secrets of workers came from {who}; try again in {wait_s} s."
)
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 3
_WAIT_S: Final = 2.0


class OldSecrets:
    """Safe to share between threads; `timer` gives seconds. `checked` is how many were looked at."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._places = Places(_AT_ONCE, _MOST_WAITING, _WAIT_S)
        self._throttle = Throttle(timer, WRONG)
        self.checked = 0

    def is_right(self, secret: str, secret_hash: str, machine: str) -> bool:
        """Whether that is the secret, as somebody at `machine` says. Raises `Busy`."""
        if not old_secrets.is_checked(secret_hash):
            return False
        self._throttle.check(machine)
        with self._places:
            is_right = _is_right(secret, secret_hash)
            self.checked += 1
        if is_right:
            self._throttle.succeeded(machine)
        else:
            self._throttle.failed(machine)
        return is_right


def _is_right(secret: str, secret_hash: str) -> bool:
    import bcrypt  # noqa: PLC0415 - of no use to a farm that has always been one of ours

    try:
        # What comes after so many bytes never counted; the library refuses it rather than passing over it.
        return bcrypt.checkpw(secret.encode()[: old_secrets.LONGEST_SECRET], secret_hash.encode())
    except ValueError:  # no hash after all
        return False
