"""Which topics a pattern stands for."""

from __future__ import annotations

import pytest

from flamenco.domain.events import matches

TOPICS = {"/jobs", "/jobs/1", "/jobs/1/x", "/workers"}


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        ("*", TOPICS),
        ("/*", TOPICS),
        ("/jobs", {"/jobs"}),
        ("/jobs/", set()),
        ("/jobs/*", {"/jobs/1", "/jobs/1/x"}),
        ("/jobs/1", {"/jobs/1"}),
        ("/jobs/1/*", {"/jobs/1/x"}),
        ("/jobs/*/x", {"/jobs/1/x"}),
        ("/j*", {"/jobs"}),
        ("/workers/*", set()),
        ("/JOBS", set()),
        ("", set()),
    ],
)
def test_a_pattern(pattern: str, fitting: set[str]) -> None:
    """It is a topic, or all below one, or everything; a star inside of it stops at slashes."""
    assert {topic for topic in TOPICS if matches(topic, [pattern])} == fitting


def test_several_patterns() -> None:
    """One that fits is enough; where there is none, nothing is wanted."""
    assert matches("/jobs/1", ["/workers", "/jobs/*"])
    assert not matches("/status", ["/workers", "/jobs/*"])
    assert not matches("/status", [])


@pytest.mark.parametrize(("pattern", "fits"), [("*", False), ("/*", False), ("/tasklog/1", True), ("/tasklog/*", True)])
def test_task_logs_have_to_be_asked_for(pattern: str, fits: bool) -> None:
    """There are far more of them than of all others, and few want them."""
    assert matches("/tasklog/1", [pattern]) == fits
    assert matches("/status", [pattern, "*"])


@pytest.mark.parametrize(("pattern", "fits"), [("*", False), ("/*", False), ("/jobs", False), ("/audit", True)])
def test_the_audit_has_to_be_asked_for(pattern: str, fits: bool) -> None:
    """It is not for everybody who sees the rest."""
    assert matches("/audit", [pattern]) == fits
