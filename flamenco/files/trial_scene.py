"""A small scene to render when one wants to know whether a farm does: that of the demo, put where workers find it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

SCENE: Final = "Fan"
"""The name of the scene in the file."""

_FILE: Final = Path(__file__).resolve().parent.parent / "demo" / "fan.blend"


def put(folder: Path) -> Path:
    """The scene's file in a folder, which is made; whole, or not at all. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = folder / _FILE.name
    descriptor, aside = tempfile.mkstemp(prefix=f".{scene.name}-", dir=folder)
    os.close(descriptor)
    try:
        shutil.copyfile(_FILE, aside)
        Path(aside).chmod(0o644)  # for workers, who may be other users
        Path(aside).replace(scene)
    finally:
        Path(aside).unlink(missing_ok=True)
    return scene
