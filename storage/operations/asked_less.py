"""A bill asks for less, or for more again, by a line of its own: what was issued stays readable.

One person asks for it, a manager who is another one decides on it.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage.errors import NotAllowed, SelfApproval, UnknownBill
from storage.kinds import LineKind, StaffRole
from storage.models.bills import bill_lines, bills, fee_items
from storage.queries.residents import Staff

_KEPT_AS: Final = {
    LineKind.WAIVER: bills.c.waived_fen,
    LineKind.WRITE_OFF: bills.c.written_off_fen,
}
"""Line → the column that keeps how much of a bill is asked no more for that cause."""


def lock_bill(tx: Connection, bill_id: int, by: Staff) -> Row[Any]:
    """Lock a bill of a community that she serves; return it with the class of its fee.

    Raises UnknownBill.
    """
    bill = tx.execute(
        select(bills, fee_items.c.fee_class)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(bills.c.id == bill_id, bills.c.community_id.in_(by.community_ids))
        .with_for_update(of=bills)
    ).one_or_none()
    if bill is None:
        raise UnknownBill
    return bill


def check_decides(by: Staff, *hands: int | None) -> None:
    """Refuse to let anybody decide but a manager who had no hand in it before (四眼).

    Raises NotAllowed, SelfApproval.
    """
    if by.role is not StaffRole.MANAGER:
        raise NotAllowed
    if by.staff_id in hands:
        raise SelfApproval


def change_asked(
    tx: Connection, bill_id: int, change_fen: int, *, kind: LineKind, label: str
) -> None:
    """Let a locked bill ask for less (below 0) or for more again; the entry is the caller's."""
    line = {"bill_id": bill_id, "label": label[:60], "kind": str(kind)}
    tx.execute(
        bill_lines.insert().values(quantity="", unit_price="", amount_fen=change_fen, **line)
    )
    kept = _KEPT_AS[kind]
    tx.execute(
        update(bills)
        .where(bills.c.id == bill_id)
        .values({bills.c.amount_fen: bills.c.amount_fen + change_fen, kept: kept - change_fen})
    )
