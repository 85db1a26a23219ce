"""What authors' test files may say, and how what came out is compared with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flamenco.authoring import case_runs, expectations
from flamenco.authoring.expectations import Case, Expected
from flamenco.compiler.protocol import Printed
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Command
from tests.conftest import authored_job, authored_task


def three_tasks() -> AuthoredJob:
    """A job of two tasks, and one that waits for both."""
    one, two = authored_task("one"), authored_task("two")
    return authored_job(one, two, authored_task("done", after=(two, one)), settings={"size": 3, "words": ["a", "b"]})


def difference(expect: dict[str, Any], job: AuthoredJob | None = None, error: str = "") -> str:
    """The diff between what a test expects, as it would be written, and a job or error."""
    printed = [Printed("hello", warning=False), Printed("careful", warning=True)]
    return expectations.difference(msgspec.convert(expect, Expected), job, error, printed)


ANYTHING = "..."


@pytest.mark.parametrize(
    "expect",
    [
        {"task_count": 3},
        {"tasks": [{"name": "one"}, {"name": "two"}, {"name": "done"}]},
        {"tasks": [{}, {}, {}]},
        {"tasks": [ANYTHING]},
        {"tasks": [ANYTHING, {"name": "one"}, {"name": "two"}, {"name": "done"}, ANYTHING]},
        {"tasks": [{"name": "one"}, ANYTHING]},
        {"tasks": [ANYTHING, {"name": "done", "type": "misc", "priority": 50}]},
        {"tasks": [{"name": "one"}, ANYTHING, {"name": "done"}]},
        {"tasks": [ANYTHING, {"name": "two"}, ANYTHING]},
        {"tasks": [ANYTHING, ANYTHING, {"name": "two"}, ANYTHING, {"name": "done"}]},
        {"tasks": [ANYTHING, {"dependencies": ["one", "two"]}]},
        {"tasks": [ANYTHING, {"dependencies": ["two", "one"]}]},
        {"tasks": [ANYTHING, {"dependencies": ["one", ANYTHING]}]},
        {"tasks": [ANYTHING, {"dependencies": [ANYTHING]}]},
        {"tasks": [{"dependencies": []}, ANYTHING]},
        {"tasks": [{"name": "re:o.e"}, ANYTHING]},
        {"tasks": [{"commands": [{"name": "echo", "parameters": {"message": "one"}}]}, ANYTHING]},
        {"job": {"settings": {"size": 3.0}}},
        {"job": {"settings": {"words": ["a", ANYTHING]}, "priority": 50, "name": "job"}},
        {"printed": ["hello", "careful"]},
        {"printed": [ANYTHING, "re:c.*l"]},
        {"task_count": 3, "printed": ["hello", ANYTHING], "tasks": [ANYTHING], "job": {"metadata": {}}},
    ],
)
def test_what_agrees(expect: dict[str, Any]) -> None:
    """Only what is mentioned is compared; "..." stands for any number of elements."""
    assert difference(expect, three_tasks()) == ""


@pytest.mark.parametrize(
    ("expect", "missing", "came"),
    [
        ({"task_count": 2}, "task_count: 2", "task_count: 3"),
        ({"tasks": []}, "tasks: []", "- name: one"),
        ({"tasks": [{"name": "one"}, {"name": "two"}]}, None, "- name: done"),
        ({"tasks": [{"name": "one"}, {"name": "two"}, {}, {"name": "four"}]}, "- name: four", None),
        ({"tasks": [{"name": "uno"}, ANYTHING]}, "- name: uno", "- name: one"),
        ({"tasks": [ANYTHING, {"name": "two"}]}, "- name: two", "- name: done"),
        ({"tasks": [ANYTHING, {"name": "four"}, ANYTHING]}, "- name: four", None),
        ({"tasks": [{}, {}, ANYTHING, {}, {}]}, "- {}", None),
        ({"tasks": [{"comands": []}, ANYTHING]}, "- comands: []", None),
        ({"tasks": [{"priority": True}, ANYTHING]}, "- priority: true", "- priority: 50"),
        ({"tasks": [ANYTHING, {"dependencies": ["one"]}]}, None, "  - two"),
        ({"tasks": [ANYTHING, {"dependencies": ["one", "three", ANYTHING]}]}, "  - three", "  - two"),
        ({"tasks": [{"name": "re:o"}, ANYTHING]}, "- name: re:o", "- name: one"),
        ({"job": {"settings": {"size": 4}}}, "    size: 4", "    size: 3"),
        ({"job": {"settings": {"nothing": None}}}, "    nothing: null", None),
        ({"printed": ["hello"]}, None, "- careful"),
        ({"error": "no"}, "error: 'no'", "- one"),
    ],
)
def test_what_does_not_agree(expect: dict[str, Any], missing: str | None, came: str | None) -> None:
    """The diff has what was expected with a minus, and what came out instead with a plus."""
    lines = difference(expect, three_tasks()).splitlines()
    assert lines[:2] == ["--- expected", "+++ came out"]
    if missing is not None:
        assert f"-{missing}" in lines
    if came is not None:
        assert f"+{came}" in lines


@pytest.mark.parametrize("expected", ["shoe", "the shoe pinches", "re:.*shoe.*", ""])
def test_errors_that_are_expected(expected: str) -> None:
    """An error has to contain the expected text, or match the expression as a whole."""
    assert difference({"error": expected}, error="Error: the shoe pinches") == ""
    assert difference({"error": expected, "printed": ["hello", ANYTHING]}, error="Error: the shoe pinches") == ""


@pytest.mark.parametrize("expect", [{"error": "hat"}, {"error": "re:shoe"}, {"task_count": 1}, {"tasks": [ANYTHING]}])
def test_errors_that_are_not_expected(expect: dict[str, Any]) -> None:
    """An error in place of what was expected is shown."""
    assert "+error: the shoe pinches" in difference(expect, error="the shoe pinches").splitlines()


def test_wrong_expression() -> None:
    """A regular expression that is none is named."""
    with pytest.raises(Refused, match=r'"re:\(", which is no regular expression'):
        difference({"tasks": [{"name": "re:("}, ANYTHING]}, three_tasks())


def test_long_diffs_are_cut() -> None:
    """Of a difference in very many tasks, the beginning is shown."""
    job = authored_job(*(authored_task(f"task {number}") for number in range(500)))
    lines = difference({"tasks": []}, job).splitlines()
    assert len(lines) == 101
    assert lines[-1].endswith("more lines")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.long
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5))
def test_every_job_is_as_it_is(parameters: list[dict[str, Any]]) -> None:
    """What `compile --json` prints of a job can be pasted into a test file as it is, and the test passes."""
    tasks: list[AuthoredTask] = []
    for number, each in enumerate(parameters):
        task = authored_task(f"task {number}", after=tuple(tasks[-2:]))
        tasks.append(msgspec.structs.replace(task, commands=(Command("c", each), Command("d", None))))
    job = authored_job(*tasks)
    plain = json.loads(json.dumps(expectations.plain_job(job)))
    assert difference({"tasks": plain.pop("tasks"), "job": plain}, job) == ""


# test files


def test_a_file_with_everything(tmp_path: Path) -> None:
    """YAML and JSON say the same; dates in settings are texts, as they are in JSON."""
    case = {
        "name": "n",
        "settings": {"a": 1, "day": "2026-01-02"},
        "metadata": {"user": "u"},
        "job_name": "j",
        "priority": 7,
        "created": "2026-01-02T03:04:05",
        "strict": False,
        "expect": {"tasks": ["..."]},
    }
    (tmp_path / "a.test.json").write_text(json.dumps({"script": "x.js", "tests": [case]}))
    text = yaml.safe_dump({"script": "x.js", "tests": [case]}).replace("'2026-01-02'", "2026-01-02")
    (tmp_path / "a.test.yaml").write_text(text)
    from_json, from_yaml = (expectations.read(tmp_path / f"a.test.{suffix}") for suffix in ("json", "yaml"))
    assert from_json == from_yaml
    submission = from_yaml.tests[0].submission("x")
    assert (submission.name, submission.priority, submission.metadata) == ("j", 7, {"user": "u"})


def test_dots_need_no_quotes(tmp_path: Path) -> None:
    """In YAML, three dots in a list are a text like any other."""
    (tmp_path / "a.test.yaml").write_text("tests:\n- name: n\n  expect:\n    tasks:\n    - ...\n    - {name: x}\n")
    [case] = expectations.read(tmp_path / "a.test.yaml").tests
    assert case.expect.tasks == ["...", {"name": "x"}]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tests: [", "is neither YAML nor JSON"),
        ("", "expected object, got null|Expected object, got null"),
        ("tests: []", "has no tests"),
        ("tests: [{name: n}]", r"required field expect - at \$.tests\[0\]"),
        ("tests: [{name: n, expect: {}}]", "nothing is expected"),
        ("tests: [{name: n, expect: {error: e, task_count: 1}}]", "either an error or a job"),
        ("tests: [{name: n, expect: {taks: []}}]", "unknown field taks"),
        ("tests: [{name: n, setings: {}, expect: {task_count: 1}}]", "unknown field setings"),
        ("tests: [{name: n, created: soon, expect: {task_count: 1}}]", "created"),
        ("tests: &a [*a]", "is neither|Expected|recursion"),
        ("tests: [{name: n, settings: {[a]: b}, expect: {task_count: 1}}]", "Expected|neither|dict"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    """A file that cannot be understood is named, with the place in it."""
    path = tmp_path / "wrong.test.yaml"
    path.write_text(text)
    with pytest.raises(Refused, match=complaint) as raised:
        expectations.read(path)
    assert "wrong.test.yaml" in str(raised.value)


def test_which_script_is_meant(tmp_path: Path) -> None:
    """The one that the file names; else the one of its name beside it, or in the folder above."""
    case = Case(name="n", expect=Expected(task_count=1))
    inside = tmp_path / "tests"
    inside.mkdir()
    for path in (tmp_path / "a.js", tmp_path / "b.js", inside / "b.js"):
        path.touch()

    def script(name: str, said: str = "") -> Path:
        return expectations.script_of(inside / name, expectations.TestFile(tests=[case], script=said)).resolve()

    assert script("a.test.yaml") == tmp_path / "a.js"
    assert script("b.test.json") == inside / "b.js"
    assert script("c.test.yml", "../a.js") == tmp_path / "a.js"
    with pytest.raises(Refused, match=r"c\.js, which does not exist"):
        script("c.test.yml")


def test_which_files_are_tests(tmp_path: Path) -> None:
    """In folders, by their names, however deep; beside a script that is named; other files are taken as they are."""
    for name in ("a.test.yaml", "deep/er/b.test.yml", "c.test.json", "d.yaml", "e.test.js", "test.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = case_runs.find([tmp_path, tmp_path / "d.yaml"])
    assert [path.name for path in found] == ["a.test.yaml", "c.test.json", "b.test.yml", "d.yaml"]
    (tmp_path / "a.js").touch()
    assert case_runs.find([tmp_path / "a.js"]) == [tmp_path / "a.test.yaml"]
    (tmp_path / "z.js").touch()
    with pytest.raises(Refused, match=r"z\.js has no tests; write them into z\.test\.yaml"):
        case_runs.find([tmp_path / "z.js"])
    with pytest.raises(Refused, match="does not exist"):
        case_runs.find([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="there are no test files"):
        case_runs.find([tmp_path / "empty"])
