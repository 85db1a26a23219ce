"""Routes of plugins, through the whole application: what reaches them, what becomes of their answers and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from structlog.testing import capture_logs

from flamenco import ApiRequest, ApiResponse, FarmReader, Refused, Route, hookimpl
from flamenco.api.app import create_app
from flamenco.domain import errors
from flamenco.domain.statuses import JobStatus
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job

Respond = Callable[[ApiRequest, FarmReader], ApiResponse]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to routes, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


class Plugin:
    """A plugin with the routes that the test wants."""

    def __init__(self, *routes: Route) -> None:
        self.routes = routes

    @hookimpl
    def api_routes(self) -> tuple[Route, ...]:
        """Give the routes."""
        return self.routes


def app_with(farm: Farm, *routes: Route, plugin: str = "shots") -> testing.TestClient:
    """The application of a farm whose plugin has these routes."""
    farm.hooks.register(Plugin(*routes), plugin, "folder")
    return testing.TestClient(create_app(farm))


def route(respond: Respond, path: str = "it", **fields: Any) -> Route:
    """A route that is answered so."""
    return Route(path=path, respond=respond, summary="For the test.", **fields)


def answering(farm: Farm, answer: Any) -> testing.TestClient:
    """An application in which `/api/x/shots/it` is answered with that."""
    return app_with(farm, route(lambda _request, _farm: answer))


def raising(farm: Farm, error: BaseException) -> testing.TestClient:
    """An application in which `/api/x/shots/it` raises that."""

    def respond(_request: ApiRequest, _farm: FarmReader) -> ApiResponse:
        raise error

    return app_with(farm, route(respond))


def echo(request: ApiRequest, _farm: FarmReader) -> ApiResponse:
    """Tell what was asked, and how long the body was."""
    told = {"method": request.method, "path": request.path, "query": request.query, "values": request.path_values}
    return ApiResponse(body={**told, "body": request.body.decode("latin-1")[:20], "length": len(request.body)})


# -- what reaches a plugin --------------------------------------------------------------------------------------


def test_a_plugin_gets_plain_values(farm: Farm) -> None:
    """Parts of the path, query and body reach the plugin; of a parameter that is there twice the last one counts."""
    methods = ("GET", "POST", "PUT", "DELETE")
    client = app_with(farm, route(echo, "shows/{show}/{resp}", methods=methods))
    for method in methods:
        result = client.simulate_request(
            method, "/api/x/shots/shows/b%C3%A4r/2", query_string="a=1&b=x%26y&a=2&c=", body="hello"
        )
        assert result.status_code == 200
        assert result.json == {
            "method": method,
            "path": "/api/x/shots/shows/bär/2",
            "query": {"a": "2", "b": "x&y", "c": ""},
            "values": {"show": "bär", "resp": "2"},
            "body": "hello",
            "length": 5,
        }


def test_a_body_may_be_anything(farm: Farm) -> None:
    """Bodies need be no JSON, nor say what they are, and a request may have none."""
    client = app_with(farm, route(echo, methods=("POST",)))
    assert client.simulate_post("/api/x/shots/it").json["length"] == 0
    sent = client.simulate_post("/api/x/shots/it", body=b"\x00\xff", headers={"Content-Type": "image/png"})
    assert sent.json["body"] == "\x00\xff"


def test_bodies_have_the_limit_that_all_have(make_farm: Callable[..., Farm]) -> None:
    """What is larger than the setting allows never reaches the plugin."""
    client = app_with(make_farm(max_body_mb=1), route(echo, methods=("POST",)))
    limit = 1024 * 1024
    assert client.simulate_post("/api/x/shots/it", body=b"x" * limit).json["length"] == limit
    result = client.simulate_post("/api/x/shots/it", body=b"x" * (limit + 1))
    assert (result.status_code, result.json["code"]) == (413, 413)
    assert str(limit) in result.json["message"]


def test_methods_are_those_of_the_route(farm: Farm) -> None:
    """What answers GET answers HEAD, without the body; other methods are refused, saying which there are."""
    client = app_with(farm, route(echo), route(echo, "post", methods=("POST",)))
    get, head = client.simulate_get("/api/x/shots/it"), client.simulate_head("/api/x/shots/it")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert client.simulate_head("/api/x/shots/post").status_code == 405
    refused = client.simulate_put("/api/x/shots/it")
    assert (refused.status_code, refused.json["code"]) == (405, 405)
    assert "GET" in refused.headers["allow"]


def test_a_plugin_sees_the_farm(farm: Farm, clock: Clock) -> None:
    """The reader that a plugin gets tells of the farm as it is when it is asked."""

    def respond(_request: ApiRequest, reader: FarmReader) -> ApiResponse:
        return ApiResponse(body=[reader.now, reader.statistics().jobs[JobStatus.QUEUED], len(reader.limits())])

    client = app_with(farm, route(respond))
    assert client.simulate_get("/api/x/shots/it").json[1:] == [0, 0]
    store_job(farm, authored_job(authored_task()))
    clock.forward(60)
    assert client.simulate_get("/api/x/shots/it").json == [clock().isoformat().replace("+00:00", "Z"), 1, 0]


def test_requests_to_plugins_are_measured(farm: Farm) -> None:
    """They are counted by plugin and path as the plugin wrote it, mistakes included."""
    client = app_with(farm, route(echo, "shows/{show}"), route(lambda *_: ApiResponse(body=1 / 0), "/broken"))
    for path in ("/api/x/shots/shows/a", "/api/x/shots/shows/b", "/broken"):
        client.simulate_get(path)
    counted = {times.operation: sum(times.counts) for times in farm.request_times.so_far()}
    assert counted == {"shots:shows/{show}": 2, "shots:/broken": 1}


# -- what becomes of its answers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "content", "content_type"),
    [
        (ApiResponse(body="grün"), "grün".encode(), "text/plain; charset=utf-8"),
        (ApiResponse(body="<p>", content_type="text/html"), b"<p>", "text/html"),
        (ApiResponse(body=b"\x00\xff"), b"\x00\xff", "application/octet-stream"),
        (ApiResponse(body=b"\x89PNG", content_type="image/png", status=203), b"\x89PNG", "image/png"),
        (ApiResponse(body=""), b"", None),
        (ApiResponse(body=b"", content_type="application/json"), b"", None),
        (ApiResponse(body={"a": 1}, status=204), b"", None),
        (ApiResponse(body=[]), b"[]\n", "application/json"),
        (
            ApiResponse(body={"a": (1, None)}, content_type="application/x+json"),
            b'{"a":[1,null]}\n',
            "application/x+json",
        ),
        (ApiResponse(body=False, status=404), b"false\n", "application/json"),
    ],
    ids=str,
)
def test_answers(farm: Farm, answer: ApiResponse, content: bytes, content_type: str | None) -> None:
    """Text and bytes are sent as they are, everything else as JSON; the plugin's own content type wins.

    What has no body has no content type either, whatever the plugin says.
    """
    result = answering(farm, answer).simulate_get("/api/x/shots/it")
    assert (result.status_code, result.content) == (answer.status, content)
    assert result.headers.get("content-type") == content_type


@pytest.mark.parametrize("status", [200, 204, 404])
def test_an_answer_may_be_nothing(farm: Farm, status: int) -> None:
    """Without a body nothing is sent but the status."""
    result = answering(farm, ApiResponse(status=status, content_type="text/html")).simulate_get("/api/x/shots/it")
    assert (result.status_code, result.content) == (status, b"")
    assert "content-type" not in result.headers


# -- what becomes of its mistakes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("why"), 400),
        (errors.NotFound("why"), 404),
        (errors.Conflict("why"), 409),
        (errors.Busy("why", retry_after=7), 503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_the_farm_have_their_status(farm: Farm, error: Exception, status: int) -> None:
    """A plugin may raise what the farm raises, and it is answered as everywhere."""
    result = raising(farm, error).simulate_get("/api/x/shots/it")
    assert (result.status_code, result.json) == (status, {"code": status, "message": "why"})
    assert result.headers.get("retry-after") == ("7" if status == 503 else None)


@pytest.mark.parametrize(
    "error", [ValueError("secret detail"), SystemExit("secret detail"), RecursionError()], ids=repr
)
def test_a_plugin_that_fails_is_named(farm: Farm, error: BaseException) -> None:
    """Whatever else it raises is a 500 without the detail; the log has plugin, place and error."""
    client = raising(farm, error)
    with capture_logs() as logs:
        result = client.simulate_get("/api/x/shots/it", headers={"X-Request-ID": "my-request"})
    assert (result.status_code, result.json["code"]) == (500, 500)
    assert "'shots'" in result.json["message"]
    assert "my-request" in result.json["message"]
    assert "secret" not in result.text
    (line,) = logs
    assert (line["log_level"], line["plugin"], line["path"]) == ("error", "shots", "/api/x/shots/it")
    assert type(error).__name__ in line["error"]
    assert line["at"].startswith(f"{__file__}, line ")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"status": 200},
        ApiResponse(body=Route),
        ApiResponse(body={"deep": {1j}}),
        ApiResponse(body="\ud800"),
        ApiResponse(status=99),
        ApiResponse(status=600),
        ApiResponse(status="200"),  # type: ignore[arg-type]
        ApiResponse(content_type="text/plain\r\nSet-Cookie: a=b"),
        ApiResponse(content_type=None),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_nonsense_is_a_mistake_of_the_plugin(farm: Farm, answer: Any) -> None:
    """An answer that cannot be sent is a 500 that names the plugin, and nothing of it gets out."""
    client = answering(farm, answer)
    with capture_logs() as logs:
        result = client.simulate_get("/api/x/shots/it")
    assert (result.status_code, result.json["code"]) == (500, 500)
    assert result.headers["content-type"] == "application/json"
    assert "set-cookie" not in result.headers
    assert [line["plugin"] for line in logs] == ["shots"]


# -- which paths there may be -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/metrics", "/shots/{shot}.{ending}", "/", "/apiary", "/api/x/shots/deep/{er}", "/a-b_c~d"]
)
def test_a_path_of_its_own(farm: Farm, path: str) -> None:
    """A path that begins with a slash is taken as it is."""
    client = app_with(farm, route(echo, path))
    asked = path.replace("{shot}", "s").replace("{ending}", "e").replace("{er}", "er")
    assert client.simulate_get(asked).json["path"] == asked
    assert client.simulate_get("/api/version").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/version",
        "/api/shots",
        "/api/v3/openapi3.json",
        "/api/x/shots",
        "/api/x/other/it",
        "/api/jobs/{job}",
        "/{any}",
        "/a{pi}/version",
    ],
)
def test_the_paths_of_the_manager_are_its_own(farm: Farm, path: str) -> None:
    """Nothing below /api can be had, nor anything that could stand for it, but what is the plugin's."""
    with pytest.raises(errors.ConfigError, match=r"plugin 'shots' \(.*\.py\): the route .* paths of the manager"):
        app_with(farm, route(echo, path))


