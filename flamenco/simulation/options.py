"""What to simulate."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from flamenco.simulation.fates import Behaviour
from flamenco.simulation.ledger import SILENCE_S


class Options(Struct, frozen=True, kw_only=True):
    """How large the farm is, how it behaves, and for how long.

    `jobs` with `tasks` each are done once; with `duration_s`, as many jobs are kept open until that is over.
    `patience_s`: so long may nothing happen before what is open counts as lost. `silence_s`: after how long the manager
    may give up a worker that it does not hear of. `vanish_rate` of the workers are gone for good, all in the same
    moment, `vanish_after_s` from the start. `keep`: what was made is not removed in the end;
    `deletes_done`: jobs are, as soon as they are done. `chained`: each job waits until the one before it has ended.
    `start_after_s`: each begins no sooner than so long after it was submitted. `time_limits` are those of each job.
    `limit`: no more tasks of all jobs run at once.
    """

    workers: int = 10
    jobs: int = 1
    tasks: int = 100
    behaviour: Behaviour = Behaviour()
    duration_s: float | None = None
    seed: int = 1
    patience_s: float = 300.0
    silence_s: float = SILENCE_S
    vanish_rate: float = 0.0
    vanish_after_s: float = 0.0
    keep: bool = False
    deletes_done: bool = False
    chained: bool = False
    start_after_s: float = 0.0
    time_limits: Mapping[str, Mapping[str, str]] = {}
    limit: int | None = None
