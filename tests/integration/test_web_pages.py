"""Pages of plugins as the manager sends them: their modules alone, as they are now, under addresses that stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from falcon import testing

from flamenco import ConfigError, WebPage, hookimpl
from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from flamenco.hooks.manager import Hooks
from flamenco.web.assets import Assets

MODULE = "export default () => null;\n"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Pages come out of no database, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


def plugin(folder: Path, *pages: WebPage, files: Mapping[str, str] | None = None) -> ModuleType:
    """A plugin in that folder, with these pages, and files beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (files or {"page.js": MODULE}).items():
        (folder / name).write_text(text)
    made = ModuleType("made")
    made.__file__ = str(folder / "made.py")
    vars(made)["web_pages"] = hookimpl(lambda: pages)
    return made


def page(path: str = "it", module: str | Path = "page.js", title: str = "It") -> WebPage:
    """A page."""
    return WebPage(path=path, title=title, module=module)


def test_the_surface(farm: Farm) -> None:
    """It leads to the modules that the page itself runs, and is asked for anew each time."""
    client = testing.TestClient(create_app(farm))
    answer = client.simulate_get("/web/ui.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    found = re.fullmatch(r'export \* from "\./(.+)";\n', answer.text)
    assert found is not None
    assert found[1] == f"{Assets().version}/app/ui.js"
    assert client.simulate_get(f"/web/{found[1]}").status_code == 200
    again = client.simulate_get("/web/ui.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.simulate_head("/web/ui.js").status_code == 200


def test_a_module_is_sent_as_it_is_now(farm: Farm, tmp_path: Path) -> None:
    """And nothing else that lies beside it; where it is gone, that is no mistake of the manager."""
    files = {"page.js": MODULE, "other.js": "1", "made.py": "secret = 1", "page.json": "{}"}
    farm.hooks.register(plugin(tmp_path / "p", page(), files=files), "shots", "folder")
    client = testing.TestClient(create_app(farm))
    (listed,) = client.simulate_get("/api/x/pages").json["pages"]
    assert listed == {
        "plugin": "shots",
        "path": "it",
        "title": "It",
        "icon": "plug",
        "module": "web/plugins/shots/page.js",
        "listed": True,
    }
    at = f"/{listed['module']}"
    sent = client.simulate_get(at)
    assert (sent.text, sent.headers["x-content-type-options"]) == (MODULE, "nosniff")
    assert client.simulate_get(at, headers={"If-None-Match": sent.headers["etag"]}).status_code == 304
    (tmp_path / "p" / "page.js").write_text("// another\n")
    assert client.simulate_get(at, headers={"If-None-Match": sent.headers["etag"]}).text == "// another\n"
    for name in ("other.js", "made.py", "page.json", "..%2fp%2fother.js", "page.js%00", ""):
        assert client.simulate_get(f"/web/plugins/shots/{name}").status_code in (400, 404), name
    assert client.simulate_get("/web/plugins/other/page.js").status_code == 404
    (tmp_path / "p" / "page.js").unlink()
    assert client.simulate_get(at).status_code == 404


def test_a_page_that_two_share(farm: Farm, tmp_path: Path) -> None:
    """Both have it, and one of them is in the navigation."""
    farm.hooks.register(plugin(tmp_path / "p", page()), "one", "folder")
    farm.hooks.register(plugin(tmp_path / "p" / "two", page(module="../page.js")), "two", "folder")
    client = testing.TestClient(create_app(farm))
    pages = client.simulate_get("/api/x/pages").json["pages"]
    assert [(each["plugin"], each["listed"]) for each in pages] == [("one", True), ("two", False)]
    assert {client.simulate_get(f"/{each['module']}").text for each in pages} == {MODULE}


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ((page(module="gone.js"),), "there is no file .*gone.js"),
        ((page(), page()), "another page named 'it' already"),
        ((page(path="a/b"),), "path is 'a/b'"),
        ((page(path="../x"),), "path is"),
        ((page(path=""),), "path is ''"),
        ((page(module="page.py"),), "module is 'page.py'"),
        ((page(module=7),), "module is 7"),  # type: ignore[arg-type]
        ((page(title=""),), "title is ''"),
    ],
)
def test_what_cannot_be_a_page_stops_the_start(
    tmp_path: Path, pages: tuple[WebPage, ...], says: str, make_farm: Callable[..., Farm]
) -> None:
    """The message names the plugin, and what is wrong."""
    hooks = Hooks({})
    hooks.register(plugin(tmp_path / "p", *pages), "shots", "folder")
    with pytest.raises(ConfigError, match=rf"'shots'.*{says}"):
        hooks.web_pages()


def test_something_else_is_no_page() -> None:
    """As of every hook."""
    hooks = Hooks({})
    hooks.register(SimpleNamespace(web_pages=hookimpl(lambda: ["page.js"])), "shots", "folder")
    with pytest.raises(ConfigError, match="expected a WebPage"):
        hooks.web_pages()
