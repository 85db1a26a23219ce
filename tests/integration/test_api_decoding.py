"""Bodies into Structs: what gets in, and what is said about what does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from flamenco.api.decoding import MAX_DEPTH, decode
from flamenco.api.errors import BadRequest
from flamenco.protocol import v1
from flamenco.protocol.v3 import worker as v3

JOB = b'{"name": "n", "type": "t", '


def decoded(raw: bytes, kind: type[Struct]) -> Any:
    """What becomes of a body."""
    return decode(raw, msgspec.json.Decoder(kind))


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        (
            v1.WorkerSignOn,
            b'{"nickname": "n", "supported_task_types": 3, "software_version": "1"}',
            "supported_task_types: expected a list, got a number",
        ),
        (
            v1.WorkerSignOn,
            b'{"nickname": "n", "supported_task_types": ["a", null], "software_version": "1"}',
            "supported_task_types[1]: expected a text, got null",
        ),
        (v1.WorkerSignOn, b'{"supported_task_types": []}', "nickname: is missing"),
        (
            v1.WorkerStateChanged,
            b'{"status": "busy"}',
            "status: 'busy' is not one of starting, awake, asleep, error, shutdown, testing, offline",
        ),
        (
            v1.TaskUpdate,
            b'{"taskStatus": "running"}',
            (
                "taskStatus: 'running' is not one of "
                "active, canceled, completed, failed, queued, soft-failed, cancel-requested, paused"
            ),
        ),
        (
            v1.TaskUpdate,
            b'{"taskStatus": "over - at `$.once`"}',
            (
                "taskStatus: 'over - at `$.once`' is not one of "
                "active, canceled, completed, failed, queued, soft-failed, cancel-requested, paused"
            ),
        ),
        (v1.TaskUpdate, b'{"taskStatus": null}', "taskStatus: expected a text, got null"),
        (v1.SubmittedJob, JOB + b'"priority": "9"}', "priority: expected a whole number, got a text"),
        (v1.SubmittedJob, JOB + b'"priority": 1.5}', "priority: expected a whole number, got a number with a fraction"),
        (v1.SubmittedJob, JOB + b'"priority": 2147483648}', "priority: expected a whole number <= 2147483647"),
        (v1.SubmittedJob, JOB + b'"priority": 4e9}', "priority: expected a whole number <= 2147483647"),
        (v1.SubmittedJob, JOB + b'"priority": 1e999}', "priority: number out of range"),
        (v1.SubmittedJob, JOB + b'"metadata": {"a": 1}}', "metadata: expected a text, got a number"),
        (v1.SubmittedJob, JOB + b'"settings": []}', "settings: expected an object, got a list"),
        (
            v1.SubmittedJob,
            JOB + b'"settings": {"a": ["\\u0000"]}}',
            "settings.a[0]: has a NUL character, which cannot be stored",
        ),
        (
            v1.SubmittedJob,
            JOB + b'"settings": {"\\u0000": 1}}',
            "settings: a name in it has a NUL character, which cannot be stored",
        ),
        (v1.SubmittedJob, JOB + b'"settings": {"a": 9223372036854775808}}', "settings.a: is too large a number"),
        (v1.SubmittedJob, b'["job"]', "the body: expected an object, got a list"),
        (v1.SubmittedJob, b'{"name": "n"', "the body is not JSON: it ends in the middle, or has half of a character"),
        (v1.SubmittedJob, b'{"name": tru}', "the body is not JSON: invalid character (byte 13)"),
        (v1.SubmittedJob, b'{"a": "\xff"}', "the body is not UTF-8: byte 7 makes no sense"),
        (v3.WorkerSignOn, b'{"name": "n", "can_restart": 1}', "can_restart: expected true or false, got a number"),
        (v3.TaskUpdate, b'{"steps_completed": -1}', "steps_completed: expected a whole number >= 0"),
    ],
)
def test_what_is_wrong_is_said(kind: type[Struct], raw: bytes, message: str) -> None:
    """The message names the field, what was expected and what was there."""
    with pytest.raises(BadRequest) as caught:
        decoded(raw, kind)
    assert str(caught.value) == message
    assert caught.value.status == 400


class Numbers(Struct):
    """A list of whole numbers."""

    keys: list[int]


def test_whole_numbers_in_lists_may_be_written_with_a_point() -> None:
    """What holds for a number holds for each in a list; one with a fraction is refused there too."""
    assert decoded(b'{"keys": [1, 2.0, 3e1]}', Numbers).keys == [1, 2, 30]
    with pytest.raises(BadRequest, match=r"keys\[1\]: expected a whole number"):
        decoded(b'{"keys": [1, 2.5]}', Numbers)


@pytest.mark.parametrize("number", [b"50", b"50.0", b"5e1", b"500e-1"])
def test_whole_numbers(number: bytes) -> None:
    """A whole number is one however it is written."""
    job = decoded(JOB + b'"priority": ' + number + b"}", v1.SubmittedJob)
    assert job.priority == 50
    assert type(job.priority) is int


def test_unknown_fields_are_ignored() -> None:
    """A client of a later version may say more than we know."""
    assert decoded(b'{"status": "awake", "mood": {"good": [1, null]}}', v1.WorkerStateChanged).status == "awake"


def test_logs_are_taken_as_they_are() -> None:
    """What a program printed may have any character in it."""
    assert decoded(b'{"log": "a\\u0000b"}', v1.TaskUpdate).log == "a\0b"


@pytest.mark.parametrize(("depth", "fits"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False), (100_000, False)])
def test_nesting(depth: int, fits: bool) -> None:
    """Settings may be nested, but not without end."""
    raw = JOB + b'"settings": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
    if fits:
        assert decoded(raw, v1.SubmittedJob).name == "n"
    else:
        with pytest.raises(BadRequest, match="nested too deeply"):
            decoded(raw, v1.SubmittedJob)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["name", "type", "priority", "settings", "metadata"]), json_values))
def test_any_object_is_a_job_or_refused(content: dict[str, Any]) -> None:
    """Whatever an object says, it is taken or refused with a reason, and what is taken can be encoded again."""
    try:
        job = decoded(msgspec.json.encode(content), v1.SubmittedJob)
    except BadRequest as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert "\0" not in msgspec.json.encode(job).decode()
        assert msgspec.json.decode(msgspec.json.encode(job), type=v1.SubmittedJob) == job


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_taken(raw: bytes) -> None:
    """No bytes lead to anything but a Struct or a `BadRequest`."""
    try:
        assert isinstance(decoded(raw, v1.TaskUpdate), v1.TaskUpdate)
    except BadRequest as error:
        assert str(error)  # noqa: PT017
