"""`flamenco backup` and `flamenco restore`: all of it comes back, between both kinds of databases, or nothing does."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main
from flamenco.farm.context import Farm
from flamenco.files import backups
from flamenco.store import recount
from flamenco.store.engine import Store
from flamenco.testing import Clock
from tests import length
from tests.conftest import postgres_database
from tests.integration.exercising import exercise
from tests.integration.test_database_copy import contents

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of ours in an empty folder."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def used(farm: Farm, clock: Clock) -> Farm:
    """A farm with something of everything, in the database and in files."""
    exercise(farm, clock)
    config = farm.config
    for folder in (config.archives_path, config.job_types_path, config.plugins_path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ours.txt").write_text(f"of {folder.name}")
    logs = config.local_storage_path / "task-logs/job-12"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "task-1.txt").write_text("rendered\n" * 1000)
    stored = config.shared_path / "file-store/stored/aa"
    stored.mkdir(parents=True)
    (stored / "bb.blob").write_bytes(b"content")
    return farm


@pytest.fixture
def other_url(database_url: str, postgres_server: str, tmp_path: Path) -> Iterator[str]:
    """An empty database of the other kind than the farm's."""
    if database_url.startswith("sqlite"):
        with postgres_database(postgres_server) as url:
            yield url
    else:
        yield f"{tmp_path / 'other.sqlite'}"


def backed_up(run: Run, farm: Farm, name: str = "monday.tar.gz") -> Path:
    """A backup of the farm, which goes on."""
    farm.config.data_dir.mkdir(exist_ok=True)
    database = farm.store.url.render_as_string(hide_password=False)
    (farm.config.data_dir / "flamenco-manager.yaml").write_text(f"manager_name: Ours\ndatabase: {database!r}\n")
    done = run("backup", name, "--data-dir", farm.config.data_dir)
    assert done.exit_code == 0, done.output
    return Path(name)


@pytest.mark.postgresql
@pytest.mark.parametrize("name", length.every(2, ["monday.tar.gz", "monday.tar"]))
def test_everything_comes_back(used: Farm, run: Run, tmp_path: Path, name: str, other_url: str) -> None:
    """Each row and each file, in a database of the other kind; what is not part of it is named."""
    file = backed_up(run, used, name)
    assert file.stat().st_mode & 0o077 == 0
    there = tmp_path / "there"
    done = run("restore", file, "--data-dir", there, "--database", other_url, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["missing"] == ["aa/bb.blob"]
    with closing(Store(other_url if "://" in other_url else f"sqlite:///{other_url}")) as restored:
        # Of attempts it is known up to where they are summed up: that is the last one that is left, where it was later.
        before, after = contents(used.store), contents(restored)
        assert after.pop("rolled_up") <= before.pop("rolled_up")
        assert after == before
        with restored.read() as tx:
            assert recount.miscounted(tx) == []
    for part in ("archives", "jobtypes", "plugins"):
        assert (there / part / "ours.txt").read_text() == f"of {part}"
    assert (there / "storage/task-logs/job-12/task-1.txt").read_text() == "rendered\n" * 1000
    assert "manager_name: Ours" in (there / "flamenco-manager.yaml").read_text()
    assert not list(there.rglob("*~"))
    assert not [path for path in there.iterdir() if path.name.startswith(".")]


def test_what_is_there_stays(used: Farm, run: Run, tmp_path: Path) -> None:
    """A farm is not overwritten, nor is a backup."""
    file = backed_up(run, used)
    again = run("backup", file, "--data-dir", used.config.data_dir)
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    before = contents(used.store)
    over = run("restore", file, "--data-dir", used.config.data_dir)
    assert over.exit_code == 2, over.output
    assert "is in use" in over.output
    assert contents(used.store) == before
    assert list(Path.cwd().iterdir()) == [file.absolute()]


def damaged(file: Path, how: str) -> None:
    """Something is wrong with a backup."""
    whole = file.read_bytes()
    if how == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "other":
        file.write_bytes(b"PK\x03\x04 something else")
    elif how == "empty":
        file.write_bytes(b"")
    else:
        with tarfile.open(file) as tar:
            manifest = json.load(tar.extractfile(backups.MANIFEST))  # type: ignore[arg-type]
            database = tar.extractfile(backups.DATABASE).read()  # type: ignore[union-attr]
        if how == "newer":
            manifest["revision"] = "9999"
        elif how == "rows":
            manifest["rows"]["jobs"] += 1
        elif how == "format":
            manifest["format"] = 99
        file.unlink()
        with backups.writing(file, backups.Manifest(**manifest)) as writer:
            writer.put("../../outside" if how == "leads out" else backups.DATABASE, database)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "cut short or damaged"),
        ("other", "no backup of Flamenco"),
        ("empty", "no backup of Flamenco"),
        ("newer", "is newer than this one"),
        ("rows", "is not what was put there"),
        ("format", "this version cannot read"),
        ("leads out", "which no backup of Flamenco has"),
    ],
)
def test_a_backup_that_is_none(farm: Farm, run: Run, tmp_path: Path, how: str, said: str) -> None:
    """It is said, and nothing is left behind."""
    file = backed_up(run, farm, "monday.tar")
    damaged(file, how)
    there = tmp_path / "there"
    done = run("restore", file, "--data-dir", there)
    assert done.exit_code in (1, 2), done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (there / "flamenco-manager.sqlite").exists()
    assert not (tmp_path / "outside").exists()


def test_there_is_none(run: Run) -> None:
    """A sentence."""
    done = run("restore", "nothing.tar", "--data-dir", "there")
    assert (done.exit_code, "There is no nothing.tar" in done.output) == (1, True)


@pytest.mark.parametrize("words", [("backup", "all.tar"), ("restore", "all.tar")])
def test_a_configuration_that_cannot_be_read(run: Run, tmp_path: Path, words: tuple[str, str]) -> None:
    """A sentence and exit code 2, as for every command that reads it."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data/flamenco-manager.yaml").write_text("listen: [")
    done = run(*words, "--data-dir", tmp_path / "data")
    assert (done.exit_code, "is not YAML in line 1" in done.output) == (2, True)


def test_a_database_that_is_damaged(run: Run, tmp_path: Path) -> None:
    """Nothing is left behind of a backup that could not be made."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data/flamenco-manager.sqlite").write_bytes(b"this is no database\n" * 1000)
    done = run("backup", "all.tar", "--data-dir", tmp_path / "data")
    assert done.exit_code == 2, done.output
    assert "flamenco-manager.sqlite" in done.output
    assert list(Path.cwd().iterdir()) == []
