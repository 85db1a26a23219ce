"""Which scripts count, what they declare, and what happens to broken ones."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import Conflict, JobTypeError, NotFound, Refused
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import EvalInfo
from flamenco.domain.time_limits import JobTimeLimits, TimeLimits
from tests.integration.compiling import Studio

SCRIPT = "const JOB_TYPE = {{ label: '{}' }}; function compileJob() {{}}"


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio, and one helper process, for all tests here."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio
    studio.compiler.close()


@pytest.fixture
def studio(shared_studio: Studio) -> Studio:
    """A studio without scripts."""
    for folder in (shared_studio.own, shared_studio.shipped):
        shutil.rmtree(folder)
        folder.mkdir()
    return shared_studio


def labels(studio: Studio) -> dict[str, str]:
    """Name and label of the job types on offer, in the order they are listed."""
    return {job_type.name: job_type.label for job_type in studio.compiler.job_types()}


def problems(studio: Studio) -> list[tuple[str, str]]:
    """File name and text of what is wrong."""
    return [(problem.path.name, problem.message) for problem in studio.compiler.problems()]


def test_names_and_order(studio: Studio) -> None:
    """A job type is called like its file, underscores as dashes, and they are listed by name."""
    for name in ("my_job-x.js", "b.js", "A.js"):
        studio.write(name, SCRIPT.format(name))
    assert labels(studio) == {"A": "A.js", "b": "b.js", "my-job-x": "my_job-x.js"}


def test_files_that_do_not_count(studio: Studio) -> None:
    """Other extensions, tiny files, links, folders and what is in them are no scripts, and no problem either."""
    studio.write("upper.JS", SCRIPT.format("upper"))
    studio.write("notes.txt", SCRIPT.format("notes"))
    studio.write("tiny.js", "throw 1")
    studio.write("folder.js/inner.js", SCRIPT.format("inner"))
    studio.own.joinpath("link.js").symlink_to(studio.write("real.js", SCRIPT.format("real")))
    studio.write("eight.js", "throw 11")
    assert labels(studio) == {"real": "real"}
    assert problems(studio) == [("eight.js", "11 (eight.js:1)")]


def test_missing_folders_are_empty(tmp_path: Path) -> None:
    """A folder that is not there holds no job types."""
    compiler = Compiler([tmp_path / "nowhere", tmp_path / "nowhere either"])
    assert (compiler.job_types(), compiler.problems()) == ([], [])


def test_own_scripts_hide_shipped_ones(studio: Studio) -> None:
    """A script in an earlier folder wins by its job type's name, however the file is spelt."""
    studio.write("my_job.js", SCRIPT.format("shipped"), studio.shipped)
    studio.write("my-job.js", SCRIPT.format("own"))
    assert labels(studio) == {"my-job": "own"}
    assert problems(studio) == []


def test_two_files_for_one_job_type(studio: Studio) -> None:
    """Of two files in one folder for the same job type the second is reported."""
    studio.write("my-job.js", SCRIPT.format("first"))
    studio.write("my_job.js", SCRIPT.format("second"))
    assert labels(studio) == {"my-job": "first"}
    assert problems(studio) == [("my_job.js", "my_job.js is hidden by my-job.js, which defines the same job type")]


def test_a_broken_script_lets_the_shipped_one_show(studio: Studio) -> None:
    """While a studio's script is broken, the shipped one of that name is offered, listed, and compiled with."""
    studio.write("a.js", SCRIPT.format("shipped"), studio.shipped)
    studio.write("a.js", "const JOB_TYPE = {\n  label: ;\n};")
    assert labels(studio) == {"a": "shipped"}
    assert studio.compile("a").type == "a"
    [(name, message)] = problems(studio)
    assert (name, message) == ("a.js", "SyntaxError: Unexpected token ';' (a.js:2)")
    studio.write("a.js", SCRIPT.format("mended"))
    assert labels(studio) == {"a": "mended"}
    assert problems(studio) == []


