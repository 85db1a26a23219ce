"""Scripts examined and tried out: what is found in them, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco import bundled
from flamenco.authoring.bench import Bench, Finding
from flamenco.authoring.source import NOWHERE, Place, Source
from flamenco.domain.errors import NotFound
from flamenco.domain.model import Submission
from tests.integration.compiling import CREATED

ADD = "job.addTask(author.Task('t', 'misc'));"
COMPILE = f"function compileJob(job) {{ {ADD} }}\n"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """One bench for all tests here."""
    bench = Bench([bundled.job_types()])
    yield bench
    bench.close()


def write(folder: Path, text: str, name: str = "my_job.js") -> Path:
    """A script in that folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def declaring(settings: str, more: str = 'label: "x",') -> str:
    """A script with these settings, the first of them on line 3."""
    return f"const JOB_TYPE = {{ {more}\n  settings: [\n{settings}\n] }};\n{COMPILE}"


def said(finding: Finding) -> tuple[str, int, int]:
    """Severity, line and column."""
    return finding.severity, finding.line, finding.column


@pytest.mark.parametrize(
    ("script", "line", "column", "text", "message"),
    [
        ("const JOB_TYPE = {\n\tlabel: ;\n};", 2, 9, "\tlabel: ;", "SyntaxError: Unexpected token ';'"),
        ("undeclared = 1;\n", 1, 12, "undeclared = 1;", "ReferenceError: undeclared is not defined"),
        ("\n  throw 'this';\n", 2, 3, "  throw 'this';", "this"),
        ("const a = '😀😀'; null.x;", 1, 22, "const a = '😀😀'; null.x;", "TypeError: Cannot read properties of null"),
        ("const a = {\n  b: 1,\n\n\n", 2, 8, "  b: 1,", "SyntaxError: Unexpected end of input"),
        ("JOB_TYPE = {};\r\nfoo();", 1, 10, "JOB_TYPE = {};", "ReferenceError: JOB_TYPE is not defined"),
        (
            "function f() {\n  return author.Task('', 'a');\n}\nf();",
            2,
            17,
            "  return author.Task('', 'a');",
            "author.Task(name, type): ",
        ),
    ],
)
def test_errors_have_a_place(
    bench: Bench, tmp_path: Path, script: str, line: int, column: int, text: str, message: str
) -> None:
    """What the engine refuses is told with file, line, column and the line itself."""
    path = write(tmp_path, script)
    examined = bench.examine(path)
    error = examined.findings[0]
    assert (error.severity, error.file, error.line, error.column, error.text) == (
        "error",
        str(path),
        line,
        column,
        text,
    )
    assert error.message.startswith(message)
    assert (examined.ok, examined.job_type) == (False, None)


def test_errors_in_modules_have_a_place(bench: Bench, tmp_path: Path) -> None:
    """The place is in the module, first line or not, and the message names the script that required it."""
    write(tmp_path, "throw new Error('inside');", "lib/broken.js")
    path = write(tmp_path, "require('./lib/broken');")
    [error] = bench.examine(path).findings
    assert error.message == "Error: inside (required by my_job.js)"
    assert (error.file, error.line, error.column) == (str(tmp_path / "lib/broken.js"), 1, 1)
    assert error.text == "throw new Error('inside');"


@pytest.mark.parametrize(
    ("script", "line", "column", "message"),
    [
        (
            declaring('{ key: "a", type: "strng" }'),
            3,
            13,
            "JOB_TYPE.settings[0].type: invalid enum value 'strng'; choose",
        ),
        (declaring('{ key: "a" }'), 3, 1, "JOB_TYPE.settings[0]: missing required field type"),
        (declaring('{ key: "a", type: "bool" },\n{ type: "bool" }'), 4, 1, "JOB_TYPE.settings[1]: missing required"),
        (declaring('{ key: "a", type: "bool", choices: "b" }'), 3, 27, "JOB_TYPE.settings[0].choices: expected array"),
        (declaring("", "label: [],"), 1, 20, "JOB_TYPE.label: expected string, got array"),
        (
            declaring('{ key: "a", type: "bool" }, { key: "a", type: "bool" }'),
            1,
            7,
            "JOB_TYPE: two settings are called 'a'",
        ),
        (COMPILE, 0, 0, "script (my_job.js) does not define a JOB_TYPE object"),
        ("const JOB_TYPE = {label: 'x', settings: []};", 0, 0, "script (my_job.js) does not define a compileJob(job)"),
    ],
)
def test_declarations_that_are_wrong(
    bench: Bench, tmp_path: Path, script: str, line: int, column: int, message: str
) -> None:
    """A JOB_TYPE of the wrong shape is an error at the key that is wrong."""
    errors = [finding for finding in bench.examine(write(tmp_path, script)).findings if finding.severity == "error"]
    assert [said(error) for error in errors] == [("error", line, column)]
    assert errors[0].message.startswith(message)


