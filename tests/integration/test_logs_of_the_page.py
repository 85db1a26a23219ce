"""Reading and searching logs over HTTP, as the web page and `flamenco log --search` do."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from falcon import testing

from flamenco.cli import main
from flamenco.domain.access import Role
from flamenco.domain.errors import Refused
from flamenco.farm import task_logs
from flamenco.farm.context import Farm
from flamenco.files import log_lines
from tests.conftest import authored_job, authored_task
from tests.integration.entering import Client, access, add_user, with_token
from tests.integration.farming import store_job
from tests.integration.test_access import submit
from tests.integration.test_delivery import serving

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODY = "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"


def task_with(farm: Farm, text: str) -> str:
    """The id of a task that has logged that."""
    job = store_job(farm, authored_job(authored_task("frame")))
    (task,) = job_tasks(farm, job.id)
    farm.logs.append(job.id, task, text)
    return task


def job_tasks(farm: Farm, job_id: str) -> list[str]:
    """The ids of a job's tasks."""
    return [each["id"] for each in Client(farm).get(f"/api/v3/jobs/{job_id}/tasks").json["tasks"]]


def where(answer: testing.Result) -> tuple[int, int, int]:
    """What the headers of a part say."""
    size, offset, following = (answer.headers[f"Flamenco-Log-{name}"] for name in ("Size", "Offset", "Next"))
    return int(size), int(offset), int(following)


def test_parts_of_a_log(farm: Farm) -> None:
    """From the beginning, from the end, and on from where a part ended."""
    client, task = Client(farm), task_with(farm, "one\ntwo\nthree\n")
    path = f"/api/x/tasks/{task}/log"
    whole = client.get(path)
    assert (whole.text, where(whole)) == ("one\ntwo\nthree\n", (14, 0, 14))
    assert whole.headers["Content-Type"].startswith("text/plain")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    first = client.get(f"{path}?limit=6")
    assert (first.text, where(first)) == ("one\n", (14, 0, 4))
    following = client.get(f"{path}?limit=9&offset={where(first)[2]}")
    assert (following.text, where(following)) == ("two\n", (14, 4, 8))
    end = client.get(f"{path}?offset=-8")
    assert (end.text, where(end)) == ("three\n", (14, 8, 14))
    nothing = client.get(f"{path}?offset=14")
    assert (nothing.status_code, nothing.text, where(nothing)) == (204, "", (14, 14, 14))
    # One that was cut meanwhile is shorter than what was read of it.
    assert where(client.get(f"{path}?offset=9000")) == (14, 14, 14)


@ON_SQLITE
def test_what_is_no_part(farm: Farm) -> None:
    """Of a task that has logged nothing there is nothing; what makes no sense is refused with a sentence."""
    client = Client(farm)
    (task,) = job_tasks(farm, store_job(farm, authored_job(authored_task("frame"))).id)
    nothing = client.get(f"/api/x/tasks/{task}/log")
    assert (nothing.status_code, nothing.text, where(nothing)) == (204, "", (0, 0, 0))
    assert client.get(f"/api/x/tasks/{task}/log/search?q=x").json == {
        "hits": [],
        "more": False,
        "size": 0,
        "searched": 0,
    }
    assert client.get(f"/api/x/tasks/{NOBODY}/log").status_code == 404
    assert client.get(f"/api/x/tasks/{NOBODY}/log/search?q=x").status_code == 404
    for query in ("offset=x", "limit=0", "limit=1048577", f"offset={2**60}", "offset=1&offset=2"):
        refused = client.get(f"/api/x/tasks/{task}/log?{query}")
        assert (refused.status_code, query.partition("=")[0] in refused.json["message"]) == (400, True)