def test_broken_scripts_do_not_hide_others(studio: Studio) -> None:
    """One job type's fault is nobody else's."""
    studio.write("bad.js", "throw new Error('at the top');")
    studio.write("good.js", SCRIPT.format("good"))
    assert labels(studio) == {"good": "good"}
    assert problems(studio) == [("bad.js", "Error: at the top (bad.js:1)")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("function compileJob() {}", "script (x.js) does not define a JOB_TYPE object"),
        ("const JOB_TYPE = 'text';", "script (x.js) does not define a JOB_TYPE object"),
        ("const JOB_TYPE = [];    ", "script (x.js) does not define a JOB_TYPE object"),
        ("const JOB_TYPE = null;", "script (x.js) does not define a JOB_TYPE object"),
        (
            "const JOB_TYPE = {settings: [{key: 'a', type: 'bool', required: []}]};",
            "proper JOB_TYPE object: Expected `bool | null`, got `array` - at `$.settings[0].required`",
        ),
        ("const JOB_TYPE = {label: []};", "proper JOB_TYPE object: Expected `str | null`, got `array` - at `$.label`"),
        ("const JOB_TYPE = {settings: {}};", "proper JOB_TYPE object: Expected `array | null`"),
        ("const JOB_TYPE = {settings: [{type: 'bool'}]};", "missing required field `key` - at `$.settings[0]`"),
        ("const JOB_TYPE = {settings: [{key: 'k'}]};", "missing required field `type`"),
        ("const JOB_TYPE = {settings: [{key: 'k', type: 'int'}]};", "Invalid enum value 'int'"),
        ("const JOB_TYPE = {settings: [{key: 'k', type: 'bool', visible: 'no'}]};", "`$.settings[0].visible`"),
        ("const JOB_TYPE = {settings: [{key: '', type: 'bool'}]};", "a setting has an empty key"),
        ("const JOB_TYPE = {settings: [{key: 'k', type: 'bool'}, {key: 'k', type: 'bool'}]};", "called 'k'"),
        ("const JOB_TYPE = {settings: [{key: 'k', type: 'bool', aliases: ['k']}]};", "two settings are called 'k'"),
        ("const JOB_TYPE = {settings: [{key: 'k', type: 'bool', default: () => 1}]};", "a function cannot be stored"),
        ("const JOB_TYPE = {timeLimits: {a: {maxRunTime: 5}}};", "`$.timeLimits[...].maxRunTime`"),
        ("const JOB_TYPE = {timeLimits: {a: {maxSilence: '5'}}};", "timeLimits.a: maxSilence: '5' is not a"),
        ("const JOB_TYPE = {timeLimits: {'*': {minRunTime: '2h', maxRunTime: '1h'}}};", "at least 2h0m0s"),
        ("const JOB_TYPE = {failureRules: {}};", "`$.failureRules`"),
        ("const JOB_TYPE = {failureRules: [{match: 'a'}]};", "missing required field `then` - at `$.failureRules[0]`"),
        ("const JOB_TYPE = {failureRules: [{match: 'a', then: 'x'}]};", "failureRules[0]: then: 'x' is nothing that"),
        (
            "const JOB_TYPE = {failureRules: [{match: '(', then: 'retry'}]};",
            "failureRules[0]: match: '(' is no regular",
        ),
        ("const JOB_TYPE = {failureRules: [{then: 'retry'}]};", "give match, exitCode or both"),
        ("const JOB_TYPE = {failureRules: [{mtch: 'a', then: 'retry'}]};", "unknown field `mtch`"),
        ("const JOB_TYPE = {failPercent: 101};", "`$.failPercent`"),
        ("const JOB_TYPE = {tries: 0};", "`$.tries`"),
        ("const JOB_TYPE = {get label() { throw null; }};", "null (x.js:1)"),
        ("const JOB_TYPE = {\n", "SyntaxError: Unexpected end of input (x.js:1)"),
        ("const __flamenco = 1;", "SyntaxError: Identifier '__flamenco' has already been declared (x.js"),
        ("import fs from 'fs';", "SyntaxError: Cannot use import statement outside a module (x.js:1)"),
    ],
)
def test_broken_declarations(studio: Studio, text: str, complaint: str) -> None:
    """A script without a proper JOB_TYPE is not listed, and asking for it says what is wrong, and in which file."""
    studio.write("x.js", text)
    assert labels(studio) == {}
    [(name, message)] = problems(studio)
    assert name == "x.js"
    assert complaint in message
    assert "x.js" in message
    for ask in (lambda: studio.compiler.job_type("x"), lambda: studio.compile("x")):
        with pytest.raises(JobTypeError) as raised:
            ask()
        assert str(raised.value) == message


