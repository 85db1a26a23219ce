"""Everybody gets their share of the farm: the rule, whose account a job is on, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from flamenco import ApiRequest, FarmView, SchedulingPolicy, Submission, Term, Usage
from flamenco.client import ManagerError
from flamenco.config import Loaded
from flamenco.domain.errors import ConfigError, NotFound
from flamenco.domain.model import JobType, JobTypeSetting
from flamenco.hooks.statistics import FarmStatistics, LimitUse
from tests.integration.scripted_manager import Answer, ScriptedManager
from tests.plugins.loading import NOW, load_documented, load_text, open_job

USAGE_PATH = "/api/x/fair_share/usage"
BY_USER = "plugins: {fair_share: {shares: {one: 50, two: 30, three: 20}}}"


def policy_of(loaded: Loaded) -> SchedulingPolicy:
    """The policy of the plugin that was loaded."""
    return loaded.hooks.scheduling_policies(loaded.config)["fair_share"]


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The plugin as its docstring configures it: projects, film 50, series 30, and 20 for any other."""
    return load_documented("fair_share", tmp_path_factory.mktemp("documented"))


@pytest.fixture(scope="module")
def fair_share(tmp_path_factory: pytest.TempPathFactory) -> SchedulingPolicy:
    """The policy with users whose shares add up to 100; anybody else has 10."""
    return policy_of(load_text(BY_USER, tmp_path_factory.mktemp("by_user")))


@pytest.fixture(scope="module")
def equal_shares(tmp_path_factory: pytest.TempPathFactory) -> SchedulingPolicy:
    """The policy without any settings."""
    return policy_of(load_text("plugins: [fair_share]", tmp_path_factory.mktemp("equal")))


def farm(waiting: str = "", **usage: Usage | float) -> FarmView:
    """A farm where these accounts, with spaces between them, have jobs, and have used so many seconds."""
    used = {name: Usage(float(each)) if isinstance(each, int | float) else each for name, each in usage.items()}
    return FarmView(now=NOW, usage=used, waiting=frozenset(waiting.split()))


def terms_of(policy: SchedulingPolicy, view: FarmView, *users: str) -> dict[str, Term]:
    """What jobs of these users get, asked about together, by user."""
    assert policy.score
    return dict(policy.score([open_job(user, metadata={"user": user}) for user in users], view))


def score_of(policy: SchedulingPolicy, view: FarmView, user: str) -> float:
    """What a job of that user gets, asked about alone."""
    return terms_of(policy, view, user)[user].score


# -- the rule ---------------------------------------------------------------------------------------------------


def test_everybody_starts_with_100(fair_share: SchedulingPolicy) -> None:
    """As long as nobody has used anything, everybody is as far below their share as one can be."""
    terms = terms_of(fair_share, farm("one two three"), "one", "two", "three")
    assert {user: term.score for user, term in terms.items()} == {"one": 100, "two": 100, "three": 100}
    assert terms["one"].reason == "one: 0 % of the recent time, share 50 %"


def test_whoever_has_had_their_share_gets_50(fair_share: SchedulingPolicy) -> None:
    """Where all have used in proportion to their shares, all are at half."""
    view = farm("one two three", one=500, two=300, three=200)
    scores = [term.score for term in terms_of(fair_share, view, "one", "two", "three").values()]
    assert scores == pytest.approx([50, 50, 50])


@pytest.mark.parametrize(("used_s", "expected"), [(0, 100), (250, 100 * 2**-0.5), (500, 50), (1000, 25)])
def test_each_share_that_was_used_halves_the_score(fair_share: SchedulingPolicy, used_s: int, expected: float) -> None:
    """The score is 100 · 2^(-part / share), with a share of a half here."""
    view = farm("one two three", one=used_s, two=1000 - used_s)
    assert score_of(fair_share, view, "one") == pytest.approx(expected)


def test_the_reason_tells_part_and_share(fair_share: SchedulingPolicy) -> None:
    """Whoever asks why reads what was used and what should have been."""
    view = farm("one two three", one=120, two=880)
    assert terms_of(fair_share, view, "one")["one"].reason == "one: 12 % of the recent time, share 50 %"


def test_shares_are_divided_among_those_who_want_something(fair_share: SchedulingPolicy) -> None:
    """An account without open jobs takes no part: neither its share nor what it has used counts."""
    view = farm("one two", one=50, two=30, three=1_000_000)
    terms = terms_of(fair_share, view, "one", "two")
    assert terms["one"].score == terms["two"].score == pytest.approx(50)
    assert terms["one"].reason == "one: 62 % of the recent time, share 62 %"


def test_whoever_is_alone_is_level_with_their_share(fair_share: SchedulingPolicy) -> None:
    """Without rivals, all that was used is one's own, and so is the whole share."""
    assert score_of(fair_share, farm("one", one=1e9), "one") == pytest.approx(50)
    assert score_of(fair_share, farm(), "one") == 100


