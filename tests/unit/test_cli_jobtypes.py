"""`flamenco jobtypes`: what authors see of their scripts, and the exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flamenco import bundled
from flamenco.cli import main
from flamenco.cli.jobtypes import jobtypes
from tests import length

README = bundled.job_types().joinpath("README.md").read_text("utf-8")

SCRIPT = """const JOB_TYPE = {
  label: "Say hello",
  description: "Greets",
  settings: [
    { key: "who", type: "string", required: true, description: "Whom to greet." },
    { key: "times", type: "int32", default: 2, aliases: ["count"], visible: "web" },
    { key: "tone", type: "string", choices: ["loud", "soft"], default: "soft" },
    { key: "hurry", type: "bool", default: false },
  ],
};
function compileJob(job) {
  const { who, times, hurry } = job.settings;
  print("greeting", who);
  if (who === "nobody") throw "nobody to greet";
  const done = author.Task("done", "misc");
  for (let i = 1; i <= times; i++) {
    const task = author.Task(`hello-${i}`, "misc");
    task.priority = hurry ? 90 : 50;
    task.addCommand(author.Command("echo", { message: who.repeat(who === "long" ? 100 : 1) }, 3));
    job.addTask(task);
    done.addDependency(task);
  }
  if (who === "oops") done.addCommand(author.Command("echo", {}));
  if (who === "new") done.addCommand(author.Command("not-of-this-manager", {}));
  job.addTask(done);
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with one job type; nobody's settings but the test's."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLAMENCO_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "say_hello.js").write_text(SCRIPT)
    return tmp_path


def flamenco(*arguments: str, code: int = 0, **more: Any) -> Result:
    """Run `flamenco jobtypes`, which must end with `code`."""
    result = CliRunner().invoke(main, ["jobtypes", *arguments], **more)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def tasks_of(*arguments: str) -> list[dict[str, Any]]:
    """The tasks that `compile --json` prints."""
    tasks: list[dict[str, Any]] = json.loads(flamenco("compile", *arguments, "--json").stdout)["job"]["tasks"]
    return tasks


# list, show


def test_list_tells_where_job_types_come_from(folder: Path) -> None:
    """The studio's script hides the shipped one of its name; broken ones are there with their error."""
    studio = folder / "data" / "jobtypes"
    studio.mkdir(parents=True)
    (studio / "echo_sleep_test.js").write_text(SCRIPT)
    (studio / "broken.js").write_text("const JOB_TYPE = {\n  label: ;\n};")
    lines = flamenco("list").stdout.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert rows["echo-sleep-test"].split()[1:] == ["Say", "hello", str(studio / "echo_sleep_test.js")]
    assert rows["ffmpeg-transcode"].endswith(str(bundled.job_types() / "ffmpeg_transcode.js"))
    assert lines[-1] == f"broken: broken: SyntaxError: Unexpected token ';' ({studio / 'broken.js'}:2)"
    listed = json.loads(flamenco("list", "--json").stdout)
    assert {
        "name": "echo-sleep-test",
        "label": "Say hello",
        "file": str(studio / "echo_sleep_test.js"),
    }.items() <= next(each for each in listed["job_types"] if each["name"] == "echo-sleep-test").items()
    assert listed["problems"] == [
        {
            "job_type": "broken",
            "file": str(studio / "broken.js"),
            "message": "SyntaxError: Unexpected token ';'",
            "line": 2,
            "column": 10,
        }
    ]


def test_show_prints_the_settings(folder: Path) -> None:
    """Of a file or a job type: each setting with type, default, who sees it and what it is for."""
    shown = flamenco("show", "say_hello.js").stdout
    rows = {line.split()[0]: re.split(r"\s{2,}", line) for line in shown.splitlines() if line}
    assert rows["who"] == ["who", "string", "required", "everyone", "Whom to greet"]
    assert rows["times"] == ["times", "int32", "default 2", "the web", "also known as count"]
    assert rows["tone"] == ["tone", "string", 'default "soft"', "everyone", "one of loud, soft"]
    shown = json.loads(flamenco("show", "echo-sleep-test", "--json").stdout)
    assert shown["settings"][0]["key"] == "message"
    assert shown["file"] == str(bundled.job_types() / "echo_sleep_test.js")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("echo-slep-test", "did you mean echo-sleep-test?"), ("x", "; there are: "), ("no.js", "there is no file no.js")],
)
def test_what_is_not_there(name: str, complaint: str) -> None:
    """Names that are misspelt are a sentence."""
    for command in ("show", "compile"):
        assert complaint in flamenco(command, name, code=1).stderr


