"""Job types as today's clients get them."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from flamenco.api.v3 import job_conversion
from flamenco.domain.model import JobType, JobTypeSetting


@pytest.mark.parametrize("said", [{}, {"required": True, "editable": True}, {"required": False, "editable": False}])
def test_what_a_setting_does_not_say_is_left_out(said: dict[str, bool]) -> None:
    """The add-on takes a setting for editable unless it says that it is not, and shows others as text alone."""
    setting = replace(JobTypeSetting(key="frames", type="string"), **said)
    known = job_conversion.job_type(JobType(name="n", label="L", etag="e", settings=(setting,)))
    shown = msgspec.json.decode(msgspec.json.encode(known))
    assert shown["settings"] == [{"key": "frames", "type": "string", **said}]
