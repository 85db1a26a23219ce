"""Copies what the web page uses of others from npm to `flamenco/web/static/vendor`: libraries, licenses, icons.

Which versions, `tests/web/package.json` says, and its lock file what they are to be. With `--check` it writes nothing,
and ends with 1 when something is not what npm serves.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "tests" / "web"
MODULES = PACKAGES / "node_modules"
STATIC = ROOT / "flamenco" / "web" / "static"
VENDOR = STATIC / "vendor"

FILES = {
    "preact.js": "preact/dist/preact.mjs",
    "hooks.js": "preact/hooks/dist/hooks.mjs",
    "signals-core.js": "@preact/signals-core/dist/signals-core.mjs",
    "signals.js": "@preact/signals/dist/signals.mjs",
    "htm.js": "htm/dist/htm.mjs",
}
"""What is copied, from which file of which package."""

IMPORTS = {"preact": "preact.js", "preact/hooks": "hooks.js", "@preact/signals-core": "signals-core.js"}
"""Names that libraries know each other by. Browsers want paths, since there is no list of names in the page."""

LICENSES = ("preact", "@preact/signals", "htm", "lucide-static")

ICONS = PACKAGES / "icons.txt"
"""The names of the icons that are used, one a line."""

_IMPORT = re.compile(r'(from|import)"([^".][^"]*)"')
_SOURCE_MAP = re.compile(r"\n//# sourceMappingURL=\S+\s*$")
_DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def library(name: str) -> str:
    """The library as the page has it: imports by path, and no mention of maps that are not there."""
    source = (MODULES / FILES[name]).read_text("utf-8")
    source = _SOURCE_MAP.sub("", source)
    source = _IMPORT.sub(lambda found: f'{found[1]}"./{IMPORTS[found[2]]}"', source)
    return source.rstrip() + "\n"


def licenses() -> str:
    """Whose work this is, and on which terms."""
    parts = []
    for name in LICENSES:
        about = json.loads((MODULES / name / "package.json").read_text("utf-8"))
        text = next((MODULES / name).glob("LICENSE*")).read_text("utf-8").strip()
        parts.append(f"{name} {about['version']} ({about['license']})\n\n{text}\n")
    return f"\n{'-' * 80}\n\n".join(parts)


def sprite() -> str:
    """The icons as one picture, of which pages show a part by its name."""
    symbols = []
    for name in ICONS.read_text("utf-8").split():
        drawing = _DRAWING.search((MODULES / "lucide-static" / "icons" / f"{name}.svg").read_text("utf-8"))
        if drawing is None:
            raise ValueError(f"{name} is no icon")
        inner = re.sub(r"\s+", " ", drawing[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def wanted() -> dict[Path, str]:
    """What every file is to have in it."""
    files = {VENDOR / name: library(name) for name in FILES}
    return files | {VENDOR / "LICENSES.txt": licenses(), STATIC / "icons.svg": sprite()}


def main() -> int:
    """Fetch, and write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only see whether the files are what npm serves")
    check = parser.parse_args().check
    npm = shutil.which("npm")
    if npm is None:
        print("npm is needed, which comes with Node (on Debian: apt install npm)", file=sys.stderr)
        return 2
    fetch = [npm, "ci", "--no-audit", "--no-fund", "--prefix", str(PACKAGES)]
    fetched = subprocess.run(fetch, capture_output=True, text=True, timeout=300, check=False)
    if fetched.returncode:
        print(f"npm could not get its packages:\n{fetched.stderr}", file=sys.stderr)
        return 2
    other = [path for path, text in wanted().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in other:
        print(f"{path.relative_to(ROOT)} {'is not what npm serves' if check else 'is new'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted()[path], "utf-8")
    return int(check and bool(other))


if __name__ == "__main__":
    sys.exit(main())
