"""What people download: what jobs leave behind, and Blender's add-on. Files are sent whole or in parts, and once.

falcon's own static route is not for this: it would show everything in a folder, answers a range of an image that was
replaced meanwhile as if it were of the old one, and relies on the server to cut off what a log grew by. Reading
`Range`, `If-None-Match` and the like is falcon's all the same; what is decided here is what they mean for such files.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO, Final

import falcon

from flamenco.api.pages import is_for_people, send_nothing_here
from flamenco.api.resource import Resource
from flamenco.config.manager_settings import ADDON_NAME
from flamenco.domain import job_files
from flamenco.domain.access import Access
from flamenco.domain.errors import NotFound
from flamenco.farm import trash
from flamenco.farm.authorization import require
from flamenco.files.public import PublicFile, open_file, open_public

_NANOSECONDS = 1_000_000_000


def send_file(req: falcon.Request, resp: falcon.Response, found: PublicFile, content_type: str) -> None:
    """Send an open file, or the part of it that is asked for; it is closed once it is sent."""
    try:
        _describe(resp, found, content_type)
        if _is_known(req, found):
            resp.status = falcon.HTTP_304
        elif req.method == "HEAD":
            resp.content_length = found.size
        else:
            _send(req, resp, found)
    finally:
        if resp.stream is None:
            found.stream.close()


def _describe(resp: falcon.Response, found: PublicFile, content_type: str) -> None:
    resp.content_type = content_type
    resp.etag = found.etag
    resp.last_modified = _modified(found)
    resp.accept_ranges = "bytes"
    # Logs grow and images are replaced, so whoever keeps one asks whether it is still the same.
    resp.cache_control = ["no-cache"]
    resp.set_header("X-Content-Type-Options", "nosniff")


def _modified(found: PublicFile) -> datetime:
    """To the second, as in HTTP."""
    return datetime.fromtimestamp(found.modified // _NANOSECONDS, UTC)


def _is_known(req: falcon.Request, found: PublicFile) -> bool:
    """Whether the client has this version already."""
    if req.if_none_match is not None:
        return any(each in ("*", found.etag) for each in req.if_none_match)
    try:
        since = req.if_modified_since
    except falcon.HTTPInvalidHeader:
        return False
    return since is not None and _modified(found) <= since


def _send(req: falcon.Request, resp: falcon.Response, found: PublicFile) -> None:
    start, end = 0, found.size
    if (wanted := _wanted(req, found)) is not None:
        first, last = wanted
        start = max(0, found.size + first) if first < 0 else first
        end = found.size if last < 0 else min(found.size, last + 1)
        if start >= found.size:
            raise falcon.HTTPRangeNotSatisfiable(found.size)
        resp.status = falcon.HTTP_206
        resp.content_range = (start, end - 1, found.size)
    found.stream.seek(start)
    resp.set_stream(_Part(found.stream, end - start), end - start)


def _wanted(req: falcon.Request, found: PublicFile) -> tuple[int, int] | None:
    """First and last byte of the range that is asked for, negative where it counts from the end, or None for all.

    Ranges that make no sense, or are several, may be ignored, and so must those of another version.
    """
    if req.get_header("If-Range", default=f'"{found.etag}"') != f'"{found.etag}"':
        return None
    try:
        return req.range if req.range_unit == "bytes" else None
    except falcon.HTTPInvalidHeader:
        return None


class _Part:
    """So many bytes of a stream, from where it is, and not what came after them meanwhile."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int | None = None, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        block = self._stream.read(wanted)
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Close the stream; the server calls this, also when the client went away."""
        self._stream.close()


JOB_FILES_PATH: Final = f"{job_files.URL_PREFIX}/{{folder}}/{{job}}/{{name}}"


class JobFiles(Resource):
    """`/job-files/{folder}/{job}/{name}`: a task log or an image, as local storage has it.

    What is no file that people may see is not found.
    """

    access = Access.JOB

    def on_get(self, req: falcon.Request, resp: falcon.Response, folder: str, job: str, name: str) -> None:
        """Send the file, or the part of it that is asked for."""
        if job_files.is_task_log(name):
            require(self.farm, req.context.caller, Access.LOG, job_id=job)
        if trash.hides(self.farm, job):
            raise NotFound("There is no such file.")
        found = open_public(self.farm.config.local_storage_path, folder, job, name)
        send_file(req, resp, found, falcon.MEDIA_TEXT if job_files.is_task_log(name) else falcon.MEDIA_JPEG)


ADDON_PATHS: Final = (f"/{ADDON_NAME}", "/flamenco-addon.zip")
"""Where it always was, and where Flamenco's own page has its link."""

WHERE_FROM: Final = "https://flamenco.blender.org/download/"

_NONE: Final = (
    f"Nobody has put Blender's add-on here yet. It comes with Flamenco, from {WHERE_FROM}; whoever looks after this "
    f"manager can save it as {ADDON_NAME} in its data directory, or name it in the setting addon_file."
)


class Addon(Resource):
    """`/flamenco3-addon.zip`: Blender's add-on, as the studio put it beside the manager, for artists to install."""

    access = Access.PREPARE

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send it. Where there is none, say what to do about it; to programs, by raising `NotFound`."""
        try:
            found = open_file(self.farm.config.addon_path)
        except NotFound as error:
            if not is_for_people(req):
                raise NotFound(_NONE) from error
            send_nothing_here(req, resp, _NONE, WHERE_FROM)
            return
        resp.downloadable_as = ADDON_NAME
        send_file(req, resp, found, "application/zip")
