"""Looks for something in an open log: for a text here, for a pattern in a process of its own, that can be ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from flamenco.domain.errors import Refused
from flamenco.files import log_scan
from flamenco.files.log_scan import Found, Hit, Uncounted, Wanted

LONGEST_S: Final = 2.0
"""How long one search may take; then it says where to go on."""

_GRACE_S: Final = 1.0
"""How much later a process is ended that does not end by itself: it has to start, and to finish a block."""

_PROGRAM: Final = (sys.executable, "-I", "-S", str(Path(log_scan.__file__).resolve()))
_UNCOUNTED: Final = (
    "line: counting the lines up to that byte takes too long; give the next_line of the answer before as well."
)
_TOO_SLOW: Final = "q: that pattern takes too long on a line of this log; make it simpler, or search for a text."


def search(descriptor: int, wanted: Wanted) -> Found:
    """Search an open log. Raises `Refused` for a pattern that is wrong or takes too long, and `OSError`."""
    if wanted.is_pattern:
        return _by_pattern(descriptor, wanted)
    try:
        return log_scan.scan(descriptor, wanted, log_scan.of_text(wanted.text, minds_case=wanted.minds_case))
    except Uncounted as error:
        raise Refused(_UNCOUNTED) from error


def _by_pattern(descriptor: int, wanted: Wanted) -> Found:
    try:
        ended = subprocess.run(
            [*_PROGRAM, json.dumps(wanted)],
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=wanted.seconds + _GRACE_S,
            check=True,
        )
    except subprocess.SubprocessError as error:  # it was ended, by us or by its own limits
        raise Refused(_TOO_SLOW) from error
    answer: dict[str, Any] = json.loads(ended.stdout)
    if "wrong" in answer:
        raise Refused(f"q: that is no regular expression: {answer['wrong']}.")
    if "uncounted" in answer:
        raise Refused(_UNCOUNTED)
    hits, *where = answer["found"]
    return Found([Hit(*hit) for hit in hits], *where)
