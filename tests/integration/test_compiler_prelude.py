"""What a script finds around it: `compiler/prelude.js`, held to the author's contract and to Python's same rules."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco.compiler.script_limits import ScriptLimits
from flamenco.compiler.spool import Spool
from flamenco.domain.errors import JobTypeError
from flamenco.domain.frames import frame_chunker, frame_count
from flamenco.domain.model import AuthoredJob
from flamenco.domain.shell import shell_split
from tests.integration.compiling import CREATED, DECLARATION, JOB_ID, Studio

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name: str, key: str) -> list[Any]:
    """A table shared with other tests."""
    table: list[Any] = json.loads(VECTORS.joinpath(f"{name}.json").read_text(encoding="utf-8"))[key]
    return table


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all tests here: scripts leave nothing behind, so they may share a helper."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio
    studio.compiler.close()


def test_frame_chunker_vectors(studio: Studio) -> None:
    """frameChunker gives the chunks and the errors of the shared table."""
    table = vectors("frames", "chunks")
    values = studio.values([["frameChunker", [text, size]] for text, size, _, _ in table])
    for (text, size, chunks, error), value in zip(table, values, strict=True):
        if chunks is None:
            assert error in value["error"], (text, size)
        else:
            assert value == chunks, (text, size)


def test_frame_count_vectors(studio: Studio) -> None:
    """frameCount gives the counts and refuses the ranges of the shared table."""
    table = vectors("frames", "counts")
    values = studio.values([["frameCount", [text]] for text, _ in table])
    assert [None if isinstance(value, dict) else value for value in values] == [count for _, count in table]


def test_shell_split_vectors(studio: Studio) -> None:
    """shellSplit gives the words and the errors of the shared table."""
    table = vectors("shell", "splits")
    values = studio.values([["shellSplit", [text]] for text, _, _ in table])
    assert values == [words if words is not None else {"error": error} for _, words, error in table]


def test_path_vectors(studio: Studio) -> None:
    """The path module gives the paths of its table."""
    table = vectors("paths", "paths")
    values = studio.values([[f"path.{name}", args] for name, args, _ in table])
    assert list(zip(table, values, strict=True)) == [(row, row[2]) for row in table]


TYPED = st.text(alphabet="0123456789-.,+x: \t\u00a0\u2003\ufeffa'\"\\#\n", max_size=15)


@given(st.lists(st.tuples(TYPED, st.integers(0, 4)), min_size=20, max_size=60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_python_and_javascript_agree(studio: Studio, typed: list[tuple[str, int]]) -> None:
    """For anything that people type, Python and JavaScript give the same frames, words and errors."""
    expected: list[object] = []
    calls: list[list[Any]] = []
    for text, size in typed:
        for name, function, args in (
            ("frameChunker", frame_chunker, [text, size]),
            ("frameCount", frame_count, [text]),
            ("shellSplit", shell_split, [text]),
        ):
            calls.append([name, args])
            try:
                expected.append(function(*args))
            except ValueError as error:
                expected.append({"error": str(error)})
    assert studio.values(calls) == expected


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("24", 24),
        ("24.0", 24),
        ("23.976", 23.976),
        ("-0", 0),
        ("true", True),
        ("'ü \\u2028 \\\"'", 'ü \u2028 "'),
        ("null", None),
        ("undefined", None),
        ("[1, undefined, [null]]", [1, None, [None]]),
        ("[, 1]", [None, 1]),
        ("{a: {b: undefined}}", {"a": {"b": None}}),
        ("{'': 1, __proto__: {inherited: 1}, ['__proto__']: 2}", {"": 1, "__proto__": 2}),
        ("new Date(Date.UTC(2026, 0, 2))", "2026-01-02T00:00:00.000Z"),
        ("new Set([1, 'a'])", [1, "a"]),
        ("new Map([['a', 1], [2, {}]])", [["a", 1], [2, {}]]),
        ("new String('s')", "s"),
        ("new Uint8Array([1, 300])", [1, 44]),
        ("[new Float32Array([1.5])]", [[1.5]]),
        ("{toJSON() { return 1; }}.x", None),
        ("[...Array(1001).keys(), undefined, 'a']", [*range(1001), None, "a"]),
        ("Object.defineProperty(['a'], 0, {get: () => 'b'})", ["b"]),
        ("Object.create({inherited: 1}, {own: {value: [1], enumerable: true}, hidden: {value: 2}})", {"own": [1]}),
    ],
)
def test_values_are_stored_as_json(studio: Studio, value: str, stored: object) -> None:
    """Values get into settings and parameters as the table of conversions says."""
    job = studio.run(f"""
        const value = {value};
        job.settings.value = value;
        const task = author.Task("t", "misc");
        task.addCommand(author.Command("c", {{ value }}));
        job.addTask(task);""")
    assert job.settings["value"] == stored
    assert job.tasks[0].commands[0].parameters == {"value": stored}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("NaN", "the number NaN cannot be stored"),
        ("-1 / 0", "the number -Infinity cannot be stored"),
        ("() => 1", "a function cannot be stored"),
        ("Symbol('x')", "a symbol cannot be stored"),
        ("10n", "a bigint cannot be stored"),
        ("'\\ud800'", "half a character"),
        ("{'\\ud800': 1}", "half a character"),
        ("(() => { const a = []; a.push(a); return a; })()", "contains itself"),
        ("'x'.repeat(2 ** 20 + 1)", "is too long"),
        ("new ArrayBuffer(1)", "an array of numbers can"),
        ("new DataView(new ArrayBuffer(1))", "an array of numbers can"),
        ("new BigInt64Array(1)", "a bigint cannot be stored"),
        ("new Float64Array([NaN])", "the number NaN cannot be stored"),
        ("new Date(NaN)", "Invalid time value"),
    ],
)
def test_values_that_cannot_be_stored(studio: Studio, value: str, complaint: str) -> None:
    """What JSON does not have is refused: in parameters on the script's line, in settings at the end."""
    with pytest.raises(JobTypeError, match=rf"{complaint}.*\(my_job.js:4\)"):
        studio.run(f"""const task = author.Task("t", "misc");
            task.addCommand(author.Command("c", {{ value: {value} }}));
            job.addTask(task);""")
    with pytest.raises(JobTypeError, match=rf"job.settings: .*{complaint}.*\(my_job.js"):
        studio.run(f"job.settings.value = {value};")
    with pytest.raises(JobTypeError, match=rf'task "t": command "c": .*{complaint}.*\(my_job.js'):
        studio.run(f"""
            const task = author.Task("t", "misc");
            const command = author.Command("c", {{}});
            task.addCommand(command);
            job.addTask(task);
            command.parameters.late = {value};""")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("author.Task(' a ', '\\tb\\n').name + author.Task(' a ', '\\tb\\n').type", "ab"),
        ("author.Task('a', 'b').priority", 50),
        ("author.Task(12, true).name", "12"),
        ("/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/.test(author.Task('a', 'b').uUID)", True),
        ("author.Task('a', 'b').uUID === author.Task('a', 'b').uUID", False),
        ("author.Task('a', 'b').nothing === undefined", True),
        ("String(author.Task('a', 'b'))", "[object Object]"),
        ("author.Task('a', 'b').commands.length + author.Task('a', 'b').dependencies.length", 0),
        ("author.Command('c').parameters", None),
        ("author.Command('c', null).totalStepCount", 0),
        ("author.Command('c', {}, 3.9).totalStepCount", 3),
        ("author.Command('c', {}, 'x').totalStepCount", 0),
        ("author.Command().name", ""),
        ("Object.keys(author.Command('c', {a: 1}).parameters)", ["a"]),
        ("(() => { const t = author.Task('a', 'b'); t.priority = '80'; return t.priority; })()", 80),
        ("(() => { const t = author.Task('a', 'b'); t.priority = 1.9; return t.priority; })()", 1),
        ("(() => { const t = author.Task('a', 'b'); t.name = 5; return t.name; })()", "5"),
        ("(() => { const t = author.Task('a', 'b'); const k = []; for (const x in t) k.push(x); return k.sort(); })()",
         ["commands", "dependencies", "name", "priority", "type", "uUID"]),
        ("JSON.parse(JSON.stringify(author.Command('c', {a: 1}))).parameters", {"a": 1}),
        ("frameChunker('1-4', '2')", ["1,2", "3,4"]),
        ("frameChunker('1-4', 2.9, 'ignored')", ["1,2", "3,4"]),
        ("typeof process.cwd() + process.platform", "string" + sys.platform.replace("win32", "windows")),
        ("require('author') === author && require('path') === path && require('process') === process", True),
        ("print('x', {a: 1}) === undefined && alert() === undefined", True),
        (("[typeof console, typeof setTimeout, typeof SharedArrayBuffer, typeof Atomics, typeof WebAssembly,"
         " typeof fetch, typeof WeakRef, typeof FinalizationRegistry]"), ["undefined"] * 8),
        ("(function () { return this === undefined; })()", True),
        ("(() => { try { author.Task(); } catch (e) { return String(e); } })()",
         "GoError: author.Task(name, type): name is required"),
        ("(() => { try { author.Task('n', ' '); } catch (e) { return e.message; } })()",
         "author.Task(name, type): type is required"),
        ("(() => { try { shellSplit('\"'); } catch (e) { return e instanceof Error; } })()", True),
        ("[1, 2, 3].at(-1) + Object.fromEntries([['a', 1]]).a", 4),
        ("[job.jobID, job.name, job.jobType, job.priority, job.status, job.workerTagUUID]",
         [JOB_ID, "job", "my-job", 50, "under-construction", ""]),
        ("job.metadata.nobody ?? 'missing'", "missing"),
        ("job.created.toISOString()", "2026-07-08T09:10:11.123Z"),
    ],
)  # fmt: skip
def test_expressions(studio: Studio, expression: str, value: object) -> None:
    """The modules and objects behave as the author's contract says."""
    assert studio.value(expression) == value


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("job.foo = 1;", "TypeError: Cannot assign to property foo of a host object"),
        ("author.Task('a', 'b').prio = 1;", "TypeError: Cannot assign to property prio of a host object"),
        ("author.Command('c').params = 1;", "TypeError: Cannot assign to property params of a host object"),
        ("job.storage.foo = 1;", "TypeError: Cannot assign to property foo of a host object"),
        ("Object.defineProperty(job, 'foo', {value: 1});", "TypeError: Cannot define property foo"),
        ("job.addTask({name: 'x'});", "TypeError: could not convert function call parameter 0: this is not a task"),
        ("job.addTask();", "TypeError: could not convert function call parameter 0"),
        ("author.Task('a', 'b').addCommand({});", "TypeError: could not convert .* this is not a command"),
        ("author.Task('a', 'b').addDependency('a');", "TypeError: could not convert .* this is not a task"),
        ("job.tasks = 5;", "TypeError: a list of tasks is needed"),
        ("author.Task('a', 'b').commands = [1];", "TypeError: could not convert"),
        ("author.Command('c', 5);", "TypeError: parameters must be an object"),
        ("job.settings = 'x';", "TypeError: settings must be an object"),
        ("new author.Task('a', 'b');", "TypeError: author.Task is not a constructor"),
        ("undeclared = 1;", "ReferenceError: undeclared is not defined"),
        ("formatTimestampLocal('yesterday');", "TypeError: could not convert yesterday to a time"),
        ("require('./nothing');", 'require: there is no module "./nothing"'),
        ("require('fs');", 'require: there is no module "fs"'),
        ("frameChunker('', 1);", 'invalid range "": empty range'),
        ("console.log(1);", "ReferenceError: console is not defined"),
        ("throw new Error('boom');", "Error: boom"),
        ("throw 'just text';", "just text"),
        ("throw `${1 + 1}\\nlines`;", "2\nlines"),
        ("throw '';", "an empty text was thrown"),
        ("throw 5;", "5"),
    ],
)
def test_errors_name_file_and_line(studio: Studio, statement: str, complaint: str) -> None:
    """What goes wrong in a script is told in its own words, with the script's name and the line."""
    with pytest.raises(JobTypeError, match=rf"(?s)^{complaint}.*\(my_job.js:4\)$"):
        studio.run(f"\n{statement}")


