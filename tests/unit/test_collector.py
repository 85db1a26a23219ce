"""The garbage collector stands still while it is asked to, and works again afterwards whatever happened."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from flamenco.collector import collector_paused


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    """The collector works before and after each of these tests."""
    gc.enable()
    yield
    gc.enable()


def test_it_works_again_after_an_error() -> None:
    """An error on the way changes nothing."""
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_pauses_within_pauses() -> None:
    """The outermost one ends the pause."""
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_not_switched_on_where_it_was_off() -> None:
    """Whoever runs the program without it is left alone."""
    gc.disable()
    with collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_threads_that_pause_at_the_same_time() -> None:
    """Pauses that overlap leave it working, in whichever order they end."""
    first, second = collector_paused(), collector_paused()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.isenabled()
