"""How long those tests go on that prove more the longer they do: short as a rule, whole with `scripts/test --long`."""

from __future__ import annotations

_whole = False


def set_whole() -> None:
    """From here on everything goes on for as long as it can; called before the tests are read."""
    global _whole  # noqa: PLW0603 - an option of the command line, which is set once
    _whole = True


def of(usual: int, whole: int) -> int:
    """How often, how many, or for how long: `usual` as a rule, `whole` when time does not matter."""
    return whole if _whole else usual