def test_no_compile_job_function(studio: Studio) -> None:
    """A script without compileJob is listed, and refuses jobs."""
    studio.write("x.js", "const JOB_TYPE = { label: 'X' }; const compileJob = 5;")
    assert labels(studio) == {"x": "X"}
    with pytest.raises(JobTypeError, match=r"^script \(x.js\) does not define a compileJob\(job\) function$"):
        studio.compile("x")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """What is too large or no text is a problem that names the file."""
    studio = Studio(tmp_path, ScriptLimits(script_kb=1))
    studio.write("large.js", "x" * 1025)
    studio.own.joinpath("latin.js").write_bytes(b"const a = '\xfc\xfc\xfc';")
    assert labels(studio) == {}
    assert problems(studio) == [
        ("large.js", "large.js cannot be read: it is larger than 1 KiB"),
        ("latin.js", "latin.js cannot be read: it is no UTF-8 text"),
    ]


def test_unknown_job_types(studio: Studio) -> None:
    """A name that no script has is not found, and refused in a submission with the names there are."""
    studio.write("known.js", SCRIPT.format("known"))
    with pytest.raises(NotFound, match=r"^job type unknown: nobody$"):
        studio.compiler.job_type("nobody")
    with pytest.raises(Refused, match=r"^job type unknown: nobody \(there are: known\)$"):
        studio.compile("nobody")


def test_listing_runs_a_script_once(tmp_path: Path) -> None:
    """Listing needs no helper process as long as no script has changed."""
    studio = Studio(tmp_path)
    studio.write("x.js", SCRIPT.format("one"))
    studio.write("broken.js", "syntax error")
    labels(studio)
    assert studio.compiler.helper_process_id is not None
    studio.compiler.close()  # from here on nothing can be run
    assert labels(studio) == {"x": "one"}
    assert [name for name, _ in problems(studio)] == ["broken.js"]


def test_changed_modules_count_as_changed_scripts(studio: Studio) -> None:
    """A declaration that comes from a required file is read again when that file changes."""
    studio.write("x.js", "const JOB_TYPE = require('./label.json'); function compileJob() {}")
    studio.write("label.json", '{"label": "one"}')
    assert labels(studio) == {"x": "one"}
    studio.write("label.json", '{"label": "two"}')
    assert labels(studio) == {"x": "two"}


def test_scripts_that_require_nothing_know_no_modules(tmp_path: Path) -> None:
    """A setting that is `required` requires nothing: such a script is the same, whatever becomes of the modules."""
    studio = Studio(tmp_path)
    studio.write(
        "x.js",
        """
        const JOB_TYPE = { label: "one", settings: [{ key: "k", type: "string", required: true }] };
        function compileJob() { globalThis["requi" + "re"]("./lib/a"); }""",
    )
    studio.write("lib/a.js", "exports.a = 1;")
    assert labels(studio) == {"x": "one"}
    with pytest.raises(JobTypeError, match=r'there is no module "\./lib/a"'):
        studio.compile("x")
    studio.compiler.close()  # from here on nothing can be run
    studio.write("lib/a.js", "exports.a = 2;")
    assert labels(studio) == {"x": "one"}


