"""How much a job type's script may use and produce."""

from __future__ import annotations

from msgspec import Struct

from flamenco.config import Config


class ScriptLimits(Struct, frozen=True, kw_only=True):
    """Limits of one script run, and of waiting for it. The defaults suit any honest script."""

    timeout_s: float = 10.0
    """Most processor time a script may take, top level and compileJob together; see `run_time` for other clocks."""
    memory_mb: int = 512
    """Most memory a run may use beyond what the engine itself takes, in MiB."""
    wait_s: float = 5.0
    """Longest time a caller waits for another caller's run to end."""
    waiting: int = 32
    """How many callers may wait that long: each holds a thread of the server."""
    crowded_wait_s: float = 0.2
    """Longest time that all further callers wait; enough for a crowd whose jobs are small."""
    idle_s: float = 60.0
    """The helper process ends itself when nothing was asked of it for this long."""
    grown_idle_s: float = 5.0
    """The same of one that takes more memory than before it ran anything, as after a job of many tasks."""
    retry_s: float = 60.0
    """How long a script counts as broken that ran into a limit; it may have been the machine's fault."""
    tasks: int = 1_000_000
    """Most tasks in a job."""
    commands: int = 1_000
    """Most commands in a task."""
    variables: int = 100
    """Most variables of a job."""
    string: int = 1_048_576
    """Longest text in settings and parameters, in UTF-16 units as JavaScript counts."""
    name: int = 1_000
    """Longest name or type of a job, a task or a command, in characters."""
    result_mb: int = 512
    """Largest compiled job as it comes out of the script, in MiB of JSON."""
    script_kb: int = 1_024
    """Largest script file, in KiB."""
    modules_kb: int = 8_192
    """Most text that scripts may `require`, all modules of the folders together, in KiB."""


def script_limits_of(config: Config) -> ScriptLimits:
    """The limits that a manager with these settings has."""
    return ScriptLimits(
        timeout_s=float(config.compile_timeout),
        memory_mb=config.compile_memory_mb,
        tasks=config.max_tasks_per_job,
        commands=config.max_commands_per_task,
        string=config.max_text_kb * 1024,
    )