@pytest.mark.parametrize(
    ("script", "place", "message"),
    [
        (declaring("", ""), (1, 7), "JOB_TYPE has no label"),
        (f"const JOB_TYPE = {{ label: 'x' }};{COMPILE}", (1, 7), "has no list of settings"),
        (
            declaring("", "label: 'x', descripton: 'y',"),
            (1, 32),
            'key "descripton" that nobody reads; did you mean description',
        ),
        (declaring('{ key: "a", type: "bool", defualt: true }'), (3, 27), 'setting "a" has a key "defualt".*default'),
        (declaring('{ key: "a", type: "bool", "quoted key": 1 }'), (3, 27), 'key "quoted key" that nobody reads$'),
        (
            declaring('{ key: "a", type: "bool", evalInfo: { link: 1 } }'),
            (3, 39),
            'evalInfo of setting "a" has a key "link"',
        ),
        (declaring('{ key: "a-b", type: "bool" }'), (3, 3), "letters, digits and underscores"),
        (declaring('{ key: "class", type: "bool" }'), (3, 3), "letters, digits and underscores"),
        (declaring('{ key: "a", type: "bool", choices: ["b"] }'), (3, 27), "choices is for settings of type string"),
        (declaring('{ key: "a", type: "bool", subtype: "file_path" }'), (3, 27), "subtype is for"),
        (declaring('{ key: "a", type: "int32", default: 1.5 }'), (3, 28), "a default that is not a whole number"),
        (declaring('{ key: "a", type: "string", default: 1 }'), (3, 29), "a default that is not a text"),
        (declaring('{ key: "a", type: "float", default: "1" }'), (3, 28), "a default that is not a number"),
        (declaring('{ key: "a", type: "bool", default: 1 }'), (3, 27), "a default that is not true or false"),
        (declaring('{ key: "a", type: "string", choices: ["b"], default: "c" }'), (3, 45), "none of its choices"),
        (
            declaring('{ key: "a", type: "bool", required: true, visible: "hidden" }'),
            (3, 43),
            "is required, but hidden",
        ),
        (
            declaring('{ key: "frames", type: "string" }') + "// settings.frame\nJOB_TYPE.x?.settings.frame;",
            (7, 22),
            "frames",
        ),
        (
            declaring('{ key: "size", type: "int32" }') + "(job) => { const { sise = 1 } = job.settings; }",
            (6, 20),
            '"sise"',
        ),
    ],
)
def test_suspicious_declarations(bench: Bench, tmp_path: Path, script: str, place: Place, message: str) -> None:
    """What looks wrong is a warning at its place, and no error."""
    examined = bench.examine(write(tmp_path, script))
    assert examined.ok
    assert [said(finding) for finding in examined.findings] == [("warning", *place)]
    assert re.search(message, examined.findings[0].message)


@pytest.mark.parametrize(
    "script",
    [
        declaring('{ key: "a", type: "float", default: 1 }'),
        declaring('{ key: "a", type: "int32", default: 1.0, label: "A" }'),
        declaring('{ key: "a", type: "string", required: true, visible: "hidden", eval: "1" }'),
        declaring('{ key: "frames", type: "string" }') + "(job) => { job.settings.frame = 1; job.settings.frame; };",
        declaring('{ key: "frames", type: "string", aliases: ["frame"] }') + "(job) => job.settings.frame;",
        declaring('{ key: "a", type: "string" }') + "(job) => job.settings.somethingElse;",
    ],
)
def test_what_is_not_suspicious(bench: Bench, tmp_path: Path, script: str) -> None:
    """Nothing is said of what people do on purpose."""
    assert bench.examine(write(tmp_path, script)).findings == ()


@pytest.mark.parametrize("path", sorted(bundled.job_types().glob("*.js")), ids=lambda path: path.name)
def test_the_shipped_job_types_are_beyond_suspicion(bench: Bench, path: Path) -> None:
    """Authors copy from them."""
    assert bench.examine(path).findings == ()


