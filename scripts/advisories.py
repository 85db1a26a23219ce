"""What PyPI knows to be dangerous in the packages that a farm is made of, where pip-audit cannot be answered.

pip-audit asks for the document of each version. Some mirrors pass on only that of a project, in which there are the
vulnerabilities of its newest version: enough for those packages that are installed in it. Of all others this says that
nobody has looked. Ends with 0 when nothing is known, 1 when something is, and 2 when nothing can be known here.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

OURS = "flamenco-farm"
EXTRAS = ("fast", "mqtt", "postgres", "prometheus")
"""What people install. Tools of developers are left to pip-audit: nobody's farm has them."""

KNOWN_TO_BE_BAD = "pycrypto"
"""Given up years ago, with holes in its newest version: who knows nothing of it, knows nothing at all."""

IGNORED: dict[str, str] = {}
"""Advisories that do not concern us, by their id, each with the reason; `scripts/audit` has them, too."""

TIMEOUT_S = 20
CLEAN, DANGEROUS, UNKNOWN = 0, 1, 2


class Found(NamedTuple):
    """What was found out of all packages: lines about holes, and packages that nobody looked at, with the reason."""

    holes: list[str]
    not_looked_at: list[str]


def shipped(name: str, extras: Iterable[str] = ()) -> dict[str, str]:
    """The packages that a package needs, and those that they need: their versions by name, where installed."""
    found: dict[str, str] = {}
    asked: set[tuple[str, str]] = set()
    left = [(name, extra) for extra in ("", *extras)]
    while left:
        name, extra = asking = left.pop()
        if asking in asked:
            continue
        asked.add(asking)
        try:
            requires = distribution(name).requires or []
            found[canonicalize_name(name)] = version(name)
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, requires):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                left += [(requirement.name, more) for more in ("", *requirement.extras)]
    return found


def document(url: str, name: str) -> dict[str, Any] | None:
    """What the index says of a project; None when it says nothing that can be used."""
    address, context = f"{url}/{name}/json", ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 # nosec B310
            said = json.load(answer)  # from the address that pip has as well
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("vulnerabilities"), list) else None


def holes_in(said: dict[str, Any]) -> list[str]:
    """The vulnerabilities in a document, one a line; what was taken back is none."""
    return [
        f"{hole['id']}: {hole.get('summary') or hole.get('details', '')[:200]} (mended in: {hole.get('fixed_in')})"
        for hole in said["vulnerabilities"]
        if not hole.get("withdrawn") and IGNORED.keys().isdisjoint([hole["id"], *hole.get("aliases", [])])
    ]


def look(url: str, packages: dict[str, str]) -> Found | None:
    """What is known of these versions; None where even what everybody knows is not."""
    bad = document(url, KNOWN_TO_BE_BAD)
    if bad is None or not holes_in(bad):
        return None
    found = Found([], [])
    with ThreadPoolExecutor(4) as pool:
        for (name, installed), said in zip(
            packages.items(), pool.map(lambda name: document(url, name), packages), strict=True
        ):
            newest = said["info"]["version"] if said else ""
            if said is None:
                found.not_looked_at.append(f"{name} {installed} (there is no document)")
            elif Version(newest) != Version(installed):
                found.not_looked_at.append(f"{name} {installed} (the document is that of {newest})")
            else:
                found.holes.extend(f"{name} {installed}: {hole}" for hole in holes_in(said))
    return found


def main() -> int:
    """Look, and tell. Returns the exit code."""
    from pip._internal.models.index import PyPI  # noqa: PLC0415 - where pip looks; tests say where themselves

    packages = shipped(OURS, EXTRAS)
    del packages[OURS]
    found = look(PyPI.pypi_url, packages)
    if found is None:
        return UNKNOWN
    for line in found.holes:
        print(f"DANGEROUS: {line}")
    for line in sorted(found.not_looked_at):
        print(f"NOBODY LOOKED AT {line}")
    looked_at = len(packages) - len(found.not_looked_at)
    print(f"Of {len(packages)} packages that a farm is made of, {looked_at} were looked at.")
    return DANGEROUS if found.holes else CLEAN


if __name__ == "__main__":
    sys.exit(main())
