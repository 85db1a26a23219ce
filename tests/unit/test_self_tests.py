"""What follows from what a worker saw: which sentence people read, and which tasks it is kept from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.findings import Finding, Grade, is_well
from flamenco.domain.self_tests.expected import Expected, Known, Needed, Rules
from flamenco.domain.self_tests.facts import (
    NO_PROBE,
    Came,
    Facts,
    PlaceFacts,
    ProgramFacts,
    Step,
    StepFacts,
    Why,
)
from flamenco.domain.self_tests.judging import EVERYTHING, Verdict, judge, lack, left_of
from flamenco.domain.self_tests.names import PREFIX, token_file
from flamenco.worker.self_test import storage_probe
from flamenco.worker.self_test.self_test import clock_ahead_s

TOKEN = "as the manager wrote it"
SHARED = Known(name="shared storage", path="/mnt/farm", folder="/srv/farm", is_shared=True, token=TOKEN)
PROJECTS = Known(name="{projects}", path="F:\\", folder="/srv/projects", token=TOKEN)
BLENDER = Needed(names=["blender"], commands=["blender-render"])
FFMPEG = Needed(names=["ffmpeg"], commands=["frames-to-video"])
RULES = Rules(least_free_mb=500, most_clock_s=10)
ALL_STEPS = [StepFacts(step=step, came=Came.OK) for step in Step if step is not Step.SPEED]


def seen(name: str = SHARED.name, *failed: StepFacts, **more: Any) -> PlaceFacts:
    """A storage where everything went well but that."""
    steps = [next((each for each in failed if each.step is step.step), step) for step in ALL_STEPS]
    return PlaceFacts(name=name, steps=steps, **{"token": TOKEN, "entries": 3, "free_mb": 9_000.0, **more})


def no(step: Step, error: str, text: str = "") -> StepFacts:
    """A step that failed."""
    return StepFacts(step=step, came=Came.FAILED, error=error, text=text)


def judged(
    facts: Facts, *places: Known, programs: tuple[Needed, ...] = (), platform: str = "linux", rules: Rules = RULES
) -> Verdict:
    """What follows."""
    expected = Expected(platform=platform, places=places or (SHARED,), programs=programs, limit_s=5)
    return judge(expected, facts, rules)


def problem(verdict: Verdict) -> str:
    """The one sentence that says what is wrong."""
    (only,) = [each.sentence for each in verdict.findings if each.grade is Grade.PROBLEM]
    return only


def test_a_good_worker_is_kept_from_nothing() -> None:
    """And each of the things that were looked at is said."""
    programs = [ProgramFacts(name="blender", came=Came.OK, path="/opt/blender", version="Blender 4.5.1")]
    facts = Facts(places=[seen(write_mb_s=90, read_mb_s=110.0)], programs=programs, clock_ahead_s=0.2, gpus=["GPU 0"])
    verdict = judged(facts, programs=(BLENDER,))
    assert verdict.kept == {}
    assert is_well(verdict.findings)
    told = " ".join(each.text for each in verdict.findings)
    for part in ("is the manager's /srv/farm", "9 GB free", "writes 90 and reads 110 MB", "Blender 4.5.1", "GPU 0"):
        assert part in told


GONE = no(Step.EXISTS, "ENOENT")
LATE = StepFacts(step=Step.LIST, came=Came.TIMED_OUT)
DENIED = "Permission denied"


@pytest.mark.parametrize(
    ("facts", "place", "platform", "user", "words"),
    [
        (
            GONE,
            PROJECTS,
            "windows",
            "SYSTEM",
            "F:\\ is not there: the service runs as LocalSystem, which sees no mapped",
        ),
        (
            GONE,
            PROJECTS,
            "windows",
            "RENDER07$",
            "Use the path of the share in place of the drive, and let the service run",
        ),
        (GONE, PROJECTS, "windows", "anna", "Map the drive as anna"),
        (GONE, SHARED, "windows", "anna", "no path of Windows. Give a two-way variable for the shared storage a value"),
        (GONE, PROJECTS, "linux", "render", "a path of Windows. Give the variable {projects} a value for linux"),
        (GONE, SHARED, "linux", "render", "/mnt/farm is not there. Mount it there"),
        (no(Step.EXISTS, "ENOTDIR"), SHARED, "linux", "render", "is no folder"),
        (no(Step.EXISTS, "EACCES", DENIED), SHARED, "linux", "render", "Permission denied. Let render read it"),
        (no(Step.LIST, "EACCES", DENIED), SHARED, "linux", "", "Let the user read it"),
        (no(Step.EXISTS, "ESTALE", "Stale file handle"), SHARED, "linux", "r", "Stale file handle. Mount it anew"),
        (no(Step.EXISTS, "ELOOP", "Too many links"), SHARED, "linux", "r", "cannot be used: Too many links"),
        (LATE, SHARED, "linux", "r", "does not answer: list was not done after 5 s"),
        (no(Step.WRITE, "EROFS"), SHARED, "linux", "render", "can only be read"),
        (no(Step.WRITE, "ENOSPC", "No space left"), SHARED, "linux", "render", "is full"),
        (no(Step.RENAME, "EACCES", DENIED), SHARED, "linux", "r", "(rename): Permission denied. Let r write"),
    ],
)
def test_what_is_wrong_with_a_storage(facts: StepFacts, place: Known, platform: str, user: str, words: str) -> None:
    """One sentence says it, and what helps there; no task is given to a worker without its storage."""
    verdict = judged(Facts(places=[seen(place.name, facts)], user=user), place, platform=platform)
    assert words in problem(verdict)
    assert verdict.kept == {EVERYTHING: problem(verdict)}


@pytest.mark.parametrize(
    ("token", "entries", "words"),
    [("", 0, "empty folder"), ("", 7, "not what the manager has at /srv/farm"), ("another", 7, "another file")],
)
def test_another_storage_at_the_same_path(token: str, entries: int, words: str) -> None:
    """What counts is the manager's file in it: a path alone says nothing."""
    verdict = judged(Facts(places=[seen(token=token, entries=entries)]))
    assert words in problem(verdict)
    assert EVERYTHING in verdict.kept


