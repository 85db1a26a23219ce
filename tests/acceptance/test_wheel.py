"""What is installed is what was checked out: the wheel carries everything that is not Python, and works on its own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TRY_IT = """
from datetime import UTC, datetime
from uuid import uuid4
from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.model import Submission

assert bundled.job_types().is_relative_to({site!r}), bundled.job_types()
compiler = Compiler([bundled.job_types()])
submission = Submission(name="n", type="echo-sleep-test", settings={{"message": "m"}})
job = compiler.compile(submission, str(uuid4()), datetime.now(UTC), strict=True)
compiler.close()
print(len(job.tasks))
"""


@pytest.mark.long
def test_a_wheel_compiles_its_job_types(tmp_path: Path) -> None:
    """A wheel that was unpacked elsewhere finds its prelude, migrations, job types, plugins and demo in itself.

    It is made of the source archive, so that has all of it too.
    """
    build = [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, timeout=300, capture_output=True)
    assert len([*tmp_path.glob("*.tar.gz")]) == 1
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in (
        "compiler/bytes.js",
        "compiler/prelude.js",
        "store/migrations/versions/0001_first_tables.py",
        "_bundled/jobtypes/simple_blender_render.js",
        "_bundled/jobtypes/flamenco-jobtype.d.ts",
        "_bundled/jobtypes/jsconfig.json",
        "_bundled/jobtypes/lib/blender_frames.js",
        "_bundled/plugins/README.md",
        "_bundled/plugins/fair_share.js",
        "_bundled/plugins/event_sinks.js",
        "cli/jobtypes/skeleton.js",
        "cli/jobtypes/skeleton.test.yaml",
        "demo/fan.blend",
        "py.typed",
        "web/static/index.html",
        "web/static/app/main.js",
        "web/static/app/ui.js",
        "web/static/app/views/later/users.js",
        "web/static/vendor/LICENSES.txt",
    ):
        assert (site / "flamenco" / name).is_file(), name
    script = f"import sys; sys.path.insert(0, {str(site)!r})\n" + TRY_IT.format(site=str(site))
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
