"""Which task logs are followed, by whom does not matter: events of others would only fill the outbox."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, delete, select, text

from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import log_followers

_PATTERNS = Ready(select(log_followers.c.pattern))
_BEYOND = select(log_followers.c.pattern).where(log_followers.c.until > bindparam("moment"))
_FOLLOW = text(
    "INSERT INTO log_followers (pattern, until) VALUES (:pattern, :until) ON CONFLICT (pattern)"
    " DO UPDATE SET until = excluded.until WHERE log_followers.until < excluded.until"
).bindparams(bindparam("until", type_=log_followers.c.until.type))


def patterns(tx: Tx) -> frozenset[str]:
    """The topics, and patterns of topics, that are followed, or were until `forget` was called last."""
    return frozenset(row[0] for row in _PATTERNS.all(tx))


def followed_beyond(tx: Tx, moment: datetime) -> frozenset[str]:
    """Those of them that are followed beyond `moment`."""
    return frozenset(tx.execute(_BEYOND, {"moment": moment}).scalars())


def follow(tx: Tx, wanted: Collection[str], until: datetime) -> None:
    """Follow these topics or patterns up to `until`, or for as long as they are followed already."""
    if wanted:
        # In one order: two that follow the same must not wait for each other.
        tx.execute(_FOLLOW, [{"pattern": pattern, "until": until} for pattern in sorted(wanted)])


def forget(tx: Tx, moment: datetime) -> None:
    """Forget what is not followed any more."""
    tx.execute(delete(log_followers).where(log_followers.c.until <= moment))
