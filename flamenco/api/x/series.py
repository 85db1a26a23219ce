"""What the farm has done, by steps of time."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource
from flamenco.domain.access import Access
from flamenco.farm import roll_ups
from flamenco.protocol.x import series as schemas


class Series(Resource):
    """`/series`."""

    @Operation(
        id="getSeries",
        summary="How busy the farm was, and what it has done, by five minutes or days.",
        tag="overview",
        access=Access.LOOK,
        query=schemas.SeriesQuery,
        returns={200: Answer("Every step of that time.", schemas.Series), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: schemas.SeriesQuery) -> None:
        """Give it."""
        since, until = (None if moment is UNSET else moment for moment in (query.since, query.until))
        by = None if query.by is UNSET else query.by
        found = roll_ups.series(self.farm, query.step, since, until, by)
        groups = [_group(name, points) for name, points in found.groups.items()] if by else UNSET
        told = schemas.Series(
            step_s=found.span.step.seconds,
            since=found.span.since,
            until=found.span.until,
            points=[_point(each) for each in found.points],
            groups=groups,
        )
        send_unless_known(req, resp, told)


def _point(point: roll_ups.Point) -> schemas.Point:
    return schemas.Point(
        at=point.at,
        busy_workers=round(point.busy_workers, 3),
        workers=UNSET if point.workers is None else round(point.workers, 3),
        completed=point.completed,
        failed=point.failed,
        seconds=round(point.seconds, 3),
    )


def _group(name: str, points: list[roll_ups.Point]) -> schemas.Group:
    return schemas.Group(
        name=name,
        seconds=round(sum(point.seconds for point in points), 3),
        completed=sum(point.completed for point in points),
        failed=sum(point.failed for point in points),
        busy_workers=[round(point.busy_workers, 3) for point in points],
    )
