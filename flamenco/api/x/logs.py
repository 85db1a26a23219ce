"""Logs of tasks as a page reads them: some lines at a time, from anywhere, and what is found in them."""

from __future__ import annotations

import falcon
import msgspec
from msgspec import UNSET

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.errors import Busy, Refused
from flamenco.farm import task_logs
from flamenco.files.log_scan import Wanted
from flamenco.files.log_search import LONGEST_S
from flamenco.protocol.x import logs as schemas

SIZE_HEADER = "Flamenco-Log-Size"
OFFSET_HEADER = "Flamenco-Log-Offset"
NEXT_HEADER = "Flamenco-Log-Next"

_NO_TASK = Answer("There is no such task.")


class Log(Resource):
    """`/tasks/{task_id}/log`: a part of a task's log."""

    @Operation(
        id="getTaskLog",
        summary="Some lines of a task's log, by their place in bytes.",
        tag="tasks",
        access=Access.LOG,
        query=schemas.LogPart,
        returns={
            200: Answer(
                f"The lines, as they are in the log; {SIZE_HEADER}, {OFFSET_HEADER} and {NEXT_HEADER} say how many "
                "bytes it has, with which of them the part begins, and with which the next. A last line that ends "
                "with a carriage return is not finished, and will be replaced.",
                str,
                media="text/plain",
            ),
            204: Answer("Nothing is there, or not yet; the same headers say where the log ends."),
            404: _NO_TASK,
        },
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str, query: schemas.LogPart) -> None:
        """Send the lines."""
        part = task_logs.part(self.farm, task_id, query.offset, query.limit)
        if part.data:
            resp.content_type = falcon.MEDIA_TEXT
            resp.data = part.data
        else:
            resp.status = falcon.HTTP_204
        resp.cache_control = ["no-cache"]
        resp.set_headers(
            {
                SIZE_HEADER: str(part.size),
                OFFSET_HEADER: str(part.offset),
                NEXT_HEADER: str(part.end),
                "X-Content-Type-Options": "nosniff",
            }
        )


class Search(Resource):
    """`/tasks/{task_id}/log/search`: lines of a task's log in which something is."""

    @Operation(
        id="searchTaskLog",
        summary="Look for a text, or a regular expression, in a task's log.",
        tag="tasks",
        access=Access.LOG,
        query=schemas.LogSearch,
        statuses={Busy: 429},
        returns={
            200: Answer(f"What was found, in {LONGEST_S:g} seconds at most, and where to go on.", schemas.LogHits),
            400: Answer("The pattern is wrong, or takes too long."),
            404: _NO_TASK,
            429: Answer("Others search; `Retry-After` says how long to wait."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str, query: schemas.LogSearch) -> None:
        """Search it."""
        wanted = Wanted(
            text=query.q,
            is_pattern=query.regex,
            minds_case=query.case,
            after=query.after,
            line=0 if query.line is UNSET else query.line,
            most=query.limit,
            seconds=LONGEST_S,
        )
        with unhurried(req):
            found = task_logs.search(self.farm, task_id, wanted)
        more = found.next < found.size
        answer = schemas.LogHits(
            hits=[msgspec.convert(hit._asdict(), schemas.LogHit) for hit in found.hits],
            more=more,
            next=found.next if more else UNSET,
            next_line=found.line if more else UNSET,
            size=found.size,
            searched=max(0, found.next - query.after),
        )
        send(resp, answer)


class Place(Resource):
    """`/tasks/{task_id}/log/place`: which line is where."""

    @Operation(
        id="getTaskLogPlace",
        summary="Where in a task's log a line begins, or which line has a byte.",
        tag="tasks",
        access=Access.LOG,
        query=schemas.LinePlaceQuery,
        statuses={Busy: 429},
        returns={
            200: Answer("That, or the last line where there are fewer.", schemas.LinePlace),
            400: Answer("It was not said which, or the log is too long to count its lines."),
            404: _NO_TASK,
            429: Answer("Others search; `Retry-After` says how long to wait."),
        },
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str, query: schemas.LinePlaceQuery) -> None:
        """Count."""
        if query.line is not UNSET and query.offset is UNSET:
            found = task_logs.place_of(self.farm, task_id, query.line)
        elif query.offset is not UNSET and query.line is UNSET:
            found = task_logs.line_at(self.farm, task_id, query.offset)
        else:
            raise Refused("Say `line` or `offset`, one of both.")
        send(resp, schemas.LinePlace(line=found.line, offset=found.offset))
