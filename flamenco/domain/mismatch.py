"""What msgspec says of a value that is not of the type it should be, taken apart. Nothing else reads its sentences.

They are all that it tells, and nobody promises their form: msgspec is pinned, and `tests/unit/test_mismatch.py` has an
example of each that fails when it changes. How it is said to people is the matter of whoever knows these people.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

from msgspec import Struct

_SENTENCE: Final = re.compile(r"(?P<text>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`)?", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected `(?P<types>[^`]+)`(?P<limit>.*?)(?:, got (?P<got>`\w+`|\d+))?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>.+)`", re.DOTALL)
_NO_CHOICE: Final = "Invalid enum value "
_STEP: Final = re.compile(r"\.(?P<name>[\w$]+)|\[(?P<index>\d+)\]")
_TRUNCATED: Final = "Input data was truncated"
_MALFORMED: Final = "JSON is malformed: "


class Mismatch(Struct, frozen=True, kw_only=True):
    """A value that does not fit. What there is nothing to say of is empty.

    `text` is the sentence without the place. `path` is the place below what was read, such as `settings[0].key`, with
    `[...]` for some entry of a map; `in_key` when it is the key of that entry. `expected` are types as JSON Schema and
    Python have them (int, str, array, object …), `limit` what else was expected, as it is put behind a type
    (` of length >= 1`), `got` the type that was found, or a length. `missing` is a field that is not there, `no_choice`
    the value, in quotes if it is a text, that is none of those to choose from.
    """

    text: str
    path: str = ""
    in_key: bool = False
    expected: tuple[str, ...] = ()
    limit: str = ""
    got: str = ""
    missing: str = ""
    no_choice: str = ""

    @property
    def steps(self) -> tuple[str | int, ...]:
        """The names and the numbers that lead to the place, without those of entries of maps, which are not told."""
        steps = _STEP.finditer(self.path if self.path.startswith("[") else f".{self.path}")
        return tuple(step["name"] or int(step["index"]) for step in steps)


def read(sentence: str) -> Mismatch:
    """The parts of the sentence of a `msgspec.ValidationError`; of any other sentence, that is all there is."""
    found = _SENTENCE.fullmatch(sentence)
    if found is None:
        return Mismatch(text=sentence)
    text, path, in_key = found["text"], (found["path"] or "").removeprefix("."), bool(found["key"])
    if expected := _EXPECTED.fullmatch(text):
        return Mismatch(
            text=text,
            path=path,
            in_key=in_key,
            expected=tuple(expected["types"].split(" | ")),
            limit=expected["limit"],
            got=(expected["got"] or "").strip("`"),
        )
    missing = _MISSING.fullmatch(text)
    return Mismatch(
        text=text,
        path=path,
        in_key=in_key,
        missing=missing["name"] if missing else "",
        no_choice=text.removeprefix(_NO_CHOICE) if text.startswith(_NO_CHOICE) else "",
    )


def narrowed(sentence: str, kinds: Set[str], to: str) -> str:
    """The sentence with the type `to` in place of these, where all of them are taken and only one is meant."""
    expected = read(sentence).expected
    if not kinds <= set(expected):
        return sentence
    others = [kind for kind in expected if kind not in kinds]
    return sentence.replace(f"`{' | '.join(expected)}`", f"`{' | '.join([to, *others])}`", 1)


def malformed(sentence: str) -> str:
    """What a `msgspec.DecodeError` has against a text as JSON, to follow a colon."""
    if sentence.startswith(_TRUNCATED):
        return "it ends in the middle, or has half of a character"
    return sentence.removeprefix(_MALFORMED)
