"""Configuration: what clients need to know, the set-up assistant, and changing settings while the manager runs."""

from __future__ import annotations

from typing import Any, Final

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.errors import Refused
from flamenco.farm import blenders, configuration
from flamenco.files import shared_storage
from flamenco.protocol.v3 import configuration as schemas

_LARGEST: Final = 1024 * 1024
"""Most bytes of settings: they are kept in memory by every process, and read anew whenever somebody looks at them."""

_UNREADABLE = Answer("The configuration file cannot be read; the message says why.")
_UNWRITABLE = Answer("The configuration file cannot be written; the message says why.")


class Configuration(Resource):
    """`/configuration`: where files go."""

    @Operation(
        id="getConfiguration",
        summary="Where the files of jobs go, and whether the manager has been set up.",
        tag="meta",
        access=Access.PREPARE,
        returns={200: Answer("What a client needs to know first.", schemas.ManagerConfiguration), 500: _UNREADABLE},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Read the file and say where files go."""
        state = configuration.state(self.farm)
        send(resp, schemas.ManagerConfiguration(state.storage, state.shaman_enabled, state.is_first_run))


class CheckSharedStorage(Resource):
    """`/configuration/check/shared-storage`: whether a folder will do."""

    @Operation(
        id="checkSharedStoragePath",
        summary="Whether a folder can be the shared storage.",
        tag="meta",
        access=Access.ADMINISTER,
        body=schemas.PathCheckInput,
        optional_body=True,
        returns={200: Answer("Whether it can, and why (not).", schemas.PathCheckResult)},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.PathCheckInput | None) -> None:
        """Try the folder out."""
        found = shared_storage.check(body.path if body else "")
        send(resp, schemas.PathCheckResult(found.path, found.is_usable, found.cause))


class CheckBlender(Resource):
    """`/configuration/check/blender`: where Blender is."""

    @Operation(
        id="findBlenderExePath",
        summary="Where Blender is, on the manager's machine.",
        tag="meta",
        access=Access.ADMINISTER,
        returns={
            200: Answer("Every Blender that was found.", list[schemas.BlenderPathCheckResult]),
            500: Answer("There is one that cannot be run."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Look for Blender."""
        with unhurried(req):
            found = blenders.find()
        send(resp, [_blender(each) for each in found])

    @Operation(
        id="checkBlenderExePath",
        summary="Whether a command or path is a Blender that runs on the manager's machine.",
        tag="meta",
        access=Access.ADMINISTER,
        body=schemas.PathCheckInput,
        optional_body=True,
        returns={200: Answer("Whether it is, and why (not).", schemas.BlenderPathCheckResult)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.PathCheckInput | None) -> None:
        """Try it out."""
        with unhurried(req):
            found = blenders.check(body.path if body else "", self.farm.config.blender_folders)
        send(resp, _blender(found))


def _blender(found: blenders.BlenderCheck) -> schemas.BlenderPathCheckResult:
    source = schemas.BlenderPathSource(found.source)
    return schemas.BlenderPathCheckResult(found.input, found.path, source, found.is_usable, found.cause)


class SetupAssistant(Resource):
    """`/configuration/setup-assistant`: the first settings."""

    @Operation(
        id="saveSetupAssistantConfig",
        summary="Take over what the set-up assistant was told, and start anew with it.",
        tag="meta",
        access=Access.ADMINISTER,
        body=schemas.SetupAssistantConfig,
        optional_body=True,
        returns={
            204: Answer("The manager starts anew."),
            400: Answer("Something is missing; the message says what."),
            500: _UNWRITABLE,
        },
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.SetupAssistantConfig | None) -> None:
        """Write the settings down."""
        if body is None:
            raise Refused("configuration is incomplete: there is none")
        given = body.blender_executable
        chosen = blenders.BlenderCheck(given.input, given.path, given.source.value, given.is_usable, given.cause)
        configuration.set_up(self.farm, body.storage_location, chosen)
        resp.status = falcon.HTTP_204


class ConfigurationFile(Resource):
    """`/configuration/file`: all settings."""

    @Operation(
        id="getConfigurationFile",
        summary="Every setting that Flamenco's own page knows, by the keys of flamenco-manager.yaml.",
        tag="meta",
        access=Access.ADMINISTER,
        returns={200: Answer("The settings.", dict[str, Any]), 500: _UNREADABLE},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send the settings."""
        send(resp, configuration.everything(self.farm))

    @Operation(
        id="updateConfigurationFile",
        summary="Change settings in flamenco-manager.yaml; those that are missing, or as they were sent, stay.",
        tag="meta",
        access=Access.ADMINISTER,
        body=dict[str, Any],
        body_limit=_LARGEST,
        returns={
            204: Answer("The file is written, and the manager reads it anew."),
            400: Answer("A setting is wrong; the message says which. The file is as it was."),
            500: _UNWRITABLE,
        },
    )
    def on_put(self, _req: falcon.Request, resp: falcon.Response, body: dict[str, Any]) -> None:
        """Check the settings and write them down."""
        configuration.change(self.farm, body)
        resp.status = falcon.HTTP_204


class Variables(Resource):
    """`/configuration/variables/{audience}/{platform}`: what `{name}` stands for."""

    @Operation(
        id="getVariables",
        summary="What the variables stand for, for workers or users on a platform.",
        tag="meta",
        access=Access.PREPARE,
        path=schemas.AudiencePath,
        returns={200: Answer("The variables by name.", dict[str, schemas.ManagerVariable])},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, audience: str, platform: str) -> None:
        """Look the variables up."""
        found = configuration.meanings(self.farm, audience, platform)
        send(resp, {name: schemas.ManagerVariable(name, each.value, each.is_twoway) for name, each in found.items()})


class SharedStorage(Resource):
    """`/configuration/shared-storage/{audience}/{platform}`: where files go, as others see it."""

    @Operation(
        id="getSharedStorage",
        summary="Where the files of jobs are, as workers or users on a platform see it.",
        tag="meta",
        access=Access.PREPARE,
        path=schemas.AudiencePath,
        returns={200: Answer("The place.", schemas.SharedStorageLocation)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, audience: str, platform: str) -> None:
        """Translate the place."""
        answer = {
            "location": configuration.shared_storage(self.farm, audience, platform),
            "audience": audience,
            "platform": platform,
            "shamanEnabled": self.farm.shaman is not None,
        }
        # Not as the Struct: an audience that nobody knows is sent back as it came.
        send(resp, answer)
