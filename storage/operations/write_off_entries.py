"""What writing off (核销) does to a bill and the ledger, and what asking for it again does."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from storage import ledger
from storage.kinds import Account, LineKind
from storage.ledger import Leg
from storage.models.bills import bills
from storage.models.write_offs import write_offs
from storage.operations.asked_less import change_asked
from storage.paying_kinds import WriteOffState

LABEL = "坏账核销"
BACK = "核销收回"


def lower(
    tx: Connection, bill: Row[Any], write_off_no: str, amount_fen: int, *, now: datetime
) -> None:
    """Ask for so much less of a locked bill, at the cost of bad debt; it counts today.

    The income stays earned, and nothing is forgiven: the resident is told nothing, and whatever
    she pays of it later is owed again first. No figure of a closed month moves.
    """
    change_asked(tx, bill.id, -amount_fen, kind=LineKind.WRITE_OFF, label=LABEL)
    ledger.post(
        tx,
        key=f"write-off:{write_off_no}",
        memo=LABEL,
        community_id=bill.community_id,
        posted_at=now,
        legs=[
            Leg(Account.BAD_DEBT, amount_fen),
            Leg(Account.RECEIVABLE, -amount_fen, bill.unit_id),
        ],
    )


def bring_back(
    tx: Connection, bill_id: int, *, reason: str, now: datetime, most_fen: int | None = None
) -> int:
    """Ask again for what was written off of a locked bill; return the fen, 0 for nothing.

    All of it, or at most so much: then the rest stays written off, the oldest longest.
    """
    rows = tx.execute(
        select(write_offs, bills.c.unit_id)
        .join(bills, bills.c.id == write_offs.c.bill_id)
        .where(write_offs.c.bill_id == bill_id, write_offs.c.state == WriteOffState.APPROVED)
        .order_by(write_offs.c.id.desc())
        .with_for_update(of=write_offs)
    ).all()
    back_fen = 0
    for row in rows:
        fen = row.amount_fen if most_fen is None else min(row.amount_fen, most_fen - back_fen)
        if fen > 0:
            _bring_back(tx, row, fen, reason=reason, now=now)
            back_fen += fen
    return back_fen


def _bring_back(tx: Connection, row: Row[Any], fen: int, *, reason: str, now: datetime) -> None:
    number = row.write_off_no if fen == row.amount_fen else _taken_apart(tx, row, fen)
    tx.execute(
        update(write_offs)
        .where(write_offs.c.write_off_no == number)
        .values(state=WriteOffState.REVERSED, reversed_at=now, reversal_reason=reason.strip()[:120])
    )
    change_asked(tx, row.bill_id, fen, kind=LineKind.WRITE_OFF, label=BACK)
    ledger.post(
        tx,
        key=f"reversal:write-off:{number}",
        memo=BACK,
        community_id=row.community_id,
        posted_at=now,
        legs=[Leg(Account.BAD_DEBT, -fen), Leg(Account.RECEIVABLE, fen, row.unit_id)],
    )


def _taken_apart(tx: Connection, row: Row[Any], fen: int) -> str:
    """Make so much of a write-off one of its own, agreed to like the whole; return its number.

    The ledger's entry of the whole stands for both.
    """
    parts = select(func.count()).where(write_offs.c.write_off_no.like(f"{row.write_off_no}-%"))
    number = f"{row.write_off_no}-{tx.execute(parts).scalar_one() + 1}"
    mine = write_offs.c.id == row.id
    kept = [one.name for one in write_offs.c if one.name not in ("id", "write_off_no")]
    facts = {name: getattr(row, name) for name in kept} | {"amount_fen": fen}
    tx.execute(write_offs.insert().values(write_off_no=number, **facts))
    tx.execute(update(write_offs).where(mine).values(amount_fen=write_offs.c.amount_fen - fen))
    return number
