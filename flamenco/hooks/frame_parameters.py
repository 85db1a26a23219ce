"""Which parameters of commands have their frames, as they declare it: so tasks can be made for some of these alone.

A text that is a range of frames says `Meta(extra={"frames": True})`. A list of arguments says behind which options the
frames come, as in Blender's command line: `Meta(extra={"frames": ("-f", "--render-frame")})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from flamenco.hooks.setting import unannotated
from flamenco.hooks.types import CommandType

_KEY: Final = "frames"


def frame_places(command_types: Mapping[str, CommandType]) -> dict[str, dict[str, tuple[str, ...]]]:
    """By the names of those that declare some, the parameters with frames: texts (without options), and lists."""
    found = {name: _declared(each) for name, each in command_types.items()}
    return {name: declared for name, declared in found.items() if declared}


def _declared(command_type: CommandType) -> dict[str, tuple[str, ...]]:
    places = {}
    for field in structs.fields(command_type.parameters):
        declared = (unannotated(field.type)[1].extra or {}).get(_KEY)
        if declared:
            places[field.encode_name] = () if declared is True else tuple(declared)
    return places
