"""What the web server relies on in gunicorn without being promised it: an upgrade that changes any of it fails here."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import gunicorn  # type: ignore[import-untyped]
import pytest
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.http.parser import Parser  # type: ignore[import-untyped]
from gunicorn.http.unreader import Unreader  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker  # type: ignore[import-untyped]
from packaging.requirements import Requirement

from flamenco import config
from flamenco.server import gunicorn as ours
from flamenco.server.gunicorn import Server
from flamenco.server.processes import Manager
from flamenco.server.reception import Received

METHODS = {
    TConn: {
        "__init__": "(self, cfg, sock, client, server)",
        "init": "(self)",
        "close": "(self, graceful=False)",
    },
    Unreader: {"unread": "(self, data)", "take_buffered": "(self)"},
    PollableMethodQueue: {"init": "(self)", "defer": "(self, callback, *args)", "close": "(self)"},
    ThreadWorker: {
        "__init__": "(self, *args, **kwargs)",
        "init_signals": "(self)",
        "accept": "(self, listener)",
        "handle_exit": "(self, sig, frame)",
        "init_process": "(self)",
        "handle": "(self, conn)",
        "notify": "(self)",
        "murder_pending": "(self)",
        "handle_error": "(self, req, client, addr, exc)",
    },
    Logger: {"setup": "(self, cfg)", "exception": "(self, msg, *args, **kwargs)"},
    Arbiter: {
        "__init__": "(self, app)",
        "run": "(self)",
        "stop": "(self, graceful=True)",
        "reload": "(self)",
        "manage_workers": "(self)",
    },
    BaseApplication: {
        "__init__": "(self, usage=None, prog=None)",
        "run": "(self)",
        "load_config": "(self)",
        "load": "(self)",
        "reload": "(self)",
    },
    Settings: {"set": "(self, name, value)"},
}
"""All that is called or overridden, with what it takes."""

ATTRIBUTES = {
    TConn: {"client", "data_ready", "parser", "sock", "timeout"},
    Parser: {"unreader"},
    PollableMethodQueue: set(),
    ThreadWorker: {
        *(
            "age",
            "alive",
            "app",
            "booted",
            "cfg",
            "method_queue",
            "nr_conns",
            "pid",
            "poller",
        ),
    },
    Logger: {"error_log"},
    Arbiter: {"WORKERS", "app", "worker_age"},
    BaseApplication: {"cfg"},
    Settings: {"graceful_timeout", "settings", "threads"},
}
"""All that is read or written beside."""

OURS = set(dir(Received)) | {"arriving", "loan", "ahead", "is_parting"}
"""What connections have from us."""

KINDS = {"_Connection": TConn, "WakeUps": PollableMethodQueue, "Process": ThreadWorker}
KINDS |= {"_Log": Logger, "_Main": Arbiter, "Server": BaseApplication}
"""The classes of `flamenco.server.gunicorn`, and whose children they are."""

VARIABLES = {"conn": TConn, "connection": TConn, "process": ThreadWorker, "each": ThreadWorker}
VARIABLES |= {"unreader": Unreader}
"""What its variables are that hold something of gunicorn's."""


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """The application that gunicorn is given."""
    loaded = config.load(data_dir=tmp_path, environ={})
    return Server(Manager(loaded, lambda: loaded, lambda: None, None), 0)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, methods in METHODS.items() for name in methods],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_methods_take_what_they_are_given(kind: type, name: str) -> None:
    """A method of gunicorn that is called or overridden is there, and takes what it took."""
    found = str(inspect.signature(getattr(kind, name))) if hasattr(kind, name) else "not there any more"
    assert found == METHODS[kind][name], (
        f"gunicorn {gunicorn.__version__}: {kind.__name__}.{name} is {found}, and flamenco/server/gunicorn.py was "
        f"written for {METHODS[kind][name]}"
    )


def test_attributes_are_there(server: Server) -> None:
    """What is read of gunicorn's objects, or set, is something that they have."""
    there = {
        kind: {*dir(kind), *re.findall(r"\bself\.(\w+)", inspect.getsource(kind))} for kind in (*ATTRIBUTES, Worker)
    }
    there[ThreadWorker] |= there[Worker]
    there[Settings] |= set(server.cfg.settings)
    for kind, names in ATTRIBUTES.items():
        assert names <= there[kind], f"gunicorn {gunicorn.__version__}: {kind.__name__} has no {names - there[kind]}"


def test_settings_are_there(server: Server) -> None:
    """gunicorn has every setting that it is given, and takes its value."""
    known = {setting.name for setting in KNOWN_SETTINGS}
    assert set(server._settings()) <= known, f"gunicorn {gunicorn.__version__} has other settings"


def test_nothing_else_is_relied_on() -> None:
    """Every name of gunicorn's that the module uses is in the tables above."""
    classes = [node for node in ast.parse(inspect.getsource(ours)).body if isinstance(node, ast.ClassDef)]
    assert {node.name for node in classes} == set(KINDS)
    known = {kind: {*METHODS.get(kind, ()), *ATTRIBUTES.get(kind, ())} for kind in {*METHODS, *ATTRIBUTES}}
    made_here = {KINDS[node.name]: _made_in(node) - set(dir(KINDS[node.name])) for node in classes}
    for node in classes:
        own = KINDS[node.name]
        for used in (each for each in ast.walk(node) if isinstance(each, ast.Attribute)):
            whose = _kind_of(used.value, own)
            if whose:
                there = known[whose] | made_here.get(whose, set())
                assert used.attr in there, f"say in the tables what {whose.__name__}.{used.attr} is"
        overridden = {each.name for each in node.body if isinstance(each, ast.FunctionDef)} & set(dir(own))
        assert overridden <= known[own]


def _made_in(node: ast.ClassDef) -> set[str]:
    """The names that a class gives to methods and, with their types, to attributes."""
    names = {"manager", "_descriptor", "_last_replaced", *OURS}
    for each in ast.walk(node):
        match each:
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                names.add(name)
    return names


def _kind_of(value: ast.expr, own: type) -> type | None:
    """Whose attribute it is, where that is gunicorn's."""
    whose: type | None = None
    match value:
        case ast.Name(id="self") | ast.Call(func=ast.Name(id="super")):
            whose = own
        case ast.Name(id=name):
            whose = VARIABLES.get(name)
        case ast.Attribute(value=ast.Name(id="self"), attr="cfg"):
            whose = Settings
    return whose


def test_the_pin_is_what_is_tested() -> None:
    """The gunicorn that these tests see is the one that is installed with this program, and no later one is."""
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [Requirement(line) for line in (*declared["dependencies"], *declared["optional-dependencies"]["fast"])]
    pins = [each.specifier for each in needed if each.name == "gunicorn"]
    assert len(pins) == 2
    assert all(gunicorn.__version__ in pin and "28.0" not in pin for pin in pins)
