"""Random scripts and random submissions: a job that is whole, or an error that says why, and never half a job."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from flamenco.api.app import create_app
from flamenco.domain.errors import Busy, FarmError, StoreError
from flamenco.domain.model import Job, Submission
from flamenco.farm import jobs, tasks
from flamenco.farm.context import Farm
from flamenco.store import recount, schema
from tests import length

pytestmark = pytest.mark.longer

TABLES = (schema.jobs, schema.tasks, schema.task_dependencies, schema.queues, schema.events)

EXAMPLES = length.of(20, 60)
"""Runs per test and database; a run takes about 20 ms."""

# No deadline: the first run starts the helper.
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# ---------------------------------------------------------------- values, as JavaScript expressions

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "misc", "\0", "a\0b", "\ud800", "\u2028", "😀", "__proto__", "toString", "constructor"]),
)
NUMBERS = st.one_of(
    st.integers(-3, 100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63, 2**64, 10**20, 10**30, 1e21, 1e308, -0.0]),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=6,
)
ODDITIES = st.sampled_from(
    [
        *("undefined", "NaN", "-Infinity", "10n", "Symbol('s')", "() => 1", "class {}", "/x/g", "Object.create(null)"),
        *("new Date(0)", "new Date(NaN)", "new Date(8.64e15)", "new Date(-1e14)", "new String('s')", "new Number(NaN)"),
        *("new Map([[1, 2n]])", "new Map([['a', {}]])", "new Set([1, [2]])", "new Array(5)", "[, 1, , ]"),
        *("Promise.resolve()", "Promise.reject(1)", "globalThis", "JOB_TYPE", "author", "Object.prototype"),
        *("author.Task('n', 'misc')", "author.Command('c')", "author.Command('exec', { exe: 'x', args: [1] })"),
        *(
            "new Uint8Array(3)",
            "new Float64Array([1, NaN])",
            "new BigInt64Array(1)",
            "new ArrayBuffer(4)",
            "new DataView(new ArrayBuffer(1))",
        ),
        *(
            "new TextEncoder()",
            "new TextDecoder()",
            "class extends Uint8Array {}",
            "new (class extends Uint8Array {})(2)",
        ),
        *("'x'.repeat(1001)", "'x'.repeat(2 ** 20 + 1)", "[...Array(1001)].map(() => author.Command('c'))"),
        *("new Proxy({}, { get() { throw 1; } })", "new Proxy({}, { ownKeys() { throw null; } })", "new Proxy([], {})"),
        *("({ toString() { throw 1; } })", "({ valueOf: null, toString: null })", "({ get a() { throw 1; } })"),
        *("({ toJSON() { return 5n; } })", "({ then(f) { f(1); } })", "({ length: 2, 0: 1 })", "({ a: undefined })"),
        "(() => { const a = {}; a.a = a; return a; })()",
        "(() => { let a = []; for (let i = 0; i < 100; i++) a = [a]; return a; })()",
    ]
)
EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    st.one_of(JSON.map(json.dumps), ODDITIES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(TEXTS, inner, max_size=3).map(
            lambda fields: object_of({json.dumps(key): value for key, value in fields.items()})
        ),
    ),
    max_leaves=4,
)


def object_of(fields: dict[str, str]) -> str:
    """The object with these fields, whose values are expressions."""
    return "({" + ", ".join(f"[{key}]: {value}" for key, value in fields.items()) + "})"


def some_of(fields: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Objects with some of these fields; each is as it should be, or anything."""
    either = {json.dumps(key): st.one_of(value, value, value, EXPRESSIONS) for key, value in fields.items()}
    return st.fixed_dictionaries({}, optional=either).map(object_of)


# ---------------------------------------------------------------- declarations