@pytest.mark.parametrize(
    ("body", "optional"),
    [
        ("", False),
        ("task.optional = true;", True),
        ('if ("optional" in task) task.optional = true;', True),
        ("task.optional = true; task.optional = false;", False),
        ("task.optional = true; job.addTask(task); job.tasks = []; task.optional = false;", False),
    ],
)
def test_a_task_may_be_optional(studio: Studio, body: str, optional: bool) -> None:
    """A task is needed unless the script says otherwise before it adds the task."""
    job = studio.run(f"const task = author.Task('a', 'b'); {body} job.addTask(task);")
    assert [task.optional for task in job.tasks] == [optional]


@pytest.mark.parametrize(
    ("body", "variables"),
    [
        ("", {}),
        ("if ('variables' in job) job.variables.script = 'import bpy';", {"script": "import bpy"}),
        ("job.variables = { a: 'x', b: 5 };", {"a": "x", "b": "5"}),
        ("job.variables.a = 'x'; job.variables = null;", {}),
    ],
)
def test_a_job_has_variables(studio: Studio, body: str, variables: dict[str, str]) -> None:
    """Texts that commands have in common are kept with the job, by their names; it is not one of Flamenco's fields."""
    job = studio.run(f"{body} job.settings.fields = [Object.keys(job), JSON.stringify(job)].join();")
    assert job.variables == variables
    assert "variables" not in job.settings["fields"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("job.variables = 5;", "TypeError: variables must be an object"),
        ("job.variables['a b'] = 'x';", 'job.variables: "a b" is no name for a variable'),
        ("job.variables[''] = 'x';", 'job.variables: "" is no name for a variable'),
        ("job.variables.a = '\\0';", "job.variables: a has a character in it that cannot be stored"),
        ("job.variables.a = 'x'.repeat(2e6);", "a text of 2000000 characters is too long"),
        ("for (let i = 0; i < 101; i++) job.variables[`v${i}`] = 'x';", "a job with more than 100 variables"),
    ],
)
def test_variables_that_cannot_be(studio: Studio, body: str, complaint: str) -> None:
    """A variable of a job has a name that fits between curly brackets, and a text; there are not too many."""
    with pytest.raises(JobTypeError, match=re.escape(complaint)):
        studio.run(body)


