"""An answer that came too late for the platform's deadline goes out by the outbox."""

from datetime import datetime

from sqlalchemy import Connection

from storage import inbox
from storage.events import LateAnswer
from storage.inbox import Accepted
from storage.kinds import Urgency
from storage.outbox import Addressee, enqueue
from storage.ports.chat import OutgoingMessage


def answer_late(
    tx: Connection, accepted: Accepted, answer: OutgoingMessage, *, now: datetime
) -> bool:
    """Send an answer once, however late, and mark its question answered."""
    person = accepted.person
    inbox.mark_answered(tx, [accepted.inbox_id])
    return enqueue(
        tx,
        LateAnswer(answer.text, answer.url),
        Addressee(person.account, person.openid, person.identity_id),
        key=f"late:{accepted.inbox_id}",
        urgency=Urgency.RECEIPT,
        now=now,
    )
