"""The page about all settings is the one that the declarations make."""

from __future__ import annotations

from pathlib import Path

from flamenco.config.documentation import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    """A setting that is added, changed or removed is in docs/settings.md: `flamenco config docs > docs/settings.md`."""
    assert PAGE.read_text("utf-8") == settings_page()
