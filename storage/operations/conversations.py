"""What a talk is about, how a person wants to be spoken to, and what she does not want to hear."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, update
from sqlalchemy import Insert as PlainInsert

from storage import audit
from storage.audit import Actor
from storage.models.messages import conversations
from storage.models.people import identities
from storage.prepared import Insert, Prepared


def _write_remember(insert: Insert) -> PlainInsert:
    names = ("identity_id", "memory", "updated_at")
    statement = insert(conversations).values({name: bindparam(name) for name in names})
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["identity_id"],
        set_={"memory": new.memory, "updated_at": new.updated_at},
    )


_REMEMBER = Prepared(_write_remember)


def remember(tx: Connection, identity_id: int, memory: str, *, now: datetime) -> None:
    """Keep what the talk is about, as JSON text."""
    kept = {"identity_id": identity_id, "memory": memory, "updated_at": now}
    _REMEMBER.run_many(tx, [kept])


def set_plain_speech(tx: Connection, identity_id: int, *, is_plain: bool) -> None:
    """Write down whether a person is answered in few and simple words; twice is once."""
    tx.execute(update(identities).where(identities.c.id == identity_id).values(is_plain=is_plain))


def set_muted(
    tx: Connection, identity_id: int, categories: tuple[str, ...], *, now: datetime
) -> None:
    """Write down which categories a person has turned off; () turns all on again."""
    muted = " ".join(sorted(categories))
    tx.execute(update(identities).where(identities.c.id == identity_id).values(muted=muted))
    audit.note(
        tx,
        Actor(identity_id=identity_id),
        "mute",
        "identity",
        str(identity_id),
        at=now,
        detail=muted,
    )
