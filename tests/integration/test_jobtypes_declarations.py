"""`jobtypes/flamenco-jobtype.d.ts` describes what scripts find around them: all of it, and nothing else."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from flamenco import bundled
from flamenco.authoring.bench import Bench
from flamenco.authoring.lint import JOB_TYPE_KEYS, LIMIT_KEYS, LINK_KEYS, SETTING_KEYS
from flamenco.domain.model import SettingSubtype, SettingType, Submission, Visibility
from tests.integration.compiling import CREATED, Studio

DECLARATIONS = bundled.job_types().joinpath("flamenco-jobtype.d.ts").read_text("utf-8")
EVERY_GLOBAL = Path(__file__).parents[1] / "vectors" / "every_global.js"

LANGUAGE = frozenset(
    """
    AggregateError Array AsyncDisposableStack BigInt Boolean Date DisposableStack Error EvalError Function Infinity
    Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String
    SuppressedError Symbol SyntaxError Temporal TypeError URIError WeakMap WeakSet decodeURI decodeURIComponent
    encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape
    ArrayBuffer BigInt64Array BigUint64Array DataView Float16Array Float32Array Float64Array Int16Array Int32Array
    Int8Array Uint16Array Uint32Array Uint8Array Uint8ClampedArray
    """.split()  # noqa: SIM905 - sixty names, to be read
)
"""What is there in any JavaScript, of today or tomorrow."""

INSPECTION = """ // Uint8Array: such things are only there for scripts that name one of them
const JOB_TYPE = { label: "Inspection", settings: [] };
function compileJob(job) {
  const task = author.Task("t", "misc");
  const command = author.Command("c");
  const members = (value) => Reflect.ownKeys(Object.getPrototypeOf(value)).map(String);
  const others = ["compileJob", "__flamenco"];
  job.settings = {
    globals: Reflect.ownKeys(globalThis).map(String).filter((name) =>
      globalThis[name] !== undefined && !others.includes(name) && !name.startsWith("Symbol(")),
    Author: Object.keys(author),
    Path: Object.keys(path),
    Process: Object.keys(process),
    Job: members(job),
    Moment: members(job.created),
    Storage: members(job.storage),
    Task: members(task),
    Command: members(command),
  };
}
"""


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """What a script finds around it: the names of globals, and the members of each object."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.write("inspection.js", INSPECTION)
    yield studio.compile("inspection").settings
    studio.compiler.close()


def members(interface: str) -> set[str]:
    """The members that the declarations give an interface."""
    match = re.search(
        rf"^  interface {interface}(?: extends \w+)? \{{\n(.*?)^  \}}$", DECLARATIONS, re.DOTALL | re.MULTILINE
    )
    assert match, interface
    return set(re.findall(r"^    (?:readonly |get |set )?(\w+)\??[(:]", match[1], re.MULTILINE))


def words(interface: str, member: str) -> set[str]:
    """The words that are allowed for a member."""
    match = re.search(
        rf"interface {interface} \{{.*?\n    {member}\?: ([^;]*);|\n    {member}: ([^;]*);", DECLARATIONS, re.DOTALL
    )
    assert match, member
    return set(re.findall(r'"(\w+)"', match[1] or match[2]))


def test_globals_are_declared(around: dict[str, list[str]]) -> None:
    """Every global beyond the language itself is declared, and every declared one exists."""
    declared = set(re.findall(r"^declare (?:class|var|function) (\w+)", DECLARATIONS, re.MULTILINE))
    assert declared == set(around["globals"]) - LANGUAGE


@pytest.mark.parametrize("name", ["Author", "Path", "Process", "Job", "Moment", "Storage", "Task", "Command"])
def test_members_are_declared(around: dict[str, list[str]], name: str) -> None:
    """So it is with fields and functions of the objects."""
    assert members(name) == set(around[name]) - {"constructor", "hasOwnProperty", "toJSON"}


def test_keys_of_job_types_are_declared() -> None:
    """A JOB_TYPE may have the keys that are read, and no others; name and etag are not for scripts to say."""
    assert members("JobType") == set(JOB_TYPE_KEYS) - {"name", "etag"}
    assert members("Setting") == set(SETTING_KEYS)
    assert members("EvalInfo") == set(LINK_KEYS)
    assert members("TimeLimits") == set(LIMIT_KEYS)


@pytest.mark.parametrize(
    ("member", "allowed"), [("type", SettingType), ("subtype", SettingSubtype), ("visible", Visibility)]
)
def test_words_of_settings_are_declared(member: str, allowed: Any) -> None:
    """Where a setting's key takes one of a few words, the declarations allow those."""
    assert words("Setting", member) == set(get_args(allowed))


def test_everything_has_a_comment() -> None:
    """Editors show a comment for every global, interface and member."""
    lines = DECLARATIONS.splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"declare (class|var|function)|  interface|    (readonly |get )?\w+\??[(:]", line):
            assert before.strip().endswith("*/"), line


def test_the_file_that_uses_everything_uses_everything(around: dict[str, list[str]]) -> None:
    """What TypeScript checks in `every_global.js` is the whole of the declarations, and the compiler runs it."""
    text = EVERY_GLOBAL.read_text("utf-8")
    named = set(around["globals"]) - LANGUAGE
    for interface in (
        "Author",
        "Path",
        "Process",
        "Job",
        "Moment",
        "Storage",
        "Task",
        "Command",
        "JobType",
        "Setting",
        "EvalInfo",
        "TimeLimits",
        "DependsOn",
    ):
        named |= members(interface)
    assert {name for name in named if not re.search(rf"\b{name}\b", text)} == set()
    bench = Bench([])
    try:
        assert bench.examine(EVERY_GLOBAL).findings == ()
        trial = bench.try_out(EVERY_GLOBAL, Submission(name="job", type=""), CREATED)
    finally:
        bench.close()
    assert trial.error is None
    assert trial.job is not None
    assert [task.name for task in trial.job.tasks] == ["first", "second!"]
    assert [line.warning for line in trial.printed] == [False, True]