FULL = """
    const JOB_TYPE = {
        name: "ignored", etag: "ignored", label: "L", description: "D", unknown: 1,
        settings: [
            {
                key: "k", type: "string", subtype: "file_path", choices: ["a", "b"], propargs: {max: 2, min: 1.5},
                description: "d", label: "l", default: "a", eval: "1", evalInfo: {showLinkButton: true},
                visible: "web", required: false, editable: true, aliases: ["old"], unknown: 1,
            },
            {key: "shown", type: "bool", visible: true, default: null, choices: undefined},
            {key: "hidden", type: "float", visible: false, default: 2.0, evalInfo: {}},
        ],
    };"""


def test_everything_that_can_be_declared(studio: Studio) -> None:
    """Every key of the contract arrives; null counts as absent, bools of `visible` become words."""
    studio.write("full_job.js", FULL)
    job_type = studio.compiler.job_type("full-job")
    assert (job_type.name, job_type.label, job_type.description) == ("full-job", "L", "D")
    full, shown, hidden = job_type.settings or ()
    assert msgspec.structs.asdict(full) == {
        "key": "k", "type": "string", "subtype": "file_path", "choices": ("a", "b"),
        "propargs": {"max": 2, "min": 1.5}, "description": "d", "label": "l", "default": "a", "eval": "1",
        "eval_info": EvalInfo(show_link_button=True, description=""), "visible": "web", "required": False,
        "editable": True, "aliases": ("old",),
    }  # fmt: skip
    assert (shown.visible, shown.default, shown.choices, shown.required) == ("visible", UNSET, UNSET, UNSET)
    assert (hidden.visible, hidden.default, hidden.eval_info) == ("hidden", 2, EvalInfo())


def test_limits_on_time(studio: Studio) -> None:
    """Are those of the jobs of the type, beside what is said of a job itself; null says nothing."""
    studio.write(
        "x.js",
        """const JOB_TYPE = {timeLimits: {"*": {maxRunTime: "1h", maxSilence: null}, render: {minRunTime: "2s"}}};
        function compileJob(job) { job.addTask(author.Task("t", "misc")); }""",
    )
    declared = {"*": TimeLimits(max_run_s=3600), "render": TimeLimits(min_run_s=2)}
    assert studio.compiler.job_type("x").time_limits == declared
    assert studio.compile("x").time_limits == JobTimeLimits(declared)


def test_failures(studio: Studio) -> None:
    """What follows from them is that of the jobs of the type; what a job says itself comes first."""
    studio.write(
        "x.js",
        """const JOB_TYPE = {failureRules: [{match: "a", exitCode: 3, taskTypes: ["misc"], then: "retry_after 5m"}],
        failPercent: 50, tries: 5};
        function compileJob(job) { job.addTask(author.Task("t", "misc")); }""",
    )
    rules = (FailureRule(match="a", exit_code=3, task_types=("misc",), then="retry_after 5m"),)
    compiled = studio.compile("x")
    assert (compiled.failure_rules, compiled.fail_percent, compiled.tries) == (rules, 50, 5)
    own = studio.compile("x", fail_percent=0, tries=1)
    assert (own.failure_rules, own.fail_percent, own.tries) == (rules, 0, 1)


def test_values_of_other_types(studio: Studio) -> None:
    """Where a text or a yes or no is wanted, anything simple is read as JavaScript reads it."""
    studio.write(
        "x.js",
        """const JOB_TYPE = {label: 5, description: true, settings: [
            {key: 7, type: "string", choices: [1, 2.5, "c", false], eval: 3, required: 1, editable: "",
             evalInfo: {showLinkButton: 1, description: 0}},
        ]};""",
    )
    job_type = studio.compiler.job_type("x")
    assert (job_type.label, job_type.description) == ("5", "true")
    (setting,) = job_type.settings or ()
    assert (setting.key, setting.choices, setting.eval) == ("7", ("1", "2.5", "c", "false"), "3")
    assert (setting.required, setting.editable) == (True, False)
    assert setting.eval_info == EvalInfo(show_link_button=True, description="0")


