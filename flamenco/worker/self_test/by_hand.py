"""A self-test that a person starts where the worker is, while it runs or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flamenco.client import ManagerClient, SelfTestReport
from flamenco.domain.errors import ConfigError, Failed
from flamenco.domain.self_tests.facts import Why
from flamenco.hooks.types import CommandType
from flamenco.worker import bootstrap, credentials
from flamenco.worker.worker_settings import WorkerSettings


def test_by_hand(settings: WorkerSettings, data_dir: Path, commands: Mapping[str, CommandType]) -> SelfTestReport:
    """Test this machine as the worker whose credentials are in `data_dir`, without signing on.

    Raises `ConfigError` where it has none yet, and `FarmError` where the manager cannot be asked.
    """
    file = data_dir / credentials.FILE_NAME
    known = credentials.load(file)
    if known is None:
        raise ConfigError(f"There is no worker here yet: {file} is missing. Start `flamenco worker` once before.")
    process = bootstrap.task_process(settings, data_dir)
    with ManagerClient(settings.manager_url, settings.request_timeout, token="", ca_file=settings.ca_file) as manager:
        manager.authenticate(known.worker_id, known.worker_secret)
        report = bootstrap.self_test_of(manager, commands, process).try_out(Why.BY_HAND)
    if report is None:
        raise Failed(f"The manager at {settings.manager_url} wants no self-test: it is an old one, or has to approve.")
    return report
