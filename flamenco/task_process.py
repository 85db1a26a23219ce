"""`python -m flamenco.task_process DESCRIPTOR`: the process in which a worker has a task run as another user.

Puts together what `worker.task_serving` needs: the commands of the core and of the worker's plugins.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flamenco import builtin
from flamenco.cli.logging_setup import set_up_logging
from flamenco.hooks.types import CommandType
from flamenco.worker.task_messages import Work
from flamenco.worker.task_serving import Messages, serve


def _commands_of(work: Work) -> Mapping[str, CommandType]:
    folder = Path(work.plugins_dir) if work.plugins_dir else None
    return builtin.worker_hooks(work.plugins, folder, os.environ).command_types()


if __name__ == "__main__":
    messages = Messages()
    set_up_logging("info", "logfmt", messages.lines)
    serve(int(sys.argv[1]), messages, _commands_of)
