"""Checksums of the files in a folder, as `sha256sum --check` reads them; macOS has no `sha256sum` to make them with."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

for path in sorted(Path(sys.argv[1]).iterdir()):
    if path.name != "SHA256SUMS":
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