def test_what_the_manager_has_not_keeps_nothing_away() -> None:
    """Of a storage that the manager cannot write to, nobody knows whether any job is there."""
    unknown = msgspec.structs.replace(SHARED, token="")
    for facts in (seen(SHARED.name, no(Step.EXISTS, "ENOENT")), seen(SHARED.name, no(Step.WRITE, "EROFS"), free_mb=1)):
        verdict = judged(Facts(places=[facts]), unknown)
        assert verdict.kept == {}
        assert Grade.NOTE in {each.grade for each in verdict.findings}
    assert "nobody knows whether it is the same" in judged(Facts(places=[seen(token="")]), unknown).findings[0].text


def test_assets_that_nobody_may_change() -> None:
    """A variable may stand for what is only read; the shared storage is written to by every job."""
    facts = Facts(places=[seen(PROJECTS.name, no(Step.WRITE, "EROFS"))])
    assert judged(facts, PROJECTS, platform="windows").kept == {}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (seen(SHARED.name, no(Step.SYMLINK, "EPERM", "not allowed")), "No symbolic links"),
        (seen(SHARED.name, no(Step.HARDLINK, "ENOTSUP", "no such thing")), "No hard links"),
        (seen(clock_ahead_s=-90.0), "90 s behind that of /mnt/farm"),
        (seen(ignores_case=True), "upper and lower case are the same"),
        (PlaceFacts(name=SHARED.name, steps=[no(Step.EXISTS, NO_PROBE, "no Python")]), "not tried out: no Python"),
        (PlaceFacts(name="other", steps=[]), "not tried out"),
    ],
)
def test_what_is_only_said(facts: PlaceFacts, words: str) -> None:
    """It could be better, and keeps nobody from working."""
    verdict = judged(Facts(places=[facts]))
    assert verdict.kept == {}
    assert words in " ".join(each.sentence for each in verdict.findings)


def test_little_room() -> None:
    """Where the shared storage is nearly full, nothing is to be rendered into it."""
    assert "12 MB left" in problem(judged(Facts(places=[seen(free_mb=12.3)])))
    assert judged(Facts(places=[seen(free_mb=12.3)]), rules=Rules()).kept == {}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            ProgramFacts(name="blender", came=Came.MISSING, path="blender"),
            "Blender is not there: jobs call it 'blender'",
        ),
        (ProgramFacts(name="blender", came=Came.TIMED_OUT, path="/b"), "did not say its version within 5 s"),
        (ProgramFacts(name="blender", came=Came.FAILED, path="/b", text="code 127; libX11.so"), "code 127; libX11.so"),
        (ProgramFacts(name="blender", came=Came.FAILED, path="/b"), "does not start"),
    ],
)
def test_a_program_that_does_not_start(facts: ProgramFacts, words: str) -> None:
    """It keeps away what needs it, and nothing else."""
    well = ProgramFacts(name="ffmpeg", came=Came.SEEN, path="/usr/bin/ffmpeg")
    verdict = judged(Facts(places=[seen()], programs=[facts, well]), programs=(BLENDER, FFMPEG))
    assert words in problem(verdict)
    assert verdict.kept == {"blender-render": problem(verdict)}
    assert left_of(["blender-render", "echo", "frames-to-video"], verdict.kept) == ("echo", "frames-to-video")


