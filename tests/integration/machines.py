"""State machines over a farm of their own: each example of a property begins with an empty one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.farm.context import Farm
from flamenco.store.engine import Store
from flamenco.testing import Clock
from tests.conftest import empty_database, make_hooks


class FarmMachine(RuleBasedStateMachine):
    """Has a farm, on SQLite, and its clock; whoever is made of it closes the farm."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "farm.sqlite"
        file.write_bytes(empty_database())
        self.clock = Clock()
        config = Config(data_dir=Path(self._folder.name))
        self.farm = Farm(config, Store(f"sqlite:///{file}"), Compiler([]), make_hooks(), self.clock)
