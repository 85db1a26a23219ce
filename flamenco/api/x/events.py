"""What happens: the events themselves, the event sinks, and the events that those could not deliver."""

from __future__ import annotations

from typing import Final

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.events import AUDIT, TASK_LOGS
from flamenco.farm import following, sinks
from flamenco.farm.authorization import may
from flamenco.protocol.x import events as schemas
from flamenco.web.assets import PAGE_VERSION, page_version

MOST_SHOWN: Final = 100
"""So many dead letters of each sink are shown."""

_NOT_THERE = Answer("There is no such sink, or it does not have all of these dead letters; nothing was done.")
_REMOVED = Answer("The sink is not configured any more, so nobody would deliver them.")


class Events(Resource):
    """`/events`: what happens, for programs that follow it."""

    @Operation(
        id="getEvents",
        summary="The next events, page by page, as soon as there are any.",
        tag="events",
        access=Access.LOOK,
        query=schemas.EventsQuery,
        returns={200: Answer("The events after the one that was named.", schemas.Events)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: schemas.EventsQuery) -> None:
        """Read on from the cursor, and wait where there is nothing yet."""
        after = None if query.after is UNSET else query.after
        page = following.follow(self.farm, after, query.topics, query.limit, query.wait, query.lag)
        needs = {TASK_LOGS: Access.LOG, AUDIT: Access.AUDIT}
        hidden = tuple(topic for topic, access in needs.items() if not may(self.farm, req.context.caller, access))
        found = [
            schemas.Event(id=event.id, created=event.created, topic=event.topic, payload=event.payload)
            for event in page.events
            if not event.topic.startswith(hidden)
        ]
        retry_after = UNSET if page.retry_after_s is None else page.retry_after_s
        # By this, a web page that is open for long learns that there is a newer one.
        resp.set_header(PAGE_VERSION, page_version())
        send(
            resp,
            schemas.Events(events=found, next=page.next, missed=page.missed, more=page.more, retry_after=retry_after),
        )


class Sinks(Resource):
    """`/sinks`: whether events get where they should."""

    @Operation(
        id="getSinks",
        summary="How the event sinks are doing.",
        tag="events",
        access=Access.LOOK,
        returns={200: Answer("Every sink.", schemas.Sinks)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the sinks."""
        states = [
            schemas.SinkState(
                name=state.name,
                waiting=state.waiting,
                dead=state.dead,
                failures=state.failures,
                error=state.error or UNSET,
                retry_at=state.retry_at or UNSET,
            )
            for state in sinks.states(self.farm)
        ]
        send(resp, schemas.Sinks(sinks=states))


class DeadLetters(Resource):
    """`/dead-letters`: events that were given up."""

    @Operation(
        id="getDeadLetters",
        summary="The events that sinks could not deliver, and why.",
        tag="events",
        access=Access.MANAGE,
        returns={200: Answer("The newest of each sink.", schemas.DeadLetters)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the dead letters."""
        letters = [
            schemas.DeadLetter(
                key=letter.key,
                sink=letter.sink,
                event_id=letter.event.id,
                topic=letter.event.topic,
                created=letter.event.created,
                died=letter.died,
                attempts=letter.attempts,
                error=letter.error,
                retry=letter.retry,
                payload=letter.event.payload,
            )
            for letter in sinks.dead_letters(self.farm, MOST_SHOWN)
        ]
        send(resp, schemas.DeadLetters(dead_letters=letters))


class Retry(Resource):
    """`/dead-letters/retry`: whatever was in the way is mended."""

    @Operation(
        id="retryDeadLetters",
        summary="Deliver dead letters of a sink after all. Each is tried once more, after the events that wait.",
        tag="events",
        access=Access.MANAGE,
        body=schemas.DeadLetterChoice,
        returns={
            200: Answer("They will be delivered soon.", schemas.DeadLettersChosen),
            404: _NOT_THERE,
            409: _REMOVED,
        },
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.DeadLetterChoice) -> None:
        """Mark them."""
        send(resp, schemas.DeadLettersChosen(count=sinks.retry(self.farm, body.sink, body.keys or None)))


class Discard(Resource):
    """`/dead-letters/discard`: nobody misses them."""

    @Operation(
        id="discardDeadLetters",
        summary="Forget dead letters of a sink.",
        tag="events",
        access=Access.MANAGE,
        body=schemas.DeadLetterChoice,
        returns={200: Answer("They are gone.", schemas.DeadLettersChosen), 404: _NOT_THERE},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.DeadLetterChoice) -> None:
        """Delete them."""
        send(resp, schemas.DeadLettersChosen(count=sinks.discard(self.farm, body.sink, body.keys or None)))
