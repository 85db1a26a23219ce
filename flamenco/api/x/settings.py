"""The settings, one by one; the plugins; what the manager is made of."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.config.changing import VARIABLE
from flamenco.config.declared import to_plain
from flamenco.domain.access import Access
from flamenco.farm import about, settings
from flamenco.hooks.discovery import Plugin
from flamenco.hooks.setting_fields import field_of
from flamenco.protocol.x import settings as schemas

_LARGEST = 1024 * 1024


class Settings(Resource):
    """`/settings`: every setting of the manager and of enabled plugins."""

    @Operation(
        id="getSettings",
        summary="Every setting, all that a field for it needs, and where its value comes from.",
        tag="settings",
        access=Access.ADMINISTER,
        returns={200: Answer("The settings; the file is read anew.", schemas.Settings)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        found = settings.listed(self.farm)
        send(
            resp,
            schemas.Settings(
                file=str(self.farm.config_file),
                problem=found.problem or UNSET,
                settings=[_setting(each) for each in found.settings],
            ),
        )

    @Operation(
        id="changeSettings",
        summary="Change some settings in the configuration file; the manager then reads it anew.",
        tag="settings",
        access=Access.ADMINISTER,
        body=schemas.ChangedSettings,
        body_limit=_LARGEST,
        returns={
            204: Answer("The file is written, and the manager reads it anew."),
            400: Answer("A setting is wrong, or not changed here; the message says which. The file is as it was."),
            500: Answer("The configuration file cannot be read or written; the message says why."),
        },
    )
    def on_patch(self, _req: falcon.Request, resp: falcon.Response, body: schemas.ChangedSettings) -> None:
        """Check them and write them down."""
        settings.change(self.farm, body.values)
        resp.status = falcon.HTTP_204


def _setting(state: settings.State) -> schemas.SettingState:
    declared = state.setting
    is_variable = state.key.startswith(VARIABLE)
    field = field_of(declared)
    default = declared.default.get(state.key.removeprefix(VARIABLE)) if is_variable else declared.default
    return schemas.SettingState(
        key=state.key,
        topic=settings.topic_of(state.key),
        kind="variable" if is_variable else field.kind,
        choices=field.choices or UNSET,
        minimum=UNSET if field.minimum is None else field.minimum,
        maximum=UNSET if field.maximum is None else field.maximum,
        help=declared.help,
        default="" if declared.secret else to_plain(default),
        value=state.value,
        source=state.source,
        in_file=state.in_file,
        fixed=state.fixed or UNSET,
        secret=declared.secret,
        waits_for_start=state.waits_for_start,
    )


class Plugins(Resource):
    """`/plugins`: what there is, and what is used."""

    @Operation(
        id="getPlugins",
        summary="The plugins that are there, whether they are used, and what is wrong with some.",
        tag="settings",
        access=Access.ADMINISTER,
        returns={200: Answer("The core's own first, then in the order they are asked.", schemas.Plugins)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send(resp, schemas.Plugins(plugins=[_plugin(each) for each in self.farm.hooks.plugins()]))


def _plugin(plugin: Plugin) -> schemas.PluginState:
    return schemas.PluginState(
        name=plugin.name,
        origin=plugin.origin,
        version=plugin.version,
        enabled=plugin.enabled,
        summary=plugin.summary,
        hooks=plugin.hooks,
        file=plugin.file,
        problem=plugin.problem or UNSET,
    )


class About(Resource):
    """`/about`: what to say of a manager when one asks for help."""

    @Operation(
        id="getAbout",
        summary="What the manager is made of, what it runs on, and how much it has to do.",
        tag="settings",
        access=Access.ADMINISTER,
        returns={200: Answer("No secrets are in it.", schemas.About)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say it."""
        send(resp, schemas.About(**about.facts(self.farm)))
