"""`flamenco manager`: runs the manager until it is told to stop."""

from __future__ import annotations

from pathlib import Path

import click
import structlog

from flamenco import bootstrap, server
from flamenco.cli.configuration import configure
from flamenco.cli.logging_setup import set_up_logging
from flamenco.cli.options import config_option, data_dir_option, override_option
from flamenco.config import Config, Loaded
from flamenco.discovery.networks import interfaces
from flamenco.discovery.own_urls import own_urls
from flamenco.domain.access import WHO_MAY
from flamenco.farm.context import utc_now

log = structlog.get_logger()


def _who_may(config: Config) -> str:
    return f"mode {config.mode}: {WHO_MAY[config.mode]} (the setting access.mode)"


@click.command()
@config_option
@data_dir_option
@click.option(
    "--listen", metavar="HOST:PORT", help="Listen there; :8080 is every interface.  [default: 127.0.0.1:8080]"
)
@click.option("--processes", metavar="N", help="Serve requests with N processes.  [default: 2, or 1 on one core]")
@click.option(
    "--database", metavar="URL", help="SQLite file or postgresql://…  [default: a file in the data directory]"
)
@override_option
def manager(config_file: Path | None, data_dir: Path | None, overrides: dict[str, str], **settings: str | None) -> None:
    """Run the manager, which takes in jobs and hands out their tasks.

    An older database is upgraded first; a copy of it is kept. The manager prints where it listens when it is ready,
    and stops on Ctrl-C or SIGTERM; on SIGHUP it reads its configuration anew, all but the address. Whoever can reach
    it can submit jobs, and so run programs on every worker; workers find it by themselves, unless the setting
    autodiscoverable is false.

    \b
    Example:
      flamenco manager --data-dir /srv/flamenco --listen 0.0.0.0:8080

    Every other setting comes from flamenco-manager.yaml, the environment or --set: see `flamenco config describe`.
    """
    given = {key: text for key, text in settings.items() if text is not None}

    def read_configuration() -> Loaded:
        return configure(config_file, data_dir, overrides | given)

    loaded = read_configuration()
    config = loaded.config
    set_up_logging(config.log_level, config.log_format)
    for warning in loaded.warnings:
        log.warning(warning)
    tls = server.tls_of(config)
    if tls and (doubt := tls.certificate.doubt(utc_now())):
        log.warning(doubt)
    # The port first: a manager that cannot serve has no business with the database.
    listener = server.open_port(config, lambda message: click.echo(f"flamenco: {message}", err=True))
    link = bootstrap.prepare(config, loaded.hooks)
    click.echo(f"flamenco: {_who_may(config)}", err=True)
    if link:
        port: int = listener.getsockname()[1]
        url = config.public_url or own_urls(config.host, port, interfaces(), tls.names if tls else None)[0]
        click.echo(
            "flamenco: nobody can sign in yet. Become the administrator within an hour, at "
            f"{url.rstrip('/')}/sign-in?link={link} "
            "or by `flamenco users add NAME --role admin` on this machine: as the manager's user, with its --data-dir.",
            err=True,
        )
    server.serve(loaded, read_configuration, listener, lambda url: click.echo(f"listening on {url}"))
