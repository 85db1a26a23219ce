"""Tests of plugins use what authors of plugins use, in place of the fixtures of the same names for the core's tests."""

from __future__ import annotations

from flamenco.testing import (
    client,
    clock,
    configuration,
    fake_worker,
    farm,
    pass_time,
    pytest_configure,
    submit,
)

__all__ = ["client", "clock", "configuration", "fake_worker", "farm", "pass_time", "pytest_configure", "submit"]
