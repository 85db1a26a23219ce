"""Tests are read quickly: nobody looks for garbage meanwhile, and processes side by side rewrite each file once.

Every process of a run reads all tests. Where that has not been done before, as in a new checkout, pytest rewrites the
assertions of each file, which takes longer than all else of it; and all processes would do so with the same file at
the same time.
"""

from __future__ import annotations

import gc
import importlib
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """What is made from here on until all tests are known stays: there is no garbage among it."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Read this process's share of the files, so that it is there for all when they read everything, in its order."""
    worker = getattr(session.config, "workerinput", None)
    folders = [ROOT / argument for argument in session.config.args if (ROOT / argument).is_dir()]
    if worker is None or not folders:
        return
    found = sorted(file for folder in folders for file in folder.rglob("test_*.py"))
    ignored = session.config.hook.pytest_ignore_collect
    files = [file for file in found if not ignored(collection_path=file, config=session.config)]
    number = int(worker["workerid"].removeprefix("gw"))
    for file in files[number :: worker["workercount"]]:
        # What is wrong is told when it is read as a test; some is right once the `conftest.py` beside it was read.
        with suppress(Exception, pytest.fail.Exception):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Leave out what has been made so far whenever garbage is looked for: a million objects, which all stay."""
    gc.freeze()
    gc.enable()