def test_parameters_are_those_of_the_end(studio: Studio) -> None:
    """What a script changes in a command's parameters after it was added is checked like all else, and stored."""
    job = studio.run("""
        const command = author.Command("c", { list: [1] });
        const task = author.Task("t", "misc");
        task.addCommand(command);
        job.addTask(task);
        command.parameters.list.push(new Date(0));
    """)
    assert job.tasks[0].commands[0].parameters == {"list": [1, "1970-01-01T00:00:00.000Z"]}
    with pytest.raises(JobTypeError, match="a function cannot be stored"):
        studio.run("""
            const task = author.Task("t", "misc");
            task.addCommand(author.Command("c", {}));
            task.commands[0].parameters.bad = () => 1;
            job.addTask(task);
        """)


@pytest.mark.parametrize("value", ["1", "'yes'", "undefined", "null"])
def test_optional_is_yes_or_no(studio: Studio, value: str) -> None:
    """Anything but true and false is a slip of the author's."""
    with pytest.raises(JobTypeError, match="TypeError: a task is optional or not: true or false is needed"):
        studio.run(f"author.Task('a', 'b').optional = {value};")


def test_tasks_are_copied_when_added(studio: Studio) -> None:
    """addTask and addCommand copy: what happens to the original afterwards is not in the job, its identity is."""
    job = studio.run("""
        const first = author.Task("first", "misc");
        const command = author.Command("echo", { message: "m" }, 2);
        first.addCommand(command);
        command.name = "changed";
        job.addTask(first);
        first.name = "changed";
        first.priority = 1;
        first.addCommand(command);
        const second = author.Task("second", "misc");
        second.priority = 80;
        second.addDependency(first);
        job.addTask(second);
        first.addDependency(second);
        job.tasks[0].type = "blender";""")
    first, second = job.tasks
    assert (first.name, first.type, first.priority, first.dependencies) == ("first", "blender", 50, ())
    assert [(command.name, command.total_step_count) for command in first.commands] == [("echo", 2)]
    assert (second.priority, second.dependencies) == (80, (first.id,))


def test_copies_share_what_they_hold_until_it_is_changed(studio: Studio) -> None:
    """What several tasks have in common, a change of one of them does not change in the others."""
    job = studio.run("""
        const command = author.Command("echo", { list: [1] }, 2);
        const task = author.Task("first", "misc");
        task.addCommand(command);
        job.addTask(task);
        task.commands.push(author.Command("sleep", {}));
        task.name = "second";
        task.uUID = "99999999-2222-4333-8444-555555555555";
        job.addTask(task);
        command.name = "changed";
        command.totalStepCount = 9;
        command.parameters.list.push(2);
        job.tasks[1].addDependency(job.tasks[0]);
        task.dependencies.push(task);""")
    first, second = job.tasks
    assert (first.name, second.name, second.dependencies) == ("first", "second", (first.id,))
    # Parameters are the same object for all, as in Flamenco.
    assert [(command.name, command.parameters, command.total_step_count) for command in first.commands] == [
        ("echo", {"list": [1, 2]}, 2)
    ]
    assert [command.name for command in second.commands] == ["echo", "sleep"]
    assert second.commands[0].parameters == {"list": [1, 2]}


