"""The etag of a job type: a hash of what its script declares, by which clients notice that it changed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from flamenco.domain.model import JobType

_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def etag_of(job_type: JobType) -> str:
    """SHA-1, in hexadecimal, of the declaration as compact JSON with sorted keys; what was not declared is left out.

    Aliases do not count: they change what is accepted, not what a client shows. Byte for byte what Flamenco
    computes, so that a client that saw the same script there is not told that it changed.
    """
    declared: dict[str, Any] = msgspec.to_builtins(job_type)
    declared["etag"] = ""
    for setting in declared["settings"] or ():
        setting.pop("aliases", None)
        if "evalInfo" in setting:
            setting["evalInfo"] = {"description": "", "showLinkButton": False} | setting["evalInfo"]
    text = json.dumps(declared, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(text.translate(_ESCAPED).encode(), usedforsecurity=False).hexdigest()