def test_a_job_is_scored_alike_alone_and_among_all(fair_share: SchedulingPolicy) -> None:
    """At submission one job is asked about, later all of them are: with the same farm the score is the same."""
    view = farm("one two new", one=500, two=40, three=77)
    users = ("one", "two", "new")
    together = terms_of(fair_share, view, *users)
    assert together == {user: terms_of(fair_share, view, user)[user] for user in users}
    assert terms_of(fair_share, view) == {}


def test_the_first_job_of_an_account_counts_among_those_waiting(fair_share: SchedulingPolicy) -> None:
    """A job that is just coming in is not waiting yet, and is scored as if it were."""
    usage = {"one": 500, "two": 100}
    before, after = farm("one", **usage), farm("one two", **usage)
    assert terms_of(fair_share, before, "two") == terms_of(fair_share, after, "two")


def test_unknown_accounts_have_the_default_share(fair_share: SchedulingPolicy) -> None:
    """Somebody who is not named has a share of 10, of the 60 that are asked for here."""
    term = terms_of(fair_share, farm("one other", one=100, other=100), "other")["other"]
    assert term.score == pytest.approx(12.5)
    assert term.reason == "other: 50 % of the recent time, share 17 %"


def test_without_settings_all_are_equal(equal_shares: SchedulingPolicy) -> None:
    """Nobody is named, so everybody has the same share."""
    scores = terms_of(equal_shares, farm("a b", a=100, b=100), "a", "b")
    assert scores["a"].score == scores["b"].score == pytest.approx(50)
    assert equal_shares.half_life_s == 86_400


def test_running_tasks_are_charged_at_once(equal_shares: SchedulingPolicy) -> None:
    """Two who have used the same differ by their running tasks, each of which counts for a minute."""
    view = farm("a b", a=Usage(60.0, running=2), b=Usage(60.0, running=0))
    terms = terms_of(equal_shares, view, "a", "b")
    assert terms["a"].reason == "a: 75 % of the recent time, share 50 %"
    assert terms["b"].reason == "b: 25 % of the recent time, share 50 %"
    assert terms["a"].score < terms["b"].score


def test_handing_out_one_by_one_comes_to_the_shares(fair_share: SchedulingPolicy) -> None:
    """When a hundred workers ask in the same second, tasks are handed out in proportion to the shares."""
    running = {"one": 0, "two": 0, "three": 0}
    for _ in range(100):
        view = farm("one two three", **{user: Usage(0.0, count) for user, count in running.items()})
        terms = terms_of(fair_share, view, *running)
        running[max(running, key=lambda user: terms[user].score)] += 1
    assert running == {
        "one": pytest.approx(50, abs=2),
        "two": pytest.approx(30, abs=2),
        "three": pytest.approx(20, abs=2),
    }


SECONDS = st.floats(0, 1e9)
USAGES = st.builds(Usage, SECONDS, st.integers(0, 10_000))


@given(usage=st.dictionaries(st.sampled_from(["one", "two", "other"]), USAGES), more=SECONDS)
def test_more_usage_never_raises_the_score(fair_share: SchedulingPolicy, usage: dict[str, Usage], more: float) -> None:
    """Using more never brings one's own jobs forward, nor puts those of others back."""
    own = usage.get("one", Usage())
    before = farm("one two other", **usage)
    after = farm("one two other", **{**usage, "one": Usage(own.seconds + more, own.running)})
    assert score_of(fair_share, after, "one") <= score_of(fair_share, before, "one") + 1e-9
    assert score_of(fair_share, after, "two") >= score_of(fair_share, before, "two") - 1e-9


@given(usage=st.dictionaries(st.text(min_size=1), USAGES), waiting=st.frozensets(st.text(min_size=1)))
def test_scores_lie_between_0_and_100(
    fair_share: SchedulingPolicy, usage: dict[str, Usage], waiting: frozenset[str]
) -> None:
    """Whoever is there and whatever was used, the score is one that can be weighed against a priority."""
    assert fair_share.score
    view = FarmView(now=NOW, usage=usage, waiting=waiting)
    jobs = [open_job(str(number), metadata={"user": user}) for number, user in enumerate(waiting)]
    assert all(0 <= term.score <= 100 for term in fair_share.score(jobs, view).values())


