"""Which commands there are for job types to use."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.hooks.command_docs import documented
from flamenco.protocol.x import commands as schemas


class Commands(Resource):
    """`/commands`: what authors of job types look up, and tools that help them."""

    @Operation(
        id="getCommands",
        summary="The commands that the manager knows, the core's and those of plugins, with their parameters.",
        tag="commands",
        returns={200: Answer("All commands, by name.", schemas.Commands)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Describe them."""
        known = self.farm.command_types
        send(resp, schemas.Commands(commands=[documented(known[name]) for name in sorted(known)]))
