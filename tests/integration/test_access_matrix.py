"""Every operation of every surface and of plugins, for every role and everybody without one, in every mode."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco import ApiResponse, Route, hookimpl
from flamenco.api import downloads
from flamenco.api.operation import access_of, operation_of
from flamenco.api.routes import SURFACES
from flamenco.domain.access import Access, Reach, Role
from flamenco.farm import blenders
from flamenco.farm.context import Farm
from tests.integration.entering import PRIVATE_ADDRESS, PUBLIC_ADDRESS, Client, access, basic, with_token
from tests.integration.farming import SECRET, new_worker
from tests.unit.test_access_rules import COLUMNS, MATRIX


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to who may do what."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


NEEDS = {
    Access.PUBLIC: "getVersion signIn getWaysIn",
    Access.PREPARE: "getConfiguration getVariables getSharedStorage getJobTypes getJobType fetchWorkerTags "
    "fetchWorkerTag getCommands getJobTypeProblems listJobTypes getMe changeMyPassword signOut",
    Access.LOOK: "getFarmStatus fetchWorkers fetchWorker fetchWorkerSleepSchedule fetchGlobalLastRenderedInfo "
    "getOverview getSeries getEvents getSinks getPages listWorkers getWorker "
    "listLimits listFailureRules getSelfTest getWorkerTimes",
    Access.JOB: "fetchJobs fetchJob fetchJobTasks fetchJobBlocklist fetchJobLastRenderedInfo deleteJobWhatWouldItDo "
    "fetchTask explainJob explainJobForWorker getTaskAttempts getTaskCommands getWorkerTasks getJobAttempts "
    "getJobTimes getJobHistory listJobs groupJobs getJob listTasks getTaskStatuses getTaskAt search "
    "listTrash getJobDependencies",
    Access.LOG: "fetchTaskLogTail fetchTaskLogInfo getTaskLog getTaskLogPlace searchTaskLog",
    Access.SUBMIT: "submitJob submitJobCheck compileJob shamanCheckoutRequirements shamanCheckout "
    "shamanFileStoreCheck shamanFileStore",
    Access.STEER: "deleteJob setJobStatus setJobPriority setJobTag removeJobBlocklist setTaskStatus actOnJobs "
    "actOnTasks addJobDependency dropJobDependency satisfyJobDependency runFramesAgain makeApprovalLink",
    Access.MANAGE: "setLimit deleteJobMass deleteWorker requestWorkerStatusChange setWorkerTags createWorkerTag "
    "updateWorkerTag deleteWorkerTag setWorkerSleepSchedule getDeadLetters retryDeadLetters discardDeadLetters "
    "addWorker approveWorker actOnWorkers listArchives downloadArchive unpackArchive getRetention askSelfTest",
    Access.AUDIT: "getAudit",
    Access.ADMINISTER: "checkSharedStoragePath findBlenderExePath checkBlenderExePath saveSetupAssistantConfig "
    "getConfigurationFile updateConfigurationFile getSettings changeSettings getPlugins getAbout getSetUp setUp "
    "submitTrialRender getUsers addUser "
    "changeUser removeUser",
    Access.ACCOUNT: "getTokens addToken revokeToken",
    Access.REGISTER: "registerWorker",
    Access.WORK: "signOn signOff workerState workerStateChanged scheduleTask taskUpdate mayWorkerRun "
    "taskOutputProduced tellCommands beginSelfTest reportSelfTest",
}
"""What the manual says that each operation is about, written out anew: nobody loosens one without changing this."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOBODY_ID = "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"


def operations() -> Iterator[tuple[str, str, str]]:
    """Every operation: its id, its method, and a path of something that is not there."""
    for surface in SURFACES.values():
        for path, resource in surface.routes.items():
            for method in METHODS:
                if declared := operation_of(resource, method):
                    filled = re.sub(r"{\w+_id}", NOBODY_ID, path)
                    filled = filled.replace("{checksum}/{filesize}", f"{'0' * 64}/1").replace("{index}", "1")
                    yield declared.id, method, surface.prefix + re.sub(r"{\w+}", "linux", filled)


OPERATIONS = list(operations())


