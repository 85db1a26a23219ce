"""Everybody gets their share of the farm: whoever has had less of it than that comes first.

The time that workers spend on a job's tasks goes on an account. Whose it is, the job says: `by` names the metadata to
look at, such as `user` or `project`; where it is missing, the job's setting of that name is taken. What an account
has used counts for half after `half_life`, and for next to nothing after ten of them.

Of the accounts that have jobs waiting, each should get time in proportion to its share. A job scores 100 while its
account has used nothing, 50 when it has had its share exactly, 25 at twice as much, and so on. Tasks that are running
are charged `expected_task_time` at once, so that nobody gets the whole farm before the first of them has ended.

```yaml
plugins:
  fair_share:
    by: project
    projects: [film, series, training]
    shares: {film: 50, series: 30}
    default_share: 20
    half_life: 24h
```

With `by: project`, every job type gets a setting with these projects to choose from. `flamenco shares` shows what
the accounts have used, as does the page *Fair shares*; `GET /api/x/fair_share/usage` is the same for programs. The
setting `policies` weighs fair shares against the priority.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import click
import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from flamenco import (
    ApiRequest,
    ApiResponse,
    ConfigError,
    Duration,
    FarmReader,
    FarmView,
    JobCandidate,
    JobTypeSetting,
    ManagerConfig,
    NotFound,
    Route,
    SchedulingPolicy,
    Setting,
    Submission,
    Term,
    Usage,
    WebPage,
    hookimpl,
    json_option,
    manager_option,
    visible,
)

NAME = "fair_share"
PROJECT = "project"
LONGEST_ACCOUNT = 100
"""Longer names of accounts are cut off: they are keys in the database, and jobs may say anything."""

Share = Annotated[float, Meta(ge=0.001, le=1_000_000)]


# -- what it adds -----------------------------------------------------------------------------------------------


@hookimpl
def settings() -> Iterable[Setting]:
    """Who gets how much, and what a job belongs to."""
    yield Setting(
        key="shares",
        type=dict[str, Share],
        default={},
        help="How much of the farm each account should get, in proportion to the others; empty is the same for all.",
    )
    yield Setting(key="default_share", type=Share, default=10.0, help="The share of every account that is not named.")
    yield Setting(
        key="by",
        type=Annotated[str, Meta(min_length=1)],
        default="user",
        help="The metadata, or else the setting, of a job that says whose account its time goes on.",
    )
    yield Setting(
        key="projects",
        type=tuple[str, ...],
        default=(),
        help="The projects to choose from when a job is submitted; for `by: project`.",
    )
    yield Setting(
        key="half_life",
        type=Duration,
        default=Duration(86_400),
        help="After this time, what an account has used counts for half; 0 looks at running tasks only.",
    )
    yield Setting(
        key="expected_task_time",
        type=Duration,
        default=Duration(60),
        help="What an account is charged for each running task, beside the time that it has had already.",
    )


@hookimpl
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """The policy, as it is configured. Raises `ConfigError` for a negative time."""
    own = config.plugins.fair_share
    for key in ("half_life", "expected_task_time"):
        if own[key] < 0:
            raise ConfigError(f"{key} is {own[key]}; write a time that is not negative")
    shares = shares_of(config)
    yield SchedulingPolicy(
        name=NAME,
        description="Jobs of those who have used less than their share of the farm come first.",
        score=shares.score,
        account=shares.account,
        half_life_s=float(own.half_life),
        depends_on="farm",
    )


@hookimpl
def job_settings(config: ManagerConfig) -> Iterable[JobTypeSetting]:
    """The project, for every job type, where projects are what shares go by."""
    own = config.plugins.fair_share
    if own.projects and own.by == PROJECT:
        yield JobTypeSetting(
            key=PROJECT,
            type="string",
            choices=own.projects,
            label="Project",
            description="The project that the time of this job goes on",
            visible="visible",
        )


@hookimpl
def job_submitting(submission: Submission, config: ManagerConfig) -> Submission | None:
    """Copy the account from the settings to the metadata, which is shown wherever jobs are. Never refuses."""
    by: str = config.plugins.fair_share.by
    account = _account_in(submission.settings, by)
    if not account or _account_in(submission.metadata, by):
        return None
    return replace(submission, metadata={**submission.metadata, by: account})


@hookimpl
def api_routes(config: ManagerConfig) -> Iterable[Route]:
    """What the accounts have used, as `flamenco shares` shows it."""
    shares = shares_of(config)

    def respond(_request: ApiRequest, farm: FarmReader) -> ApiResponse:
        return ApiResponse(body=accounts_used(shares, farm.usage(NAME)))

    summary = "Shares of accounts, and what they have used of the farm."
    yield Route(path="usage", respond=respond, summary=summary, access="look")


@hookimpl
def web_pages() -> Iterable[WebPage]:
    """Who has had what, and what is due to whom."""
    yield WebPage(path="usage", title="Fair shares", icon="gauge", module="fair_share.js")


@hookimpl
def cli_commands() -> Iterable[click.Command]:
    """The command `flamenco shares`."""
    yield show_shares


# -- the rule ---------------------------------------------------------------------------------------------------


class Shares(Struct, frozen=True, kw_only=True):
    """Who should get how much of the farm. `expected_task_s` is charged for every running task."""

    by: str
    named: Mapping[str, float]
    default: float
    expected_task_s: float

    def of(self, account: str) -> float:
        """The share of an account, which means something beside those of others only."""
        return self.named.get(account, self.default)

    def account(self, job: JobCandidate) -> str:
        """Whose account the job's time goes on; all jobs that do not say are on one together."""
        return _account_in(job.metadata, self.by) or _account_in(job.settings, self.by) or f"no {self.by}"

    def score(self, jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Term]:
        """Give each job 100, halved each time that its account has used its share, among those who want something."""
        owners = {job.id: self.account(job) for job in jobs}
        rivals = farm.waiting | set(owners.values())
        charged_s = {account: self._charged_s(farm.usage.get(account, Usage())) for account in rivals}
        all_charged_s = math.fsum(charged_s.values())
        all_shares = math.fsum(self.of(account) for account in rivals)
        terms = {}
        for account in set(owners.values()):
            part = charged_s[account] / all_charged_s if all_charged_s else 0.0
            share = self.of(account) / all_shares
            reason = f"{account}: {_percent(part)} of the recent time, share {_percent(share)}"
            terms[account] = Term(100 * 2 ** (-part / share), reason)
        return {job_id: terms[account] for job_id, account in owners.items()}

    def _charged_s(self, usage: Usage) -> float:
        return usage.seconds + usage.running * self.expected_task_s


