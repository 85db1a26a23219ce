"""What the files of a self-test are called, so that a later one finds what was left behind."""

from __future__ import annotations

from typing import Final

PREFIX: Final = ".flamenco-self-test-"
"""All of them begin with that. `worker.self_test.storage_probe`, which imports nothing of ours, has it as well."""


def token_file(order_id: str) -> str:
    """The name of the file that the manager puts into each storage for one self-test."""
    return f"{PREFIX}{order_id}.token"
