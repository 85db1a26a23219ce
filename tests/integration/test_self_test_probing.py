"""What a worker sees of storages and programs, with real ones: good, bad, and such as never answer."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from flamenco import CommandFailed
from flamenco.domain.self_tests.facts import Came, Place, PlaceFacts, ProgramFacts, Step, WantedProgram
from flamenco.domain.self_tests.names import PREFIX
from flamenco.files import storage_tokens
from flamenco.hooks.types import Program
from flamenco.worker.self_test import programs, storage, storage_probe
from flamenco.worker.self_test.runner import Programs, as_worker
from tests.integration.working import wait_until_ended

PATIENT_S = 20.0


def look(path: Path, *, token_file: str = "", is_quick: bool = True, limit_s: float = PATIENT_S) -> PlaceFacts:
    """What is seen of a storage."""
    place = Place(name="here", path=str(path), token_file=token_file)
    return storage.look(place, Programs(as_worker), limit_s, is_quick=is_quick)


def came(facts: PlaceFacts) -> dict[Step, Came]:
    """What came of which step."""
    return {each.step: each.came for each in facts.steps}


def test_a_good_storage(tmp_path: Path) -> None:
    """All steps go well, the manager's file is read, and nothing is left."""
    (tmp_path / "a").touch()
    (tmp_path / f"{PREFIX}1.token").write_text("token")
    facts = look(tmp_path, token_file=f"{PREFIX}1.token")
    assert came(facts) == {step: Came.OK for step in Step if step is not Step.SPEED}
    assert (facts.token, facts.entries, facts.ignores_case) == ("token", 1, False)
    assert facts.free_mb
    assert facts.write_mb_s is None
    assert facts.clock_ahead_s == pytest.approx(0, abs=2)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"{PREFIX}1.token", "a"]


def test_how_fast_it_is(tmp_path: Path) -> None:
    """That is measured where somebody waits for it."""
    facts = look(tmp_path, is_quick=False)
    assert facts.write_mb_s
    assert facts.read_mb_s
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_or_no_folder(tmp_path: Path) -> None:
    """No further step is taken."""
    (tmp_path / "file").touch()
    for path, error in ((tmp_path / "none", "ENOENT"), (tmp_path / "file", "ENOTDIR")):
        facts = look(path)
        assert [(each.step, each.came, each.error) for each in facts.steps] == [(Step.EXISTS, Came.FAILED, error)]


def test_what_earlier_ones_have_left(tmp_path: Path) -> None:
    """It is taken away after an hour: until then it may be somebody's who is at it."""
    old, new, other = tmp_path / f"{PREFIX}9-a.b", tmp_path / f"{PREFIX}9-b.a", tmp_path / "other"
    for each in (old, new, other):
        each.touch()
    for each in (old, other):
        os.utime(each, (time.time() - storage_probe.LEFT_AFTER_S - 60,) * 2)
    assert came(look(tmp_path))[Step.DELETE] is Came.OK
    assert {each.name for each in tmp_path.iterdir()} == {new.name, "other"}


def test_a_step_that_never_ends(tmp_path: Path) -> None:
    """Reading a pipe that nobody writes to is as a server that is away: the step is told, the process is gone."""
    os.mkfifo(tmp_path / f"{PREFIX}1.token")
    facts = look(tmp_path, token_file=f"{PREFIX}1.token", limit_s=1.0)
    assert came(facts) == {Step.EXISTS: Came.OK, Step.LIST: Came.OK, Step.SAME: Came.TIMED_OUT}
    assert [each.name for each in tmp_path.iterdir()] == [f"{PREFIX}1.token"]


def test_a_path_with_anything_in_it(tmp_path: Path) -> None:
    """It is a path, whatever it has in it."""
    folder = tmp_path / "a 'b' \"c\" $d ü {e}\nf"
    folder.mkdir()
    assert came(look(folder))[Step.DELETE] is Came.OK