# -- whose account ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "settings", "account"),
    [
        ({"user": "one"}, {}, "one"),
        ({"user": "one"}, {"user": "two"}, "one"),
        ({}, {"user": "two"}, "two"),
        ({"user": " "}, {"user": "two"}, "two"),
        ({}, {"user": 1042}, "1042"),
        ({"user": " o\0ne\n"}, {}, "one"),
        ({"user": "x" * 5000}, {}, "x" * 100),
        ({}, {}, "no user"),
        ({"user": ""}, {"user": ["two"]}, "no user"),
        ({"project": "film"}, {}, "no user"),
    ],
)
def test_whose_account_a_job_is_on(
    fair_share: SchedulingPolicy, metadata: dict[str, str], settings: dict[str, Any], account: str
) -> None:
    """The metadata decides, then the setting of that name; what names nobody is on one account, fit to be stored."""
    assert fair_share.account
    assert fair_share.account(open_job(metadata=metadata, settings=settings)) == account


def test_by_names_the_metadata(documented: Loaded) -> None:
    """A farm may go by projects, or anything else that jobs say."""
    policy = policy_of(documented)
    assert policy.account
    assert policy.account(open_job(metadata={"project": "film", "user": "one"})) == "film"
    assert policy.account(open_job(metadata={"user": "one"})) == "no project"


@pytest.mark.parametrize(
    ("metadata", "settings", "expected"),
    [
        ({}, {"project": "film"}, {"project": "film"}),
        ({"note": "x", "project": ""}, {"project": "film"}, {"note": "x", "project": "film"}),
        ({"project": "series"}, {"project": "film"}, {"project": "series"}),
        ({"note": "x"}, {"frames": "1-3"}, {"note": "x"}),
        ({}, {"project": ["film"]}, {}),
    ],
)
def test_the_account_is_shown_in_the_metadata(
    documented: Loaded, metadata: dict[str, str], settings: dict[str, Any], expected: dict[str, str]
) -> None:
    """A job that says its project as a setting has it in its metadata as well; nothing else changes, or is refused."""
    submission = Submission(name="job", type="test", metadata=metadata, settings=settings)
    taken_in = documented.hooks.job_submitting(submission, documented.config)
    assert taken_in == msgspec.structs.replace(submission, metadata=expected)


def added_settings(loaded: Loaded, *own: JobTypeSetting) -> list[JobTypeSetting]:
    """What the plugin adds to a job type with those settings of its own."""
    return loaded.hooks.job_settings(JobType(name="test", label="", etag="", settings=own), loaded.config)


def test_job_types_get_the_projects_to_choose_from(documented: Loaded) -> None:
    """Every job type has a setting with the projects, as clients show it, unless it has one of that name itself."""
    (setting,) = added_settings(documented)
    assert msgspec.to_builtins(setting) == {
        "key": "project",
        "type": "string",
        "choices": ("film", "series", "training"),
        "label": "Project",
        "description": "The project that the time of this job goes on",
        "visible": "visible",
    }
    assert added_settings(documented, JobTypeSetting(key="project", type="string")) == []


@pytest.mark.parametrize("settings", ["by: project", "projects: [film], by: user", "projects: [film]"])
def test_without_projects_nothing_is_added(tmp_path: Path, settings: str) -> None:
    """There is nothing to choose where no projects are named, or shares go by something else."""
    assert added_settings(load_text(f"plugins: {{fair_share: {{{settings}}}}}", tmp_path)) == []


# -- settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("shares: {one: 0}", r"plugins\.fair_share\.shares: in 'one'"),
        ("shares: {one: much}", r"plugins\.fair_share\.shares: in 'one'"),
        ("shares: {one: .nan}", r"plugins\.fair_share\.shares: in 'one'"),
        ("shares: [one]", r"plugins\.fair_share\.shares"),
        ("default_share: 0", r"plugins\.fair_share\.default_share"),
        ("default_share: .inf", r"plugins\.fair_share\.default_share"),
        ("by: ''", r"plugins\.fair_share\.by"),
        ("half_life: -1h", r"'fair_share'.*half_life is -1h0m0s"),
        ("expected_task_time: -1s", r"'fair_share'.*expected_task_time is -1s"),
    ],
)
def test_settings_must_make_sense(tmp_path: Path, settings: str, message: str) -> None:
    """A setting that is nonsense stops the start with a sentence that names it."""
    with pytest.raises(ConfigError, match=message):
        policy_of(load_text(f"plugins: {{fair_share: {{{settings}}}}}", tmp_path))


def test_times_are_configurable(tmp_path: Path) -> None:
    """The half-life is the configured one, 0 included, and so is what a running task is charged."""
    text = "plugins: {fair_share: {half_life: 0, expected_task_time: 1h}}"
    policy = policy_of(load_text(text, tmp_path))
    assert policy.half_life_s == 0
    view = farm("a b", a=Usage(0.0, running=1), b=Usage(3600.0, running=0))
    assert score_of(policy, view, "a") == score_of(policy, view, "b") == pytest.approx(50)


# -- looking at it ----------------------------------------------------------------------------------------------