def shares_of(config: ManagerConfig) -> Shares:
    """The shares that are configured."""
    own = config.plugins.fair_share
    return Shares(
        by=own.by,
        named=own.shares,
        default=own.default_share,
        expected_task_s=float(own.expected_task_time),
    )


def _account_in(values: Mapping[str, Any], key: str) -> str:
    """The account that metadata or settings name, fit to be stored and shown; nothing when they name none."""
    value = values.get(key)
    if not isinstance(value, str | int):
        return ""
    return "".join(character for character in str(value) if character.isprintable()).strip()[:LONGEST_ACCOUNT]


# -- looking at it ----------------------------------------------------------------------------------------------


class AccountUse(Struct, frozen=True, kw_only=True):
    """An account. `used_s` is in seconds, `part` of all that was used and `share_part` of all shares, each 0 to 1."""

    account: str
    share: float
    share_part: float
    used_s: float
    part: float
    running: int


def accounts_used(shares: Shares, usage: Mapping[str, Usage]) -> list[AccountUse]:
    """The accounts that have a share of their own or have used something lately, those with the most first."""
    recent = {account: used for account, used in usage.items() if used.running or used.seconds >= 1}
    listed = {account: recent.get(account, Usage()) for account in {*shares.named, *recent}}
    all_used_s = math.fsum(used.seconds for used in listed.values())
    all_shares = math.fsum(shares.of(account) for account in listed)
    found = [
        AccountUse(
            account=account,
            share=shares.of(account),
            share_part=shares.of(account) / all_shares,
            used_s=used.seconds,
            part=used.seconds / all_used_s if all_used_s else 0.0,
            running=used.running,
        )
        for account, used in listed.items()
    ]
    return sorted(found, key=lambda each: (-each.used_s, each.account))


@click.command("shares")
@manager_option
@json_option
def show_shares(manager_url: str, *, as_json: bool) -> None:
    """Show what accounts have used of the farm, and what their shares are.

    \b
    Example:
      flamenco shares --manager http://farm:8080
    """
    from flamenco.client import ManagerClient, ManagerError  # noqa: PLC0415 - managers need no client

    with ManagerClient(manager_url) as client:
        try:
            found = msgspec.convert(client.get(f"/api/x/{NAME}/usage"), list[AccountUse])
        except ManagerError as error:
            if error.status != 404:
                raise
            where = f"the manager at {client.url}"
            raise NotFound(f"{where} keeps no accounts; add {NAME} to its setting `plugins`.") from error
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif not found:
        click.echo("Nobody has used the farm lately, and no shares are configured.")
    else:
        _print_table(found)


def _print_table(found: Iterable[AccountUse]) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    numbers = [Column(title, justify="right") for title in ("Share", "Used", "Time", "Running")]
    table = Table("Account", *numbers, box=None)
    for each in found:
        used = str(Duration(round(each.used_s)))
        table.add_row(
            escape(visible(each.account)), _percent(each.share_part), _percent(each.part), used, str(each.running)
        )
    Console(highlight=False).print(table)


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %"