def test_one_of_several_blenders() -> None:
    """A farm with several has the others for its jobs, or they fail by themselves."""
    needed = Needed(names=["blender", "blender_36"], commands=["blender-render"])
    gone = ProgramFacts(name="blender", came=Came.MISSING, path="blender")
    other = ProgramFacts(name="blender_36", came=Came.SEEN, path="/opt/36/blender")
    assert judged(Facts(places=[seen()], programs=[gone, other]), programs=(needed,)).kept == {}
    both = [gone, msgspec.structs.replace(other, came=Came.MISSING)]
    assert judged(Facts(places=[seen()], programs=both), programs=(needed,)).kept.keys() == {"blender-render"}


def test_a_program_that_nobody_looked_for() -> None:
    """A worker that does not know of it has no command that needs it."""
    assert judged(Facts(places=[seen()]), programs=(FFMPEG,)).kept == {}


def test_clocks() -> None:
    """They are compared as far as one can tell; none is told of where nobody wants that."""
    assert "behind the manager's" in judged(Facts(places=[seen()], clock_ahead_s=-61.0)).findings[-1].text
    assert judged(Facts(places=[seen()], clock_ahead_s=-61.0), rules=Rules()).findings[-1].subject != "clock"
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    at = noon.timestamp()
    assert clock_ahead_s(at + 5, at + 9, noon) == 5
    assert clock_ahead_s(at - 9, at - 5, noon) == -5
    assert clock_ahead_s(at - 2, at + 2, noon) == 0
    assert clock_ahead_s(at, at, noon + timedelta(hours=1)) == -3600


def test_what_tasks_a_worker_is_kept_from() -> None:
    """By the commands that they have; tasks without any need nothing."""
    kept = {"blender-render": "no Blender"}
    assert lack(kept, ("echo", "blender-render")) == "no Blender"
    assert lack(kept, ("echo",)) == lack({EVERYTHING: "x"}, ()) == lack({}, ("echo",)) == ""
    assert lack({EVERYTHING: "no storage"}, ("echo",)) == "no storage"
    assert left_of(("a", "b"), {EVERYTHING: "no storage"}) == ()


def test_names_of_files() -> None:
    """The probe, which imports nothing of ours, knows the files of all self-tests as well."""
    assert storage_probe.PREFIX == PREFIX
    assert token_file("17").startswith(PREFIX)
    methods = [step.__name__ for step, _ in storage_probe.steps_of(storage_probe.Probe(".", ""), is_quick=False)]
    assert sorted(methods) == sorted(Step)


steps = st.builds(StepFacts, step=st.sampled_from(Step), came=st.sampled_from(Came), error=st.sampled_from(["", "EIO"]))
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
places = st.builds(
    PlaceFacts,
    name=st.sampled_from([SHARED.name, PROJECTS.name, "x"]),
    steps=st.lists(steps, max_size=15),
    token=st.sampled_from(["", TOKEN, "x"]),
    entries=st.integers(0, 9),
    **dict.fromkeys(("free_mb", "clock_ahead_s", "write_mb_s", "read_mb_s"), numbers),
)
programs = st.builds(ProgramFacts, name=st.sampled_from(["blender", "ffmpeg", "x"]), came=st.sampled_from(Came))


@given(
    facts=st.builds(Facts, places=st.lists(places, max_size=3), programs=st.lists(programs), clock_ahead_s=numbers),
    platform=st.sampled_from(["linux", "windows", "darwin", "plan9"]),
)
def test_whatever_a_worker_says(facts: Facts, platform: str) -> None:
    """It is kept from something if and only if a problem is said, by a sentence that is among those that are said.

    What it is told can be sent and read again.
    """
    verdict = judged(facts, SHARED, PROJECTS, programs=(BLENDER, FFMPEG), platform=platform)
    sentences = {each.sentence for each in verdict.findings if each.grade is Grade.PROBLEM}
    assert bool(verdict.kept) == bool(sentences)
    assert set(verdict.kept.values()) <= sentences
    assert verdict.kept.keys() <= {EVERYTHING, "blender-render", "frames-to-video"}
    told = msgspec.json.encode(verdict)
    assert msgspec.json.decode(told, type=Verdict) == verdict


def test_what_is_quick() -> None:
    """Nobody waits for a program, or for a speed, before the first task."""
    assert [why for why in Why if why.is_quick] == [Why.SIGN_ON, Why.AGAIN]
    assert Finding("a", Grade.OK, "b").sentence == "b"
