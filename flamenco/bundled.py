"""Where the job types and plugins that come with Flamenco lie: inside an installed wheel, or beside a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def job_types() -> Path:
    """The folder of the shipped job types. Raises FileNotFoundError when the installation is incomplete."""
    return _folder("jobtypes")


def plugins() -> Path:
    """The folder of the shipped plugins. Raises FileNotFoundError when the installation is incomplete."""
    return _folder("plugins")


def _folder(name: str) -> Path:
    # The wheel first: a folder of that name beside site-packages would be somebody else's.
    for folder in (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the folder {name}/ that comes with Flamenco is missing; install Flamenco again")
