"""The composition root: Config -> Farm -> WSGI application. Nothing else decides which parts a manager is made of."""

from __future__ import annotations

import logging

import structlog

from flamenco import builtin
from flamenco.api.app import Application, create_app
from flamenco.compiler.compile import Compiler
from flamenco.compiler.limits import limits_of
from flamenco.config import Config
from flamenco.domain.errors import ConfigError
from flamenco.farm import jobs
from flamenco.farm.context import Clock, Farm, utc_now
from flamenco.store import upgrade
from flamenco.store.engine import Store

log = structlog.get_logger(__name__)

_CONNECTIONS_OF_CHORES = 2
"""Database connections beside those of the threads that answer requests."""

__all__ = ["Application", "create_app", "create_farm", "prepare"]


def create_farm(config: Config, clock: Clock = utc_now) -> Farm:
    """The farm that `config` describes. Whoever makes it closes it; every process makes its own."""
    hooks = builtin.create_hooks()
    compiler = Compiler([config.job_types_path, *hooks.job_type_folders()], limits_of(config))
    store = Store(config.database_url, pool_size=config.threads + _CONNECTIONS_OF_CHORES)
    return Farm(config, store, compiler, hooks, clock)


def prepare(config: Config) -> None:
    """Bring the data directory and the database into shape, once, before any process serves requests.

    Everything that can be wrong with a configuration shows here. Raises `ConfigError` or `StoreError`.
    """
    try:
        for folder in (config.data_dir, config.local_storage_path):
            folder.mkdir(parents=True, exist_ok=True)
        farm = create_farm(config)
    except OSError as error:
        raise ConfigError(f"The folder {error.filename} cannot be used: {error.strerror}.") from error
    try:
        # Alembic describes each of its steps, which is of no use to anybody whose database is fine.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        if upgrade.upgrade(farm.store, farm.clock()):
            log.info("the database was brought up to date")
        if stuck := jobs.finish_transitions(farm):
            log.info("finished what was interrupted when the manager stopped", jobs=stuck)
    finally:
        farm.close()
