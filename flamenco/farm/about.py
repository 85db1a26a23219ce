"""What a manager is made of and runs on, for whoever asks for help with it."""

from __future__ import annotations

import platform
from typing import Any

from flamenco import __version__
from flamenco.farm.context import Farm
from flamenco.store import statistics


def facts(farm: Farm) -> dict[str, Any]:
    """Versions, and how much there is to do; nothing secret, no paths, and no names that people gave."""
    with farm.store.read() as tx:
        numbers, workers = statistics.count_jobs(tx), statistics.count_workers(tx)
    plugins = [each for each in farm.hooks.plugins() if each.enabled and each.origin != "core"]
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "database": farm.store.version,
        "mode": farm.config.mode,
        "processes": farm.config.processes,
        "threads": farm.config.threads,
        "jobs": sum(numbers.jobs.values()),
        "tasks": sum(numbers.tasks.values()),
        "workers": sum(workers.values()),
        "plugins": [f"{each.name} {each.version}".strip() for each in plugins],
    }
