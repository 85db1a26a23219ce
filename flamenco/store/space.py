"""Room in the file of an SQLite database that nothing is in any more: most of it is given back to the file system.

PostgreSQL sees to that by itself. A database that was made before this is of a kind that gives nothing back, until
`flamenco db compact` has made it anew.
"""

from __future__ import annotations

from typing import Any, Final

from flamenco.store.engine import Tx

_SPARE_PAGES: Final = 1_000
"""So many pages of 4 KiB, or a twentieth of all, stay for what comes next."""

_SPARE_PART: Final = 20


def give_back(tx: Tx, most: int) -> bool:
    """Give back at most so many pages that are free; whether there are more to be given back."""
    if tx.dialect.name != "sqlite" or not _pragma(tx, "auto_vacuum"):
        return False
    free, pages = _pragma(tx, "freelist_count"), _pragma(tx, "page_count")
    wanted = free - max(_SPARE_PAGES, pages // _SPARE_PART)
    if wanted > 0:
        driver: Any = tx.connection.driver_connection
        driver.execute(f"PRAGMA incremental_vacuum({min(wanted, most)})").fetchall()  # page by page, each an empty row
    return wanted > most


def _pragma(tx: Tx, name: str) -> int:
    return int(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one())
