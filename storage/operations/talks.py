"""A resident talks with a person (转人工): begun, carried to and fro, ended; the bot is silent."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.events import StaffTask, TalkMoved
from storage.frozen import dataclass
from storage.kinds import Urgency
from storage.models.estate import units
from storage.models.messages import conversations
from storage.models.people import identities
from storage.models.talks import talks
from storage.operations.hearers import tell_colleague, tell_office
from storage.outbox import Addressee, enqueue
from storage.queries.residents import Staff
from storage.sql import insert, insert_once
from storage.ticket_errors import UnknownTalk
from storage.ticket_kinds import TalkReason

SILENCE: Final = timedelta(minutes=30)
"""So long after the last word of either the bot answers again."""
WORDS_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class TalkAsk:
    """Who is to be handed over, why, and what staff should know of it."""

    identity_id: int
    community_id: int
    unit_id: int | None
    reason: TalkReason
    note: str
    """Her last words."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The talk's number, and how many of the staff hear of it (0: nobody is there, none began)."""

    talk_id: int
    heard: int


def begin_talk(tx: Connection, ask: TalkAsk, *, now: datetime) -> Begun:
    """Hand a resident over to the office; where nobody can hear of it nothing begins.

    An earlier talk of hers that fell silent is over. Of two at once, one begins.
    """
    _end_all(tx, ask.identity_id, now)
    values = {
        "identity_id": ask.identity_id,
        "community_id": ask.community_id,
        "unit_id": ask.unit_id,
        "reason": ask.reason,
        "begun_at": now,
        "last_at": now,
    }
    talk_id = insert_once(tx, talks, values)
    if talk_id is None:
        return Begun(0, 0)
    task = StaffTask("handover", str(talk_id), _label(tx, ask.unit_id), 0, ask.note[:WORDS_CHARS])
    key = f"talk:{talk_id}:begun"
    heard = tell_office(tx, task, community_id=ask.community_id, key=key, now=now)
    if not heard:
        _end_all(tx, ask.identity_id, now)
        return Begun(0, 0)
    _keep_silent(tx, ask.identity_id, talk_id, now)
    actor = Actor(identity_id=ask.identity_id)
    audit.note(tx, actor, "begin", "talk", str(talk_id), at=now, detail=ask.reason)
    return Begun(talk_id, heard)


def say_in_talk(
    tx: Connection, talk_id: int, words: str, *, identity_id: int, key: str, now: datetime
) -> bool | None:
    """Carry a resident's words to who talks with her, once per key.

    Returns whether a member of staff has answered her before; until then all of the office hear.
    None where the talk is over.
    """
    talk = tx.execute(
        select(talks).where(talks.c.id == talk_id, talks.c.identity_id == identity_id)
    ).one_or_none()
    if talk is None or talk.ended_at is not None:
        return None
    _touch(tx, talk, now)
    label = _label(tx, talk.unit_id)
    task = StaffTask("handover_said", str(talk_id), label, 0, words[:WORDS_CHARS])
    heard = 0
    if talk.staff_id is not None:
        heard = tell_colleague(
            tx, task, staff_id=talk.staff_id, community_id=talk.community_id, key=key, now=now
        )
    if not heard:
        tell_office(tx, task, community_id=talk.community_id, key=key, now=now)
    return talk.staff_id is not None


def answer_in_talk(
    tx: Connection, talk_id: int, words: str, *, by: Staff, key: str, now: datetime
) -> None:
    """Carry what staff say to the resident, once per key. Raises UnknownTalk."""
    talk = _lock(tx, talk_id, by)
    staff_id = talk.staff_id or by.staff_id
    tx.execute(update(talks).where(talks.c.id == talk_id).values(staff_id=staff_id))
    _touch(tx, talk, now)
    audit.note(tx, Actor(by.staff_id), "answer", "talk", str(talk_id), at=now)
    _tell(tx, talk, TalkMoved("answered", words[:WORDS_CHARS]), key, now)


def end_talk(tx: Connection, talk_id: int, *, by: Staff, now: datetime) -> None:
    """Give a resident back to the bot; she is told. Raises UnknownTalk."""
    talk = _lock(tx, talk_id, by)
    _end_all(tx, talk.identity_id, now)
    audit.note(tx, Actor(by.staff_id), "end", "talk", str(talk_id), at=now)
    _tell(tx, talk, TalkMoved("ended", "", talk_id), f"talk:{talk_id}:ended", now)


def leave_talk(tx: Connection, *, identity_id: int, now: datetime) -> None:
    """Let a resident go back to the bot at her own wish."""
    _end_all(tx, identity_id, now)


def _lock(tx: Connection, talk_id: int, by: Staff) -> Row[Any]:
    talk = tx.execute(
        select(talks)
        .where(
            talks.c.id == talk_id,
            talks.c.community_id.in_(by.community_ids),
            talks.c.ended_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if talk is None:
        raise UnknownTalk
    return talk


def _touch(tx: Connection, talk: Row[Any], now: datetime) -> None:
    tx.execute(update(talks).where(talks.c.id == talk.id).values(last_at=now))
    _keep_silent(tx, talk.identity_id, talk.id, now)


def _keep_silent(tx: Connection, identity_id: int, talk_id: int, now: datetime) -> None:
    silent = {"talk_id": talk_id, "talk_until": now + SILENCE}
    tx.execute(
        insert(tx, conversations)
        .values(identity_id=identity_id, updated_at=now, **silent)
        .on_conflict_do_update(index_elements=["identity_id"], set_=silent)
    )


def _end_all(tx: Connection, identity_id: int, now: datetime) -> None:
    tx.execute(
        update(talks)
        .where(talks.c.identity_id == identity_id, talks.c.ended_at.is_(None))
        .values(ended_at=now)
    )
    tx.execute(
        update(conversations)
        .where(conversations.c.identity_id == identity_id)
        .values(talk_id=None, talk_until=None)
    )


def _label(tx: Connection, unit_id: int | None) -> str:
    if unit_id is None:
        return ""
    label: str = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    return label


def _tell(tx: Connection, talk: Row[Any], event: TalkMoved, key: str, now: datetime) -> None:
    person = tx.execute(select(identities).where(identities.c.id == talk.identity_id)).one()
    enqueue(
        tx,
        event,
        Addressee(person.account, person.openid, person.id),
        key=key,
        urgency=Urgency.RECEIPT,
        now=now,
        community_id=talk.community_id,
    )
