"""The commands of the core: which there are; echo, sleep, exec and those on files, run for real."""

from __future__ import annotations

import os
import stat
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect, structs

from flamenco import CommandCancelled, CommandFailed, FarmView, JobCandidate, Term, builtin
from flamenco.builtin.commands.basics import quoted
from flamenco.builtin.commands.files import timestamped
from flamenco.hooks.manager import Hooks
from flamenco.hooks.parameters import ParameterError
from flamenco.worker.cancellation import CancelReason
from tests.unit.commanding import Bench, builtin_commands

TASK_TYPES = {
    "echo": "misc",
    "sleep": "misc",
    "exec": "misc",
    "blender-render": "blender",
    "frames-to-video": "ffmpeg",
    "make-directory": "file-management",
    "move-directory": "file-management",
    "copy-file": "file-management",
}

NOON = 1_750_000_000


@pytest.fixture
def bench() -> Bench:
    """A context to run commands in."""
    return Bench()


def test_all_commands_are_there() -> None:
    """Every command that existing jobs use comes through the hook, with the type of task it is for."""
    assert {name: command.task_types for name, command in builtin_commands().items()} == {
        name: (kind,) for name, kind in TASK_TYPES.items()
    }


@pytest.mark.parametrize("name", TASK_TYPES)
def test_commands_and_parameters_are_described(name: str) -> None:
    """Documentation is made of the declarations, so each has a sentence."""
    command = builtin_commands()[name]
    assert command.description.endswith(".")
    for field in structs.fields(command.parameters):
        kind = inspect.type_info(field.type)
        assert isinstance(kind, inspect.Metadata), field.name
        assert (kind.extra_json_schema or {})["description"].endswith(".")


def test_the_policy_is_priority_exactly() -> None:
    """The core's scheduling policy gives each job its priority as score, negative ones and huge ones as well."""
    hooks = Hooks()
    builtin.register(hooks)
    policy = hooks.scheduling_policies()["priority"]
    now = datetime(2026, 1, 2, tzinfo=UTC)
    jobs = [
        JobCandidate(id=str(number), name="n", type="t", priority=number, created=now, metadata={}, settings={})
        for number in (-5, 0, 50, 10**9)
    ]
    assert policy.score is not None
    verdicts = policy.score(jobs, FarmView(now=now))
    assert verdicts == {job.id: Term(float(job.priority), f"priority {job.priority}") for job in jobs}


