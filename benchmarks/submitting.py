"""Submitting over HTTP, the whole request: the first job of a manager, one task, and up to a hundred thousand."""

from __future__ import annotations

import time
from statistics import median
from typing import Final

from benchmarks.managers import Caller, Manager, Setting, managers_of, settled, submit

TIMES: Final = {1: 20, 1_000: 5, 10_000: 3, 100_000: 1}
"""How often a job of so many tasks is submitted to each manager; each over a connection of its own."""

_LEFT_OUT: Final = 3
"""So many of the smallest come before those that count: each process knows the job type then."""


def submissions(setting: Setting, most: int) -> dict[str, float]:
    """Milliseconds by what was submitted, jobs of at most so many tasks: of the whole request, the median, and of the
    processor in all processes of the manager, the mean.
    """
    with managers_of(setting) as managers:
        settled(managers)
        found = {"the first, of 1 task": _submitted_ms(managers[0], 1)[0]}
        for _ in range(_LEFT_OUT):
            _submitted_ms(managers[0], 1)
        for tasks, times in TIMES.items():
            if tasks <= most:
                taken = [_submitted_ms(managers[0], tasks) for _ in range(times)]
                found[f"{tasks:,} tasks"] = median(whole for whole, _ in taken)
                found[f"  CPU of {tasks:,}"] = sum(cpu for _, cpu in taken) / times
        return found


def _submitted_ms(manager: Manager, tasks: int) -> tuple[float, float]:
    people = Caller(manager.port)
    cpu_before, began = manager.processor_s(), time.perf_counter()
    submit(people, f"{tasks} tasks", tasks)
    took, cpu = time.perf_counter() - began, manager.processor_s() - cpu_before
    people.close()
    return took * 1000, cpu * 1000