def test_searching(farm: Farm) -> None:
    """What was found, with what is around it, and where to go on."""
    client = Client(farm)
    task = task_with(farm, "".join(f"line {number}\n" for number in range(1, 9)) + "Err: \x1b[31mred\n")
    found = client.get(f"/api/x/tasks/{task}/log/search?q=LINE&limit=1&after=7&line=2").json
    assert found == {
        "hits": [
            {"line": 2, "offset": 7, "text": "line 2", "before": ["line 1"], "after": ["line 3", "line 4", "line 5"]}
        ],
        "more": True,
        "next": 14,
        "next_line": 3,
        "size": 70,
        "searched": 7,
    }
    rest = client.get(f"/api/x/tasks/{task}/log/search?q=line&after=14").json
    assert [hit["line"] for hit in rest["hits"]] == [3, 4, 5, 6, 7, 8]
    assert (rest["more"], rest["searched"], "next" in rest) == (False, 56, False)
    pattern = client.get(f"/api/x/tasks/{task}/log/search?regex=true&case=true&q={quote('^line [37]$')}").json
    assert [hit["line"] for hit in pattern["hits"]] == [3, 7]
    assert client.get(f"/api/x/tasks/{task}/log/search?q=line&after={2**40}").json["hits"] == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("", "q"),
        ("q=", "q"),
        (f"q={'x' * 1001}", "1000"),
        ("q=%00", "NUL"),
        ("q=(&regex=true", "regular expression"),
        ("q=x&limit=501", "limit"),
        ("q=x&after=-1", "after"),
        ("q=x&regex=maybe", "regex"),
        (f"q={quote('(x+x+)+y')}&regex=true", "takes too long"),
    ],
)
def test_what_cannot_be_searched_for(farm: Farm, query: str, word: str) -> None:
    """A sentence says what is wrong with it; a pattern that would take for ever is given up after a while."""
    task = task_with(farm, "x" * 5000)
    refused = Client(farm).get(f"/api/x/tasks/{task}/log/search?{query}")
    assert refused.status_code == 400
    assert word in refused.json["message"]


