"""Shaman: clients hand in the files of a job, those that are missing, and get a folder that has them all."""

from __future__ import annotations

import email.errors
from collections.abc import Sequence
from email.header import decode_header, make_header
from typing import IO, Final

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.errors import Conflict, FarmError, NotFound, Refused
from flamenco.domain.shaman import Content, NamedFile
from flamenco.farm import shaman
from flamenco.files.shaman.store import Upload
from flamenco.protocol.v3 import shaman as schemas

_STATUS_OF: Final = {Upload.STORED: 200, Upload.ALREADY_STORED: 208, Upload.DEFERRED: 425}

_SWITCHED_OFF: Final[dict[type[FarmError], int]] = {NotFound: 503}
_INACTIVE: Final = {503: Answer("Shaman is switched off.")}


class Requirements(Resource):
    """`/shaman/checkout/requirements`: a client asks what it has to send."""

    @Operation(
        id="shamanCheckoutRequirements",
        summary="Which of these files have to be sent before there can be a checkout of them.",
        tag="shaman",
        access=Access.SUBMIT,
        body=schemas.ShamanRequirementsRequest,
        statuses=_SWITCHED_OFF,
        returns={
            200: Answer("The files to send; none when all are there.", schemas.ShamanRequirementsResponse),
            400: Answer("There could be no checkout of them, even if all are sent."),
        }
        | _INACTIVE,
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.ShamanRequirementsRequest) -> None:
        """List what is missing."""
        missing = [
            schemas.ShamanFileSpecWithStatus(
                sha=each.file.content.sha,
                size=each.file.content.size,
                path=each.file.path,
                status=schemas.ShamanFileStatus(each.status),
            )
            for each in shaman.missing(self.farm, _named(body.files))
        ]
        send(resp, schemas.ShamanRequirementsResponse(missing))


class Checkout(Resource):
    """`/shaman/checkout/create`: a client wants the folder of its job."""

    @Operation(
        id="shamanCheckout",
        summary="Make the folder of a job, of files that are stored.",
        tag="shaman",
        access=Access.SUBMIT,
        body=schemas.ShamanCheckout,
        statuses={Conflict: 424} | _SWITCHED_OFF,
        returns={
            200: Answer("The folder is there, and complete.", schemas.ShamanCheckoutResult),
            400: Answer("Files cannot lie where they are to lie."),
            424: Answer("Files have not been sent; ask for the requirements again."),
            500: Answer("The folder cannot be made; the message says why."),
        }
        | _INACTIVE,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.ShamanCheckout) -> None:
        """Make the folder."""
        used = shaman.checkout(self.farm, body.checkout_path, _named(body.files), req.context.caller)
        send(resp, schemas.ShamanCheckoutResult(used))


class File(Resource):
    """`/shaman/files/{checksum}/{filesize}`: one file by its content."""

    @Operation(
        id="shamanFileStoreCheck",
        summary="Whether a file is stored, or being sent by somebody.",
        tag="shaman",
        access=Access.SUBMIT,
        path=schemas.FileInPath,
        statuses=_SWITCHED_OFF,
        returns={200: Answer("What is known of the file.", schemas.ShamanSingleFileStatus)} | _INACTIVE,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, checksum: str, filesize: int) -> None:
        """Say what is known of it."""
        status = shaman.status(self.farm, Content(checksum, filesize))
        send(resp, schemas.ShamanSingleFileStatus(schemas.ShamanFileStatus(status)))

    @Operation(
        id="shamanFileStore",
        summary="Store a file, of which the body is the content.",
        tag="shaman",
        access=Access.SUBMIT,
        path=schemas.FileInPath,
        headers=schemas.UploadHeaders,
        stream=("application/octet-stream",),
        optional_body=True,  # that of an empty file is none
        statuses={Conflict: 417} | _SWITCHED_OFF,
        returns={
            200: Answer("The file is stored."),
            208: Answer("The file is stored, and was before all of it was read."),
            417: Answer("What came is not what the path says."),
            425: Answer("Somebody else is sending the same file; send others first.", is_empty=True),
        }
        | _INACTIVE,
    )
    def on_post(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        checksum: str,
        filesize: int,
        headers: schemas.UploadHeaders,
        stream: IO[bytes],
    ) -> None:
        """Store it."""
        name = original_name(headers.original_name)
        with unhurried(req):
            outcome = shaman.upload(
                self.farm,
                Content(checksum, filesize),
                stream,
                req.content_length,
                can_defer=headers.can_defer,
                original_name=name,
            )
        resp.status = _STATUS_OF[outcome]


def original_name(header: str) -> str:
    """What is written in the header, decoded. Raises `Refused` when it cannot be."""
    try:
        return str(make_header(decode_header(header)))
    except (email.errors.HeaderParseError, LookupError, ValueError) as error:
        raise Refused(f"X-Shaman-Original-Filename: {header[:100]!r} cannot be decoded") from error


def _named(files: Sequence[schemas.ShamanFileSpec]) -> list[NamedFile]:
    return [NamedFile(Content(file.sha, file.size), file.path) for file in files]
