"""The settings of the manager itself; `flamenco.config.manager_settings` declares them, as the fields of `Config`."""

from __future__ import annotations

from collections.abc import Iterable

from flamenco import Setting, hookimpl
from flamenco.config import Config
from flamenco.config.declared import settings_of


@hookimpl(specname="settings")
def settings() -> Iterable[Setting]:
    """Every setting of the core, with dotted keys."""
    return list(settings_of(Config))