@ON_SQLITE
def test_few_search_at_the_same_time(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may keep a processor busy; the next one is told to come again."""
    monkeypatch.setattr(task_logs, "PATIENCE_S", 0.0)
    task = task_with(farm, "x\n")
    with farm.log_searches, farm.log_searches:
        busy = Client(farm).get(f"/api/x/tasks/{task}/log/search?q=x")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    assert len(Client(farm).get(f"/api/x/tasks/{task}/log/search?q=x").json["hits"]) == 1


@ON_SQLITE
def test_programs_read_the_logs_of_their_own_jobs(make_farm: Callable[..., Farm]) -> None:
    """As by the other ways to them."""
    farm = make_farm(**access("login"))
    for user in ("anna", "bert"):
        add_user(farm, user, Role.ARTIST)
    anna, bert = (with_token(farm, Role.SUBMIT, user=user) for user in ("anna", "bert"))
    job_id = submit(anna)
    task = anna.get(f"/api/v3/jobs/{job_id}/tasks").json["tasks"][0]["id"]
    for path, found in ((f"/api/x/tasks/{task}/log", 204), (f"/api/x/tasks/{task}/log/search?q=x", 200)):
        assert (anna.get(path).status_code, bert.get(path).status_code) == (found, 403)


@ON_SQLITE
def test_the_command(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines as grep prints them, each once; as JSON all that is known; however many requests that takes."""
    task = task_with(farm, "".join(f"line {number}\n" for number in range(1, 1001)))
    with serving(farm) as url:

        def run(*more: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, ["log", task, "--manager", url, *more])
            assert done.exit_code == code, done.output
            return done.stdout if not code else done.stderr

        assert run("--search", "LINE 10") == "10:line 10\n" + "".join(f"{n}:line {n}\n" for n in range(100, 110)) + (
            "1000:line 1000\n"
        )
        assert run("--search", "line [36]$", "--regex", "--context", "1").splitlines() == [
            *("2-line 2", "3:line 3", "4-line 4", "5-line 5", "6:line 6", "7-line 7"),
        ]
        assert run("--search", "line [39]$", "--regex", "--context", "1").splitlines() == [
            *("2-line 2", "3:line 3", "4-line 4", "--", "8-line 8", "9:line 9", "10-line 10"),
        ]
        assert len(run("--search", "line").splitlines()) == 1000
        hits = json.loads(run("--search", "line 7", "--json"))
        assert [hit["line"] for hit in hits] == [7, *range(70, 80), *range(700, 800)]
        assert "is not in the log" in run("--search", "Line", "--case", code=1)
        assert "no regular expression" in run("--search", "(", "--regex", code=1)
        assert "--follow" in run("--search", "x", "--follow", code=2)
        assert "--search" in run("--regex", code=2)
        assert "one character" in run("--search", "", code=2)


@ON_SQLITE
def test_a_log_that_grows_meanwhile(farm: Farm) -> None:
    """What is read and searched is the log as it was at that moment; nothing is cut within a line that was whole."""
    task = task_with(farm, "begin\n")
    job_id = Client(farm).get(f"/api/v3/tasks/{task}").json["job_id"]
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            farm.logs.append(job_id, task, "a line of some letters\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        client, at = Client(farm), 0
        for _ in range(50):
            part = client.get(f"/api/x/tasks/{task}/log?offset={at}&limit=500")
            size, offset, at = where(part)
            assert (offset + len(part.content), part.content[-1:] in (b"", b"\n"), at <= size) == (at, True, True)
            found = client.get(f"/api/x/tasks/{task}/log/search?q=letters&limit=5").json
            assert [hit["text"] for hit in found["hits"]] == ["a line of some letters"] * len(found["hits"])
    finally:
        ended.set()
        writer.join()


@ON_SQLITE
def test_lines_and_bytes(farm: Farm) -> None:
    """Each line is found by its number, and each byte has a line; what is behind the end is the last one."""
    client = Client(farm)
    text = "".join(f"line {number} {'é' * (number % 50)}\n" for number in range(1, 12_001))
    task = task_with(farm, text)
    path = f"/api/x/tasks/{task}/log/place"
    assert len(text.encode()) > 2 * 256 * 1024
    for number in (1, 2, 5000, 11_999, 12_000):
        offset = len("".join(text.splitlines(keepends=True)[: number - 1]).encode())
        assert client.get(f"{path}?line={number}").json == {"line": number, "offset": offset}
        assert client.get(f"{path}?offset={offset}").json == {"line": number, "offset": offset}
        assert client.get(f"{path}?offset={offset + 3}").json["line"] == number
    last = client.get(f"{path}?line=12000").json
    assert client.get(f"{path}?line=12001").json == client.get(f"{path}?line={2**53}").json == last
    assert client.get(f"{path}?offset={2**53}").json["line"] == 12_000
    for query in ("", "?line=1&offset=1", "?line=0", "?offset=-1"):
        assert client.get(f"{path}{query}").status_code == 400
    assert client.get(f"/api/x/tasks/{NOBODY}/log/place?line=1").status_code == 404


@ON_SQLITE
def test_lines_of_a_log_without_an_end(farm: Farm) -> None:
    """Of one that is empty, has no newline yet, or is too long for the time that there is."""
    client = Client(farm)
    (empty,) = job_tasks(farm, store_job(farm, authored_job(authored_task("frame"))).id)
    assert client.get(f"/api/x/tasks/{empty}/log/place?line=7").json == {"line": 1, "offset": 0}
    assert client.get(f"/api/x/tasks/{empty}/log/place?offset=7").json == {"line": 1, "offset": 0}
    with tempfile.TemporaryFile() as log:
        log.write(b"one\ntwo")
        log.flush()
        assert (log_lines.place_of(log.fileno(), 2).offset, log_lines.place_of(log.fileno(), 9).offset) == (4, 4)
        assert log_lines.line_at(log.fileno(), 6).line == 2
        with pytest.raises(Refused, match="too long to count"):
            log_lines.place_of(log.fileno(), 2, longest_s=0)
        with pytest.raises(Refused, match="too long to count"):
            log_lines.line_at(log.fileno(), 6, longest_s=0)


@ON_SQLITE
def test_a_line_on_the_command_line(farm: Farm) -> None:
    """A log is printed from a line on."""
    task = task_with(farm, "one\ntwo\nthree\n")
    with serving(farm) as url:

        def run(*words: str) -> Result:
            return CliRunner().invoke(main, ["log", task, *words, "--manager", url])

        assert run("--line", "2").stdout == "two\nthree\n"
        assert run("--line", "9").stdout == "three\n"
        assert run("--line", "2", "--tail").exit_code == run("--line", "2", "--search", "x").exit_code == 2