def test_commands_are_copied_when_added(studio: Studio) -> None:
    """Each time that a task gets one; all copies share the parameters, as in Flamenco."""
    job = studio.run("""
        const command = author.Command("first", { a: 1 }, 1);
        const task = author.Task("t", "misc");
        task.addCommand(command);
        task.addCommand(command);
        command.name = "later";
        command.parameters.a = 2;
        task.commands[0].name = "seen";
        task.commands[0].totalStepCount = 5;
        task.addCommand(command);
        task.commands[2].name = "last";
        job.addTask(task);
        job.settings.mine = command.name + command.totalStepCount;
        const other = author.Task("o", "misc");
        other.commands = [command, command];
        other.commands[0].name = "of a list";
        job.addTask(other);""")
    first, second = ([(c.name, c.parameters, c.total_step_count) for c in task.commands] for task in job.tasks)
    assert first == [("seen", {"a": 2}, 5), ("first", {"a": 2}, 1), ("last", {"a": 2}, 1)]
    assert second == [("of a list", {"a": 2}, 1), ("later", {"a": 2}, 1)]
    assert job.settings == {"mine": "later1"}


def test_tasks_of_several_lists(studio: Studio) -> None:
    """Tasks leave the script in lists of some hundred; nothing gets lost between two of them, whatever they hold."""
    job = studio.run("""
        const last = author.Task('the "last"', "misc");
        for (let i = 0; i < 3000; i++) {
            const task = author.Task(`${i}\\\\ud800 ü`, i % 2 ? "a" : "b");
            task.priority = i % 3;
            task.addCommand(author.Command(i % 5 ? "c" : "d", { text: "x".repeat(300) }, i % 7));
            job.addTask(task);
            last.addDependency(task);
        }
        job.addTask(last);""")
    *tasks, last = job.tasks
    for i, task in enumerate(tasks):
        assert (task.name, task.type, task.priority) == (f"{i}\\ud800 ü", "ba"[i % 2], i % 3)
        assert [(command.name, command.total_step_count) for command in task.commands] == [("dcccc"[i % 5], i % 7)]
    assert (last.name, last.dependencies) == ('the "last"', tuple(task.id for task in tasks))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("task.name = '\\ud800';", 'task "?ud800": .*half a character'),
        ("task.type = '\\udfff';", 'task "t": .*half a character'),
        ("command.name = '\\ud800';", 'task "t": .*half a character'),
        ("task.commands[0].name = '\\ud800';", 'task "t": .*half a character'),
        ("task.uUID = '\\ud800';", 'task "t": .*half a character'),
        ('task.uUID = \'x","name":"y\';', "is no UUID"),
        ("task.name = 'x'.repeat(2 ** 20 + 1);", "is too long"),
    ],
)
def test_texts_of_tasks_that_cannot_be_stored(studio: Studio, change: str, complaint: str) -> None:
    """Names, types and identifiers are looked at as well as parameters are."""
    with pytest.raises(JobTypeError, match=complaint.replace("?", r"\\+")):
        studio.run(f"""
            const command = author.Command("c", {{}});
            const task = author.Task("t", "misc");
            {"task.addCommand(command);" if "commands" in change else ""}
            {change}
            {"" if "commands" in change else "task.addCommand(command);"}
            job.addTask(task);""")


