"""How long things take: distributions as people write them, `normal:30,5`. Pure: the dice are an argument."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Self

from msgspec import Struct


class _Kind(NamedTuple):
    numbers: tuple[str, ...]
    draw: Callable[..., float]


KINDS: Final[Mapping[str, _Kind]] = {
    "fixed": _Kind(("SECONDS",), lambda _dice, seconds: seconds),
    "uniform": _Kind(("SHORTEST", "LONGEST"), lambda dice, shortest, longest: dice.uniform(shortest, longest)),
    "normal": _Kind(("MEAN", "DEVIATION"), lambda dice, mean, deviation: dice.gauss(mean, deviation)),
    "lognormal": _Kind(("MEDIAN", "SIGMA"), lambda dice, median, sigma: median * math.exp(dice.gauss(0.0, sigma))),
    "exponential": _Kind(("MEAN",), lambda dice, mean: dice.expovariate(1 / mean) if mean else 0.0),
}
"""The distributions by name, the numbers each takes, and how to draw from it."""

FORMS: Final = ", ".join(f"{name}:{','.join(kind.numbers)}" for name, kind in KINDS.items())
"""All of them, as one writes them."""


class Distribution(Struct, frozen=True):
    """Seconds, drawn anew each time; never less than none. `lognormal` is what rendering times mostly look like."""

    kind: str
    numbers: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `fixed:2`, `normal:30,5` and the like, or a number alone. Raises `ValueError` saying what is wrong."""
        name, colon, rest = text.strip().partition(":")
        kind, given = (name.lower(), rest) if colon else ("fixed", name)
        if kind not in KINDS:
            raise ValueError(f"{text!r} is no distribution; write one of {FORMS}")
        try:
            numbers = tuple(float(number) for number in given.split(","))
        except ValueError:
            numbers = ()
        wanted = KINDS[kind].numbers
        if len(numbers) != len(wanted) or not all(0 <= number < math.inf for number in numbers):
            raise ValueError(f"{text!r}: write {kind}:{','.join(wanted)}, in seconds, none of them below 0")
        return cls(kind, numbers)

    def draw(self, dice: random.Random) -> float:
        """So many seconds this time."""
        return max(0.0, KINDS[self.kind].draw(dice, *self.numbers))

    @property
    def typical(self) -> float:
        """About how long that is, for whoever wants one number."""
        return sum(self.numbers) / 2 if self.kind == "uniform" else self.numbers[0]

    def __str__(self) -> str:
        return f"{self.kind}:{','.join(f'{number:g}' for number in self.numbers)}"