class Reader:
    """A farm of which no more is known than what accounts have used."""

    def __init__(self, used: Mapping[str, Usage]) -> None:
        self.used = used

    @property
    def now(self) -> datetime:
        """The present moment."""
        return NOW

    def statistics(self) -> FarmStatistics:
        """Nothing that runs, and nothing that waits."""
        return FarmStatistics(jobs={}, tasks={}, workers={}, runnable={}, queue_age_s=0.0, sinks=(), requests=())

    def limits(self) -> tuple[LimitUse, ...]:
        """No limits."""
        return ()

    def usage(self, policy: str) -> Mapping[str, Usage]:
        """What the accounts of the policy under test have used."""
        return self.used if policy == "fair_share" else {}


def usage_answer(loaded: Loaded, used: Mapping[str, Usage]) -> list[dict[str, Any]]:
    """What the plugin's route answers, as JSON has it."""
    (route,) = (route for plugin, route in loaded.hooks.api_routes(loaded.config) if plugin == "fair_share")
    assert (route.path, route.methods) == ("usage", ("GET",))
    answer = route.respond(ApiRequest(method="GET", path=USAGE_PATH), Reader(used))
    assert answer.status == 200
    return list(msgspec.json.decode(msgspec.json.encode(answer.body)))


def test_the_route_lists_accounts(documented: Loaded) -> None:
    """Accounts with a share of their own and those that used something lately are listed, the most used first."""
    used = {"film": Usage(300.0, 2), "training": Usage(100.0), "last year": Usage(0.001), "new": Usage(0.0, 1)}
    answer = usage_answer(documented, used)
    assert [each["account"] for each in answer] == ["film", "training", "new", "series"]
    assert answer[0] == {
        "account": "film",
        "share": 50,
        "share_part": pytest.approx(50 / 120),
        "used_s": 300,
        "part": 0.75,
        "running": 2,
    }
    assert sum(each["share_part"] for each in answer) == pytest.approx(1)


def test_the_route_of_an_idle_farm(documented: Loaded, tmp_path: Path) -> None:
    """Without any usage the configured accounts are listed with nothing; without those, nobody is."""
    assert {each["account"]: each["part"] for each in usage_answer(documented, {})} == {"film": 0, "series": 0}
    assert usage_answer(load_text("plugins: [fair_share]", tmp_path), {}) == []


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """Something on a real socket that answers as a manager with the plugin does."""
    with ScriptedManager() as switched_on:
        yield switched_on


def run_shares(loaded: Loaded, manager: ScriptedManager, *arguments: str) -> Result:
    """Run `flamenco shares` against the manager."""
    command: click.Command = loaded.hooks.cli_commands()["shares"]
    return CliRunner().invoke(command, ["--manager", manager.url, *arguments], env={"COLUMNS": "100"})


def test_the_command_prints_a_table(documented: Loaded, manager: ScriptedManager) -> None:
    """`flamenco shares` shows share, part, time and running tasks of each account, and names are not markup."""
    used = {"film": Usage(12_000.0, 2), "[red]": Usage(4_000.4)}
    manager.answer_once("GET", USAGE_PATH, Answer(200, usage_answer(documented, used)))
    result = run_shares(documented, manager)
    assert result.exit_code == 0, result.output
    assert [" ".join(line.split()) for line in result.output.splitlines()] == [
        "Account Share Used Time Running",
        "film 50 % 75 % 3h20m0s 2",
        "[red] 20 % 25 % 1h6m40s 0",
        "series 30 % 0 % 0s 0",
    ]


def test_the_command_prints_json(documented: Loaded, manager: ScriptedManager) -> None:
    """`flamenco shares --json` prints what the route answers, for programs."""
    answer = usage_answer(documented, {"film": Usage(300.0, 2)})
    manager.answer_once("GET", USAGE_PATH, Answer(200, answer))
    assert json.loads(run_shares(documented, manager, "--json").output) == answer


def test_the_command_says_when_there_is_nothing_to_show(documented: Loaded, manager: ScriptedManager) -> None:
    """An empty table is a sentence."""
    manager.answer_once("GET", USAGE_PATH, Answer(200, []))
    assert run_shares(documented, manager).output == (
        "Nobody has used the farm lately, and no shares are configured.\n"
    )


def test_a_manager_without_the_plugin_is_told_apart(documented: Loaded, manager: ScriptedManager) -> None:
    """Where there is no such route, the error says what to configure; any other error stays what it is."""
    manager.answer_once("GET", USAGE_PATH, Answer(404, {"message": "there is no such thing"}))
    result = run_shares(documented, manager)
    assert isinstance(result.exception, NotFound)
    assert "keeps no accounts; add fair_share to its setting `plugins`" in str(result.exception)
    manager.answer_once("GET", USAGE_PATH, Answer(500, {"message": "out of order"}))
    result = run_shares(documented, manager)
    assert isinstance(result.exception, ManagerError)
    assert str(result.exception) == "out of order"