def test_a_script_runs_once_more_to_find_the_line(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """Texts are looked at when tasks are written; the script's line is in the error, and what it prints comes once."""
    caplog.set_level("INFO")
    body = """print("once");
        const task = author.Task("t", "misc");
        const command = author.Command("c", {});
        command.parameters = { text: "\\ud800" };
        task.addCommand(command);
        job.addTask(task);"""
    with pytest.raises(JobTypeError, match=r"half a character.*\(my_job.js:6\)"):
        studio.run(body)
    assert [record.message for record in caplog.records] == ["my_job.js: once"]
    with pytest.raises(JobTypeError, match=r"half a character.*\(my_job.js:7\)"):
        studio.run(f"return Promise.resolve().then(() => {{\n{body}\n}});")
    with pytest.raises(JobTypeError, match=r"half a character.*\(my_job.js:5\)"):
        studio.run(
            'author.Command("c", { text: "x" });\nconst task = author.Task("t", "misc");\n'
            'task.addCommand(author.Command("c", { a: "x".repeat(2 ** 19), "\\ud800": "x".repeat(2 ** 19) }));\n'
            "job.addTask(task);"
        )
    # It does something else the second time: what was wrong at first is said.
    with pytest.raises(JobTypeError, match='task "t": command "c": a text with half a character'):
        studio.run(f'if (again++) throw "something else";{body}', before="let again = 0;")
    for other in ("return;", "return new Promise(() => {});", "return Promise.reject(1);"):
        with pytest.raises(JobTypeError, match='task "t": command "c": a text with half a character'):
            studio.run(f"if (again++) {other}{body}", before="let again = 0;")


def test_a_script_runs_but_once_for_a_name(studio: Studio) -> None:
    """Where names are given, nobody looks at them: another run would not find the line."""
    with pytest.raises(JobTypeError, match='task "t": command "?ud800": .*half'.replace("?", r"\\+")):
        studio.run(
            """
            if (again++) throw "twice";
            const task = author.Task("t", "misc");
            task.addCommand(author.Command("\\ud800", {}));
            job.addTask(task);""",
            before="let again = 0;",
        )


def test_commands_that_no_task_has_are_not_looked_at(studio: Studio) -> None:
    """They are not stored."""
    assert studio.run('author.Command("c", { text: "\\ud800" });').tasks == ()


def test_tasks_may_be_much_longer_than_those_before(tmp_path: Path) -> None:
    """Many are written at once; where they get longer, fewer are: it does not take the memory of all together."""
    studio = Studio(tmp_path, ScriptLimits(memory_mb=96))
    try:
        job = studio.run("""
            const long = "x".repeat(1000000);
            const add = (name, text) => {
                const task = author.Task(name, "misc");
                task.addCommand(author.Command("c", { text }));
                job.addTask(task);
            };
            for (let i = 0; i < 2000; i++) add(`short ${i}`, "x");
            for (let i = 0; i < 80; i++) add(`long ${i}`, long);
            for (let i = 0; i < 2000; i++) add(`short ${i}`, "x");""")
    finally:
        studio.compiler.close()
    lengths = [len((task.commands[0].parameters or {})["text"]) for task in job.tasks]
    assert lengths == [1] * 2000 + [1_000_000] * 80 + [1] * 2000


def test_lists_of_tasks_are_short(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much tasks hold, and wherever: parameters, names, or what they wait for."""
    lengths: list[int] = []

    def keep(spool: Spool, text: bytes) -> None:
        lengths.append(len(text))
        plainly(spool, text)

    plainly = Spool.keep
    monkeypatch.setattr(Spool, "keep", keep)
    tasks = studio.run("""
        const tasks = [];
        for (let i = 0; i < 700; i++) {
            const task = author.Task(`${i} ${"x".repeat(i < 500 ? 10 : 900)}`, "misc");
            for (let j = 0; j < tasks.length; j++) task.addDependency(tasks[j]);
            job.addTask(task);
            tasks.push(task);
        }
        for (let i = 0; i < 5000; i++) job.addTask(author.Task("short", "misc"));
        const last = author.Task("last", "misc");
        for (const task of job.tasks) last.addDependency(task);
        job.addTask(last);""").tasks
    assert [len(task.dependencies) for task in tasks] == [*range(700)] + [0] * 5000 + [5700]
    assert sum(lengths) > 9_500_000
    assert max(lengths) < 1_000_000
    assert len(lengths) < 30


def test_tasks_that_come_while_others_are_written(studio: Studio) -> None:
    """A job has the tasks that it had when its script ended, whatever getters in their parameters do."""
    job = studio.run("""
        const command = author.Command("c", {});
        Object.defineProperty(command.parameters, "a", { enumerable: true, get() { job.addTask(task); return 1; } });
        const task = author.Task("t", "misc");
        task.addCommand(command);
        job.addTask(task);""")
    assert [task.commands[0].parameters for task in job.tasks] == [{"a": 1}]


def test_tasks_can_be_rearranged(studio: Studio) -> None:
    """job.tasks is an ordinary array of the job's tasks."""
    job = studio.run("""
        for (const name of ["a", "b", "c"]) job.addTask(author.Task(name, "misc"));
        job.tasks.reverse();
        job.tasks = job.tasks.filter((task) => task.name !== "b");
        job.tasks.push(author.Task("d", "misc"));""")
    assert [task.name for task in job.tasks] == ["c", "a", "d"]


def test_the_job_is_stored_as_the_script_leaves_it(studio: Studio) -> None:
    """Everything that a script may change in a job is in the compiled job."""
    job = studio.run(
        """
        job.jobID = "99999999-2222-4333-8444-555555555555";
        job.name += "!";
        job.jobType = "other";
        job.priority = 7;
        job.workerTagUUID = "tag";
        job.storage.shamanCheckoutID = job.storage.shamanCheckoutID + "/x";
        job.status = "active";
        job.settings.added = [1];
        delete job.settings.removed;
        job.metadata.number = 5;
        job.metadata.nothing = null;""",
        settings={"removed": 1, "kept": {"a": None}},
        metadata={"user.name": "Ü"},
        shaman_checkout_id="c",
    )
    assert (job.id, job.name, job.type, job.priority) == ("99999999-2222-4333-8444-555555555555", "job!", "other", 7)
    assert (job.worker_tag, job.shaman_checkout_id) == ("tag", "c/x")
    assert job.settings == {"kept": {"a": None}, "added": [1]}
    assert job.metadata == {"user.name": "Ü", "number": "5", "nothing": "null"}
    assert job.created == CREATED


def test_created_may_be_changed(studio: Studio) -> None:
    """A script that sets another time of creation gets it stored, to the millisecond."""
    assert (
        studio.run("job.created = '2020-01-01T00:00:00.5Z';").created.isoformat() == "2020-01-01T00:00:00.500000+00:00"
    )


ZONES = [
    ("Europe/Amsterdam", "2026-07-08_111011 2026-01-15_130000 2026-03-29_015959 2026-03-29_030000"),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-08_111011 2026-01-15_130000 2026-03-29_015959 2026-03-29_030000"),
    ("Asia/Kolkata", "2026-07-08_144011 2026-01-15_173000 2026-03-29_062959 2026-03-29_063000"),
    ("UTC", "2026-07-08_091011 2026-01-15_120000 2026-03-29_005959 2026-03-29_010000"),
]


@pytest.mark.parametrize(("zone", "expected"), ZONES)
def test_timestamps_are_local(tmp_path: Path, zone: str, expected: str) -> None:
    """formatTimestampLocal writes the manager's local time, summer time and all, in any zone the system knows."""
    script = """
import sys
from pathlib import Path
from tests.integration.compiling import Studio
studio = Studio(Path(sys.argv[1]))
print(studio.value('''[job.created, "2026-01-15T12:00:00Z", new Date("2026-03-29T00:59:59Z"), "2026-03-29T01:00:00Z"]
    .map(formatTimestampLocal).join(" ")'''))
studio.compiler.close()
"""
    environment = os.environ | {"TZ": zone, "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "studio")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == expected


def test_printed_lines_are_logged(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """print and alert write to the manager's log with the script's name, even when the script then fails."""
    caplog.set_level("INFO")
    with pytest.raises(JobTypeError):
        studio.run("print('a', 1, [2], null); alert({b: undefined}); throw 1;")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "my_job.js: a 1 [2] null"),
        ("WARNING", "my_job.js: {}"),
    ]


def test_modules_can_be_required(studio: Studio) -> None:
    """Scripts beside the job type, JSON files, packages and node_modules can be required, the studio's own first."""
    studio.write("lib/names.js", "exports.name = 'own'; exports.more = require('./more');")
    studio.write("lib/more.json", '{"deep": [1]}')
    studio.write("lib/names.js", "exports.name = 'shipped';", studio.shipped)
    studio.write("lib/shipped.js", "module.exports = () => 'only shipped';", studio.shipped)
    studio.write("package/package.json", '{"main": "start.js"}')
    studio.write("package/start.js", "module.exports = this === exports; sloppy = 1;")
    studio.write("folder/index.js", "module.exports = 'index';")
    studio.write("node_modules/left/index.js", "exports.pad = (text) => '  ' + text;")
    expression = """[require("./lib/names").name, require("./lib/names.js").more.deep, require("./lib/shipped")(),
        require("./package"), require("./folder/"), require("left").pad("x"),
        require("./lib/names") === require("./lib/../lib/names")]"""
    assert studio.value(expression) == ["own", [1], "only shipped", True, "index", "  x", True]


def test_errors_in_modules_name_both_files(studio: Studio) -> None:
    """An error in a module names the module, its line, and the job type that required it."""
    studio.write("lib/broken.js", "exports.fail = () => {\n  throw new Error('inside');\n};")
    studio.write("lib/syntax.js", "let = ;")
    with pytest.raises(JobTypeError, match=r"^Error: inside \(lib/broken.js:2, required by my_job.js\)$"):
        studio.run("require('./lib/broken').fail();")
    with pytest.raises(JobTypeError, match=r"^SyntaxError: lib/syntax.js: .* \(my_job.js:3\)$"):
        studio.run("require('./lib/syntax');")


def test_what_all_objects_inherit_is_not_stored(studio: Studio) -> None:
    """What a script adds to all objects and arrays is nobody's own."""
    added = "Object.prototype.more = {a: 1}; Array.prototype.more = 1; Array.prototype.constructor = null;"
    job = studio.run("job.settings.value = author.Command('c', {a: [1], more: [2]}).parameters;", added)
    assert job.settings["value"] == {"a": [1], "more": [2]}
    assert studio.value("author.Command('c', {b: {}}).parameters") == {"b": {}}


def test_globals_can_be_replaced(studio: Studio) -> None:
    """A script may use the names of the globals for its own things."""
    script = "const print = 1; let author2 = author; function frameCount() { return 'mine'; } var path = {};"
    assert studio.run("job.settings.value = [print, frameCount(), typeof path.join];", script).settings["value"] == [
        1,
        "mine",
        "undefined",
    ]


@pytest.mark.parametrize("keyword", ["var compileJob = function", "let compileJob = ", "const compileJob = async "])
def test_compile_job_may_be_any_function(studio: Studio, keyword: str) -> None:
    """compileJob may be declared in any way, and be async."""
    arrow = "=>" if "function" not in keyword else ""
    studio.write("other.js", f"var JOB_TYPE = {{}};\n{keyword}(job) {arrow} {{ job.name = 'changed'; }};")
    assert studio.compile("other").name == "changed"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[new Uint8Array(2), new Uint8Array('2'), new Uint8Array(), new Uint8Array(null)]", [[0, 0], [0, 0], [], []]),
        ("[Uint8Array.from([1, 2]), Int8Array.of(3), new Uint8Array(new Set([4])), new Int8Array(new Int16Array([5]))]",
         [[1, 2], [3], [4], [5]]),
        ("[Uint8Array.from({ length: 2 }, (_, i) => i), new Uint8Array({ length: 1, 0: 7 })]", [[0, 1], [7]]),
        ("[Int8Array, Uint8ClampedArray, Int32Array, Float64Array].map((type) => new type([-1, 2.5]))",
         [[-1, 2], [0, 2], [-1, 2], [-1, 2.5]]),
        (("[new Uint8Array(1) instanceof Uint8Array, new Uint8Array(1).constructor === Uint8Array, Uint8Array.name,"
         " Object.getPrototypeOf(Uint8Array).name, Uint8Array.BYTES_PER_ELEMENT,"
         " new Int8Array(1).buffer.constructor.name, Object.prototype.toString.call(new Uint8Array(1)),"
         " new Uint8Array(1).buffer instanceof ArrayBuffer]"),
         [True, True, "Uint8Array", "TypedArray", 1, "ArrayBuffer", "[object Uint8Array]", True]),
        (("(() => { class Mine extends Uint8Array {} const it = new Mine([1, 2]); return"
         " [it instanceof Mine, it.slice(1), it.subarray(1), it.map((n) => n + 1), it.filter((n) => n > 1)] })()"),
         [True, [2], [2], [2, 3], [2]]),
        (("(() => { const buffer = new ArrayBuffer(4); new DataView(buffer).setUint16(0, 258);"
         " return [new Uint8Array(buffer), new Uint8Array(buffer, 1, 2), new Uint8Array(buffer.slice(1))]; })()"),
         [[1, 2, 0, 0], [2, 0], [2, 0, 0]]),
        ("(() => { const a = new Int8Array(1e6); a[9999] = 5; return [a.length, a[9999], a[5]]; })()", [10**6, 5, 0]),
        ("[btoa('Hello, world'), btoa('\xff\0'), btoa(''), btoa(12), atob('SGVsbG8='), atob(' SGV sbG8'), atob('')]",
         ["SGVsbG8sIHdvcmxk", "/wA=", "", "MTI=", "Hello", "Hello", ""]),
        ("[new TextEncoder().encode('aé€😀\\ud800'), new TextEncoder().encode(), new TextEncoder().encoding]",
         [[97, 195, 169, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189], [], "utf-8"]),
        ("(() => { const bytes = new Uint8Array(4); return [new TextEncoder().encodeInto('a€€', bytes), bytes]; })()",
         [{"read": 2, "written": 4}, [97, 226, 130, 172]]),
        ("new TextDecoder().decode(new Uint8Array([239, 187, 191, 97, 195, 169, 240, 159, 152, 128]))", "aé😀"),
        ("new TextDecoder('UTF8').decode(new Uint8Array([97, 255, 226, 130, 98, 237, 160, 128, 240, 159]).buffer)",
         "a\ufffd\ufffdb\ufffd\ufffd\ufffd\ufffd"),
        ("new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([239, 187, 191]))",
         "\ufeff"),
        ("btoa(String.fromCharCode(...new TextEncoder().encode('für alle')))", "ZsO8ciBhbGxl"),
        (("['atob(\"!\")', 'btoa(\"€\")', 'new TextDecoder(\"latin1\")', 'Uint8Array(1)', 'new Uint8Array(-1)',"
         " 'new TextDecoder(\"utf-8\", { fatal: true }).decode(new Uint8Array([255]))', 'new TextDecoder().decode(5)']"
         ".map((text) => { try { return eval(text); } catch (error) { return error.name; } })"),
         ["InvalidCharacterError", "InvalidCharacterError", "RangeError", "TypeError", "RangeError", "TypeError",
          "TypeError"]),
    ],
)  # fmt: skip
def test_typed_arrays_and_encodings(studio: Studio, expression: str, value: object) -> None:
    """Typed arrays do what they do in any JavaScript; texts become bytes, base64, and texts again."""
    assert studio.value(expression) == value


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_become_text_as_in_python(studio: Studio, given_bytes: bytes) -> None:
    """TextDecoder and base64 agree with Python for any bytes."""
    array = f"new Uint8Array({list(given_bytes)})"
    text, encoded, there_and_back = studio.value(
        f"[new TextDecoder('utf-8', {{ ignoreBOM: true }}).decode({array}), btoa(String.fromCharCode(...{array})),"
        f" new TextEncoder().encode(new TextDecoder('utf-8', {{ ignoreBOM: true }}).decode({array}))]"
    )
    assert text == given_bytes.decode(errors="replace")
    assert encoded == base64.b64encode(given_bytes).decode()
    assert bytes(there_and_back) == text.encode()


