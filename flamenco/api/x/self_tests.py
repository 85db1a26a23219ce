"""Self-tests of workers: people ask for them and look at them, workers do them."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.self_tests.facts import Facts, Order
from flamenco.domain.self_tests.judging import Report
from flamenco.farm import self_tests
from flamenco.farm.self_tests import State
from flamenco.protocol.x import self_tests as schemas

_NO_WORKER = Answer("There is no such worker.")


class OfWorker(Resource):
    """`/workers/{worker_id}/self-test`: what a worker found when it last tested itself."""

    @Operation(
        id="getSelfTest",
        summary="What a worker found when it last tested itself, and what it is kept from.",
        tag="workers",
        access=Access.LOOK,
        returns={200: Answer("What is known.", schemas.SelfTest), 404: _NO_WORKER},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Show the last one."""
        send(resp, _told(self_tests.state(self.farm, worker_id)))

    @Operation(
        id="askSelfTest",
        summary="Ask a worker to test itself; the answer of `getSelfTest` has another time when it has.",
        tag="workers",
        access=Access.MANAGE,
        body=schemas.AskSelfTest,
        returns={
            200: Answer("It is asked.", schemas.SelfTest),
            404: _NO_WORKER,
            409: Answer("It cannot do that."),
        },
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, worker_id: str, body: schemas.AskSelfTest) -> None:
        """Ask."""
        self_tests.ask(self.farm, worker_id, lazy=body.lazy)
        send(resp, _told(self_tests.state(self.farm, worker_id)))


class Begin(Resource):
    """`/worker/self-test`: a worker is about to test itself."""

    @Operation(
        id="beginSelfTest",
        summary="A worker that can test itself asks what to try out.",
        tag="worker",
        access=Access.WORK,
        body=schemas.BeginSelfTest,
        returns={200: Answer("What to try out.", Order), 204: Answer("There is no need to.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.BeginSelfTest) -> None:
        """Say what to try out."""
        order = self_tests.begin(self.farm, req.context.worker, body.why)
        if order is None:
            resp.status = falcon.HTTP_204
        else:
            send(resp, order)


class End(Resource):
    """`/worker/self-test/{order_id}`: a worker has tested itself."""

    @Operation(
        id="reportSelfTest",
        summary="A worker tells what it saw when it tested itself.",
        tag="worker",
        access=Access.WORK,
        body=Facts,
        returns={
            200: Answer("What follows from that; it counts at once.", schemas.SelfTestReport),
            409: Answer("That self-test is over, or was begun anew."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, order_id: str, body: Facts) -> None:
        """Judge it."""
        send(resp, _report(self_tests.report(self.farm, req.context.worker, order_id, body)))


def _told(state: State) -> schemas.SelfTest:
    return schemas.SelfTest(
        worker_id=state.worker.id,
        name=state.worker.name,
        can_test_itself=state.can_test_itself,
        is_asked=state.is_asked,
        last=_report(state.last) if state.last else UNSET,
    )


def _report(report: Report) -> schemas.SelfTestReport:
    return schemas.SelfTestReport(
        why=report.why,
        tested=report.tested,
        passed=report.is_passed,
        findings=[
            schemas.SelfTestFinding(subject=each.subject, grade=each.grade, text=each.text, help=each.help)
            for each in report.findings
        ],
        kept_away=[schemas.KeptAway(command=command, reason=reason) for command, reason in sorted(report.kept.items())],
    )
