"""What systems are given to keep Flamenco running: read as they read it, with words that would do harm unquoted."""

from __future__ import annotations

import configparser
import plistlib
import shlex
import shutil
import subprocess
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flamenco.cli.service import launchd, systemd, windows
from flamenco.cli.service.description import Kind, Service

MANAGER = Service(
    kind=Kind.MANAGER,
    name="flamenco-manager",
    command=("/opt/flamenco/bin/python", "-m", "flamenco", "manager", "--data-dir", "/srv/a b/50%"),
    folder=PurePosixPath("/srv/a b/50%"),
    writes=(PurePosixPath("/srv/a b/50%"), PurePosixPath("/mnt/farm")),
    run_as="flamenco",
)
WORKER = replace(
    MANAGER,
    kind=Kind.WORKER,
    name="flamenco-worker",
    command=("/opt/flamenco/bin/python", "-m", "flamenco", "worker", "--name", 'a "b" $HOME'),
    run_as="",
    is_of_user=True,
    environment={"FLAMENCO_HOME": "/home/a b"},
)
XML = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


def read(unit: str) -> configparser.ConfigParser:
    """A unit as far as it is like other files of its kind."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit)
    return parser


def test_a_manager_for_systemd() -> None:
    """It says when it is ready, is restarted unless that is of no use, and writes to its own folders alone."""
    unit = read(systemd.unit(MANAGER))
    found = unit["Service"]
    assert found["ExecStart"] == '/opt/flamenco/bin/python -m flamenco manager --data-dir "/srv/a b/50%%"'
    assert (found["Type"], found["User"], found["Restart"]) == ("notify", "flamenco", "always")
    assert found["RestartPreventExitStatus"] == "2"
    assert found["WorkingDirectory"] == "/srv/a b/50%%"
    assert found["ProtectSystem"] == "strict"
    assert found["ReadWritePaths"] == '"-/srv/a b/50%%" -/mnt/farm'
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert unit["Unit"]["Description"] == "Flamenco manager (flamenco-manager)"


def test_a_worker_of_a_user_for_systemd() -> None:
    """What it renders with is not kept from anything that the user may do; sent home, it stays there."""
    unit = read(systemd.unit(WORKER))
    found = unit["Service"]
    assert found["ExecStart"].endswith(r'worker --name "a \"b\" $$HOME"')
    assert found["Environment"] == '"FLAMENCO_HOME=/home/a b"'
    assert not {"User", "ProtectSystem", "ReadWritePaths"} & set(found)
    assert found["Restart"] == "on-failure"
    assert unit["Install"]["WantedBy"] == "default.target"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
def test_words_are_one_word(word: str) -> None:
    """Whatever is in one; read here as systemd reads it: quotes, backslashes, then its own two signs."""
    (taken,) = shlex.split(systemd.quoted(word))
    assert taken.replace("%%", "%").replace("$$", "$") == word or "$" in word
    assert "\n" not in systemd.quoted(word)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here to ask")
@pytest.mark.parametrize("service", [MANAGER, WORKER], ids=["manager", "worker"])
def test_systemd_takes_it(service: Service, tmp_path: Path) -> None:
    """By its own judgement. The programs have to be there for that."""
    there = replace(service, command=("/bin/sh", *service.command[1:]), run_as="root" if service.run_as else "")
    file = tmp_path / systemd.file_name(service)
    file.write_text(systemd.unit(there))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, str(file) in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("service", [MANAGER, WORKER], ids=["manager", "worker"])
def test_launchd(service: Service) -> None:
    """The same as a property list."""
    found = plistlib.loads(launchd.property_list(service).encode())
    assert found["ProgramArguments"] == list(service.command)
    assert found["Label"] == launchd.file_name(service).removesuffix(".plist") == f"studio.flamenco.{service.name}"
    assert found.get("UserName", "") == service.run_as
    assert found["KeepAlive"] == (True if service is MANAGER else {"SuccessfulExit": False})
    assert found.get("EnvironmentVariables", {}) == service.environment


def test_windows() -> None:
    """A task from the start of the machine, or once somebody signs in; it has no end of its own."""
    folder = PureWindowsPath("C:\\Program Data\\farm")
    there = replace(MANAGER, command=("C:\\Python\\python.exe", "-m", "flamenco", "a b"), folder=folder, run_as="")
    for service, trigger in ((there, "BootTrigger"), (replace(there, is_of_user=True), "LogonTrigger")):
        text = windows.task(service)
        root = ET.fromstring(text.partition("\n")[2])  # noqa: S314 - our own
        assert root.find(f"t:Triggers/t:{trigger}", XML) is not None
        line = [root.findtext(f"t:Actions/t:Exec/t:{name}", "", XML) for name in ("Command", "Arguments")]
        assert line == ["C:\\Python\\python.exe", '-m flamenco "a b"']
        assert root.findtext("t:Actions/t:Exec/t:WorkingDirectory", "", XML) == str(folder)
        assert root.findtext("t:Settings/t:ExecutionTimeLimit", "", XML) == "PT0S"
        assert (root.findtext("t:Principals/t:Principal/t:UserId", "", XML) == "S-1-5-18") is not service.is_of_user