JOB_FIELDS = [
    *("jobID", "name", "jobType", "priority", "workerTagUUID", "status", "created", "settings", "metadata"),
    *("storage", "tasks"),
]
TASK_FIELDS = ["uUID", "name", "type", "priority", "commands", "dependencies"]
COMMAND_FIELDS = ["name", "parameters", "totalStepCount"]


@pytest.mark.parametrize(
    ("thing", "fields"),
    [
        ("job", JOB_FIELDS),
        ("job.storage", ["shamanCheckoutID"]),
        ("author.Task('a', 'b')", TASK_FIELDS),
        ("author.Command('a')", COMMAND_FIELDS),
    ],
)
@pytest.mark.parametrize(
    "listing",
    [
        "Object.keys(it)",
        "Object.entries(it).map(([name]) => name)",
        "Object.keys(Object.assign({}, it))",
        "Object.keys(JSON.parse(JSON.stringify(it)))",
        "(() => { const names = []; for (const name in it) names.push(name); return names; })()",
        "fields.filter((name) => Object.hasOwn(it, name) && it.hasOwnProperty(name) && !it.hasOwnProperty(name + 's'))",
    ],
)
def test_fields_can_be_listed(studio: Studio, thing: str, fields: list[str], listing: str) -> None:
    """Whatever lists what an object has lists the fields of jobs, tasks and commands by the names scripts use."""
    assert studio.value(f"(() => {{ const fields = {fields}; const it = {thing}; return {listing}; }})()") == fields


