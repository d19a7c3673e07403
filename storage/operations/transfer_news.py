"""What a payer is told of a transfer with her code that could not be booked by itself."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage import outbox
from storage.events import TransferWaits
from storage.kinds import Urgency
from storage.models.estate import units
from storage.models.payments import payment_orders
from storage.operations.hearers import hearers
from storage.ports.bank import BankLine
from storage.rules.matching import Match, Reason

CAUSES: Final = (Reason.SEVERAL_CODES, Reason.NOT_AWAITED, Reason.OTHER_AMOUNT)
"""The one that is told where there are several."""


def tell_payers(
    tx: Connection, row_id: int, line: BankLine, found: Match, *, now: datetime
) -> None:
    """Tell whoever asked for the codes, once per row, that her money is here and waits."""
    cause = next((one for one in CAUSES if one in found.reasons), None)
    if cause is None or not found.order_nos:
        return
    orders = tx.execute(
        select(payment_orders, units.c.label)
        .join(units, units.c.id == payment_orders.c.unit_id)
        .where(payment_orders.c.order_no.in_(found.order_nos))
        .order_by(payment_orders.c.id)
    ).all()
    asked_fen = sum(one.amount_fen for one in orders)
    for order in orders:
        for hearer in hearers(tx, identity_id=order.identity_id, unit_id=order.unit_id):
            event = TransferWaits(
                order.label, line.amount_fen, asked_fen, str(cause), line.booked_at.isoformat()
            )
            outbox.enqueue(
                tx,
                event,
                hearer.addressee,
                key=f"transfer:{row_id}:{hearer.addressee.identity_id}",
                urgency=Urgency.RECEIPT,
                now=now,
                community_id=order.community_id,
            )
