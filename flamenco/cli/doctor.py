"""`flamenco doctor`: looks over a manager's machine and says what is wrong, what is open, and what helps."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from flamenco import __version__, server
from flamenco.cli.configuration import configure
from flamenco.cli.findings import print_findings
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.cli.output import print_json
from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import script_limits_of
from flamenco.config import Config, Loaded
from flamenco.config.addresses import is_loopback
from flamenco.domain.access import WHO_MAY, Mode
from flamenco.domain.browser_rules import EVERY_HOST
from flamenco.domain.errors import FarmError
from flamenco.domain.findings import Finding, Grade, is_well
from flamenco.farm.context import utc_now
from flamenco.files import shared_storage
from flamenco.store import damage, leases
from flamenco.store.engine import Store
from flamenco.store.upgrade import usable_revision

DAMAGE_LIMIT_S: Final = 10.0
"""How long the database is looked through; `flamenco db check` takes as long as it takes."""

MOST_APART_S: Final = 2.0
"""Clocks that differ by more make timestamps of one farm contradict each other."""

LEAST_DAYS: Final = 14
"""A certificate should hold for so many days still: what renews it had several chances by then."""

LEAST_FREE: Final = 1024**3
"""Bytes that a disk should have left."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@click.command()
@config_option
@data_dir_option
@json_option
def doctor(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Say what is wrong on this manager's machine, who can reach it, and what helps. Changes nothing.

    To be run where the manager runs, as the user that it runs as, while it runs or not. Exit code 1 when there is a
    problem, 2 for a configuration that cannot be used.

    \b
    Example:
      flamenco doctor --data-dir /srv/flamenco
    """
    loaded = configure(config_file, data_dir, without_broken=True)
    found = [finding for look in LOOKS for finding in _safely(look, loaded)]
    if as_json:
        print_json({"ok": is_well(found), "findings": found})
    else:
        print_findings(found)
    if not is_well(found):
        raise click.exceptions.Exit(1)


def _safely(look: Callable[[Loaded], Iterator[Finding]], loaded: Loaded) -> Iterator[Finding]:
    """What was found. What keeps something from being looked at is a problem, too, and keeps nothing else from it."""
    try:
        yield from look(loaded)
    except (FarmError, OSError) as error:
        yield Finding(look.__name__.strip("_"), Grade.PROBLEM, str(error))


def _versions(_loaded: Loaded) -> Iterator[Finding]:
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    yield Finding(
        "versions", Grade.OK, f"Flamenco {__version__}, Python {python}, SQLite {sqlite}, {platform.platform()}."
    )


def _configuration(loaded: Loaded) -> Iterator[Finding]:
    for sentence in loaded.warnings:
        yield Finding("configuration", Grade.NOTE, sentence)
    for plugin in loaded.hooks.plugins():
        if plugin.problem:
            yield Finding("plugins", Grade.PROBLEM, plugin.problem)


def _exposure(loaded: Loaded) -> Iterator[Finding]:
    config = loaded.config
    if is_loopback(config.host):
        yield Finding("exposure", Grade.OK, f"Listens on {config.listen}: only programs on this machine reach it.")
    else:
        text = f"Listens on {config.listen}, in mode {config.mode}: {WHO_MAY[config.mode]}."
        grade = Grade.PROBLEM if config.mode is Mode.OPEN else Grade.NOTE if config.mode is Mode.LAN else Grade.OK
        helps = "Set access.mode to lan or login." if config.mode is Mode.OPEN else ""
        yield Finding("exposure", grade, text, helps)
        if not (config.tls_files or config.public_url.startswith("https:")):
            text = "Others read along on the network: tokens and secrets of workers go over it without TLS."
            yield Finding("exposure", Grade.NOTE, text, "Set tls.certificate and tls.key, or have a proxy do it.")
    if config.access.proxy.trusted and not config.public_url:
        text = "access.proxy.trusted names a proxy, and public_url does not say where people find the manager."
        yield Finding("exposure", Grade.NOTE, text, "Set it, such as https://farm.studio.com.")
    if EVERY_HOST in config.allowed_hosts:
        text = "allowed_hosts has '*': any web page that somebody opens here can use the manager."
        yield Finding("exposure", Grade.PROBLEM, text, "List the names by which it is reached instead.")


def _tls(loaded: Loaded) -> Iterator[Finding]:
    tls = server.tls_of(loaded.config)
    if tls is None:
        return
    certificate, now = tls.certificate, utc_now()
    days = (certificate.expires - now).days
    names = ", ".join(certificate.names)
    if doubt := certificate.doubt(now):
        yield Finding("tls", Grade.PROBLEM, doubt)
    elif days < LEAST_DAYS:
        text = f"The certificate for {names} expires in {days} days, on {certificate.expires:%Y-%m-%d}."
        yield Finding("tls", Grade.NOTE, text, "Renew its files; a running manager takes them up by itself.")
    else:
        yield Finding("tls", Grade.OK, f"On, with a certificate for {names} that expires in {days} days.")


def _file_modes(loaded: Loaded) -> Iterator[Finding]:
    if os.name != "posix":
        return
    config = loaded.config
    found = [*_modes_of(config.data_dir, _OTHERS_WRITE, "go-w", "changed")]
    found += _modes_of(config.local_storage_path, _OTHERS, "go-rwx", "read")
    for file in _secret_files(config):
        found += _modes_of(file, _OTHERS, "600", "read")
    yield from found or [Finding("files", Grade.OK, f"What lies in {config.data_dir} is for its owner alone.")]


def _secret_files(config: Config) -> Iterator[Path]:
    yield from sorted(config.data_dir.glob("flamenco-manager.yaml*"))
    yield from sorted(config.data_dir.glob("flamenco-manager.sqlite*"))


def _modes_of(path: Path, wrong: int, mend: str, what: str) -> Iterator[Finding]:
    if path.exists() and path.stat().st_mode & wrong:
        yield Finding("files", Grade.NOTE, f"{path} can be {what} by others.", f"chmod {mend} '{path}'")


def _storage(loaded: Loaded) -> Iterator[Finding]:
    config = loaded.config
    if config.shared_path.exists() or config.shared_storage_path:
        checked = shared_storage.check(str(config.shared_path))
        grade = Grade.OK if checked.is_usable else Grade.PROBLEM
        help_ = "" if checked.is_usable else "Mount it, or set shared_storage_path to a folder that can be used."
        yield Finding("storage", grade, f"{config.shared_path}: {checked.cause.rstrip('.')}.", help_)
    for folder in {config.data_dir, config.local_storage_path, config.shared_path}:
        if folder.exists() and (free := shutil.disk_usage(folder).free) < LEAST_FREE:
            text = f"The disk of {folder} has {free / 2**20:.0f} MiB left."
            yield Finding("storage", Grade.PROBLEM, text, "Make room: without it jobs, logs and images are refused.")


def _database(loaded: Loaded) -> Iterator[Finding]:
    url = loaded.config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        yield Finding("database", Grade.OK, "There is none yet; the manager makes it when it starts.")
        return
    store = Store(url, pool_size=1, may_begin=False)
    try:
        revision = usable_revision(store)
        with store.read() as tx:
            broken = damage.look(tx, limit_s=DAMAGE_LIMIT_S)
        for each in broken:
            yield Finding("database", Grade.PROBLEM, f"It is damaged: {each.problem}.", "See `flamenco db check`.")
        if not broken:
            yield Finding("database", Grade.OK, f"{store.url!r} answers, at revision {revision}.")
        yield from _clock(store)
    finally:
        store.close()


def _clock(store: Store) -> Iterator[Finding]:
    before = utc_now()
    with store.read() as tx:
        apart_s = abs((leases.clock(tx, before) - before).total_seconds())
    if apart_s > MOST_APART_S:
        text = f"The clocks of this machine and of the database's differ by {apart_s:.0f} s."
        yield Finding("clock", Grade.PROBLEM, text, "Have both set by NTP.")


def _job_types(loaded: Loaded) -> Iterator[Finding]:
    config, hooks = loaded.config, loaded.hooks
    compiler = Compiler([config.job_types_path, *hooks.job_type_folders()], script_limits_of(config))
    try:
        usable = compiler.job_types()
        for problem in compiler.problems():
            yield Finding("job types", Grade.PROBLEM, f"{problem.path}: {problem.message}")
        yield Finding("job types", Grade.OK, f"{len(usable)} can be submitted.")
    finally:
        compiler.close()


LOOKS: Final = (_versions, _configuration, _exposure, _tls, _file_modes, _storage, _database, _job_types)
"""What is looked at, in this order."""