# check


def test_check_shows_the_line_and_a_caret(folder: Path) -> None:
    """Errors have file, line, column and the line itself, and exit code 1."""
    (folder / "bad.js").write_text("const JOB_TYPE = {\n\tlabel: ;\n};")
    checked = flamenco("check", "bad.js", code=1).stdout
    assert checked.splitlines() == [
        "bad.js:2:9: error: SyntaxError: Unexpected token ';'",
        "    \tlabel: ;",
        "    \t       ^",
        "1 file: 1 error, 0 warnings",
    ]
    [plain] = json.loads(flamenco("check", "bad.js", "--json", code=1).stdout)
    assert (plain["ok"], plain["job_type"], plain["findings"][0]["column"]) == (False, "bad", 9)


def test_check_warns(folder: Path) -> None:
    """Warnings are no failure, unless asked for; what the script printed is shown."""
    (folder / "odd.js").write_text(
        'const JOB_TYPE = { lable: "Odd", label: "", settings: [] };\n'
        'function compileJob(job) { job.addTask(author.Task("t", "misc")); }\nprint("a\\nb");'
    )
    checked = flamenco("check", "odd.js", "say_hello.js").stdout
    assert "did you mean label?" in checked
    assert "odd.js says:\n    print  a\n           b\n" in checked
    assert checked.endswith("2 files: 0 errors, 2 warnings\n")
    flamenco("check", "--strict", "odd.js", code=1)
    flamenco("check", "--strict", "say_hello.js")


EMPTY = 'const JOB_TYPE = {{ label: "E", settings: [{}] }};\nfunction compileJob(job) {{ {} }}\n'
REQUIRED = '{ key: "frames", type: "string", required: true }'


@pytest.mark.parametrize(
    ("settings", "body", "complaint"),
    [
        ("", "author.Task('t', 'misc');", "the script never calls job.addTask(task), so its jobs would have no tasks"),
        (REQUIRED, "print(job.settings.frames);", "the script never calls job.addTask(task)"),
        (
            "",
            "if (job.settings.x) job.addTask(author.Task('t', 'misc'));",
            "gave this job no tasks; did its script forget",
        ),
    ],
)
def test_check_finds_jobs_without_tasks(folder: Path, settings: str, body: str, complaint: str) -> None:
    """A script that adds no task is an error; so is one that adds none to a job of default settings, if that can be."""
    (folder / "empty.js").write_text(EMPTY.format(settings, body))
    checked = flamenco("check", "empty.js", code=1).stdout
    assert "empty.js: error: " in checked
    assert complaint in checked


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        (REQUIRED, "if (job.settings.frames) job.addTask(author.Task('t', 'misc'));"),
        ("", "job.tasks.push(author.Task('t', 'misc'));"),
        ("", "if (!job.settings.x) throw 'give an x'; job.addTask(author.Task('t', 'misc'));"),
    ],
)
def test_check_does_not_guess(folder: Path, settings: str, body: str) -> None:
    """Where tasks depend on settings that nobody gave, nothing is said."""
    (folder / "fine.js").write_text(EMPTY.format(settings, body))
    assert flamenco("check", "fine.js").stdout == "1 file: nothing is wrong\n"


def test_compile_refuses_a_job_without_tasks(folder: Path) -> None:
    """The manager would refuse it as well."""
    (folder / "empty.js").write_text(EMPTY.format("", "return;"))
    assert "gave this job no tasks; did its script forget" in flamenco("compile", "empty.js", code=1).stderr


def test_check_looks_into_folders(folder: Path) -> None:
    """A folder stands for the scripts in it; one without any is a mistake."""
    assert flamenco("check", ".").stdout == "1 file: nothing is wrong\n"
    (folder / "empty").mkdir()
    assert "there are no job types in empty" in flamenco("check", "empty", code=1).stderr
    assert "does not exist" in flamenco("check", "nowhere.js", code=2).stderr


def test_very_long_lines_are_cut(folder: Path) -> None:
    """Of a line as minified scripts have them, the part around the place is shown, with the caret below it."""
    (folder / "long.js").write_text(f"const a = [{'1, ' * 500}]; foo(); const b = [{'2, ' * 500}];")
    _, text, caret, _ = flamenco("check", "long.js", code=1).stdout.splitlines()
    assert len(text) < 200
    assert text[caret.index("^") :].startswith("foo()")


