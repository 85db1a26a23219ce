"""Scripts that mean harm, or are very wrong: each ends in an error that names it, in time, and hurts nobody else."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from flamenco.compiler.run_time import longest_s
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import JobTypeError
from tests import length
from tests.integration.compiling import DECLARATION, Studio, wait_until_busy

LIMITS = ScriptLimits(timeout_s=10.0, memory_mb=128, tasks=100_000, result_mb=64)
HASTY = replace(LIMITS, timeout_s=0.5)
"""For what goes on for ever. What needs time to fill the memory gets it, on a slow machine too."""

SOON_S = 3.5
"""How much more than the time limit everything takes: starting another helper, and noticing that one does not end."""

TIMEOUT = f"script (bad_job.js) ran longer than {HASTY.timeout_s} seconds"
MEMORY = "MiB of memory"


@contextmanager
def studio_with(limits: ScriptLimits, folder: Path) -> Iterator[Studio]:
    """A studio with a script that is good."""
    studio = Studio(folder, limits)
    studio.write("good.js", f"{DECLARATION} function compileJob(job) {{ job.addTask(author.Task('t', 'misc')); }}")
    yield studio
    studio.compiler.close()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all attacks that may take for ever: each of them has to leave the compiler usable for the next."""
    with studio_with(HASTY, tmp_path_factory.mktemp("hasty")) as studio:
        yield studio


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """And one for all others."""
    with studio_with(LIMITS, tmp_path_factory.mktemp("patient")) as studio:
        yield studio


@pytest.fixture
def studio(request: pytest.FixtureRequest, hasty: Studio, patient: Studio) -> Studio:
    """The studio for this attack, by what is complained of."""
    complaint = request.node.callspec.params.get("complaint")
    return hasty if complaint in (TIMEOUT, "") else patient


def assert_refused(studio: Studio, script: str, complaint: str) -> None:
    """Compiling with `script` fails in time, names the file, and a good script compiles right afterwards."""
    studio.write("bad_job.js", script)
    started, spent_s = time.monotonic(), of_ended_helpers_s()
    with pytest.raises(JobTypeError) as raised:
        studio.compile("bad-job")
    assert of_ended_helpers_s() - spent_s < studio.limits.timeout_s + SOON_S
    assert time.monotonic() - started < longest_s(studio.limits.timeout_s) + SOON_S
    assert "bad_job.js" in str(raised.value)
    assert complaint in str(raised.value)
    assert len(studio.compile("good").tasks) == 1


