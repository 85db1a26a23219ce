"""Notes that people leave on jobs and workers."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from flamenco.domain.events import job_event, worker_event
from flamenco.domain.notes import Note
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.store import events, notes
from flamenco.store import jobs as job_store
from flamenco.store import workers as worker_store


def of_job(farm: Farm, job_id: str) -> Note | None:
    """The note on a job. Raises `NotFound`."""
    with farm.store.read() as tx:
        return notes.of_job(tx, job_store.fetch(tx, job_id).key)


def of_worker(farm: Farm, worker_id: str) -> Note | None:
    """The note on a worker. Raises `NotFound`."""
    with farm.store.read() as tx:
        return notes.of_worker(tx, worker_store.fetch(tx, worker_id).key)


def note_job(farm: Farm, job_id: str, text: str, who: str) -> str:
    """Leave a note on a job in place of the one before, or none when empty; gives the text before.

    Raises `NotFound`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        before = notes.of_job(tx, job.key)
        notes.save_on_job(tx, job.key, _note(text, who, now))
        changed = replace(job, updated=now)
        job_store.save(tx, job, changed)
        audit.note(tx, now, "job", job.id, job.name, before={"note": _text(before)}, after={"note": text})
        events.append(tx, [job_event(changed)], now)
    return _text(before)


def note_worker(farm: Farm, worker_id: str, text: str, who: str) -> str:
    """The same on a worker. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        before = notes.of_worker(tx, worker.key)
        notes.save_on_worker(tx, worker.key, _note(text, who, now))
        audit.note(tx, now, "worker", worker.id, worker.name, before={"note": _text(before)}, after={"note": text})
        events.append(tx, [worker_event(worker, now)], now)
    return _text(before)


def _note(text: str, who: str, now: datetime) -> Note | None:
    return Note(text.strip(), who, now) if text.strip() else None


def _text(note: Note | None) -> str:
    return note.text if note else ""
