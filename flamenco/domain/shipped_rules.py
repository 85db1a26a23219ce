"""The failure rules that Flamenco comes with, by the names by which the setting `failures.without` leaves them out.

Their patterns need no more than one look at each character, but for a few more behind some words: they are looked for
without the care that is taken with those of others (`files.rule_matching`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from flamenco.domain.failure_rules import FailureRule

ShippedName = Literal["gpu-memory", "disk-full", "license", "missing-file"]

SHIPPED: Final[Mapping[str, FailureRule]] = {
    "gpu-memory": FailureRule(
        match=r"(?i:out of gpu memory|out of memory in (?:cu|hip)[a-z]|error_out_of_(?:device_|host_)?memory"
        r"|\b(?:cuda|hip|optix|metal|oneapi)\b.{0,60}?\bout of memory)",
        then="retry_elsewhere",
        say="The scene needs more GPU memory than {worker} has.",
    ),
    "disk-full": FailureRule(
        match=r"No space left on device|There is not enough space on the disk|Errno 28\b",
        then="worker_error",
        say="There is no space left on a disk of {worker}: {line}",
    ),
    "license": FailureRule(
        match=r"(?i:\blicen[sc]e.{0,60}?(?:\bnot available|unavailable|\bexpired|\bdenied|\bin use\b|\bexceeded"
        r"|\bnot found|\bcould not|\bcannot|\bfailed|\btimed? ?out)"
        r"|\b(?:no|get|obtain|acquire|check ?out|find|request)(?: an?| any| the| valid| free| floating){0,3}"
        r" licen[sc]e)",
        then="hold_job 5m",
        say="There is no license for it now: {line}",
    ),
    # One worker that does not see the storage says the same; so it is believed once a second one says so.
    "missing-file": FailureRule(
        match=r"Cannot read file ['\"](?P<file>[^'\"]{1,500})|Error opening input file (?P<input>[^:]{1,500})"
        r"|(?:FileNotFoundError: \[Errno 2\] No such file or directory: )['\"](?P<path>[^'\"]{1,500})",
        then="fail_job",
        workers=2,
        say="The file {file}{input}{path} is missing, or cannot be read.",
    ),
}


def name_of(rule: FailureRule) -> str:
    """What one of them is called; empty for any other."""
    return next((name for name, each in SHIPPED.items() if each is rule), "")
