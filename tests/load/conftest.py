"""What measures time, or goes on for long: each test has the machine to itself."""

from __future__ import annotations

from tests.machine import on_its_own

__all__ = ["on_its_own"]