def test_files_that_managers_do_not_read(bench: Bench, tmp_path: Path) -> None:
    """Wrong names, tiny files, links, and what cannot be read are found as well."""
    sound = declaring("")
    assert "end in .js" in bench.examine(write(tmp_path, sound, "a.mjs")).findings[0].message
    assert "less than 8 bytes" in bench.examine(write(tmp_path, "1;", "tiny.js")).findings[0].message
    link = tmp_path / "link.js"
    link.symlink_to(write(tmp_path, sound))
    assert [said(finding) for finding in bench.examine(link).findings] == [("warning", 0, 0)]
    binary = tmp_path / "binary.js"
    binary.write_bytes(b"\xff\xfe" * 10)
    assert "no UTF-8 text" in bench.examine(binary).findings[0].message
    assert "cannot be read" in bench.examine(tmp_path / "nowhere.js").findings[0].message


def test_what_is_printed_is_handed_over(bench: Bench, tmp_path: Path) -> None:
    """Lines of print and alert come with the result, also when the script fails afterwards."""
    path = write(tmp_path, "print('top', { a: 1 });\n" + declaring(""))
    assert [(line.text, line.warning) for line in bench.examine(path).printed] == [('top {"a":1}', False)]
    path = write(tmp_path, declaring("").replace(ADD, "print('a'); alert('b'); throw 'c';"))
    trial = bench.try_out(path, Submission(name="n", type=""), CREATED)
    assert [(line.text, line.warning) for line in trial.printed] == [("a", False), ("b", True)]
    assert trial.error is not None
    assert (trial.error.message, trial.error.line) == ("c", 5)


def test_a_file_is_tried_out_wherever_it_lies(bench: Bench, tmp_path: Path) -> None:
    """The file itself is run, not one of that name in a job type folder; what it requires lies beside it."""
    write(tmp_path, "exports.name = 'mine';", "lib/names.js")
    script = f"const {{ name }} = require('./lib/names');\n{declaring('')}".replace(ADD, "job.name = name;")
    path = write(tmp_path, script, "echo_sleep_test.js")
    trial = bench.try_out(path, Submission(name="n", type="whatever"), CREATED)
    assert trial.job is not None
    assert (trial.job.name, trial.job.type) == ("mine", "echo-sleep-test")


def test_settings_are_checked_and_completed(bench: Bench, tmp_path: Path) -> None:
    """As for jobs from the command line, unless that is not wanted."""
    path = write(
        tmp_path, declaring('{ key: "a", type: "int32", default: 3 }, { key: "b", type: "bool", required: true }')
    )
    trial = bench.try_out(path, Submission(name="n", type=""), CREATED)
    assert trial.error is not None
    assert 'setting "b" is missing' in trial.error.message
    trial = bench.try_out(path, Submission(name="n", type="", settings={"b": True}), CREATED)
    assert trial.job is not None
    assert trial.job.settings == {"a": 3, "b": True}
    trial = bench.try_out(path, Submission(name="n", type=""), CREATED, strict=False)
    assert trial.job is not None
    assert trial.job.settings == {}


def test_where_job_types_come_from(bench: Bench) -> None:
    """Job types are listed with their scripts, and found by name."""
    listed = {each.job_type.name: each.path for each in bench.listed()}
    assert listed["echo-sleep-test"] == bundled.job_types() / "echo_sleep_test.js" == bench.script("echo-sleep-test")
    with pytest.raises(NotFound, match="did you mean echo-sleep-test"):
        bench.script("echo-slep-test")


@given(
    st.text(alphabet="JOB_TYPE={}[]:,.'\"`/*\n ab1settings", max_size=80),
    st.lists(st.integers(0, 3) | st.text(max_size=3)),
)
def test_looking_for_places_never_fails(text: str, path: list[int | str]) -> None:
    """Whatever a file holds, a place is in it or nowhere."""
    source = Source(f"JOB_TYPE = {text}")
    places = [source.place_of(path), source.place_of(["settings", *path]), *source.settings_read().values()]
    lines = source.text.split("\n")
    for line, column in places:
        assert (line, column) == NOWHERE or 1 <= column <= len(lines[line - 1])


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("var JOB_TYPE = { settings: SHARED };", ["settings", 2, "type"], (1, 18)),
        ("let JOB_TYPE = { settings: [...A, { key: 1 }] };", ["settings", 1, "key"], (1, 18)),
        ("const JOB_TYPE = { a: (1, 2), b: f({ c: 1 }), d: [1, { e: 2 }], c: 5 };", ["c"], (1, 65)),
        ("const JOB_TYPE = { /* c: 1, */ a: 'c: 1', // c\n c: 5 };", ["c"], (2, 2)),
        ("const JOB_TYPE = make();", ["label"], (1, 7)),
        ("exports.x = 1;", ["label"], (0, 0)),
    ],
)
def test_places(text: str, path: list[int | str], place: tuple[int, int]) -> None:
    """A key is found among comments, texts and nested values; what is not written out leads as far as it goes."""
    assert Source(text).place_of(path) == place
