"""How often simulated workers ask: as real ones do by default, or so many times as often. Pure."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from flamenco.worker.worker_settings import WorkerSettings


class Pace(Struct, frozen=True, kw_only=True):
    """Pauses in seconds; `timeout_s` is how long an answer may take, which no speed makes shorter."""

    poll_start: float
    poll_after_task: float
    poll_no_task: float
    poll_error: float
    poll_asleep: float
    may_i_run: float
    sign_on_retry: float
    update_retry: float
    log_chunk: float
    timeout_s: float

    @classmethod
    def of(cls, speed: float, settings: WorkerSettings | None = None) -> Self:
        """That of real workers, `speed` times as fast."""
        real = settings or WorkerSettings()
        pauses = {name: float(getattr(real, name)) / speed for name in cls.__struct_fields__ if name != "timeout_s"}
        return cls(**pauses, timeout_s=float(real.request_timeout))
