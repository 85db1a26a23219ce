"""Worker tags, as people make and change them."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.errors import BadRequest
from flamenco.api.middleware.parameters import is_uuid
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import worker_management_conversion as conversion
from flamenco.farm import tags
from flamenco.protocol.v3 import worker_management as schemas

_NO_TAG: Final = Answer("There is no such tag.")
_TAKEN: Final = Answer("Another tag has that name, or that id.")


class Tags(Resource):
    """`/worker-mgt/tags`: all tags."""

    @Operation(
        id="fetchWorkerTags",
        summary="All worker tags.",
        tag="worker-mgt",
        returns={200: Answer("The tags, in the order they were made.", schemas.WorkerTagList)},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the tags."""
        send(resp, schemas.WorkerTagList([conversion.tag(tag) for tag in tags.list_all(self.farm)]))

    @Operation(
        id="createWorkerTag",
        summary="Make a tag.",
        tag="worker-mgt",
        body=schemas.WorkerTag,
        returns={200: Answer("The tag.", schemas.WorkerTag), 409: _TAKEN},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.WorkerTag) -> None:
        """Store the tag."""
        # As parameters in paths are: what is stored otherwise could not be found by them.
        tag_id = (body.id or "").lower()
        if tag_id and not is_uuid(tag_id):
            raise BadRequest(f"id: {tag_id[:100]!r} is not a UUID", brief=False)
        send(resp, conversion.tag(tags.create(self.farm, body.name, body.description or "", tag_id)))


class Tag(Resource):
    """`/worker-mgt/tag/{tag_id}`: one tag."""

    @Operation(
        id="fetchWorkerTag",
        summary="One worker tag.",
        tag="worker-mgt",
        returns={200: Answer("The tag.", schemas.WorkerTag), 404: _NO_TAG},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, tag_id: str) -> None:
        """Fetch the tag."""
        send(resp, conversion.tag(tags.fetch(self.farm, tag_id)))

    @Operation(
        id="updateWorkerTag",
        summary="Give a tag another name; and another description, where one is given.",
        tag="worker-mgt",
        body=schemas.WorkerTag,
        returns={204: Answer("The tag is changed."), 404: _NO_TAG, 409: _TAKEN},
    )
    def on_put(self, _req: falcon.Request, resp: falcon.Response, tag_id: str, body: schemas.WorkerTag) -> None:
        """Change the tag."""
        description = body.description if isinstance(body.description, str) else None
        tags.change(self.farm, tag_id, body.name, description)
        resp.status = falcon.HTTP_204

    @Operation(
        id="deleteWorkerTag",
        summary="Forget a tag; its jobs run on all workers from then on.",
        tag="worker-mgt",
        returns={204: Answer("The tag is gone."), 404: _NO_TAG},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, tag_id: str) -> None:
        """Delete the tag."""
        tags.remove(self.farm, tag_id)
        resp.status = falcon.HTTP_204
