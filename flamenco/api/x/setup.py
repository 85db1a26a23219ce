"""Setting a farm up: what the assistant asks, and what it has done."""

from __future__ import annotations

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.submissions import submitted
from flamenco.discovery.networks import interfaces
from flamenco.discovery.own_urls import of_this_machine_alone, own_urls
from flamenco.domain.access import Access
from flamenco.farm import setting_up
from flamenco.protocol.x import setup as schemas


class SetUp(Resource):
    """`/setup`: the first steps of a farm."""

    @Operation(
        id="getSetUp",
        summary="How far the farm is set up, and where workers find the manager.",
        tag="settings",
        access=Access.ADMINISTER,
        returns={200: Answer("The state, as the manager runs.", schemas.SetUpState)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell it."""
        state, config = setting_up.state(self.farm), self.farm.config
        port = config.port or int(req.env["SERVER_PORT"])
        certified = self.farm.certified_names if config.tls_files else None
        urls = list(own_urls(config.host, port, interfaces(), certified))
        known = schemas.SetUpState(
            is_first_run=state.is_first_run,
            storage=state.storage,
            platform=state.platform,
            addresses=[config.public_url, *urls] if config.public_url else urls,
            is_alone=not config.public_url and all(map(of_this_machine_alone, urls)),
            file=str(self.farm.config_file),
        )
        send(resp, known)

    @Operation(
        id="setUp",
        summary="Take over where files go and what renders, once it was tried, and start anew with it.",
        tag="settings",
        access=Access.ADMINISTER,
        body=schemas.SetUp,
        returns={
            204: Answer("It is written into the configuration file, which the manager reads anew."),
            400: Answer("Something of it cannot be used; the message says what. The file is as it was."),
            500: Answer("The configuration file cannot be read or written; the message says why."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SetUp) -> None:
        """Try it, and write it down."""
        with unhurried(req):
            setting_up.set_up(
                self.farm, body.storage, body.blender, {str(name): path for name, path in body.elsewhere.items()}
            )
        resp.status = falcon.HTTP_204


class Trial(Resource):
    """`/setup/trial-render`: whether the farm renders."""

    @Operation(
        id="submitTrialRender",
        summary="Put a small scene into the shared storage, and have one frame of it rendered.",
        tag="settings",
        access=Access.ADMINISTER,
        returns={200: Answer("The job.", schemas.TrialRender)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Submit the job."""
        job = submitted(self.farm, req, resp, setting_up.trial_render(self.farm), strict=True)
        folder = self.farm.config.shared_path / setting_up.TEST_FOLDER
        send(resp, schemas.TrialRender(id=job.id, name=job.name, folder=str(folder)))
