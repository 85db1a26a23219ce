"""What workers of a platform are to try out: the storages and the programs that the configuration names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flamenco.domain.model import Worker
from flamenco.domain.self_tests.expected import Known, Needed, Rules
from flamenco.domain.self_tests.facts import MOST_PLACES, MOST_PROGRAMS, WantedProgram
from flamenco.domain.variables import WORKERS, Meaning
from flamenco.farm.context import Farm

SHARED: Final = "shared storage"
_SHORTEST_LIMIT_S: Final = 0.1


def limit_s(farm: Farm) -> float:
    """How long each step may take."""
    return max(float(farm.config.self_test.timeout), _SHORTEST_LIMIT_S)


def rules(farm: Farm) -> Rules:
    """From when on something is wrong."""
    config = farm.config.self_test
    most_clock_s = float(config.most_clock_offset) if "clock" in config.checks else 0.0
    return Rules(least_free_mb=config.least_free_mb, most_clock_s=most_clock_s)


def storages(farm: Farm, platform: str) -> list[Known]:
    """The shared storage, once somebody has chosen one, and what two-way variables stand for; each path once."""
    if "storage" not in farm.config.self_test.checks:
        return []
    found: dict[str, Known] = {}
    for place in _storages(farm, platform):
        found.setdefault(place.path, place)
    return list(found.values())[:MOST_PLACES]


def _storages(farm: Farm, platform: str) -> Iterator[Known]:
    theirs = farm.variables.expansion(WORKERS, platform)
    if farm.config.shared_storage_path:
        mine = str(farm.config.shared_path)
        yield Known(name=SHARED, path=theirs.text(mine), folder=mine, is_shared=True)
    here = farm.variables.manager_platform
    managers, has = farm.variables.expansion(WORKERS, here), farm.variables.meanings(WORKERS, here)
    for name, meaning in farm.variables.meanings(WORKERS, platform).items():
        if meaning.is_twoway and meaning.value:
            variable = f"{{{name}}}"
            folder = managers.text(variable) if name in has else ""
            yield Known(name=variable, path=theirs.text(variable), folder=folder)


def programs(farm: Farm, worker: Worker) -> list[tuple[Needed, list[WantedProgram]]]:
    """The programs that commands need for tasks that the worker takes, by all variables that stand for one of a kind.

    A farm with several Blenders has them as `blender_36`, `blender42` and the like.
    """
    if "programs" not in farm.config.self_test.checks:
        return []
    commands: dict[str, list[str]] = {}
    for name, command in farm.command_types.items():
        if command.needs is not None and set(command.task_types) & set(worker.task_types):
            commands.setdefault(command.needs.name, []).append(name)
    meanings = farm.variables.meanings(WORKERS, worker.platform)
    found = []
    for like, needing in commands.items():
        wanted = list(_wanted(like, meanings))[:MOST_PROGRAMS]
        found.append((Needed(names=[each.name for each in wanted], commands=needing), wanted))
    return found


def _wanted(like: str, meanings: dict[str, Meaning]) -> Iterator[WantedProgram]:
    alike = re.compile(rf"{re.escape(like)}[-_.]?v?\d[\w.-]*", re.IGNORECASE)
    yield WantedProgram(name=like, exe=meanings[like].value if like in meanings else like, like=like)
    for name, meaning in meanings.items():
        if alike.fullmatch(name):
            yield WantedProgram(name=name, exe=meaning.value, like=like)