def test_no_settings_at_all(studio: Studio) -> None:
    """A script without a list of settings has none, which is not an empty list; its label is empty."""
    studio.write("x.js", "var JOB_TYPE = {};")
    job_type = studio.compiler.job_type("x")
    assert (job_type.label, job_type.description, job_type.settings) == ("", UNSET, None)


def etag_of(studio: Studio, declaration: str) -> str:
    """The etag of a script with that JOB_TYPE."""
    studio.write("x.js", f"let JOB_TYPE = {declaration};")
    return studio.compiler.job_type("x").etag


def test_etag_of_the_shipped_echo_sleep_test() -> None:
    """The declaration of echo-sleep-test hashes to what Flamenco gives for its own."""
    compiler = Compiler([bundled.job_types()])
    assert compiler.job_type("echo-sleep-test").etag == "eba586e16d6b55baaa43e32f9e78ae514b457fee"
    compiler.close()


def test_etag_is_the_hash_of_canonical_json(studio: Studio) -> None:
    """Keys in order, nothing absent, false kept, HTML characters and line separators escaped, the rest as UTF-8."""
    declaration = r"""{
        label: "<é & 'x'\u2028>",
        settings: [
            {type: "int32", key: "k", required: false, evalInfo: {}, default: null,
             propargs: {b: 1, a: {d: 2.0, c: .5}}},
        ],
    }"""
    canonical = (
        r'{"etag":"","label":"\u003cé \u0026 '
        r"'x'\u2028\u003e"
        r'","name":"x","settings":[{"evalInfo":{"description":"","showLinkButton":false},"key":"k",'
        r'"propargs":{"a":{"c":0.5,"d":2},"b":1},"required":false,"type":"int32"}]}'
    )
    assert etag_of(studio, declaration) == hashlib.sha1(canonical.encode()).hexdigest()  # noqa: S324 - it is no secret
    assert etag_of(studio, "{}") == hashlib.sha1(b'{"etag":"","label":"","name":"x","settings":null}').hexdigest()  # noqa: S324


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("{label: 'a'}", "{label: 'b'}", False),
        ("{label: 'a'}", "{label: 'a', description: null, unknown: 5}", True),
        ("{settings: [{key: 'k', type: 'bool'}]}", "{settings: [{type: 'bool', key: 'k', aliases: ['o']}]}", True),
        ("{settings: [{key: 'k', type: 'bool'}]}", "{settings: [{key: 'k', type: 'bool', editable: false}]}", False),
        ("{settings: []}", "{}", False),
        ("{settings: []}", "{settings: [], timeLimits: {'*': {maxRunTime: '1h'}}}", True),
        ("{settings: []}", "{settings: [], failureRules: [{match: 'a', then: 'retry'}], tries: 3}", True),
    ],
)
def test_what_changes_the_etag(studio: Studio, one: str, other: str, same: bool) -> None:
    """Only what is declared counts, not in which order, and aliases do not."""
    assert (etag_of(studio, one) == etag_of(studio, other)) is same


def test_an_old_etag_is_refused(studio: Studio) -> None:
    """A submission that was made for another version of the job type is refused; without an etag it is not checked."""
    studio.write("x.js", SCRIPT.format("one"))
    etag = studio.compiler.job_type("x").etag
    assert studio.compile("x", type_etag=etag) == studio.compile("x", type_etag="") == studio.compile("x")
    studio.write("x.js", SCRIPT.format("two"))
    with pytest.raises(Conflict, match="settings are outdated, refresh the job type"):
        studio.compile("x", type_etag=etag)


SETTINGS = """
    const JOB_TYPE = { settings: [
        { key: "frames", type: "string", required: true, aliases: ["range", "Frames"] },
        { key: "format", type: "string", choices: ["PNG", "EXR"], default: "PNG" },
        { key: "count", type: "int32", default: 3 },
        { key: "fps", type: "float" },
        { key: "preview", type: "bool" },
        { key: "root", type: "string", required: true, default: "" },
    ] };
    function compileJob() {}"""
