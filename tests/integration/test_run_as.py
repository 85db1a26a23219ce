"""Tasks that run as another user, for real: a worker of root's, and `nobody` who gets at nothing of it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from flamenco.worker import credentials, update_queue
from tests import length
from tests.integration.scripted_manager import PATIENCE_S, ScriptedManager
from tests.integration.working import is_running, wait_until_ended

Worker = subprocess.Popen[str]

NOBODY = pwd.getpwnam("nobody")
QUICK = ("--poll-start=10ms", "--poll-no-task=20ms", "--poll-after-task=0s", "--log-chunk=20ms", "--may-i-run=50ms")
FAMILY = "sleep 1000 & echo family $$ $!; wait"
"""A program that has a child, says both their process ids, and then does nothing for long."""


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody gets into, so that nothing is safe for being in pytest's own; `shared` is nobody's."""
    with tempfile.TemporaryDirectory(prefix="flamenco-run-as-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "shared").mkdir()
        os.chown(folder / "shared", NOBODY.pw_uid, NOBODY.pw_gid)
        yield folder


@pytest.fixture
def start(manager: ScriptedManager, place: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers whose tasks are nobody's; they are ended by force after the test if they are still there."""
    started = []

    def make(*arguments: str, environ: dict[str, str] | None = None, user: str = "nobody") -> Worker:
        command = [sys.executable, "-m", "flamenco", "worker", "--manager", manager.url, *QUICK]
        usual = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
        worker = subprocess.Popen(
            [*command, "--data-dir", str(place / "home"), "--run-as", user, *arguments],
            cwd=place,
            env={**usual, **(environ or {})},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(worker)
        return worker

    yield make
    for worker in started:
        worker.kill()
        worker.communicate()


def shell(script: str) -> tuple[str, dict[str, object]]:
    """A command that runs a script."""
    return "exec", {"exe": "/bin/sh", "args": ["-c", script]}


def run(manager: ScriptedManager, *commands: tuple[str, dict[str, object]]) -> str:
    """Have the commands run as a task; gives its status and log."""
    task = manager.add_task(*commands)
    manager.wait_until_finished(task)
    return f"{manager.statuses_of(task)[-1]}\n{manager.log_of(task)}"


def family_in(log: str) -> tuple[int, ...]:
    """The process ids that the program has written to the log."""
    match = re.search(r"> family (\d+) (\d+)", log)
    return tuple(map(int, match.groups())) if match else ()


def test_a_program_is_the_users(manager: ScriptedManager, start: Callable[..., Worker]) -> None:
    """A program has the user's ids, groups and home, none of root's, no capabilities, and gains none."""
    start(environ={"XDG_DATA_HOME": "/root/data", "OCIO": "/colours"})
    said = run(
        manager,
        shell(
            "echo ids $(id -u) $(id -g) $(id -G); echo home $HOME $USER $LOGNAME; echo xdg $XDG_DATA_HOME; echo $OCIO;"
            " grep -E '^(Uid|Gid|Cap(Eff|Prm|Amb|Inh))' /proc/self/status"
        ),
    )
    groups = " ".join(map(str, os.getgrouplist("nobody", NOBODY.pw_gid)))
    assert said.startswith("completed")
    assert f"> ids {NOBODY.pw_uid} {NOBODY.pw_gid} {groups}\n" in said
    assert f"> home {NOBODY.pw_dir} nobody nobody\n" in said
    assert "> xdg\n" in said
    assert "> /colours\n" in said
    assert re.search(rf"Uid:\s*{NOBODY.pw_uid}\s*{NOBODY.pw_uid}\s*{NOBODY.pw_uid}\s*{NOBODY.pw_uid}\n", said)
    assert re.findall(r"Cap\w+:\s*(\w+)", said) == ["0" * 16] * 4


def test_credentials_cannot_be_read(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """A task that looks for the worker's secret finds it nowhere: files, environments, command lines, descriptors."""
    secrets = {
        "FLAMENCO_WORKER_MANAGER_URL": f"{manager.url}/",
        "STUDIO_API_KEY": "hidden-1",
        "DB_PASSWORD": "hidden-2",
    }
    worker = start(environ={**secrets, "FLAMENCO_DATABASE": "postgresql://u:hidden-3@h/d", "XAUTHORITY": "/hidden-4"})
    manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    home = place / "home"
    secret = credentials.load(home / credentials.FILE_NAME)
    assert secret
    said = run(
        manager,
        shell(
            f"ls -la {home}; cat {home}/*; cat {home}/{credentials.FILE_NAME} {home}/{update_queue.FILE_NAME}; env;"
            f" for p in {worker.pid} $PPID $(ps -o ppid= $PPID); do for f in environ cmdline mem maps; do"
            " tr '\\0' '\\n' < /proc/$p/$f; done; ls -l /proc/$p/fd; done; ls -l /proc/$$/fd; true"
        ),
    )
    assert said.startswith("completed")
    assert secret.worker_secret not in said
    assert "hidden-" not in said
    assert "FLAMENCO_" not in said.replace(f"FLAMENCO_HOME={home}", "")
    assert said.count("Permission denied") + said.count("cannot open") >= 6
    own = said.rpartition("total 0")[2]
    assert set(re.findall(r" (\d+) -> ", own)) == {"0", "1", "2"}, own
    assert {oct(path.stat().st_mode & 0o777) for path in home.iterdir() if path.is_file()} == {"0o600"}
    assert home.stat().st_mode & 0o777 == 0o700


FORBIDDEN: tuple[tuple[str, dict[str, object]], ...] = (
    ("copy-file", {"src": "{home}/" + credentials.FILE_NAME, "dest": "{shared}/copy"}),
    ("copy-file", {"src": "{place}/file", "dest": "{place}/copy"}),
    ("make-directory", {"path": "{place}/made"}),
    ("move-directory", {"src": "{home}", "dest": "{shared}/moved"}),
    ("move-directory", {"src": "{shared}/mine", "dest": "{place}/moved"}),
    ("frames-to-video", {"exe": "ffmpeg", "fps": 24, "inputGlob": "{shared}/*.png", "outputFile": "{place}/v.mkv"}),
)
"""Commands that want files of root, or to put something beside them."""


def test_files_are_the_users_business(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """What a command does with files is what the user may do: root's are not read, nor anything put beside them."""
    start()
    manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    (place / "file").write_text("of root")
    (place / "shared" / "mine").mkdir()
    Image.new("RGB", (8, 8)).save(place / "shared" / "1.png")
    before = files_beside_home(place)
    places = {"home": place / "home", "shared": place / "shared", "place": place}
    for name, parameters in FORBIDDEN:
        filled = {key: value.format(**places) if isinstance(value, str) else value for key, value in parameters.items()}
        said = run(manager, (name, filled))
        assert said.startswith("failed"), said
        assert "ermission denied" in said
        assert files_beside_home(place) == before
    assert (place / "home" / credentials.FILE_NAME).exists()


def files_beside_home(place: Path) -> list[Path]:
    """Everything but what the worker keeps for itself."""
    return sorted(path for path in place.rglob("*") if place / "home" not in path.parents)


@pytest.mark.long
def test_files_that_the_user_may_write(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """What a command makes belongs to the user."""
    start()
    (place / "file").write_text("for everybody")
    shared = place / "shared"
    said = run(
        manager,
        ("make-directory", {"path": f"{shared}/a/b"}),
        ("copy-file", {"src": f"{place}/file", "dest": f"{shared}/a/b/c"}),
        ("move-directory", {"src": f"{shared}/a", "dest": f"{shared}/d"}),
    )
    assert said.startswith("completed"), said
    assert (shared / "d" / "b" / "c").read_text() == "for everybody"
    assert {path.stat().st_uid for path in shared.rglob("*")} == {NOBODY.pw_uid}


@pytest.mark.long
def test_a_video_is_made_as_the_user(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """So are a video, the list of its frames, and what is run to see whether a program is FFmpeg."""
    start()
    shared = place / "shared"
    for number in range(3):
        Image.new("RGB", (64, 64), (number, 0, 0)).save(shared / f"{number}.png")
    said = run(
        manager,
        (
            "frames-to-video",
            {"exe": "ffmpeg", "fps": 24, "inputGlob": f"{shared}/*.png", "outputFile": f"{shared}/video.mkv"},
        ),
    )
    assert said.startswith("completed"), said
    assert (shared / "video.mkv").stat().st_uid == NOBODY.pw_uid


BLENDER = """#!/bin/sh
echo "Saved: '$2'"
"""


@pytest.mark.long
def test_images_are_read_as_the_user(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """An image that a task names is shown to people when the user can read it, and not when it is root's alone."""
    start()
    program, picture = place / "shared" / "blender", place / "picture.png"
    program.write_text(BLENDER)
    program.chmod(0o755)
    Image.new("RGB", (8, 8)).save(picture)
    picture.chmod(0o600)
    parameters: dict[str, object] = {"exe": str(program), "blendfile": "x.blend", "args": [str(picture)]}
    for owner, shown in (("root", 0), ("nobody", 1)):
        shutil.chown(picture, owner)
        assert run(manager, ("blender-render", parameters)).startswith("completed")
        if shown:
            manager.wait_for(lambda: manager.images)
        assert len(manager.images) == shown


def test_taken_away(manager: ScriptedManager, start: Callable[..., Worker]) -> None:
    """When the manager takes a task away, all that it has started is ended, and the worker goes on."""
    start()
    task = manager.add_task(shell(FAMILY))
    manager.wait_for(lambda: bool(family_in(manager.log_of(task))))
    family = family_in(manager.log_of(task))
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in family} == {NOBODY.pw_uid}
    manager.withdraw(task, "not any more")
    wait_until_ended(family)
    assert run(manager, ("echo", {"message": "next"})).startswith("completed")


@pytest.mark.parametrize("number", length.every(2, [signal.SIGKILL, signal.SIGTERM]))
def test_nothing_outlives_the_worker(
    manager: ScriptedManager, start: Callable[..., Worker], number: signal.Signals
) -> None:
    """When the worker is stopped, or killed, so are the programs of its task."""
    worker = start()
    task = manager.add_task(shell(FAMILY))
    manager.wait_for(lambda: bool(family_in(manager.log_of(task))))
    worker.send_signal(number)
    wait_until_ended(family_in(manager.log_of(task)))
    assert worker.wait(PATIENCE_S) == (1 if number is signal.SIGTERM else -number)


def test_nothing_gets_away(manager: ScriptedManager, start: Callable[..., Worker]) -> None:
    """A task that kills all processes of the user that it can, and hides in a session of its own, is ended as well."""
    worker = start()
    kill_all = "kill -9 $(ps -u nobody -o pid= | grep -v $$)"
    script = f"setsid sh -c 'sleep 1; {kill_all}; sleep 1000' & echo family $! $$; wait"
    task = manager.add_task(shell(script))
    manager.wait_until_finished(task)
    assert manager.statuses_of(task)[-1] == "failed"
    wait_until_ended(family_in(manager.log_of(task)))
    assert is_running(worker.pid)
    assert run(manager, ("echo", {"message": "next"})).startswith("completed")


def test_failures_are_told(manager: ScriptedManager, start: Callable[..., Worker]) -> None:
    """Steps, log and the reason of a failure are as ever; a program that only root may run cannot be run."""
    start()
    said = run(manager, ("echo", {"message": "first"}), shell("exit 3"))
    assert 'echo: "first"' in said
    assert "Failed: exec: the program exited with code 3" in said
    assert "Permission denied" in run(manager, ("exec", {"exe": "/root/program"}))
    assert 'unknown command: "nonsense"' in run(manager, ("nonsense", {}))


@pytest.mark.long
def test_plugins_of_root_are_loaded(manager: ScriptedManager, start: Callable[..., Worker], place: Path) -> None:
    """Commands of plugins run as the user as well, though the user cannot read where they lie."""
    plugins = place / "home" / "plugins"
    plugins.mkdir(parents=True)
    plugins.parent.chmod(0o700)
    (plugins / "whoami.py").write_text(
        "import os\nfrom msgspec import Struct\nfrom flamenco import CommandType, hookimpl\n\n\n"
        "class Nothing(Struct, frozen=True):\n    pass\n\n\n"
        "def run(context, parameters):\n    print('printed')\n    context.log(f'I am {os.geteuid()}')\n\n\n"
        "@hookimpl\ndef command_types():\n"
        "    yield CommandType(name='whoami', description='x', task_types=('misc',), parameters=Nothing, run=run)\n"
    )
    start()
    assert f"I am {NOBODY.pw_uid}\n" in run(manager, ("whoami", {}))


Change = Callable[[Path], None]


def _nothing(_place: Path) -> None:
    pass


def _home_of_the_user(place: Path) -> None:
    (place / "home").mkdir()
    shutil.chown(place / "home", "nobody")


def _place_for_everybody(place: Path) -> None:
    place.chmod(0o777)


def _place_like_tmp(place: Path) -> None:
    place.chmod(0o1777)


def _plugins_of_the_user(place: Path) -> None:
    (place / "plugins").mkdir()
    (place / "plugins" / "own.yaml").touch()
    (place / "plugins" / "own.py").write_text(f"import pathlib\npathlib.Path({str(place / 'loaded')!r}).touch()\n")
    shutil.chown(place / "plugins", "nobody")


def _link_of_the_user(place: Path) -> None:
    (place / "real").mkdir(mode=0o700)
    (place / "links").mkdir()
    (place / "links" / "home").symlink_to(place / "real")
    shutil.chown(place / "links", "nobody")


@pytest.mark.parametrize(
    ("user", "change", "more", "sentence"),
    length.every(
        3,
        [
            ("nobody-of-that-name", _nothing, (), "there is no user 'nobody-of-that-name' on this machine"),
            ("root", _nothing, (), "may do everything, and read the worker's credentials; name another user"),
            ("nobody", _home_of_the_user, (), "nobody can change .*/home, .*chown root '.*/home'"),
            ("nobody", _plugins_of_the_user, ("--plugins-dir", "plugins"), "nobody can change .*/plugins"),
            ("nobody", _plugins_of_the_user, ("--config", "plugins/own.yaml"), "and so the worker's own.yaml"),
            ("nobody", _link_of_the_user, ("--data-dir", "links/home"), "nobody can change .*/links, and so"),
            ("nobody", _place_for_everybody, (), "nobody can change .*chmod go-w"),
            ("nobody", _place_like_tmp, (), "and so the worker's flamenco-worker.yaml"),
            ("nobody", _nothing, ("--manager", "http://farm/t/key/"), "Everybody on this machine can read the key"),
            (
                "nobody",
                _nothing,
                ("--manager", "http://me:key@farm/"),
                "write it as manager_url to flamenco-worker.yaml",
            ),
        ],
    ),
)
def test_what_is_not_safe_is_refused(
    start: Callable[..., Worker], place: Path, user: str, change: Change, more: tuple[str, ...], sentence: str
) -> None:
    """A worker that cannot keep its credentials from tasks does not start, and says what to do."""
    change(place)
    worker = start(*more, user=user)
    _, said = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 2, said
    assert re.search(sentence, said), said
    assert not (place / "loaded").exists()
    assert "Traceback" not in said


def test_settings_that_others_can_read(place: Path) -> None:
    """A key in the file of settings is only good while nobody else can read it."""
    (place / "flamenco-worker.yaml").write_text("manager_url: http://farm/t/key/\n")
    command = [sys.executable, "-m", "flamenco", "worker", "--data-dir", str(place / "home"), "--run-as", "nobody"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert "chmod 600 'flamenco-worker.yaml'" in done.stderr


def test_only_root_can(place: Path) -> None:
    """A worker of anybody else's says what it takes."""
    script = (
        "import os; os.setgroups([]); os.setgid(1); os.setuid(1)\n"
        "from flamenco.worker.run_as import task_user\n"
        "try:\n    task_user('nobody')\nexcept Exception as error:\n    print(error)\n"
    )
    script = f"import flamenco.worker.run_as\n{script}"
    done = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=True)
    assert "start the worker as root" in done.stdout
