"""Sending a broadcast to its writer alone (预览), as those would read it that it is for."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage import outbox
from storage.events import NoticeSent
from storage.kinds import Urgency
from storage.models.people import identities
from storage.operations.notices import check_sender, lock_broadcast
from storage.outbox import Addressee
from storage.queries.residents import Staff

SAMPLE_ROOM: Final = "3栋2单元501"
SAMPLE_FEN: Final = 12345


def send_to_writer(tx: Connection, broadcast_no: str, *, by: Staff, now: datetime) -> int:
    """Send a broadcast to the phones of whoever asks, at night too; return to how many.

    Once a second at most. What is each reader's own is shown with her name and samples. Raises
    NotAllowed, UnknownBroadcast.
    """
    check_sender(by)
    row = lock_broadcast(tx, broadcast_no, by)
    hers = select(identities).where(identities.c.staff_id == by.staff_id)
    phones = tx.execute(hers.order_by(identities.c.id)).all()
    shown = NoticeSent(
        row.broadcast_no,
        row.community_name,
        row.category,
        row.text,
        name=by.name,
        rooms=(SAMPLE_ROOM,),
        owed_fen=SAMPLE_FEN,
        reads="writer",
    )
    for phone in phones:
        outbox.enqueue(
            tx,
            shown,
            Addressee(phone.account, phone.openid, phone.id),
            key=f"broadcast-preview:{row.id}:{now:%Y%m%d%H%M%S}:{phone.id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )
    return len(phones)