def test_every_operation_is_about_what_the_manual_says() -> None:
    """None is missing, none is new, none is about something else."""
    said = {name: need for need, names in NEEDS.items() for name in names.split()}
    declared = {}
    for surface in SURFACES.values():
        for resource in surface.routes.values():
            for method in METHODS:
                if found := operation_of(resource, method):
                    declared[found.id] = found.access
    assert declared == said


def test_what_declares_nothing_is_for_administrators() -> None:
    """So does a resource that somebody adds and forgets to say it of; pages and files say it."""
    assert access_of(object(), None) is Access.ADMINISTER
    assert downloads.JobFiles.access is Access.JOB


class Plugin:
    """A plugin with a route for everybody's needs."""

    @hookimpl
    def api_routes(self) -> Iterator[Route]:
        """Give one of each."""
        for need in ("public", "prepare", "look", "manage", "administer"):
            yield Route(path=need, respond=lambda *_: ApiResponse(body=1), summary="", access=need)
        yield Route(path="silent", respond=lambda *_: ApiResponse(body=1), summary="")


PLUGIN = [(need, "GET", f"/api/x/shots/{need}") for need in ("public", "prepare", "look", "manage", "administer")]


def callers(farm: Farm, mode: str) -> Iterator[tuple[Role | None, Client]]:
    """Somebody of each role, and those without credentials, with what the mode makes of them."""
    for role in Role:
        if role is not Role.WORKER:
            yield role, with_token(farm, role, PUBLIC_ADDRESS)
    worker = new_worker(farm)
    yield Role.WORKER, Client(farm, basic(worker.id, SECRET), PUBLIC_ADDRESS)
    of_mode = {"open": (Role.ADMIN, Role.ADMIN), "lan": (Role.ARTIST, None), "login": (None, None)}[mode]
    yield of_mode[0], Client(farm, address=PRIVATE_ADDRESS)
    yield of_mode[1], Client(farm, address=PUBLIC_ADDRESS)


@pytest.mark.parametrize("mode", ["open", "lan", "login"])
def test_the_matrix_holds_for_every_operation(
    make_farm: Callable[..., Farm], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may is let through, to be told that there is no such thing; whoever may not is refused before that."""
    monkeypatch.setattr(blenders, "find", list)
    farm = make_farm(**access(mode, registration="secret"))
    farm.hooks.register(Plugin(), "shots", "folder")
    needs = {name: need for need, names in NEEDS.items() for name in names.split()}
    needs |= {name: Access(name) for name, _, _ in PLUGIN} | {"silent": Access.ADMINISTER}
    wrong = []
    for role, client in callers(farm, mode):
        # A worker says who it is where that is asked for, and is nobody in particular elsewhere.
        others = {"open": Role.ADMIN}.get(mode) if role is Role.WORKER else role
        for name, method, path in [*OPERATIONS, *PLUGIN, ("silent", "GET", "/api/x/shots/silent")]:
            need = needs[name]
            asking = role if need is Access.WORK else others
            allowed = MATRIX[need][COLUMNS.index(asking)] is not Reach.NOTHING
            if need is Access.REGISTER and not client.headers:
                allowed = False  # it is the token that counts there
            if need is Access.REGISTER and role is Role.WORKER:
                allowed = False
            answer = client.ask(method, path)
            refused = answer.status_code in (401, 403) and name != "signIn"
            if refused == allowed:
                wrong.append((mode, role, client.address, method, path, answer.status_code, answer.text))
    assert wrong == []


def test_in_login_mode_three_things_are_open(make_farm: Callable[..., Farm]) -> None:
    """Which version this is, in either API, signing in, and the page that leads there; no document and no file."""
    client = Client(make_farm(**access("login")))
    opened = {name for name, method, path in OPERATIONS if client.ask(method, path).status_code not in (401, 403)}
    # `registerWorker` waits for approval, and `signIn` for a body.
    assert opened == {"getVersion", "signIn", "getWaysIn", "registerWorker"}
    for path in (
        *(surface.document for surface in SURFACES.values()),
        f"/job-files/task-{NOBODY_ID[:4]}/{NOBODY_ID}/last-rendered.jpg",
        f"/job-files/job-{NOBODY_ID[:4]}/{NOBODY_ID}/task-{NOBODY_ID}.txt",
        "/flamenco3-addon.zip",
    ):
        assert client.get(path).status_code == 401, path
    page = client.ask("GET", "/", Accept="text/html")
    assert page.status_code == 200
