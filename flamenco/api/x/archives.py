"""Archives: which there are, and having a job back from one. Making one is an action on jobs."""

from __future__ import annotations

from typing import Final

import falcon
from msgspec import UNSET
from msgspec.structs import asdict

from flamenco.api.conditional import UNCHANGED
from flamenco.api.downloads import send_file
from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.archives import Archived
from flamenco.farm import archives
from flamenco.protocol.x import archives as schemas

_ZIP: Final = "application/zip"


class Archives(Resource):
    """`/archives`: all of them."""

    @Operation(
        id="listArchives",
        summary="The archives of jobs that this manager has, the newest first; at most a thousand.",
        tag="jobs",
        access=Access.MANAGE,
        returns={200: Answer("What they say of themselves.", schemas.Archives)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send(resp, schemas.Archives([_shown(each) for each in archives.listed(self.farm)]))


class File(Resource):
    """`/archives/{file}`: one of them, to be kept elsewhere, or on another farm."""

    @Operation(
        id="downloadArchive",
        summary="An archive as a file, whole or the `Range` of it that is asked for.",
        tag="jobs",
        access=Access.MANAGE,
        path=schemas.ArchivePath,
        returns={
            200: Answer("The file.", media=_ZIP),
            206: Answer("The part that was asked for.", media=_ZIP),
            304: UNCHANGED,
            404: Answer("There is no such file."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        """Send it."""
        found = archives.opened(self.farm, file)
        resp.downloadable_as = file
        send_file(req, resp, found, _ZIP)


class Unpack(Resource):
    """`/archives/unpack`: a job is to come back."""

    @Operation(
        id="unpackArchive",
        summary="Have the job of an archive back, as it was; the archive stays.",
        tag="jobs",
        access=Access.MANAGE,
        body=schemas.ArchiveToUnpack,
        returns={
            200: Answer("The job is there.", schemas.UnpackedJob),
            400: Answer("The file is no archive, or is damaged."),
            404: Answer("There is no such file."),
            409: Answer("The job is there, or in the trash."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.ArchiveToUnpack) -> None:
        """Read it, and store what is in it."""
        with unhurried(req):
            job = archives.bring_back(self.farm, body.file)
        send(resp, schemas.UnpackedJob(id=job.id, name=job.name, status=job.status))


def _shown(found: Archived) -> schemas.Archive:
    said = asdict(found.summary)
    del said["format"]
    said |= {name: said[name] or UNSET for name in ("user", "project")}
    return schemas.Archive(file=found.file, size=found.size, **said)