# compile


def test_compile_prints_the_tasks() -> None:
    """Tasks with their commands and what they wait for, warnings, and what the script printed."""
    printed = flamenco("compile", "say_hello.js", "--set", "who=new", "--name", "My job", "--set", "hurry=true").stdout
    assert (
        printed
        == """\
My job  say-hello, priority 50: 3 tasks, 7 steps
  settings
    who  "new"
    hurry  true
    times  2
    tone  "soft"
  1. hello-1  misc, priority 90, 3 steps
    echo  3 steps
      message  "new"
  2. hello-2  misc, priority 90, 3 steps
    echo  3 steps
      message  "new"
  3. done  misc, priority 50, 1 step
    after  hello-1, hello-2
    not-of-this-manager
warning: command "not-of-this-manager" is unknown to the manager; it is used 1 times
print  greeting new
"""
    )


def test_compile_says_what_is_optional() -> None:
    """A task that the job can do without is called so, for people and as data; the others are not."""
    given = {"frames": "1", "render_output_path": "/r/####", "blendfile": "/a.blend", "fps": "24", "format": "PNG"}
    settings = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    arguments = ["compile", "simple-blender-render", *settings, "--set", "image_file_extension=.png"]
    printed = flamenco(*arguments).stdout
    assert "  1. render-1  blender, priority 50, 1 step\n" in printed
    assert "  2. preview-video  ffmpeg, priority 50, 1 step, optional\n" in printed
    tasks = json.loads(flamenco(*arguments, "--json").stdout)["job"]["tasks"]
    assert [task.get("optional") for task in tasks] == [None, True]


def test_compile_prints_json(folder: Path) -> None:
    """The same as data, in the form of test files; settings may come from a file, --set comes before it."""
    (folder / "settings.json").write_text('{"who": "file", "count": 5}')
    printed = json.loads(
        flamenco("compile", "say_hello.js", "--settings", "settings.json", "--set", "times=1", "--json").stdout
    )
    assert printed["job"]["tasks"][0] == {
        "name": "hello-1",
        "type": "misc",
        "priority": 50,
        "commands": [{"name": "echo", "parameters": {"message": "file"}, "total_step_count": 3}],
        "dependencies": [],
    }
    assert [task["name"] for task in printed["job"]["tasks"]] == ["hello-1", "done"]
    assert printed["printed"] == [{"text": "greeting file", "warning": False}]
    from_stdin = flamenco("compile", "say_hello.js", "--settings", "-", "--json", input='{"who": "stdin"}').stdout
    assert json.loads(from_stdin)["job"]["settings"]["who"] == "stdin"


def test_compile_knows_job_types_by_name() -> None:
    """The name of a job type does instead of a file; metadata and priority can be given."""
    arguments = ("echo-sleep-test", "--set", "message=hi", "--metadata", "user=me", "--priority", "7", "--json")
    job = json.loads(flamenco("compile", *arguments).stdout)["job"]
    assert (job["priority"], job["metadata"], len(job["tasks"])) == (7, {"user": "me"}, 2)


def test_aliases_have_the_type_of_their_setting() -> None:
    """A setting under an older name is read as what it is."""
    assert len(tasks_of("say_hello.js", "--set", "who=x", "--set", "count=3")) == 4


