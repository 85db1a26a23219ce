"""The pages about all settings are those that the declarations make."""

from __future__ import annotations

from pathlib import Path

from flamenco.config.documentation import settings_page
from flamenco.worker import worker_settings as worker_documentation

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    """A setting that is added, changed or removed is in docs/settings.md: `flamenco config docs > docs/settings.md`."""
    assert (DOCS / "settings.md").read_text("utf-8") == settings_page()


def test_the_page_of_the_worker_is_up_to_date() -> None:
    """The same for a worker: `flamenco config docs --worker > docs/worker-settings.md`."""
    assert (DOCS / "worker-settings.md").read_text("utf-8") == worker_documentation.settings_page()
