"""Keys that files of Flamenco 3, and of what came before it, may have and that mean nothing here.

Flamenco passes over every key that it does not know, so files in use have collected some. Each is told of with what it
meant and what says so now; a key that was never one is a mistake, and stops the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_NOTHING: Final = "nothing here needs it, so remove the line"
_DISCOVERY: Final = "whether workers find the manager by themselves is said by autodiscoverable"
_TLS: Final = "write tls: {certificate: FILE, key: FILE}, or leave certificates to a proxy before the manager"
_WITHOUT_SERVER: Final = "there is no Flamenco Server any more, so remove the line"
_DATABASE: Final = "the database is named by database"
_SHAMAN: Final = "where Shaman keeps its files follows from shared_storage_path"

BYGONE: Final = {
    "acme_domain_name": _TLS,
    "active_task_timeout_interval": "how long a task may be silent is said by task_timeout",
    "active_worker_timeout_interval": "how long a worker may be silent is said by worker_timeout",
    "blacklist_threshold": "it is called blocklist_threshold now",
    "cancel_task_fetch_interval_seconds": _WITHOUT_SERVER,
    "database_path": _DATABASE,
    "database_url": _DATABASE,
    "download_task_recheck_throttle": _WITHOUT_SERVER,
    "download_task_sleep": _WITHOUT_SERVER,
    "dynamic_pool_platforms": _NOTHING,
    "flamenco": _WITHOUT_SERVER,
    "jwt": _NOTHING,
    "listen_https": _TLS,
    "manager_id": _WITHOUT_SERVER,
    "manager_secret": _WITHOUT_SERVER,
    "mode": _NOTHING,
    "own_url": "the manager finds its addresses by itself; listen says where it can be reached",
    "path_replacement": "write a variable with is_twoway: true below variables",
    "path_replacement_vars": "write a variable with is_twoway: true below variables",
    "shaman.auth": _SHAMAN,
    "shaman.checkoutPath": _SHAMAN,
    "shaman.fileStorePath": _SHAMAN,
    "shaman.garbageCollect.extraCheckoutDirs": _SHAMAN,
    "shaman.testMode": _NOTHING,
    "ssdp_device_uuid": _DISCOVERY,
    "ssdp_discovery": _DISCOVERY,
    "storage_during_development": _NOTHING,
    "task_cleanup_max_age": "tasks stay for as long as their job, which is kept until somebody deletes it",
    "task_logs_path": "task logs are below local_manager_storage_path",
    "task_update_push_max_count": _WITHOUT_SERVER,
    "task_update_push_max_interval_seconds": _WITHOUT_SERVER,
    "test_tasks": _NOTHING,
    "tlscert": _TLS,
    "tlskey": _TLS,
    "watch_for_latest_image": "workers hand in the images that they rendered",
    "websetup": _NOTHING,
    "worker_cleanup_max_age": "workers stay until somebody deletes them: `flamenco workers delete`",
    "worker_cleanup_status": "workers stay until somebody deletes them: `flamenco workers delete`",
    "worker_registration_secret": _NOTHING,
}
"""What to say of each key, by its dotted name."""


def without_bygone(content: Mapping[Any, Any], prefix: str = "") -> tuple[dict[Any, Any], list[str]]:
    """What a file says but for these keys, and the keys that were there."""
    kept: dict[Any, Any] = {}
    found: list[str] = []
    for key, value in content.items():
        dotted = f"{prefix}{key}"
        if dotted in BYGONE:
            found.append(dotted)
        elif isinstance(value, Mapping) and any(name.startswith(f"{dotted}.") for name in BYGONE):
            kept[key], more = without_bygone(value, f"{dotted}.")
            found += more
        else:
            kept[key] = value
    return kept, found


def told(keys: list[str], source: str) -> Iterator[str]:
    """A sentence about each of the keys."""
    for key in keys:
        yield f"The key {key!r} in {source} means nothing here: {BYGONE[key]}."
