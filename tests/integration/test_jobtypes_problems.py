"""What `/api/x/jobtypes/problems` says of broken scripts, and that they hide nothing but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.farm.context import Farm


@pytest.fixture
def folder(farm: Farm) -> Path:
    """The studio's folder of job types."""
    farm.config.job_types_path.mkdir(parents=True)
    return farm.config.job_types_path


def test_a_sound_farm_has_no_problems(farm: Farm) -> None:
    """The shipped job types are in order."""
    assert testing.TestClient(create_app(farm)).simulate_get("/api/x/jobtypes/problems").json == {"problems": []}


def test_broken_scripts_say_what_is_wrong_and_where(farm: Farm, folder: Path) -> None:
    """Each broken file is there with message, line and column; the other job types are listed as ever."""
    (folder / "typing_error.js").write_text("const JOB_TYPE = {\n  label: ;\n};\n")
    (folder / "shapeless.js").write_text("const JOB_TYPE = { label: {} };\n")
    (folder / "fine.js").write_text("const JOB_TYPE = { label: 'Fine', settings: [] };\n")
    client = testing.TestClient(create_app(farm))
    shapeless, typing_error = client.simulate_get("/api/x/jobtypes/problems").json["problems"]
    assert typing_error == {
        "job_type": "typing-error",
        "file": str(folder / "typing_error.js"),
        "message": "SyntaxError: Unexpected token ';'",
        "line": 2,
        "column": 10,
    }
    assert shapeless["job_type"] == "shapeless"
    assert "proper JOB_TYPE object" in shapeless["message"]
    assert "line" not in shapeless
    names = [job_type["name"] for job_type in client.simulate_get("/api/jobs/types").json["job_types"]]
    assert "fine" in names
    assert "echo-sleep-test" in names
    assert "shapeless" not in names


def test_a_mended_script_is_no_problem_any_more(farm: Farm, folder: Path) -> None:
    """Nothing has to be restarted."""
    client = testing.TestClient(create_app(farm))
    (folder / "mine.js").write_text("const JOB_TYPE = ;")
    assert len(client.simulate_get("/api/x/jobtypes/problems").json["problems"]) == 1
    (folder / "mine.js").write_text("const JOB_TYPE = { label: 'Mine' };")
    assert client.simulate_get("/api/x/jobtypes/problems").json == {"problems": []}


def test_broken_scripts_are_logged(farm: Farm, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks into the log finds a script that is left out, once for each way in which it is broken."""
    client = testing.TestClient(create_app(farm))

    def logged() -> list[str]:
        caplog.clear()
        assert client.simulate_get("/api/v3/jobs/types").status_code == 200
        return [record.message for record in caplog.records]

    assert logged() == []
    (folder / "mine.js").write_text("const JOB_TYPE = ;")
    (folder / "other.js").write_bytes("const JOB_TYPE = { label: 'Für' };".encode("latin-1"))
    mine, other = logged()
    assert mine.startswith(f"there is no job type in {folder / 'mine.js'}: SyntaxError")
    assert other.endswith("other.js cannot be read: it is no UTF-8 text")
    assert logged() == []
    (folder / "other.js").unlink()
    (folder / "mine.js").write_text("const JOB_TYPE = [];")
    (mine,) = logged()
    assert "JOB_TYPE object" in mine