def test_large_jobs_are_abbreviated() -> None:
    """Of many tasks, names and long texts, the first and the last are shown, unless all are wanted."""
    arguments = ("compile", "say_hello.js", "--set", "who=long", "--set", "times=1000")
    printed = flamenco(*arguments).stdout
    assert len(printed.splitlines()) < 70
    assert "  … 985 more tasks  --all shows them\n" in printed
    assert "after  hello-1, hello-2, hello-3, hello-4, … hello-1000 (1000 tasks)" in printed
    assert "long" * 100 not in printed
    everything = flamenco(*arguments, "--all").stdout
    assert "  500. hello-500  misc" in everything
    assert "long" * 100 in everything
    assert "hello-499, hello-500, hello-501" in everything


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], 'setting "who" is missing'),
        (["--set", "who=nobody"], "say_hello.js:14:25: error: nobody to greet"),
        (["--set", "who=x", "--set", "times=many"], "the setting times must be a whole number, and not 'many'"),
        (["--set", "who=x", "--set", "tone=shrill"], "choose one of loud, soft"),
        (["--set", "who=oops"], 'task "done": echo: mandatory parameter "message" is missing'),
        (["--settings", "list.json"], "list.json has no settings"),
    ],
)
def test_compile_says_why_there_is_no_job(folder: Path, arguments: list[str], complaint: str) -> None:
    """What whoever submits such a job would read, on stderr."""
    (folder / "list.json").write_text("[1]")
    result = flamenco("compile", "say_hello.js", *arguments, code=1)
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_come_as_json_too() -> None:
    """With what was printed before."""
    printed = json.loads(flamenco("compile", "say_hello.js", "--set", "who=nobody", "--json", code=1).stdout)
    assert (printed["error"]["message"], printed["error"]["line"]) == ("nobody to greet", 14)
    assert printed["error"]["text"] == '  if (who === "nobody") throw "nobody to greet";'
    assert printed["printed"] == [{"text": "greeting nobody", "warning": False}]


def test_a_wrong_pair_is_a_wrong_command_line() -> None:
    """`--set` without a value is exit code 2."""
    assert "write KEY=VALUE" in flamenco("compile", "say_hello.js", "--set", "who", code=2).stderr


def test_on_a_terminal_it_is_a_tree() -> None:
    """With lines and colours; brackets in names and texts are not taken for markup."""
    environ = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "flamenco", "jobtypes", "compile", "say_hello.js", "--set", "who=[bold]you[/]"]
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        output = b""
        while chunk := _read(ours):
            output += chunk
    os.close(ours)
    assert process.returncode == 0
    assert "├── ".encode() in output
    assert b'"[bold]you[/]"' in output


def _read(terminal: int) -> bytes:
    """Read what is there; Linux reports the end of a terminal as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


# test


def test_test_shows_a_diff(folder: Path) -> None:
    """What passed and what did not, with a diff, the error that came, and what was printed; exit code 1."""
    (folder / "say_hello.test.yaml").write_text("""
tests:
  - {name: right, settings: {who: you}, expect: {task_count: 3}}
  - {name: wrong, settings: {who: you}, expect: {tasks: [{name: hello-2}, ...]}}
  - {name: refused, settings: {who: nobody}, expect: {task_count: 3}}
  - {name: rightly refused, settings: {who: nobody}, expect: {error: nobody to greet}}
  - {name: no worker could run it, settings: {who: oops}, expect: {error: mandatory parameter}}
  - {name: as an add-on submits it, strict: false, settings: {who: you, times: 0}, expect: {task_count: 1}}
  - {name: no expression, settings: {who: you}, expect: {printed: ["re:("]}}
""")
    tested = flamenco("test", ".", code=1).stdout
    assert "  passed  right\n" in tested
    assert "    -- name: hello-2\n    +- name: hello-1\n" in tested
    assert "say_hello.js:14:25: error: nobody to greet" in tested
    assert "    print  greeting nobody\n" in tested
    assert "  passed  rightly refused\n  passed  no worker could run it\n  passed  as an add-on submits it\n" in tested
    assert "which is no regular expression" in tested
    assert tested.endswith("4 passed, 3 failed\n")
    [plain] = json.loads(flamenco("test", "say_hello.test.yaml", "--json", code=1).stdout)
    assert [test["ok"] for test in plain["tests"]] == [True, False, False, True, True, True, False]
    assert plain["tests"][2]["error"]["line"] == 14


def test_test_files_that_are_wrong(folder: Path) -> None:
    """A file that cannot be run counts as failed, and the others are run."""
    (folder / "say_hello.test.yaml").write_text("tests: [{name: n, settings: {who: x}, expect: {task_count: 3}}]")
    (folder / "lost.test.json").write_text('{"tests": [{"name": "n", "expect": {"task_count": 1}}]}')
    (folder / "wrong.test.yaml").write_text("tests: 5")
    tested = flamenco("test", ".", code=1).stdout
    assert "lost.js, which does not exist" in tested
    assert "wrong.test.yaml: Expected array, got int - at $.tests" in tested
    assert tested.endswith("1 passed, 2 failed\n")
    (folder / "empty").mkdir()
    assert "there are no test files" in flamenco("test", "empty", code=1).stderr
    assert "nowhere does not exist" in flamenco("test", "nowhere", code=1).stderr


@pytest.mark.parametrize("zone", length.every(3, ["Asia/Kolkata", "America/New_York", "UTC"]))
def test_times_are_the_same_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """What a script makes of the time of submission does not depend on where its tests run."""
    (folder / "when.js").write_text(
        'const JOB_TYPE = { label: "When", settings: [] };\n'
        "function compileJob(job) { print(formatTimestampLocal(job.created)); job.addTask(author.Task('t', 'misc')); }"
    )
    (folder / "when.test.yaml").write_text("""
