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
        match=r"(?i:out of gpu (?:and shared host )?memory|out of memory in (?:cu|hip)[a-z]"
        r"|error_(?:device_|host_)?out_of_(?:device_|host_)?memory|less than \d{1,6} ?MB of free VRAM"
        r"|\b(?:cuda|hip|optix|metal|oneapi)\b.{0,60}?\b(?:out of memory|unable to allocate))",
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
        r"|\bnot (?:found|obtained)|\bdoes not exist|\bcould not|\bcannot|\bfailed|\btimed? ?out)"
        r"|\b(?:no|get|obtain|acquire|check ?out|find|initiali[sz]e|request)"
        r"(?: an?| any| the| valid| free| floating| renderman){0,3} licen[sc]e"
        r"|\b(?:error|could not|cannot|failed|unable)\b.{0,20}?\b(?:checking out|connect(?:ing)? to)"
        r"(?: an?| any| the){0,2} licen[sc]e"
        r"|\blicens(?:e|ing) error|\blicensed number of users already reached|\babort_on_license_fail\b)",
        then="hold_job 5m",
        say="There is no license for it now: {line}",
    ),
    # One worker that does not see the storage says the same; so it is believed once a second one says so.
    "missing-file": FailureRule(
        match=r"Cannot read file ['\"](?P<file>[^'\"]{1,500})"
        r"|Cannot read ['\"](?P<image>[^'\"]{1,500})['\"]: No such file"
        r"|\bError: cannot read (?P<scene>.{1,500}): there is no such file"
        r"|\bError: missing files: (?P<files>.{1,500})"
        r"|Error opening input file (?P<input>.{1,500}?)\.?$"
        r"|\] Could find no file (?:or sequence )?with path '(?P<frames>[^']{1,500})"
        # Of what it writes, FFmpeg says the same with the number filled in; what it reads is a pattern.
        r"|\] Could not open file : (?P<pattern>[^*?%\[]{0,500}[*?%\[].{0,500})"
        r"|\] Impossible to open '(?:file:)?(?P<frame>[^']{1,500})"
        r"|FileNotFoundError: \[Errno 2\] No such file or directory: ['\"](?P<path>[^'\"]{1,500})",
        then="fail_job",
        workers=2,
        say="The file {file}{image}{scene}{files}{input}{frames}{pattern}{frame}{path} is missing, or cannot be read.",
    ),
}


def name_of(rule: FailureRule) -> str:
    """What one of them is called; empty for any other."""
    return next((name for name, each in SHIPPED.items() if each is rule), "")