def test_objects_as_json(studio: Studio) -> None:
    """JSON of a job has its fields as scripts know them, with tasks and commands in it; dependencies are UUIDs."""
    job = studio.run("""
        const first = author.Task("first", "misc");
        first.addCommand(author.Command("echo", { message: "m" }, 2));
        const second = author.Task("second", "misc");
        second.addDependency(first);
        job.addTask(first);
        job.addTask(second);
        job.settings = { text: JSON.stringify(job), spread: { ...job }.name, stored: first };""")
    shown = json.loads(job.settings["text"])
    assert shown | {"tasks": []} == {
        "jobID": JOB_ID,
        "name": "job",
        "jobType": "my-job",
        "priority": 50,
        "workerTagUUID": "",
        "status": "under-construction",
        "created": "2026-07-08T09:10:11.123Z",
        "settings": {},
        "metadata": {},
        "storage": {"shamanCheckoutID": ""},
        "tasks": [],
    }
    first, second = shown["tasks"]
    assert first["commands"] == [{"name": "echo", "parameters": {"message": "m"}, "totalStepCount": 2}]
    assert second["dependencies"] == [first["uUID"]]
    assert job.settings["spread"] == "job"
    assert job.settings["stored"] == first


def test_the_lists_of_other_objects_are_as_ever(studio: Studio) -> None:
    """Object's functions do for all other objects what they do in any JavaScript."""
    expression = """[Object.keys({ a: 1 }), Object.values("xy"), Object.entries([5]), Object.hasOwn({ a: 1 }, "a"),
        Object.assign({ a: 1 }, null, { b: 2 }, "z"), Object.keys(Object.assign(5, {})),
        (() => { try { Object.keys(null); } catch (error) { return error.name; } })(), Object.keys.name]"""
    assert studio.value(expression) == [
        ["a"], ["x", "y"], [["0", 5]], True, {"a": 1, "b": 2, "0": "z"}, [], "TypeError", "keys",
    ]  # fmt: skip


