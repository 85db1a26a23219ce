"""The helper process: when there is one, when there is none, and who waits for it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import pytest

from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import Busy, JobTypeError
from tests.integration.compiling import DECLARATION, Studio, wait_until_busy

ROOT = Path(__file__).parents[2]
SCRIPT = f"""{DECLARATION}
function compileJob(job) {{
    if (job.settings.forever) for (;;);
    for (let i = 0; i < (job.settings.count ?? 1); i++) job.addTask(author.Task(job.name + i, "misc"));
}}"""


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[[ScriptLimits], Studio]]:
    """Makes studios with the job type `test`."""
    made: list[Studio] = []

    def make(limits: ScriptLimits) -> Studio:
        studio = Studio(tmp_path / str(len(made)), limits)
        studio.write("test.js", SCRIPT)
        made.append(studio)
        return studio

    yield make
    for studio in made:
        studio.compiler.close()


def run_python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def has_ended(pid: int, timeout_s: float = 10) -> bool:
    """Whether a process, not necessarily our child, ends before the time is over."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


def test_importing_the_compiler_is_light() -> None:
    """A manager process never loads V8; only the helper does."""
    code = "import sys, flamenco.compiler; print([name for name in sys.modules if name.startswith('py_mini')])"
    assert run_python(code).stdout.strip() == "[]"


def test_flags_are_honoured() -> None:
    """V8 knows our flags: it complains about none, has no compiler (hence no WebAssembly) and no threads of its own."""
    result = run_python("""
        from pathlib import Path
        from py_mini_racer import init_mini_racer, mini_racer
        from flamenco.compiler.helper import V8_FLAGS
        init_mini_racer(flags=V8_FLAGS)
        with mini_racer() as context:
            names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
            print(context.eval("typeof WebAssembly"), sum("V8" in name for name in names))
        """)
    assert (result.stdout.strip(), result.stderr) == ("undefined 0", "")


