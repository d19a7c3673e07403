"""Talks of residents with a person (转人工): which go on, and what was said last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from storage.frozen import dataclass
from storage.models.estate import units
from storage.models.messages import conversations, inbox
from storage.models.people import identities
from storage.models.talks import talks
from storage.ports.chat import IncomingKind

_LOOKED_AT: Final = 2000
"""Among so many of the newest messages her last words are looked for."""


@dataclass(frozen=True, slots=True)
class TalkView:
    """A resident who waits for a person, or talks with one."""

    talk_id: int
    unit_label: str
    staff_id: int | None
    last_at: datetime


def live_talks(
    tx: Connection, *, community_ids: Sequence[int], now: datetime, limit: int
) -> list[TalkView]:
    """Return the talks of the communities that go on, the longest silent first."""
    rows = tx.execute(
        select(talks, units.c.label)
        .select_from(
            talks.join(conversations, conversations.c.talk_id == talks.c.id).outerjoin(
                units, units.c.id == talks.c.unit_id
            )
        )
        .where(
            talks.c.community_id.in_(community_ids),
            talks.c.ended_at.is_(None),
            conversations.c.talk_until > now,
        )
        .order_by(talks.c.last_at, talks.c.id)
        .limit(limit)
    )
    return [TalkView(row.id, row.label or "", row.staff_id, row.last_at) for row in rows]


def is_taken(tx: Connection, talk_id: int) -> bool:
    """Tell whether a member of staff has answered in a talk."""
    found = tx.execute(select(talks.c.staff_id).where(talks.c.id == talk_id)).scalar_one_or_none()
    return found is not None


def last_words(tx: Connection, identity_id: int, *, limit: int) -> list[str]:
    """Return what a person wrote last, the newest last."""
    person = select(identities.c.account, identities.c.openid)
    account, openid = tx.execute(person.where(identities.c.id == identity_id)).one()
    newest = tx.execute(select(func.max(inbox.c.id))).scalar_one() or 0
    rows = tx.execute(
        select(inbox.c.said)
        .where(
            inbox.c.id > newest - _LOOKED_AT,
            inbox.c.account == account,
            inbox.c.openid == openid,
            inbox.c.kind.in_((IncomingKind.TEXT, IncomingKind.VOICE)),
            inbox.c.said != "",
        )
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return list(reversed(list(rows.scalars())))
