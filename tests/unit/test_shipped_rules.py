"""The rules that Flamenco comes with: real logs in which they see something, and others in which they do not."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Literal, get_args

import msgspec
import pytest
from msgspec import Struct

from flamenco.domain.failure_rules import Failure, Found, KnownRule, lines_of, ruling
from flamenco.domain.shipped_rules import SHIPPED, ShippedName
from flamenco.files import rule_scan


class Vector(Struct, rename={"origin": "from"}):
    """What a program said that failed, where that was seen, and which rule is to see something in it, of what file."""

    rule: Literal["gpu-memory", "disk-full", "license", "missing-file", "none"]
    origin: str
    log: str
    names: str = ""


VECTORS = msgspec.yaml.decode(
    (Path(__file__).parents[1] / "vectors" / "failure_logs.yaml").read_bytes(), type=list[Vector]
)
LOGS = [
    *((vector.rule, vector.log) for vector in VECTORS if vector.rule != "none"),
    # Others that are like them: other platforms, other programs.
    ("gpu-memory", "Fra:1 Mem:1921.87M (Peak 1921.87M) | Time:00:12.05 | System is out of GPU memory\n"),
    ("gpu-memory", "CUDA error: Out of memory in cuMemAlloc(&device_pointer, size)\nError: Out of memory\n"),
    ("gpu-memory", "Out of memory in cuMemcpyHtoD_v2(cuda_device_ptr(mem.device_pointer), (char *)mem.host_pointer)"),
    ("gpu-memory", "HIP error: Out of memory in hipMalloc(&device_pointer, size)\n"),
    ("gpu-memory", "OptiX error: Failed to build OptiX acceleration structure, out of memory"),
    ("gpu-memory", "Runtime Error: UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY\n"),
    ("disk-full", "OSError: [Errno 28] No space left on device: '/tmp/x'\n"),
    ("disk-full", "av_interleaved_write_frame(): No space left on device\n"),
    ("disk-full", "There is not enough space on the disk.\n"),
    ("license", "Could not connect to the license server, license not available\n"),
    ("license", "FLEXnet Licensing error:-5,357\nCould not check out a license for V-Ray\n"),
    ("license", "License checkout failed: licence server timed out\n"),
    ("license", "Unable to obtain floating licence of maya\n"),
    ("missing-file", 'Warning: x\nError: Cannot read file "F:\\shots\\lighting.blend": No such file or directory\n'),
    ("missing-file", "[in#0 @ 0x55] Error opening input: x\nError opening input file /shots/frames.txt.\n"),
    ("missing-file", "FileNotFoundError: [Errno 2] No such file or directory: '/shots/points.csv'\n"),
]
OTHERS = [
    *(vector.log for vector in VECTORS if vector.rule == "none"),
    "Fra:1 Mem:1921.87M (Peak 1921.87M) | Time:00:12.05 | Rendering 1 / 128 samples\n",
    "Blender 4.5.1 (hash 123)\nGNU General Public License: see license.txt, found in its folder\n",
    "Error: Cannot render, no camera\n",
    "Warning: texture /shots/wood.png was not found, using pink\n",
    "Killed: out of memory\n",
    "mkdir: cannot create directory '/x': Permission denied\n",
    "Traceback (most recent call last):\nKeyError: 'the frame'\n",
    "Saved: '/shots/render/0001.png'\n Time: 00:01.37 (Saving: 00:00.02)\n",
    "writing with the device's license plate generator\n",
]
PATTERNS = [rule.match for rule in SHIPPED.values()]


def test_their_names() -> None:
    """Are those that a configuration can leave out."""
    assert list(SHIPPED) == list(get_args(ShippedName))


@pytest.mark.parametrize(("name", "log"), LOGS)
def test_what_they_see(name: str, log: str) -> None:
    """Each of these logs has the one rule, and the sentence has no gap."""
    lines = lines_of(log.encode(), "Failed: the program exited with code 1")
    hit = rule_scan.first(PATTERNS, lines)
    assert hit is not None
    assert list(SHIPPED)[hit[0]] == name
    said = ruling(KnownRule(SHIPPED[name], "Flamenco", name), Found(*hit), Failure(task_type="x", worker="w1"))
    assert not re.search(r"\{[a-z_]+\}", said.sentence)
    assert "  " not in said.sentence


@pytest.mark.parametrize("log", OTHERS)
def test_what_they_leave_alone(log: str) -> None:
    """Other failures are tried elsewhere, as ever."""
    assert rule_scan.first(PATTERNS, lines_of(log.encode(), "Failed: the program exited with code 1")) is None


NAMED = [
    *((vector.log, vector.names) for vector in VECTORS if vector.names),
    ("[in#0 @ 0x55] Error opening input: x\nError opening input file /shots/frames.txt.\n", "/shots/frames.txt"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/shots/points.csv'\n", "/shots/points.csv"),
]


@pytest.mark.parametrize(("log", "names"), NAMED)
def test_the_file_is_named(log: str, names: str) -> None:
    """In the sentence that people read."""
    rule = SHIPPED["missing-file"]
    hit = rule_scan.first([rule.match], lines_of(log.encode(), ""))
    assert hit is not None
    sentence = ruling(KnownRule(rule, ""), Found(*hit), Failure(task_type="x")).sentence
    assert sentence == f"The file {names} is missing, or cannot be read."


def test_each_has_been_seen() -> None:
    """There is a log of somebody else for each rule."""
    assert {vector.rule for vector in VECTORS} == {*SHIPPED, "none"}


@pytest.mark.parametrize(
    "text",
    [
        "license ",
        "no a the valid ",
        "out of memory ",
        "cuda ",
        "Cannot read file '",
        "\x00\xff",
        "licenc",
        "get a ",
        "] Impossible to open '",
        "error_out_of_",
    ],
)
def test_no_log_takes_them_long(text: str) -> None:
    """However it is made: they are looked for where nothing could stop them."""
    line = (text * 2000)[:1990] + "\n"
    lines = lines_of(line.encode() * 50, "")
    assert len(lines) > 20
    begun = time.process_time()
    rule_scan.first([*PATTERNS], lines)
    assert time.process_time() - begun < 0.5