tests:
  - {name: always noon, expect: {printed: [2000-01-01_120000]}}
  - {name: or as said, created: 2026-07-08 09:10:11, expect: {printed: [2026-07-08_091011]}}
""")
    environ = {**os.environ, "TZ": zone}
    command = [sys.executable, "-m", "flamenco", "jobtypes", "test", "when.test.yaml"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


# new


@pytest.mark.parametrize("name", length.every(3, ["my-job", "my_job", "my_job.js"]))
def test_new_passes_at_once(folder: Path, name: str) -> None:
    """What is written passes `check` without a warning, and its own tests."""
    target = folder / "deep" / "studio"
    said = flamenco("new", name, "--dir", str(target)).stdout
    assert {path.name for path in target.iterdir()} == {
        "my_job.js",
        "my_job.test.yaml",
        "flamenco-jobtype.d.ts",
        "jsconfig.json",
    }
    assert "skeleton" not in (target / "my_job.js").read_text().lower()
    assert flamenco("check", "--strict", str(target)).stdout == "1 file: nothing is wrong\n"
    assert "4 passed, 0 failed" in flamenco("test", str(target)).stdout
    assert flamenco("show", str(target / "my_job.js")).stdout.startswith("my-job  My job\n")
    match = re.search(r"`flamenco jobtypes (.*)`", said)
    assert match
    flamenco(*match[1].split())


def test_new_overwrites_nothing(folder: Path) -> None:
    """A job type of that name, however its file is spelt, stays; so do the files for editors."""
    (folder / "my-job.js").write_text("// mine")
    (folder / "jsconfig.json").write_text("{}")
    assert "my-job.js exists already" in flamenco("new", "my_job", code=1).stderr
    flamenco("new", "other")
    assert (folder / "jsconfig.json").read_text() == "{}"
    (folder / "third.test.yaml").write_text("mine")
    flamenco("new", "third", code=1)
    assert (folder / "third.test.yaml").read_text() == "mine"
    assert not (folder / "third.js").exists()


@pytest.mark.parametrize("name", ["a/b", "../x", "", "a b", ".hidden"])
def test_new_refuses_names(name: str) -> None:
    """A name that could not be that of a file is a wrong command line."""
    assert "cannot be the name" in flamenco("new", name, code=2).stderr


# what is written about all this


def code_block(language: str, containing: str) -> str:
    """The block of the README in that language."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if containing in block)


def test_examples_of_the_readme(folder: Path) -> None:
    """The README's script passes `check` and the README's tests; its mistake is found as printed there."""
    script = code_block("js", "Say hello")
    (folder / "say_hello.js").write_text(script)
    (folder / "say_hello.test.yaml").write_text(code_block("yaml", "greets twice"))
    flamenco("check", "--strict", "say_hello.js")
    assert "2 passed, 0 failed" in flamenco("test", ".").stdout
    (folder / "say_hello.js").write_text(script.replace("default: 3", "defualt: 3"))
    for line in flamenco("check", "say_hello.js").stdout.splitlines()[:3]:
        assert f"    {line}\n" in README


def test_example_of_the_help(folder: Path) -> None:
    """The test file that `test --help` shows passes with the README's script."""
    (folder / "say_hello.js").write_text(code_block("js", "Say hello"))
    shown = flamenco("test", "--help").stdout.split("say_hello.test.yaml:\n")[1].split("\n\n")[0]
    (folder / "say_hello.test.yaml").write_text(shown)
    assert "2 passed, 0 failed" in flamenco("test", "say_hello.test.yaml").stdout


@pytest.mark.parametrize("name", sorted(jobtypes.commands))
def test_help_has_an_example(name: str) -> None:
    """Every command shows how it is used."""
    assert f"Example:\n    flamenco jobtypes {name}" in flamenco(name, "--help").stdout
