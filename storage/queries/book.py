"""Our own book in the shape of a platform's, for comparison row by row."""

from typing import Any

from sqlalchemy import Connection, select

from storage.kinds import RefundStep
from storage.models.bills import bills
from storage.models.payments import allocations, payment_orders, payments, refunds

PLATFORM_WORDS = {
    RefundStep.SUBMITTED: "processing",
    RefundStep.SUCCESS: "success",
    RefundStep.CLOSED: "closed",
    RefundStep.ABNORMAL: "abnormal",
}


def book(tx: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return payments, refunds and allocations, the oldest first; instants as ISO text."""
    paid = tx.execute(
        select(payments, payment_orders.c.order_no)
        .select_from(payments.join(payment_orders))
        .order_by(payments.c.id)
    )
    returned = tx.execute(select(refunds).order_by(refunds.c.id))
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
                "refund_no": row.refund_no,
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