def script(path: Path, text: str) -> Path:
    """A program."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def started(
    exe: str, *, is_quick: bool = False, limit_s: float = PATIENT_S, runner: Programs | None = None
) -> ProgramFacts:
    """What is seen of a program that is to be Blender."""
    program = Program(name="blender", says="Blender ")
    wanted = WantedProgram(name="blender", exe=exe, like="blender")
    return programs.look(wanted, program, {}, runner or Programs(as_worker), limit_s, is_quick=is_quick)


@pytest.mark.parametrize(
    ("does", "expected", "words"),
    [
        ('echo "a line before"; echo "Blender 4.5.1"', Came.OK, "Blender 4.5.1"),
        ("echo Bender", Came.FAILED, "it says 'Bender'"),
        ("true", Came.FAILED, "it says nothing"),
        ('echo "Blender 4.5.1"; echo "libX11.so: not found"; exit 127', Came.FAILED, "code 127; libX11.so"),
        ("yes", Came.FAILED, "more than 10000 lines"),
    ],
)
def test_a_program(tmp_path: Path, does: str, expected: Came, words: str) -> None:
    """It is what it says that it is, and ends well."""
    facts = started(str(script(tmp_path / "blender", does)))
    assert facts.came is expected
    assert words in facts.version + facts.text


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Or cannot be started; one is not started where nobody waits for it."""
    assert started(str(tmp_path / "none")).came is Came.MISSING
    (tmp_path / "file").touch()
    assert started(str(tmp_path / "file")).came is Came.MISSING
    assert started(sys.executable, is_quick=True).came is Came.SEEN


def test_a_program_that_never_ends(tmp_path: Path) -> None:
    """It is ended by the limit, with what it has started; so it is where it goes on printing."""
    for does in ('sleep 600 & echo $! > "$0.pid"; wait', 'echo $$ > "$0.pid"; while sleep 0.01; do echo a; done'):
        program = script(tmp_path / "blender", does)
        assert started(str(program), limit_s=1.0).came is Came.TIMED_OUT
        wait_until_ended([int((tmp_path / "blender.pid").read_text())])


def test_one_that_is_stopped(tmp_path: Path) -> None:
    """A worker that is to end does not wait for its self-test."""
    runner = Programs(as_worker)
    os.mkfifo(tmp_path / "begun")
    program = script(tmp_path / "blender", f"echo > '{tmp_path}/begun'; sleep 600")
    found: list[ProgramFacts] = []
    thread = threading.Thread(target=lambda: found.append(started(str(program), runner=runner)))
    thread.start()
    (tmp_path / "begun").read_text()
    runner.stop()
    thread.join(PATIENT_S)
    assert [each.came for each in found] == [Came.FAILED]
    assert started(str(program), runner=runner).came is Came.FAILED


def test_what_goes_wrong_with_the_probe_itself(tmp_path: Path) -> None:
    """It is nothing that is wrong with the storage."""

    def broken(*_: object) -> None:
        raise CommandFailed("no Python here")

    place = Place(name="here", path=str(tmp_path))
    (step,) = storage.look(place, Programs(broken), 1.0, is_quick=True).steps
    assert (step.error, step.text) == ("PROBE", "no Python here")


def test_a_storage_that_does_not_answer_the_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for a moment; and however many workers ask, a few threads at most wait for longer."""
    monkeypatch.setattr(storage_tokens, "LIMIT_S", 0.02)
    name = f"{PREFIX}1.token"
    (tmp_path / "good").mkdir()
    os.mkfifo(tmp_path / name)
    for _ in range(2 * storage_tokens.MOST_WAITING):
        assert storage_tokens.put([str(tmp_path)], name, "token") == set()
    waiting = [each for each in threading.enumerate() if each.name == storage_tokens.THREAD]
    assert len(waiting) == storage_tokens.MOST_WAITING
    answering = os.open(tmp_path / name, os.O_RDWR)
    for each in waiting:
        each.join(PATIENT_S)
    os.close(answering)
    folders = [str(tmp_path / "good"), str(tmp_path / "none")]
    monkeypatch.setattr(storage_tokens, "LIMIT_S", PATIENT_S)
    assert storage_tokens.put(folders, name, "token") == {folders[0]}
    assert (tmp_path / "good" / name).read_text() == "token"
    storage_tokens.remove(folders, name)
    assert list((tmp_path / "good").iterdir()) == []
    with pytest.raises(ValueError, match="no name of a file of ours"):
        storage_tokens.remove(folders, "shot.blend")
