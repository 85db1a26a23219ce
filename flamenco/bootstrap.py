"""The composition root: Config -> Farm -> WSGI application. Nothing else decides which parts a manager is made of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import structlog

from flamenco.api.app import Application, create_app
from flamenco.compiler.compile import Compiler
from flamenco.compiler.sandbox import ScriptRunner
from flamenco.compiler.script_limits import script_limits_of
from flamenco.config import Config
from flamenco.domain.errors import ConfigError
from flamenco.farm import farm_status, jobs, sign_in
from flamenco.farm.context import Clock, Farm, utc_now
from flamenco.farm.scheduling import placing
from flamenco.files import own_folders, shared_storage
from flamenco.hooks.manager import Hooks
from flamenco.store import damage, upgrade
from flamenco.store.engine import Store
from flamenco.store.process_turns import ProcessTurn
from flamenco.store.upgrade_apart import upgrade_apart

log = structlog.get_logger(__name__)

DAMAGE_CHECK_LIMIT_S = 10.0
"""How long the manager looks for damage in its database before it starts; what is left is looked at later."""

_CONNECTIONS_OF_CHORES = 4
"""Database connections beside those of the threads that answer requests."""

_GIVE_IT = "Have it made for the user who runs the manager, or set data_dir to a folder of theirs."

__all__ = ["Application", "create_app", "create_farm", "prepare"]


def create_farm(
    config: Config,
    hooks: Hooks,
    clock: Clock = utc_now,
    config_file: Path | None = None,
    sandbox: ScriptRunner | None = None,
    sources: Mapping[str, str] | None = None,
    process: ProcessTurn | None = None,
) -> Farm:
    """The farm that `config` describes. Whoever makes it closes it; every process makes its own.

    `config_file` is where it was read from; the one in the data directory is written where there was none. `sandbox`
    is where job types are run, one of its own if not given. `sources` says where its settings have their values from,
    and `process` is how processes of the same manager take turns.
    """
    compiler = Compiler(
        [config.job_types_path, *hooks.job_type_folders()],
        script_limits_of(config),
        lambda job_type: hooks.job_settings(job_type, config),
        sandbox,
    )
    store = Store(config.database_url, pool_size=config.threads + _CONNECTIONS_OF_CHORES, process=process)
    return Farm(config, store, compiler, hooks, clock, config_file, sources=sources)


def _warn_about_storage(config: Config) -> None:
    """Say so when the folder that somebody set for the files of jobs cannot be used; it may be mounted later."""
    if config.shared_storage_path:
        checked = shared_storage.check(config.shared_storage_path)
        if not checked.is_usable:
            log.warning("the shared storage cannot be used", path=checked.path, reason=checked.cause)


def _bring_up_to_date(url: str, now: datetime) -> None:
    # By a store of its own: whoever upgrades the database must be alone with it.
    with closing(Store(url, pool_size=1)) as store:
        # First: an upgrade of a file that is broken would make that worse.
        for problem in damage.check_before_start(store, DAMAGE_CHECK_LIMIT_S):
            log.error("the database is damaged", problem=problem, file=str(store.file))
        is_current = upgrade.usable_revision(store) == upgrade.known_revisions()[-1]
    # Alembic describes each of its steps, which is of no use to anybody whose database is fine.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if not is_current and upgrade_apart(url, now):
        log.info("the database was brought up to date")


def prepare(config: Config, hooks: Hooks) -> str | None:
    """Bring the data directory and the database into shape, once, before any process serves requests.

    Gives a token for a link by which somebody becomes the first user; None where that is not needed.
    Everything that can be wrong with a configuration shows here. Raises `ConfigError` or `StoreError`.
    """
    try:
        own_folders.make(config)
        _warn_about_storage(config)
        farm = create_farm(config, hooks)
    except OSError as error:
        help_ = f" {_GIVE_IT}" if isinstance(error, PermissionError) else ""
        raise ConfigError(f"The folder {error.filename} cannot be used: {error.strerror}.{help_}") from error
    try:
        create_app(farm)  # whose routes of plugins may be wrong
        _bring_up_to_date(config.database_url, farm.clock())
        if stuck := jobs.finish_transitions(farm):
            log.info("finished what was interrupted when the manager stopped", jobs=stuck)
        placing.place_all(farm)
        farm_status.forget(farm)
        return sign_in.first_link(farm)
    finally:
        farm.close()
