"""`flamenco rules`: what follows from failures, and what would from a log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from msgspec import Struct
from msgspec.structs import replace

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.client import ListedRule, ManagerClient
from flamenco.domain.errors import Refused
from flamenco.domain.failure_rules import (
    TAIL_BYTES,
    Failure,
    FailureRule,
    Found,
    KnownRule,
    exit_code_in,
    fitting,
    lines_of,
    ruling,
)
from flamenco.files import rule_scan
from flamenco.files.rule_matching import RuleMatching, TooSlow

_TITLES: Final = ("Rule of", "Tasks", "Log says", "Exit code", "Then")


class Tried(Struct, frozen=True, kw_only=True):
    """What follows from a log: the rule, the line that fits, and what people are told; nothing where none fits."""

    rule: ListedRule | None = None
    line: str = ""
    sentence: str = ""


@click.command()
@click.option("--job-type", metavar="TYPE", default="", help="With the rules of this job type, and of no other.")
@click.option(
    "--try",
    "log",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="LOGFILE",
    help="Say which rule is the first that fits this log of a task.",
)
@click.option("--task-type", metavar="TYPE", default="", help="With --try: the type of that task; any, if not given.")
@click.option("--workers", type=click.IntRange(1), default=1, help="With --try: how many workers have failed it.")
@click.option("--exit-code", type=int, help="With --try: how its program ended, where the log does not say.")
@manager_option
@json_option
def rules(
    job_type: str,
    log: Path | None,
    task_type: str,
    workers: int,
    exit_code: int | None,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """List what follows when tasks fail: the rules in the order in which they are asked, and who says so.

    The first decides that is about the task and fits a line of what it logged last. Nothing is changed here: rules are
    in the configuration, in job types, and in plugins.

    \b
    Example:
      flamenco rules
      flamenco rules --try render.log --task-type blender-render
      flamenco rules --job-type simple-blender-render --json
    """
    with ManagerClient(manager_url) as client:
        found = client.failures.rules(job_type)
    if log is not None:
        tried = _tried(found, log, Failure(task_type=task_type, exit_code=exit_code, workers=workers, worker="WORKER"))
        _print_tried(tried, as_json=as_json)
    elif as_json:
        print_json(found)
    else:
        print_table(_TITLES, [_row(rule) for rule in found])


def _row(rule: ListedRule) -> tuple[str, ...]:
    by = f"{rule.by} ({rule.name or rule.job_type})" if rule.name or rule.job_type else rule.by
    code = "" if rule.exit_code is None else str(rule.exit_code)
    then = rule.then if rule.workers == 1 else f"{rule.then}, once {rule.workers} workers failed it"
    return by, ", ".join(rule.task_types), rule.match, code, then


def _tried(listed: Sequence[ListedRule], log: Path, failure: Failure) -> Tried:
    lines = lines_of(_end_of(log), "")
    if failure.exit_code is None:
        failure = replace(failure, exit_code=exit_code_in("", lines))
    about = [each for each in listed if fitting([_known(each, failure)], failure)]
    hit = _first([each.match for each in about], lines)
    if hit is None:
        return Tried()
    found = Found(*hit)
    rule = about[found.number]
    return Tried(rule=rule, line=found.line, sentence=ruling(_known(rule, failure), found, failure).sentence)


def _first(patterns: Sequence[str], lines: Sequence[str]) -> rule_scan.Hit | None:
    matching = RuleMatching()
    try:
        return matching.first(patterns, lines)
    except TooSlow as error:
        raise Refused(f"the pattern {error.pattern!r} takes too long on this log; make it simpler.") from error
    except OSError as error:
        raise Refused(f"no pattern can be looked for here just now: {error}.") from error
    finally:
        matching.close()


def _known(listed: ListedRule, failure: Failure) -> KnownRule:
    """The rule; of which tasks it is does not count where nobody has said which one is tried."""
    try:
        rule = FailureRule(
            then=listed.then,
            match=listed.match,
            exit_code=listed.exit_code,
            task_types=listed.task_types if failure.task_type else (),
            workers=listed.workers,
            say=listed.say,
        )
    except ValueError as error:
        raise Refused(f"the manager has a rule that cannot be read here: {error}.") from error
    return KnownRule(rule, listed.by, listed.name)


def _end_of(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES)
    except OSError as error:
        raise Refused(f"{log} cannot be read: {error.strerror}.") from error


def _print_tried(tried: Tried, *, as_json: bool) -> None:
    if as_json:
        print_json(tried)
    elif tried.rule is None:
        print_line("No rule fits: it is tried by other workers, as often as the settings say.")
    else:
        by, *_, then = _row(tried.rule)
        print_line(f"A rule of {by} fits: {then}.")
        print_line(f"It is said: {tried.sentence}")
        if tried.line:
            print_line(f"The line is: {tried.line}")