def test_started_when_needed_and_kept(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """The helper is started by the first script and serves the next ones, until it is closed."""
    studio = make_studio(ScriptLimits())
    assert studio.compiler.helper_process_id is None
    studio.compile("test")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    studio.compile("test")
    with pytest.raises(JobTypeError):
        studio.run("throw 1;")
    assert studio.compiler.helper_process_id == helper
    studio.compiler.close()
    assert has_ended(helper)
    with pytest.raises(Busy, match="shutting down"):
        studio.compile("test")


def test_an_idle_helper_ends_itself(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """A helper that nothing is asked of ends itself; the next job gets another one and does not notice."""
    studio = make_studio(ScriptLimits(idle_s=0.2))
    studio.compile("test")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    assert has_ended(helper)
    assert len(studio.compile("test").tasks) == 1
    assert studio.compiler.helper_process_id != helper


def test_a_helper_that_has_grown_ends_itself_sooner(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """What V8 keeps of a large job goes with the helper, as soon as nobody asks for more; small jobs let it stay."""
    studio = make_studio(ScriptLimits(grown_idle_s=0.2))
    studio.compile("test")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    assert not has_ended(helper, timeout_s=0.5)
    parameters = "{ text: `a text that is longer than most, of task ${i}`, list: [1, 2, 3, i] }"
    studio.run(f"""for (let i = 0; i < 20000; i++) {{
        const task = author.Task(`task ${{i}}`, "misc");
        task.addCommand(author.Command("echo", {parameters}));
        job.addTask(task);
    }}""")
    assert studio.compiler.helper_process_id == helper
    assert has_ended(helper)
    assert len(studio.compile("test").tasks) == 1


def test_a_helper_that_ends_itself_just_then_costs_nothing(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """However the end of an idle helper falls together with the next request, the request is served."""
    studio = make_studio(ScriptLimits(idle_s=0.02))
    for pause in range(20):
        assert len(studio.compile("test").tasks) == 1
        threading.Event().wait(0.015 + pause / 2000)


def test_waiting_has_an_end(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """While a script runs, others wait for a bounded time and are then told to come again."""
    studio = make_studio(ScriptLimits(timeout_s=3, wait_s=0.1))
    studio.compile("test")

    def run_forever() -> None:
        """Comes to its turn some time, whatever the others do."""
        while True:
            with suppress(Busy):
                studio.compile("test", settings={"forever": True})

    with ThreadPoolExecutor(1) as pool:
        forever = pool.submit(run_forever)
        error: Busy | None = None
        while error is None and not forever.done():
            try:
                studio.compile("test")
            except Busy as busy:
                error = busy
        assert error is not None
        assert error.retry_after > 0
        with pytest.raises(JobTypeError, match=r"script \(test.js\) ran longer than 3 seconds"):
            forever.result()
    assert len(studio.compile("test").tasks) == 1


def test_only_so_many_wait_for_long(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """While a script runs, the first few callers wait for their turn; a crowd behind them comes again later."""
    studio = make_studio(ScriptLimits(waiting=2, crowded_wait_s=0.05, wait_s=30))
    studio.compile("test")
    told = threading.Semaphore(0)

    def compile_one(_: int) -> str:
        try:
            studio.compile("test")
        except Busy:
            told.release()
            return "busy"
        return "compiled"

    studio.write(
        "slow.js", f"{DECLARATION} function compileJob() {{ for (const end = Date.now() + 3000; Date.now() < end; ); }}"
    )
    helper = studio.compiler.helper_process_id
    assert helper is not None
    with ThreadPoolExecutor(7) as pool:
        slow = pool.submit(studio.compile, "slow")
        wait_until_busy(helper)
        outcomes = pool.map(compile_one, range(6))
        assert [told.acquire(timeout=10) for _ in range(4)] == [True] * 4
        assert not slow.done()
        assert sorted(outcomes) == ["busy"] * 4 + ["compiled"] * 2


@pytest.mark.long
def test_time_of_others_does_not_count(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """A script that got no processor for longer than its limit goes on when it gets one; its own time counts alone."""
    studio = make_studio(ScriptLimits(timeout_s=4))
    studio.compile("test")
    studio.write("slow.js", f"{DECLARATION} function compileJob() {{ for (let i = 0; i < 80e6; i++); }}")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):  # where we get no processor ourselves, it is done before it is stopped
            slow = pool.submit(studio.compile, "slow")
            wait_until_busy(helper)
            os.kill(helper, signal.SIGSTOP)
            is_done = wait([slow], timeout=4.5).done
            os.kill(helper, signal.SIGCONT)
            slow.result()
            if not is_done:
                break
        assert not is_done
    assert studio.compiler.helper_process_id == helper


def test_every_script_has_a_context_of_its_own(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """What a script leaves behind, by whatever way, no other one finds, although contexts are made ahead."""
    studio = make_studio(ScriptLimits())
    studio.write(
        "test.js",
        f"""{DECLARATION} function compileJob(job) {{
            job.settings.found = [globalThis.left, Array.prototype.left, author.left, path.left, Object.left];
            const left = "behind";
            for (const each of [globalThis, Array.prototype, author, path, Object]) each.left = left;
        }}""",
    )
    for _ in range(5):
        assert studio.compile("test").settings["found"] == [None] * 5
        # Typed arrays are for scripts that name one; their contexts are not made ahead.
        assert studio.value("typeof globalThis['Uint' + (4 + 4) + 'Array']") == "undefined"
        assert studio.value("new Uint8Array(2).length") == 2


def test_closing_does_not_wait_for_scripts(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """Closing the compiler ends a running script at once, and whoever waits for it is told."""
    studio = make_studio(ScriptLimits(timeout_s=60))
    studio.compile("test")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    with ThreadPoolExecutor(1) as pool:
        forever = pool.submit(studio.compile, "test", settings={"forever": True})
        wait_until_busy(helper)
        started = time.monotonic()
        studio.compiler.close()
        with pytest.raises(Busy):
            forever.result()
    assert time.monotonic() - started < 5
    assert has_ended(helper)


@pytest.mark.parametrize(
    ("retry_s", "listed"), [(60, ["test"]), pytest.param(0, ["slow", "test"], marks=pytest.mark.long)]
)
def test_accidents_are_not_held_against_a_script(
    make_studio: Callable[[ScriptLimits], Studio], retry_s: float, listed: list[str]
) -> None:
    """A script whose first run ended by a lost helper is tried again, but not on every call."""
    studio = make_studio(ScriptLimits(retry_s=retry_s))
    studio.compile("test")
    helper = studio.compiler.helper_process_id
    assert helper is not None
    studio.write("slow.js", f"for (const start = Date.now(); Date.now() < start + 5000; ); {SCRIPT}")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(studio.compiler.job_types)
        wait_until_busy(helper)
        os.kill(helper, signal.SIGKILL)
        assert [job_type.name for job_type in first.result()] == ["test"]
    assert [job_type.name for job_type in studio.compiler.job_types()] == listed


def test_threads_share_a_compiler(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """Many threads compile at a time, and each gets its own job."""
    studio = make_studio(ScriptLimits(wait_s=30, waiting=8))
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda n: studio.compile("test", name=f"j{n}-", settings={"count": n}), range(40)))
        listed = list(pool.map(lambda _: studio.compiler.job_types()[0].name, range(8)))
    assert [[task.name for task in job.tasks] for job in jobs] == [[f"j{n}-{i}" for i in range(n)] for n in range(40)]
    assert len({task.id for job in jobs for task in job.tasks}) == sum(range(40))
    assert listed == ["test"] * 8


def test_the_helper_dies_with_its_parent(tmp_path: Path) -> None:
    """A manager that is killed leaves no helper behind, not even one in an endless script."""
    code = """
        import sys, threading
        from pathlib import Path
        from tests.integration.compiling import Studio
        studio = Studio(Path(sys.argv[1]))
        studio.write("test.js", sys.argv[2])
        studio.compile("test")
        settings = {"forever": True}
        threading.Thread(target=lambda: studio.compile("test", settings=settings), daemon=True).start()
        print(studio.compiler.helper_process_id, flush=True)
        sys.stdin.read()
        """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "studio"), SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        wait_until_busy(helper)
        parent.kill()
        assert has_ended(helper)


def test_a_helper_that_cannot_start(tmp_path: Path) -> None:
    """Where V8 gets no address space, people are told so, and where to look."""
    code = """
        import resource, sys
        from pathlib import Path
        from flamenco.domain.errors import Busy
        from tests.integration.compiling import Studio
        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
        studio = Studio(Path(sys.argv[1]))
        studio.write("test.js", sys.argv[2])
        try:
            studio.compile("test")
        except Busy as error:
            print(error, error.retry_after)
        studio.compiler.close()
        """
    said = run_python(code, str(tmp_path / "studio"), SCRIPT).stdout
    assert "`ulimit -v`" in said
    assert "helper process does not start" in said


def test_a_job_that_is_too_large(make_studio: Callable[[ScriptLimits], Studio]) -> None:
    """A job that is larger than allowed is refused while it is read, and the next one is served."""
    studio = make_studio(ScriptLimits(result_mb=1))
    with pytest.raises(JobTypeError, match=r"script \(test.js\) made a job of more than 1 MiB"):
        studio.compile("test", settings={"count": 20_000})
    assert len(studio.compile("test").tasks) == 1


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """Where there is no room for the tasks of a large job, whoever submits it is told; the next one is served."""
    code = """
        import resource, sys
        from pathlib import Path
        from flamenco.domain.errors import Unavailable
        from tests.integration.compiling import Studio
        studio = Studio(Path(sys.argv[1]))
        studio.write("test.js", sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        try:
            studio.compile("test", settings={"count": 100_000})
        except Unavailable as error:
            print(error)
        print(len(studio.compile("test", settings={"count": 3}).tasks))
        studio.compiler.close()
        """
    said, count = run_python(code, str(tmp_path / "studio"), SCRIPT).stdout.splitlines()
    assert said.startswith("The tasks of a job cannot be kept in ")
    assert said.endswith(": File too large.")
    assert count == "3"
