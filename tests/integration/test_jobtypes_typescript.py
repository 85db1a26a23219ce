"""TypeScript, from npm, holds job types to `flamenco-jobtype.d.ts`, as editors do. Runs where there is node."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flamenco import bundled
from flamenco.cli.jobtypes.new import SKELETON
from tests.integration.test_jobtypes_declarations import EVERY_GLOBAL

TYPESCRIPT = "5.9.3"


def annotated(script: str) -> str:
    """A script that says what its JOB_TYPE and compileJob are, on the same lines as before."""
    script = re.sub(
        r"^const JOB_TYPE =", "/** @type {Flamenco.JobType} */ const JOB_TYPE =", script, flags=re.MULTILINE
    )
    return re.sub(
        r"^function compileJob\(job\)",
        "/** @param {Flamenco.Job} job */ function compileJob(job)",
        script,
        flags=re.MULTILINE,
    )


@pytest.fixture(scope="module")
def compiler(request: pytest.FixtureRequest) -> Path:
    """TypeScript's compiler, installed once and kept in pytest's cache."""
    folder: Path = request.config.cache.mkdir(f"typescript-{TYPESCRIPT}")
    compiler = folder / "node_modules" / "typescript" / "lib" / "tsc.js"
    if not compiler.exists():
        npm = shutil.which("npm") or "npm"
        options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        command = [npm, "install", "--prefix", str(folder), *options, f"typescript@{TYPESCRIPT}"]
        subprocess.run(command, check=True, timeout=300)
    return compiler


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of job types with nothing but what editors need."""
    for name in ("jsconfig.json", "flamenco-jobtype.d.ts"):
        shutil.copy(bundled.job_types() / name, tmp_path)
    return tmp_path


class TestTypeScript:
    """Type checks of whole folders."""

    __test__ = bool(shutil.which("node") and shutil.which("npm"))

    def check(self, compiler: Path, folder: Path) -> list[str]:
        """What TypeScript complains about."""
        command = ["node", str(compiler), "-p", str(folder / "jsconfig.json"), "--pretty", "false"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
        assert bool(done.returncode) == bool(done.stdout), done.stderr
        return done.stdout.splitlines()

    def test_shipped_job_types(self, compiler: Path, folder: Path) -> None:
        """All shipped job types fit the declarations, those without annotations as if they had them."""
        for script in bundled.job_types().glob("*.js"):
            (folder / script.name).write_text(annotated(script.read_text("utf-8")), encoding="utf-8")
        shutil.copytree(bundled.job_types() / "lib", folder / "lib")
        shutil.copy(SKELETON, folder)
        assert self.check(compiler, folder) == []

    def test_every_global(self, compiler: Path, folder: Path) -> None:
        """Everything may be used as it is meant to be, and what is marked as an error in the file is one."""
        shutil.copy(EVERY_GLOBAL, folder)
        assert self.check(compiler, folder) == []

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ('const JOB_TYPE = { label: "x", settings: [{ key: "a" }] };', "'type' is missing"),
            ('const JOB_TYPE = { label: "x", settings: [], lable: 1 };', "'lable' does not exist"),
            ("function compileJob(job) { job.addTasks(1); }", "'addTasks' does not exist"),
            ('function compileJob(job) { author.Task("a", "b").commands.push("c"); }', "'string' is not assignable"),
            ("function compileJob(job) { frameChunker(1, 1); }", "'number' is not assignable"),
        ],
    )
    def test_mistakes_are_found(self, compiler: Path, folder: Path, line: str, complaint: str) -> None:
        """The declarations are strict enough to find what people get wrong."""
        (folder / "wrong.js").write_text(annotated(line))
        [found] = [line for line in self.check(compiler, folder) if line.startswith("wrong.js")]
        assert complaint in found