DEFAULTS = {"format": "PNG", "count": 3, "root": ""}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"frames": "1"}, {"frames": "1"}),
        ({"frames": ""}, {"frames": ""}),
        ({"range": "1"}, {"frames": "1"}),
        ({"Frames": "2", "range": "1"}, {"frames": "1", "Frames": "2"}),
        ({"frames": "1", "range": "2"}, {"frames": "1", "range": "2"}),
        ({"frames": "1", "other": {"a": [None]}}, {"frames": "1", "other": {"a": [None]}}),
        ({"frames": "1", "count": 2**31 - 1, "fps": 24}, {"frames": "1", "count": 2**31 - 1, "fps": 24}),
        ({"frames": "1", "count": 4.0, "fps": 23.976}, {"frames": "1", "count": 4, "fps": 23.976}),
        ({"frames": "1", "preview": False, "format": "EXR"}, {"frames": "1", "preview": False, "format": "EXR"}),
    ],
)
def test_checked_settings(studio: Studio, given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Aliases become keys, defaults are filled in, undeclared settings stay."""
    studio.write("x.js", SETTINGS)
    assert studio.compile("x", strict=True, settings=given).settings == DEFAULTS | expected
    assert studio.compile("x", strict=False, settings=given).settings == given


@pytest.mark.parametrize("strict", [True, False])
def test_a_number_is_read_as_text(studio: Studio, strict: bool) -> None:
    """Where a text is declared, a number is taken for its digits, under each name of the setting; only there."""
    studio.write("x.js", SETTINGS)
    given = {"frames": 47, "root": -1.0, "format": "PNG", "count": 3, "other": 5, "range": 3.5}
    assert studio.compile("x", strict=strict, settings=given).settings == given | {
        "frames": "47",
        "root": "-1",
        "range": "3.5",
    }
    with pytest.raises(Refused, match=r"setting \"format\" is '5'; choose one of PNG, EXR"):
        studio.compile("x", strict=True, settings={"frames": 1, "format": 5})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, 'setting "frames" is missing; job type x requires it'),
        ({"frames": True}, 'setting "frames" is true; a text is needed'),
        ({"frames": 1e300}, "a text is needed"),
        ({"frames": None}, 'setting "frames" is null; a text is needed'),
        ({"range": ["x"]}, "setting \"range\" is ['x']; a text is needed"),
        ({"frames": "1", "format": "JPG"}, "setting \"format\" is 'JPG'; choose one of PNG, EXR"),
        ({"frames": "1", "count": 2**31}, "a whole number of 32 bits is needed"),
        ({"frames": "1", "count": -(2**31) - 1}, "a whole number of 32 bits is needed"),
        ({"frames": "1", "count": 1e300}, "a whole number of 32 bits is needed"),
        ({"frames": "1", "count": 1.5}, 'setting "count" is 1.5; a whole number is needed'),
        ({"frames": "1", "count": True}, 'setting "count" is true; a whole number is needed'),
        ({"frames": "1", "count": "3"}, "setting \"count\" is '3'; a whole number is needed"),
        ({"frames": "1", "fps": False}, 'setting "fps" is false; a number is needed'),
        ({"frames": "1", "fps": "24"}, "setting \"fps\" is '24'; a number is needed"),
        ({"frames": "1", "preview": 1}, 'setting "preview" is 1; true or false is needed'),
        ({"frames": "1", "preview": "x" * 100}, "…; true or false is needed"),
    ],
)
def test_wrong_settings(studio: Studio, given: dict[str, Any], complaint: str) -> None:
    """A strict check refuses wrong settings by name; without it they are the script's to judge."""
    studio.write("x.js", SETTINGS)
    with pytest.raises(Refused) as raised:
        studio.compile("x", strict=True, settings=given)
    assert complaint in str(raised.value)
    assert studio.compile("x", strict=False, settings=given).settings == given