@pytest.mark.parametrize(
    "path", ["", "a b", "a//b", "a/", "../x", "/a/../api/version", "{a", "a}", "{a:int}", "{1}", "a?b=c", "a#b", "bär"]
)
def test_what_is_no_path(farm: Farm, path: str) -> None:
    """A path that no request could have, or that means something else, stops the start."""
    with pytest.raises(errors.ConfigError, match=r"plugin 'shots' .*(is no path|a text that is not empty)"):
        app_with(farm, route(echo, path))


def test_a_variable_twice(farm: Farm) -> None:
    """What the router has to say about a path is told of the plugin."""
    with pytest.raises(errors.ConfigError, match=r"plugin 'shots' .* cannot be used"):
        app_with(farm, route(echo, "{a}/{a}"))


@pytest.mark.parametrize("methods", [(), ("PATCH",), ("GET", "get"), "GET"])
def test_methods_that_there_are_not(farm: Farm, methods: Any) -> None:
    """A route without a method, or with one that is not known, stops the start."""
    with pytest.raises(errors.ConfigError, match=r"plugin 'shots' .* methods"):
        app_with(farm, route(echo, methods=methods))


@pytest.mark.parametrize(("one", "other"), [("it", "it"), ("it", "/api/x/shots/it"), ("{a}/b", "{c}/b"), ("/m", "/m")])
def test_a_path_is_had_once(farm: Farm, one: str, other: str) -> None:
    """Of two routes with one path, whatever their variables are called, the second stops the start."""
    with pytest.raises(errors.ConfigError, match="is taken already, by the plugin 'shots'"):
        app_with(farm, route(echo, one), route(echo, other, methods=("POST",)))


def test_two_plugins_want_a_path(farm: Farm) -> None:
    """The plugin that comes later is told who has the path."""
    app_with(farm, route(echo, "/metrics"))
    with pytest.raises(errors.ConfigError, match=r"plugin 'more' .* is taken already, by the plugin 'shots'"):
        app_with(farm, route(echo, "/metrics"), plugin="more")


def test_a_plugin_with_the_name_of_a_path(farm: Farm) -> None:
    """A plugin whose name is a path of the manager's own additions replaces nothing there."""
    with pytest.raises(errors.ConfigError, match="is taken already, by the manager itself"):
        app_with(farm, route(echo, "problems"), plugin="jobtypes")
