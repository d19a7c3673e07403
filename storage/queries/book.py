"""Our own book in the shape of a platform's, for comparison row by row."""

from typing import Any

from sqlalchemy import Connection, select

from storage.kinds import RefundStep
from storage.models.bills import bills
from storage.models.operating import discrepancies
from storage.models.payments import allocations, payment_orders, payments, refunds
from storage.models.reconciliation import difference_notes
from storage.rules.agreeing import BOOKED, DifferenceKind

PLATFORM_WORDS = {
    RefundStep.SUBMITTED: "processing",
    RefundStep.SUCCESS: "success",
    RefundStep.CLOSED: "closed",
    RefundStep.ABNORMAL: "abnormal",
}


def book(tx: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return payments, refunds and allocations, the oldest first; instants as ISO text.

    A refund that a person made in the platform's own console has the platform's number there.
    """
    paid = tx.execute(
        select(payments, payment_orders.c.order_no)
        .select_from(payments.join(payment_orders))
        .order_by(payments.c.id)
    )
    returned = tx.execute(select(refunds).order_by(refunds.c.id))
    theirs = _numbers_there(tx)
    given = tx.execute(
        select(allocations.c.amount_fen, bills.c.bill_no, payment_orders.c.order_no)
        .select_from(allocations.join(bills).join(payments).join(payment_orders))
        .order_by(allocations.c.id)
    )
    return {
        "payments": [
            {
                "gateway": row.gateway,
                "order_no": row.order_no,
                "transaction_id": row.transaction_id,
                "amount_fen": row.amount_fen,
                "at": row.paid_at.isoformat(),
            }
            for row in paid
        ],
        "refunds": [
            {
                "gateway": row.gateway,
                "refund_no": theirs.get(row.refund_no, row.refund_no),
                "order_no": row.order_no,
                "amount_fen": row.amount_fen,
                "state": PLATFORM_WORDS.get(RefundStep(row.state), row.state),
                "at": (row.settled_at or row.submitted_at or row.requested_at).isoformat(),
            }
            for row in returned
        ],
        "allocations": [
            {"order_no": row.order_no, "bill_no": row.bill_no, "amount_fen": row.amount_fen}
            for row in given
        ],
    }


def _numbers_there(tx: Connection) -> dict[str, str]:
    """Return our number of a refund made in a platform's console → the platform's."""
    rows = tx.execute(
        select(discrepancies.c.reference, difference_notes.c.note)
        .join(difference_notes, difference_notes.c.difference_id == discrepancies.c.id)
        .where(
            discrepancies.c.kind == DifferenceKind.REFUND_EXTERNAL,
            difference_notes.c.act == BOOKED,
            difference_notes.c.note != "",
        )
    )
    return {row.reference: str(row.note) for row in rows}