def of_ended_helpers_s() -> float:
    """The processor time of the processes that this one has seen end. It is what limits a script, on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


EVERYWHERE = {
    "endless loop": ("while (true);", TIMEOUT),
    "endless recursion": ("(function f() { f(); })();", "RangeError: Maximum call stack size exceeded (bad_job.js:1)"),
    "endless recursion with try": ("(function f() { try { f(); } finally { f(); } })();", ""),
    "catastrophic regular expression": ("/^(a+)+$/.test('a'.repeat(40) + '!');", TIMEOUT),
    "endless string conversion": ("String({ toString() { for (;;); } });", TIMEOUT),
    "endless generator": ("[...(function* () { for (;;) yield 1; })()];", ""),
    "memory by objects": ("const a = []; for (;;) a.push({ a: a.length });", MEMORY),
    "memory by strings": ("const a = []; for (;;) a.push('x'.repeat(1e6 + a.length) + a.length);", ""),
    "memory by string doubling": ("let s = 'xy'; for (;;) { s += s; s.charCodeAt(1); }", ""),
    "memory by closures": ("let f = null; for (;;) { const g = f; f = () => g; }", MEMORY),
    "memory by filled array": ("new Array(2 ** 27).fill(1.5);", ""),
    "memory by flat array": ("const b = new Array(1e6).fill(1); for (const a = [];;) a.push(b.slice());", MEMORY),
    "typed arrays": ("const a = []; for (;;) a.push(new Float64Array(1e7).fill(1));", MEMORY),
    "typed arrays that nobody writes to": (
        "const a = []; for (let i = 0; i < 40; i++) a.push(new Uint8Array(1e8));",
        MEMORY,
    ),
    "typed arrays of several kinds": (
        "const a = []; for (;;) a.push(new Int8Array(1e6), new Float32Array(1e5), new ArrayBuffer(1e6));",
        MEMORY,
    ),
    "a large typed array": ("new Uint8Array(2 ** 32);", "4294967296 bytes at once are too many; a script may use 128"),
    "a large typed array of doubles": ("new Float64Array(2 ** 25);", "268435456 bytes at once are too many"),
    "a large buffer": ("new ArrayBuffer({ valueOf: () => 2 ** 40 });", "bytes at once are too many"),
    "a buffer that could grow": (
        "const b = new ArrayBuffer(8, { maxByteLength: 2 ** 30 }); b.resize(2 ** 30);",
        "b.resize is not a function",
    ),
    "a buffer that moves": ("new ArrayBuffer(8).transfer(2 ** 32);", "transfer is not a function"),
    "a large typed array by a prototype": (
        "new (Object.getPrototypeOf(new Int8Array(1)).constructor)(2 ** 32);",
        "bytes at once are too many",
    ),
    "a large buffer by a typed array": ("new (new Int8Array(1).buffer.constructor)(2 ** 32);", "at once are too many"),
    "a large typed array by from": ("Int8Array.from({ length: 2 ** 32 });", "bytes at once are too many"),
    "a large typed array like an array": ("new Int8Array({ length: 2 ** 32 - 1 });", ""),
    "a large typed array by a class": ("class Mine extends Int8Array {} new Mine(2 ** 32);", "at once are too many"),
    "a large typed array by a species": (
        (
            "class Mine extends Int8Array { static get [Symbol.species]() { return function () "
            "{ return new Uint32Array(2 ** 30); }; } } new Mine(1).slice(0);"
        ),
        "bytes at once are too many",
    ),
    "copies of typed arrays": (
        (
            "const b = new Uint8Array(1e7); b.constructor = undefined; "
            "for (const a = [];;) a.push(b.slice(), b.toReversed(), b.buffer.slice(0));"
        ),
        MEMORY,
    ),
    "a large text in bytes": ("new TextEncoder().encode('x'.repeat(2 ** 28));", "bytes at once are too many"),
    "base64 without end": ("let s = 'xyz'; for (;;) s = btoa(s);", ""),
    "native sort": ("Array.from({ length: 2e6 }, Math.random).sort().sort().sort();", ""),
    "throws null": ("throw null;", "null (bad_job.js:1)"),
    "throws undefined": ("throw undefined;", "undefined (bad_job.js:1)"),
    "throws a symbol": ("throw Symbol('s');", "(bad_job.js:1)"),
    "throws an object": ("throw { a: 1 };", "[object Object] (bad_job.js:1)"),
    "throws half a character": ("throw '\\ud800';", ""),
    "throws what has no text": ("throw { toString() { throw null; } };", "(bad_job.js:1)"),
    "throws what has no prototype": ("throw Object.create(null);", "(bad_job.js:1)"),
    "throws what converts for ever": ("throw { toString() { for (;;); } };", TIMEOUT),
    "throws a hostile error": (
        (
            "const e = new Error('x'); for (const k of ['stack', 'message', 'name']) "
            "Object.defineProperty(e, k, { get() { throw null; } }); throw e;"
        ),
        "(bad_job.js:1)",
    ),
    "throws a proxy": ("throw new Proxy({}, { get() { throw new Error('trap'); } });", "(bad_job.js:1)"),
    "throws much": ("throw new Error('x'.repeat(1e6));", "xxx… (bad_job.js:1)"),
    "throws like the helper": ("throw new Error('\\n x\\n ^\\n\\nError\\n at other.js:77:1');", "bad_job.js"),
    "spoils error stacks": ("Error.prepareStackTrace = () => { throw null; }; throw new Error('x');", "bad_job.js"),
    "spoils stack limits": ("Error.stackTraceLimit = 0; frameChunker('', 1);", "empty range (bad_job.js"),
    "spoils line ends": ("throw new Error('a\\u2028b\\r\\nc');", "(bad_job.js:1)"),
}
"""Attacks and (part of) what is said about them, tried at the top of a script and in compileJob."""


@pytest.mark.parametrize(("attack", "complaint"), length.every(3, EVERYWHERE.values()), ids=EVERYWHERE.keys())
def test_at_the_top_of_a_script(studio: Studio, attack: str, complaint: str) -> None:
    """An attack at the top level ends in an error when the job type is looked up."""
    assert_refused(studio, f"{attack} {DECLARATION} function compileJob() {{}}", complaint)


@pytest.mark.parametrize(("attack", "complaint"), length.every(4, EVERYWHERE.values()), ids=EVERYWHERE.keys())
def test_in_compile_job(studio: Studio, attack: str, complaint: str) -> None:
    """An attack in compileJob ends in an error when a job is compiled."""
    assert_refused(studio, f"{DECLARATION} function compileJob(job) {{ {attack} }}", complaint)


ADD = "job.addTask(author.Task('t', 'misc'));"

FORGE = "Object.prototype.toJSON = () => 'forged';"

COMPILING = {
    "endless promises": (f"{ADD} (function f() {{ Promise.resolve().then(f); }})();", TIMEOUT),
    "endless waiting": (f"{ADD} (async () => {{ for (;;) await null; }})();", TIMEOUT),
    "memory by promises": ("(async () => { for (const a = [];; a.push({ a: a.length })) await null; })();", ""),
    "endless promises of a getter": (
        (
            "Object.defineProperty(job.settings, 'a', { enumerable: true, get() { "
            "(function f() { Promise.resolve().then(f); })(); throw new Error('then'); } });"
        ),
        "job.settings: then",
    ),
    "a promise of its own kind": (
        (
            "const p = (async () => {})(); "
            "p.constructor = { get [Symbol.species]() { throw new Error('species'); } }; return p;"
        ),
        "species",
    ),
    "ten million tasks": (f"for (let i = 0; i < 1e7; i++) {ADD}", ""),
    "many tasks": (
        "const t = author.Task('t', 'misc'); for (;;) job.addTask(t);",
        "more than 100000 tasks (bad_job.js:1)",
    ),
    "many tasks by the back door": (
        "job.addTask(author.Task('t', 'misc')); for (let i = 0; i < 2e5; i++) job.tasks.push(job.tasks[0]);",
        "more than 100000 tasks",
    ),
    "a long list of tasks": ("job.tasks.length = 2 ** 32 - 1;", "more than 100000 tasks"),
    "many commands": (
        "const t = author.Task('t', 'misc'); const c = author.Command('c'); for (;;) t.addCommand(c);",
        "more than 1000 commands (bad_job.js:1)",
    ),
    "much output": (
        (
            "for (let i = 0; i < 200; i++) { const t = author.Task('t', 'misc'); "
            "t.addCommand(author.Command('c', { a: 'x'.repeat(1e6) })); job.addTask(t); }"
        ),
        "",
    ),
    "a task that is none": (f"{ADD} job.tasks[0] = {{ name: 'x' }};", "something in job.tasks is not a task"),
    "a hole in the tasks": (f"{ADD} delete job.tasks[0];", "something in job.tasks is not a task"),
    "a command that is none": (
        "const t = author.Task('t', 'misc'); t.commands.push(5); job.addTask(t);",
        'task "t": something in commands is not a command',
    ),
    "settings with a cycle": ("job.settings.a = job.settings;", "contains itself"),
    "settings with BigInt": ("job.settings.a = 1n;", "a bigint cannot be stored"),
    "settings with NaN": ("job.settings.a = NaN;", "the number NaN cannot be stored"),
    "settings with functions": ("job.settings.a = print;", "a function cannot be stored"),
    "settings with a hostile getter": (
        "Object.defineProperty(job.settings, 'a', { enumerable: true, get() { throw null; } });",
        "",
    ),
    "settings with an endless getter": (
        "Object.defineProperty(job.settings, 'a', { enumerable: true, get() { for (;;); } });",
        TIMEOUT,
    ),
    "settings that grow": ("job.settings.a = new Proxy({}, { ownKeys: () => { for (;;); } });", TIMEOUT),
    "an endless toJSON": (
        f"{ADD} Object.prototype.toJSON = () => {{ for (;;); }};",
        "Object.prototype.toJSON must not be",
    ),
    "toJSON for arrays": (f"{ADD} Array.prototype.toJSON = () => 'gone';", "Array.prototype.toJSON must not be"),
    "a setter for array elements": (
        f"Object.defineProperty(Array.prototype, '0', {{ set() {{}}, configurable: true }}); {ADD}",
        "Array.prototype.0 must not be",
    ),
    "an element for all arrays": (f"Array.prototype[5] = 'x'; {ADD}", "Array.prototype.5 must not be"),
    "a field for all objects": (
        f"{ADD} Object.defineProperty(Object.prototype, 'id', {{ get: () => 5, set() {{}} }});",
        "Object.prototype.id must not be",
    ),
    "priority out of range": ("const t = author.Task('t', 'misc'); t.priority = 2 ** 31; job.addTask(t);", "32 bits"),
    "priority beyond integers": ("const t = author.Task('t', 'misc'); t.priority = 1e300; job.addTask(t);", ""),
    "job priority out of range": ("job.priority = -(2 ** 31) - 1;", "the job's priority is -2147483649"),
    "negative steps": (
        "const t = author.Task('t', 'misc'); t.addCommand(author.Command('c', {}, -1)); job.addTask(t);",
        'task "t": -1 is no count of steps',
    ),
    "a task without name": ("const t = author.Task('t', 'misc'); t.name = ''; job.addTask(t);", "its name is empty"),
    "a task without type": ("const t = author.Task('t', 'misc'); t.type = null; job.addTask(t);", "its type is empty"),
    "a long name": ("job.addTask(author.Task('x'.repeat(1001), 'misc'));", "its name is longer than 1000 characters"),
    "a long command name": (
        "const t = author.Task('t', 'misc'); t.addCommand(author.Command('x'.repeat(1001))); job.addTask(t);",
        "a command's name is longer",
    ),
    "a job without name": ("job.name = '';", "the job: its name is empty"),
    "a task id that is none": (
        "const t = author.Task('t', 'misc'); t.uUID = 'mine'; job.addTask(t);",
        '"mine" is no UUID',
    ),
    "a job id that is none": ("job.jobID = '../../etc';", '"../../etc" is no UUID'),
    "a time beyond all times": ("job.created = new Date(8.64e15);", ""),
    "tasks as JSON by a getter of a setting": (
        f"{ADD} Object.defineProperty(job.settings, 'a', {{ enumerable: true, get() {{ {FORGE} }} }});",
        "Object.prototype.toJSON must not be",
    ),
    "tasks as JSON by a getter of a parameter": (
        (
            "const t = author.Task('t', 'misc'); const c = author.Command('c', {}); "
            f"Object.defineProperty(c.parameters, 'a', {{ enumerable: true, get() {{ {FORGE} }} }}); "
            "t.addCommand(c); job.addTask(t);"
        ),
        "Object.prototype.toJSON must not be",
    ),
    "tasks as JSON by a getter among the tasks": (
        (
            "const t = author.Task('t', 'misc'); "
            f"Object.defineProperty(job.tasks, 0, {{ enumerable: true, get() {{ {FORGE} return t; }} }});"
        ),
        "Object.prototype.toJSON must not be",
    ),
    "parameters as JSON while tasks are made": (
        f"{FORGE} for (let i = 0; i < 1000; i++) {ADD}",
        "Object.prototype.toJSON must not be defined by a script (bad_job.js:1)",
    ),
    "fewer tasks than there were": (
        f"for (let i = 0; i < 3; i++) {ADD} Array.prototype.toJSON = () => [];",
        "Array.prototype.toJSON must not be",
    ),
    "a task of one's own making": (
        "const T = author.Task('t', 'misc').constructor; job.addTask(new T({ name: 5, ord: 7 }));",
        "this is not a task",
    ),
    "a command of one's own making": (
        (
            "const t = author.Task('t', 'misc'); const C = author.Command('c').constructor; "
            "t.addCommand(new C({ name: 5 }));"
        ),
        "this is not a command",
    ),
    "the way in as a way out": ("__flamenco.compile = 1;", "TypeError: Cannot assign to read only property 'compile'"),
}
"""Attacks that are only possible while a job is compiled."""


@pytest.mark.parametrize(("attack", "complaint"), length.every(4, COMPILING.values()), ids=COMPILING.keys())
def test_while_compiling(studio: Studio, attack: str, complaint: str) -> None:
    """An attack on what comes out of a script ends in an error."""
    assert_refused(studio, f"{DECLARATION} function compileJob(job) {{ {attack} }}", complaint)


DEPENDENCIES = {
    "twice in the job": ("job.addTask(a); job.addTask(a);", 'task "a" is in the job twice'),
    "two with one id": ("b.uUID = a.uUID; job.addTask(a); job.addTask(b);", "is in the job twice"),
    "unknown": ("a.addDependency(b); job.addTask(a);", 'task "a" depends on a task that was not added to the job'),
    "duplicate": (
        "b.addDependency(a); b.addDependency(a); job.addTask(a); job.addTask(b);",
        'task "b" depends twice on "a"',
    ),
    "on itself": ("a.addDependency(a); job.addTask(a);", 'in a circle: "a" → "a"'),
    "in a circle": (
        (
            "a.addDependency(b); b.addDependency(c); c.addDependency(a); d.addDependency(a); "
            "for (const t of [d, a, b, c]) job.addTask(t);"
        ),
        'in a circle: "a" → "b" → "c" → "a"',
    ),
    "in a large circle": (
        (
            "const ts = Array.from({ length: 1000 }, (_, i) => author.Task(`t${i}`, 'misc')); "
            "ts.forEach((t, i) => { t.addDependency(ts[(i + 1) % 1000]); job.addTask(t); });"
        ),
        '"t5" → "t6" → … → "t0"',
    ),
}


@pytest.mark.parametrize(("body", "complaint"), DEPENDENCIES.values(), ids=DEPENDENCIES.keys())
def test_impossible_dependencies(studio: Studio, body: str, complaint: str) -> None:
    """Dependencies that no farm could satisfy are refused, naming the tasks."""
    tasks = "const [a, b, c, d] = [...'abcd'].map((name) => author.Task(name, 'misc'));"
    assert_refused(studio, f"{DECLARATION} function compileJob(job) {{ {tasks} {body} }}", complaint)


TAMPERING = [
    "for (const k of ['push', 'map', 'slice', 'join', 'sort', Symbol.iterator]) Array.prototype[k] = () => 5;",
    "for (const k of Object.getOwnPropertyNames(String.prototype)) { try { String.prototype[k] = null; } catch {} }",
    "for (const name of ['keys', 'freeze', 'defineProperty', 'preventExtensions']) Object[name] = null;",
    "JSON.stringify = () => '{}'; JSON.parse = () => ({}); globalThis.JSON = null;",
    "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null;",
    "Map.prototype.get = Set.prototype.has = RegExp.prototype.exec = Date.prototype.getTime = null;",
    "Array.isArray = () => true; Number.isFinite = () => false; Math.max = () => NaN; Reflect.ownKeys = null;",
    "globalThis.Object = globalThis.Array = globalThis.Date = globalThis.String = globalThis.undefined2 = null;",
    "Array.prototype.last = function () { return this.at(-1); }; Object.prototype.foo = 'inherited';",
    "Object.prototype.get = Object.prototype.set = Object.prototype.value = 5;",
    "Object.setPrototypeOf(globalThis, null);",
    "Promise.resolve().then(() => { throw new Error('later'); });",
]


@pytest.mark.parametrize("tampering", length.every(2, TAMPERING))
def test_tampering_spoils_nothing(studio: Studio, tampering: str) -> None:
    """Whatever a script does to the built-ins, what it makes with ours is right."""
    studio.write(
        "bad_job.js",
        f"""{DECLARATION} {tampering}
        function compileJob(job) {{
            const chunks = frameChunker("1-4,8", 3);
            for (let i = 0; i < chunks.length; i++) {{
                const task = author.Task(" " + chunks[i] + " ", "misc");
                const list = [path.join("a", "..", "b"), shellSplit("'x y'")[0]];
                task.addCommand(author.Command("c", {{ list }}, 2));
                job.addTask(task);
            }}
            print(job.settings, formatTimestampLocal(job.created));
        }}""",
    )
    job = studio.compile("bad-job", settings={"s": [1]})
    assert [task.name for task in job.tasks] == ["1-3", "4,8"]
    assert [(command.parameters, command.total_step_count) for task in job.tasks for command in task.commands] == [
        ({"list": ["b", "x y"]}, 2)
    ] * 2
    assert job.settings == {"s": [1]}


WAIT = "const JOB_TYPE = {}; function compileJob(job) { if (job.settings.wait) for (;;); }"


def in_thread(call: Callable[[], object]) -> Callable[[], BaseException | None]:
    """Start `call` in a thread; the result waits for its end and gives what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def outcome() -> BaseException | None:
        thread.join(SOON_S)
        assert not thread.is_alive()
        return raised[0] if raised else None

    return outcome


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTRAP])
def test_helper_killed_while_compiling(tmp_path: Path, deadly: signal.Signals) -> None:
    """A helper that dies under a script gives an error that names the script, and the next job gets a new helper."""
    studio = Studio(tmp_path, ScriptLimits(timeout_s=20))
    studio.write("wait.js", WAIT)
    studio.compile("wait")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    outcome = in_thread(lambda: studio.compile("wait", settings={"wait": True}))
    wait_until_busy(helper)
    os.kill(helper, deadly)
    error = outcome()
    assert isinstance(error, JobTypeError)
    assert str(error) == f"script (wait.js) crashed the JavaScript engine (exit code {-deadly})"
    studio.compile("wait")
    assert studio.compiler.helper_process_id not in (None, helper)
    studio.compiler.close()