# -- echo -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("hello", 'echo: "hello"\n'),
        ('say "hi"', 'echo: "say \\"hi\\""\n'),
        ("two\nlines\tand a tab", 'echo: "two\\nlines\\tand a tab"\n'),
        ("back\\slash", 'echo: "back\\\\slash"\n'),
        ("Привет 🎨", 'echo: "Привет 🎨"\n'),
        ("", 'echo: ""\n'),
        (24, 'echo: "24"\n'),
        (True, 'echo: "true"\n'),
        (None, 'echo: "<nil>"\n'),
        (["a", 1], 'echo: "[a 1]"\n'),
    ],
)
def test_echo(bench: Bench, message: object, line: str) -> None:
    """Any value is written as one quoted line."""
    assert bench.run("echo", message=message) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\a\b\f\r\v", r'"\a\b\f\r\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\u200b\u2028", r'"\u200b\u2028"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    """Control characters cannot disturb the log."""
    assert quoted(text) == expected


# -- sleep ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "line"), [(0, "slept 0s\n"), (0.9, "slept 0s\n"), (1, "slept 1s\n")])
def test_sleep(bench: Bench, seconds: float, line: str) -> None:
    """Sleeps whole seconds and says how long."""
    assert bench.run("sleep", duration_in_seconds=seconds) == line


@pytest.mark.parametrize(
    ("value", "reason"), [("47", "bad type"), (-3, "cannot be negative"), (-0.5, "cannot be negative")]
)
def test_sleep_refuses(bench: Bench, value: object, reason: str) -> None:
    """What is no length of time is refused."""
    with pytest.raises(ParameterError, match=reason):
        bench.run("sleep", duration_in_seconds=value)


@pytest.mark.parametrize("seconds", [60, 1e300])
def test_sleep_can_be_interrupted(bench: Bench, seconds: float) -> None:
    """A sleeping task that is taken away ends at once, however long it was to sleep."""
    timer = threading.Timer(0.05, bench.cancellation.cancel, [CancelReason.MANAGER])
    timer.start()
    with pytest.raises(CommandCancelled):
        bench.run("sleep", duration_in_seconds=seconds)
    timer.join()
    assert bench.log == ""


# -- exec -------------------------------------------------------------------------------------------------------------


def test_exec_logs_command_line_and_output(bench: Bench) -> None:
    """The log begins with the command line, quoted for a shell, and has every line of both outputs."""
    script = "import os, sys; print(os.getpid(), flush=True); print('to stderr', file=sys.stderr)"
    log = bench.run("exec", exe=sys.executable, args=["-c", script])
    head, _, output = log.partition("\n\n")
    assert head == "going to run:"
    command, first, second = output.strip().splitlines()[0], *output.strip().splitlines()[-2:]
    assert command.strip().startswith(f"{sys.executable} -c 'import os, sys;")
    pid = first.rpartition(" ")[2]
    assert first == f"pid={pid} > {pid}"
    assert second == f"pid={pid} > to stderr"


def test_exec_does_not_use_a_shell(bench: Bench) -> None:
    """Arguments arrive as they are."""
    log = bench.run("exec", exe=sys.executable, args=["-c", "import sys; print(sys.argv[1:])", "$HOME", "a b", 24])
    assert "['$HOME', 'a b', '24']" in log


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit(3)", "exited with code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", r"killed by SIGTERM \(exit code -1\)"),
    ],
)
def test_exec_fails_with_the_program(bench: Bench, script: str, reason: str) -> None:
    """A program that does not end well fails the task, with its exit code or signal."""
    with pytest.raises(CommandFailed, match=reason):
        bench.run("exec", exe=sys.executable, args=["-c", script])


@pytest.mark.parametrize(
    ("exe", "reason"),
    [
        ("no-such-program-anywhere", "cannot start 'no-such-program-anywhere': there is no such program"),
        (str(Path(__file__).parent), "cannot start .*: Permission denied"),
        ("nul\0byte", "cannot start .*: embedded null byte"),
    ],
)
def test_exec_says_what_cannot_be_started(bench: Bench, exe: str, reason: str) -> None:
    """A program that cannot be started fails the task with a sentence."""
    with pytest.raises(CommandFailed, match=reason):
        bench.run("exec", exe=exe)


# -- make-directory ---------------------------------------------------------------------------------------------------


def test_make_directory(bench: Bench, tmp_path: Path) -> None:
    """The folder is made with its parents, for the group too as far as the umask allows; being there is fine."""
    folder = tmp_path / "a" / "b" / "c"
    before = os.umask(0o002)
    try:
        log = bench.run("make-directory", path=str(folder))
    finally:
        os.umask(before)
    assert log == f'make-directory: creating directory "{folder}"\n'
    for made in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o775
    bench.run("make-directory", path=str(folder))
    assert folder.is_dir()


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_make_directory_over_a_file(bench: Bench, tmp_path: Path, below: str) -> None:
    """A file in the way fails the task, and the log says so."""
    (tmp_path / "file").write_text("keep me")
    with pytest.raises(CommandFailed, match="could not create directory"):
        bench.run("make-directory", path=str(tmp_path / "file" / below))
    assert 'make-directory: could not create directory "' in bench.log
    assert (tmp_path / "file").read_text() == "keep me"


# -- move-directory ---------------------------------------------------------------------------------------------------


def _folder(path: Path, content: str = "content", modified: float = NOON) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    os.utime(path, (modified, modified))
    return path


@pytest.fixture
def stamped(tmp_path: Path) -> str:
    """How the folder `dest` with our usual time is called when it is moved out of the way."""
    probe = _folder(tmp_path / "probe")
    name = timestamped(probe).name.replace("probe", "dest")
    (probe / "file").unlink()
    probe.rmdir()
    return name


def test_move_directory(bench: Bench, tmp_path: Path) -> None:
    """A folder gets its new name."""
    src, dest = _folder(tmp_path / "src"), tmp_path / "dest"
    assert bench.run("move-directory", src=str(src), dest=str(dest)) == (
        f'move-directory: moving "{src}" to "{dest}"\n'
    )
    assert (dest / "file").read_text() == "content"
    assert not src.exists()


def test_move_directory_works_on_files(bench: Bench, tmp_path: Path) -> None:
    """A file is moved just the same."""
    (tmp_path / "src").write_text("content")
    bench.run("move-directory", src=str(tmp_path / "src"), dest=str(tmp_path / "dest"))
    assert (tmp_path / "dest").read_text() == "content"


@pytest.mark.parametrize("fraction", [0.0, 0.4, -0.5])
def test_move_directory_keeps_what_was_there(bench: Bench, tmp_path: Path, stamped: str, fraction: float) -> None:
    """What is at the destination gets a name with its time, rounded to seconds."""
    src, dest = _folder(tmp_path / "src", "new"), _folder(tmp_path / "dest", "old", NOON + fraction)
    log = bench.run("move-directory", src=str(src), dest=str(dest))
    assert (dest / "file").read_text() == "new"
    assert (tmp_path / stamped / "file").read_text() == "old"
    assert log.splitlines() == [
        f'move-directory: moving "{dest}" to "{tmp_path / stamped}"',
        f'move-directory: moving "{src}" to "{dest}"',
    ]


@pytest.mark.parametrize(
    ("taken", "suffix"),
    [((), "-001"), (("-001",), "-002"), (("-007", "-003"), "-008"), (("-999",), "-1000"), (("-x", "-01y"), "-001")],
)
def test_move_directory_counts(bench: Bench, tmp_path: Path, stamped: str, taken: tuple[str, ...], suffix: str) -> None:
    """Where the name with the time is taken as well, the next free number is added."""
    for name in (stamped, *(f"{stamped}{each}" for each in taken)):
        (tmp_path / name).mkdir()
    src, dest = _folder(tmp_path / "src", "new"), _folder(tmp_path / "dest", "old")
    bench.run("move-directory", src=str(src), dest=str(dest))
    assert (tmp_path / f"{stamped}{suffix}" / "file").read_text() == "old"


def test_move_directory_without_source(bench: Bench, tmp_path: Path) -> None:
    """Nothing is moved when there is nothing to move, not even what is at the destination."""
    src, dest = tmp_path / "src", _folder(tmp_path / "dest")
    with pytest.raises(ParameterError, match=r'parameter "src" has invalid value ".*": path does not exist'):
        bench.run("move-directory", src=str(src), dest=str(dest))
    assert bench.log == f'move-directory: source path "{src}" does not exist, not moving anything\n'
    assert (dest / "file").exists()


def test_move_directory_does_not_make_parents(bench: Bench, tmp_path: Path) -> None:
    """A destination in a folder that is not there fails the task with a sentence."""
    src = _folder(tmp_path / "src")
    with pytest.raises(CommandFailed, match=r"could not move .*: No such file or directory"):
        bench.run("move-directory", src=str(src), dest=str(tmp_path / "no" / "dest"))
    assert src.exists()


# -- copy-file --------------------------------------------------------------------------------------------------------


def test_copy_file(bench: Bench, tmp_path: Path) -> None:
    """The content is copied, folders are made, and neither mode nor time are those of the source."""
    src, dest = tmp_path / "src", tmp_path / "new" / "folder" / "dest"
    content = os.urandom(3 * 1024 * 1024 + 17)
    src.write_bytes(content)
    src.chmod(0o600)
    os.utime(src, (NOON, NOON))
    before = os.umask(0o002)
    try:
        log = bench.run("copy-file", src=str(src), dest=str(dest))
    finally:
        os.umask(before)
    assert log == f'copy-file: copying "{src}" to "{dest}"\ncopy-file: copied "{src}" to "{dest}"\n'
    assert dest.read_bytes() == content
    assert dest.stat().st_mtime != NOON
    assert stat.S_IMODE(dest.stat().st_mode) == 0o664
    assert stat.S_IMODE(dest.parent.stat().st_mode) == stat.S_IMODE(dest.parent.parent.stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("src", "dest", "message"),
    [
        (None, "{}/dest", 'mandatory parameter "src" is missing'),
        ("", "{}/dest", 'mandatory parameter "src" is missing'),
        ("{}/src", None, 'mandatory parameter "dest" is missing'),
        ("relative/src", "relative/dest", 'parameter "src" has .*source path is not absolute'),
        ("{}/missing", "relative/dest", 'parameter "src" has .*source path does not exist'),
        ("{}", "relative/dest", 'parameter "src" has .*not a regular file'),
        ("/dev/null", "{}/dest", 'parameter "src" has .*not a regular file'),
        ("{}/src", "relative/dest", 'parameter "dest" has .*destination path is not absolute'),
        ("{}/src", "{}/taken", 'parameter "dest" has .*destination path already exists'),
        ("{}/src", "{}/dangling", 'parameter "dest" has .*destination path already exists'),
    ],
)
def test_copy_file_refuses(bench: Bench, tmp_path: Path, src: str | None, dest: str | None, message: str) -> None:
    """Every check names the parameter that is wrong, the source first, and nothing is written."""
    (tmp_path / "src").write_text("content")
    (tmp_path / "taken").write_text("keep me")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    given: dict[str, Any] = {"src": src, "dest": dest}
    parameters = {key: path.format(tmp_path) for key, path in given.items() if path is not None}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ParameterError, match=message) as caught:
        bench.run("copy-file", **parameters)
    assert bench.log in ("", f"{caught.value}, not copying anything\n")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "taken").read_text() == "keep me"


def test_copy_file_can_be_interrupted(bench: Bench, tmp_path: Path) -> None:
    """A copy that is taken away midway leaves nothing half-done behind."""
    (tmp_path / "src").write_text("content")
    bench.cancellation.cancel(CancelReason.SHUTDOWN)
    with pytest.raises(CommandCancelled):
        bench.run("copy-file", src=str(tmp_path / "src"), dest=str(tmp_path / "dest"))
    assert not (tmp_path / "dest").exists()


def test_copy_file_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    """A destination below a file fails the task with a sentence."""
    (tmp_path / "src").write_text("content")
    with pytest.raises(CommandFailed, match="copy-file: could not copy"):
        bench.run("copy-file", src=str(tmp_path / "src"), dest=str(tmp_path / "src" / "dest"))