TRUTH = st.sampled_from(["true", "false"])
WORDS = TEXTS.map(json.dumps)
SETTING = some_of(
    {
        "key": st.sampled_from(['"a"', '"b"', '"c"', '"message"']),
        "type": st.sampled_from(['"string"', '"int32"', '"float"', '"bool"', '"number"']),
        "subtype": st.sampled_from(['"file_path"', '"dir_path"', '"hashed_file_path"', '"x"']),
        "choices": st.lists(WORDS, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        "propargs": some_of({"min": NUMBERS.map(json.dumps), "max": NUMBERS.map(json.dumps)}),
        "description": WORDS,
        "label": WORDS,
        "default": JSON.map(json.dumps),
        "eval": WORDS,
        "evalInfo": some_of({"showLinkButton": TRUTH, "description": WORDS}),
        "visible": st.sampled_from(["true", "false", '"submission"', '"web"', '"hidden"']),
        "required": TRUTH,
        "editable": TRUTH,
        "aliases": st.lists(st.sampled_from(['"a"', '"z"']), max_size=2).map(lambda items: f"[{', '.join(items)}]"),
    }
)
DECLARATIONS = st.one_of(
    EXPRESSIONS,
    some_of(
        {
            "label": WORDS,
            "description": WORDS,
            "settings": st.lists(SETTING, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        }
    ),
)

# ---------------------------------------------------------------- what compileJob does

TASK = st.sampled_from(["t[0]", "t[1]", "t[2]"])
JOB_FIELDS = (
    *("jobID", "name", "jobType", "priority", "workerTagUUID", "status", "created", "settings", "metadata"),
    *(
        "storage",
        "tasks",
        "storage.shamanCheckoutID",
        "settings.a",
        "metadata.a",
        "tasks.length",
        "tasks[1]",
        "nothing",
    ),
)
TASK_FIELDS = (
    "uUID",
    "name",
    "type",
    "priority",
    "optional",
    "commands",
    "dependencies",
    "commands[0]",
    "dependencies.length",
    "x",
)
COMMANDS = st.one_of(
    st.tuples(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS).map(", ".join),
    st.tuples(
        st.sampled_from(["echo", "sleep", "exec", "blender-render", "frames-to-video", "move-directory", "unknown"]),
        some_of(
            {
                "exe": st.just('"x"'),
                "args": st.just('["a", 1]'),
                "message": WORDS,
                "duration_in_seconds": NUMBERS.map(json.dumps),
                "blendfile": WORDS,
                "fps": NUMBERS.map(json.dumps),
            }
        ),
        NUMBERS.map(json.dumps),
    ).map(lambda given: f"{json.dumps(given[0])}, {given[1]}, {given[2]}"),
)
STATEMENTS = st.one_of(
    TASK.map(lambda task: f"job.addTask({task})"),
    TASK.map(lambda task: f"job.addTask({task})"),
    st.tuples(TASK, TASK).map(lambda two: f"{two[0]}.addDependency({two[1]})"),
    st.tuples(TASK, COMMANDS).map(lambda given: f"{given[0]}.addCommand(author.Command({given[1]}))"),
    st.tuples(TASK, st.sampled_from(TASK_FIELDS), EXPRESSIONS).map(lambda given: f"{given[0]}.{given[1]} = {given[2]}"),
    st.tuples(st.sampled_from(JOB_FIELDS), EXPRESSIONS).map(lambda given: f"job.{given[0]} = {given[1]}"),
    st.tuples(TASK, EXPRESSIONS).map(lambda given: f"{given[0]}.commands.push({given[1]})"),
    EXPRESSIONS.map(lambda value: f"job.tasks.push({value})"),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda given: f"job.addTask(author.Task({given[0]}, {given[1]}))"),
    EXPRESSIONS.map(lambda value: f"print({value}, {value})"),
    EXPRESSIONS.map(lambda value: f"throw {value}"),
    EXPRESSIONS.map(lambda value: f"return {value}"),
)
TRIED = STATEMENTS.map(lambda text: f"try {{ {text}; }} catch {{}}")
# Most go on after a mistake; otherwise few scripts would get far.
BODIES = st.lists(st.one_of(TRIED, TRIED, TRIED, STATEMENTS.map(lambda text: f"{text};")), max_size=8).map("\n".join)

GOOD_DECLARATION = """{ label: "x", settings: [
    { key: "a", type: "int32", aliases: ["z"] }, { key: "b", type: "string" },
] }"""
GOOD_BODY = "job.addTask(t[0]);"


def script(declaration: str, body: str) -> str:
    """A job type's script."""
    return f"""const JOB_TYPE = {declaration};
        function compileJob(job) {{
            const t = [0, 1, 2].map((number) => author.Task(`task-${{number}}`, ["misc", "blender"][number % 2]));
            {body}
        }}"""


# ---------------------------------------------------------------- tests


@pytest.fixture
def folder(farm: Farm) -> Path:
    """The studio's folder of job types."""
    farm.config.job_types_path.mkdir(parents=True)
    return farm.config.job_types_path


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """The application over the farm, called directly."""
    return testing.TestClient(create_app(farm))


def rows(farm: Farm) -> dict[str, int]:
    """How much is stored."""
    with farm.store.read() as tx:
        return {table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}


def submitted(farm: Farm, submission: Submission, *, strict: bool) -> Job | None:
    """The job, or None when it was refused. Fails when something else happened, or half a job was left behind."""
    before = rows(farm)
    try:
        job = jobs.submit(farm, submission, strict=strict)
    except (Busy, StoreError):
        raise
    except FarmError:
        assert rows(farm) == before
        return None
    stored = tasks.of_job(farm, job.id)
    assert jobs.fetch(farm, job.id) == job
    assert len(stored) == job.counts.total == job.counts.queued
    added = {name: count - before[name] for name, count in rows(farm).items()}
    assert added == {
        "jobs": 1,
        "tasks": len(stored),
        "task_dependencies": sum(task.unmet for task in stored),
        "queues": len({task.type for task in stored}),
        "events": 1,
    }
    return job


def assert_both(outcomes: Counter[Any]) -> None:
    """A fair share of what was tried was accepted, and one was refused; otherwise little is proven."""
    assert len(outcomes) == 2, outcomes
    assert min(outcomes.values()) >= EXAMPLES / 20, outcomes


def assert_in_order(farm: Farm) -> None:
    """Every counter in the database is right."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_random_declarations(client: testing.TestClient, farm: Farm, folder: Path) -> None:
    """Whatever JOB_TYPE is: job types are listed, a job of the type is stored or refused, and nothing is a 500."""
    answers: Counter[int] = Counter()

    @fuzz
    @given(declaration=DECLARATIONS)
    @example(declaration='{ settings: [{ key: "a", type: "int32", default: 1e400 }] }')
    def run(declaration: str) -> None:
        (folder / "fuzzed.js").write_text(script(declaration, GOOD_BODY), encoding="utf-8")
        listed = client.simulate_get("/api/jobs/types")
        assert listed.status_code == 200
        assert "echo-sleep-test" in [job_type["name"] for job_type in listed.json["job_types"]]
        values = {"a": 1, "b": "x", "c": True, "message": 1.5}
        request = {"name": "n", "type": "fuzzed", "priority": 1, "settings": values}
        answer = client.simulate_post("/api/jobs", json=request)
        assert answer.status_code in (200, 400), answer.text
        for problem in farm.compiler.problems():
            assert "fuzzed.js" in problem.message
        answers[answer.status_code] += 1

    run()
    assert_both(answers)


def test_random_scripts(client: testing.TestClient, farm: Farm, folder: Path) -> None:
    """Whatever compileJob does to its job: all of it is stored and can be read, or nothing is."""
    outcomes: Counter[bool] = Counter()

    @fuzz
    @given(body=BODIES, strict=st.booleans())
    @example(body="t[0].addCommand(author.Command('c', {}, 2 ** 31)); job.addTask(t[0]);", strict=True)
    @example(
        body="for (const x of t) { x.addCommand(author.Command('c', {}, 2 ** 31 - 1)); job.addTask(x); }", strict=True
    )
    @example(body="job.name = 'a\\0b';", strict=True)
    @example(body="t[0].type = '\\0'; job.addTask(t[0]);", strict=True)
    @example(body="job.workerTagUUID = '\\0';", strict=True)
    @example(body="job.storage.shamanCheckoutID = '\\0';", strict=False)
    @example(body="job.settings.a = 1e20; job.settings.b = 2 ** 64;", strict=False)
    def run(body: str, strict: bool) -> None:
        (folder / "fuzzed.js").write_text(script(GOOD_DECLARATION, body), encoding="utf-8")
        job = submitted(farm, Submission(name="n", type="fuzzed"), strict=strict)
        assert_in_order(farm)
        if job is not None:
            assert client.simulate_get(f"/api/jobs/{job.id}").status_code == 200
            assert client.simulate_get("/api/x/overview").status_code == 200
        outcomes[job is not None] += 1

    run()
    assert_both(outcomes)


def test_random_submissions(farm: Farm, folder: Path) -> None:
    """Whatever a client asks for: the same."""
    (folder / "fuzzed.js").write_text(script(GOOD_DECLARATION, GOOD_BODY), encoding="utf-8")
    outcomes: Counter[bool] = Counter()
    fields_of_submissions = st.fixed_dictionaries(
        {"name": TEXTS, "priority": st.one_of(st.just(50), NUMBERS)},
        optional={
            "settings": st.dictionaries(st.sampled_from(["a", "b", "z", "\0", "__proto__"]), JSON, max_size=3),
            "metadata": st.dictionaries(TEXTS, TEXTS, max_size=3),
            "worker_tag": st.one_of(st.just(""), TEXTS),
            "shaman_checkout_id": TEXTS,
        },
    )

    @fuzz
    @given(fields=fields_of_submissions, strict=st.booleans())
    @example(fields={"name": "n", "priority": 50}, strict=True)
    @example(fields={"name": "n", "worker_tag": "\0"}, strict=True)
    def run(fields: dict[str, Any], strict: bool) -> None:
        job = submitted(farm, Submission(type="fuzzed", **fields), strict=strict)
        assert_in_order(farm)
        outcomes[job is not None] += 1

    run()
    assert_both(outcomes)


def test_the_same_identifiers_twice(farm: Farm, folder: Path) -> None:
    """A script that gives its job, or a task, a fixed UUID can be used once; the second time the error says so."""
    fixed = "t[0].uUID = '01234567-89ab-4def-8123-456789abcdef';"
    (folder / "fuzzed.js").write_text(script(GOOD_DECLARATION, fixed + "job.addTask(t[1]); job.addTask(t[0]);"))
    assert submitted(farm, Submission(name="n", type="fuzzed"), strict=True)
    assert submitted(farm, Submission(name="n", type="fuzzed"), strict=True) is None
    with pytest.raises(FarmError, match="has the UUID of one that is stored already"):
        jobs.submit(farm, Submission(name="n", type="fuzzed"), strict=True)
    assert_in_order(farm)
