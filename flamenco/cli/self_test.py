"""`flamenco self-test`: has workers try out their storages and programs, and shows what they found."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_workers
from flamenco.cli.findings import print_findings
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import find_workers
from flamenco.client import ManagerClient, SelfTestState
from flamenco.domain.actions import WorkerAction
from flamenco.domain.errors import Failed

_LOOK_S: Final = 0.5


@click.command("self-test")
@click.argument("references", metavar="WORKER...", nargs=-1)
@click.option("--last", is_flag=True, help="Ask for nothing, and show what they found the last time.")
@click.option("--now", is_flag=True, help="At once: a worker's task is stopped, and given to another.")
@click.option("--no-wait", is_flag=True, help="Only ask, and do not wait for what they find.")
@click.option(
    "--limit",
    "limit_s",
    type=click.IntRange(1, 86_400),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="Wait no longer than that.",
)
@choosing_workers
@manager_option
@json_option
def self_test(
    references: tuple[str, ...],
    chosen: Chosen,
    manager_url: str,
    *,
    last: bool,
    now: bool,
    no_wait: bool,
    limit_s: int,
    as_json: bool,
) -> None:
    """Have workers test whether tasks can run there: the shared storage, two-way variables, Blender, FFmpeg, the clock.

    They do it when they are done with their task, or --now. What fails keeps tasks away that need it. WORKER is an ID,
    the beginning of one, or a name. Exit code 1 where something is wrong. Where the worker is, `flamenco worker
    --self-test` does the same.

    \b
    Example:
      flamenco self-test render-07
      flamenco self-test render-07 --last --json
      flamenco self-test --all-matching --status awake
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them.")
    doing = Doing(things="workers", action=WorkerAction.SELF_TEST, arguments={"lazy": not now})
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
            return
        found = find_workers(client, references)
        if not last:
            before = {each.id: client.self_tests.of_worker(each.id) for each in found}
            if chosen.dry_run or no_wait:
                act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
                return
            for each in found:
                client.self_tests.ask(each.id, lazily=not now)
            _wait(client, before, time.monotonic() + limit_s)
        _show([client.self_tests.of_worker(each.id) for each in found], as_json=as_json)


def _wait(client: ManagerClient, before: dict[str, SelfTestState], end: float) -> None:
    """Wait until each has tested itself anew. Raises `Failed` when that takes too long."""
    never = threading.Event()
    for worker_id, earlier in before.items():
        while client.self_tests.of_worker(worker_id).last == earlier.last:
            if time.monotonic() > end:
                raise Failed(
                    f"{earlier.name} has not tested itself yet; it is asked to, and does when it is there and done "
                    f"with its task. `flamenco self-test {earlier.name} --last` shows what it found then."
                )
            never.wait(_LOOK_S)


def _show(states: Sequence[SelfTestState], *, as_json: bool) -> None:
    if as_json:
        print_json(states)
    else:
        for state in states:
            _print(state)
    if any(state.last is not None and not state.last.passed for state in states):
        raise click.exceptions.Exit(1)


def _print(state: SelfTestState) -> None:
    if state.last is None:
        print_line(f"{state.name}: has never tested itself")
        return
    for kept in state.last.kept_away:
        what = "no tasks at all" if kept.command == "*" else f"no tasks with {kept.command}"
        print_line(f"{state.name}: is given {what}: {kept.reason}")
    if state.last.passed:
        print_line(f"{state.name}: all is well")
    print_findings(state.last.findings)