def test_the_time_of_creation_in_both_ways(tmp_path: Path) -> None:
    """job.created is a Date and has what Flamenco's scripts know of Go's times, on the manager's clock."""
    expression = """[`${job.created}`, job.created + "", job.created.string(),
        job.created.format("02 Jan 06 03:04 PM, -07"),
        [job.created.unix(), job.created.unixMilli(), job.created.year(), job.created.month(), job.created.day(),
         job.created.hour(), job.created.minute(), job.created.second(), job.created.nanosecond(),
         job.created.weekday(), job.created.yearDay()],
        job.created.getTime(), job.created.toISOString(), job.created instanceof Date,
        job.created - new Date(job.created), job.created]"""
    script = """
import json, sys
from pathlib import Path
from tests.integration.compiling import Studio
studio = Studio(Path(sys.argv[1]))
print(json.dumps(studio.value(sys.argv[2])))
studio.compiler.close()
"""
    environment = os.environ | {"TZ": "Europe/Amsterdam", "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "studio"), expression],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    text = "2026-07-08 11:10:11.123 +0200 CEST"
    assert json.loads(result.stdout) == [
        *(text, text, text, "08 Jul 26 11:10 AM, -07"),
        [1783501811, 1783501811123, 2026, 7, 8, 11, 10, 11, 123000000, 3, 189],
        *(1783501811123, "2026-07-08T09:10:11.123Z", True, 0, "2026-07-08T09:10:11.123Z"),
    ]


def test_a_first_line_for_shells_is_skipped(studio: Studio) -> None:
    """A script and its modules may begin with `#!`, and lines keep their numbers."""
    studio.write("lib/shebang.js", "#!/usr/bin/env node\nexports.name = 'module';")
    studio.write(
        "shebang.js",
        f"#!/usr/bin/env it's node\n{DECLARATION}\nfunction compileJob(job) {{\n"
        "if (job.settings.fail) throw 5;\njob.name = require('./lib/shebang').name; }",
    )
    assert studio.compile("shebang").name == "module"
    with pytest.raises(JobTypeError, match=r"^5 \(shebang.js:4\)$"):
        studio.compile("shebang", settings={"fail": True})


def compile_async(studio: Studio, body: str, before: str = "") -> AuthoredJob:
    """The job of a script with an async compileJob, whose body is on line 3 and onwards."""
    studio.write("my_job.js", f"{DECLARATION} {before}\nasync function compileJob(job) {{\n{body}\n}}\n")
    return studio.compile("my-job")


def test_promises_come_to_an_end_before_the_job_is_taken(studio: Studio) -> None:
    """What a script does behind `await` or in `then` is in the job, whether compileJob returns the promise or not."""
    add = "job.addTask(author.Task(name, 'misc'));"
    job = compile_async(
        studio,
        f"""const add = async (name) => {{ await null; {add} }};
        await add("first");
        for (const name of await Promise.all(["second", "third"])) {{ await name; {add} }}
        Promise.resolve("not waited for").then((name) => {{ {add} }});
        print(job.tasks.length);""",
        "let late = 'none'; Promise.resolve().then(() => { late = 'some'; });",
    )
    assert [task.name for task in job.tasks] == ["first", "second", "third", "not waited for"]
    job = studio.run(f"Promise.resolve('then').then((name) => {{ {add} }});")
    assert [task.name for task in job.tasks] == ["then"]


def test_what_is_printed_behind_await_is_logged(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """print works in the jobs of promises as elsewhere."""
    caplog.set_level("INFO")
    compile_async(studio, "await null; print('late');")
    assert [record.message for record in caplog.records] == ["my_job.js: late"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("await null;\nthrow new Error('boom');", r"^Error: boom \(my_job.js:4\)$"),
        ("await null;\nawait (async () => {\nthrow 'text'; })();", r"^text \(my_job.js\)$"),
        ("frameChunker('', 1);", r'^.*invalid range "": empty range \(my_job.js:3\)$'),
        ("return Promise.reject(5);", r"^5 \(my_job.js\)$"),
        ("await new Promise(() => {});", r"^.*waits for a promise that never settles.* \(my_job.js\)$"),
    ],
)
def test_promises_that_come_to_nothing(studio: Studio, body: str, complaint: str) -> None:
    """A compileJob whose promise is rejected fails with the reason and its line; one that never settles says so."""
    with pytest.raises(JobTypeError, match=complaint):
        compile_async(studio, body)


def test_nothing_survives_a_run(studio: Studio) -> None:
    """Every run starts afresh: globals and changed built-ins of the one before are gone."""
    body = "job.settings.value = [typeof globalThis.left, typeof [].left, typeof ''.trim];"
    after = "globalThis.left = 1; Array.prototype.left = () => 1; String.prototype.trim = 5;"
    assert studio.run(body + after).settings["value"] == ["undefined", "undefined", "function"]
    assert studio.run(body + after).settings["value"] == ["undefined", "undefined", "function"]
