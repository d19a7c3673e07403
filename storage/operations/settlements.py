"""The third leg: what a platform pays out (划付) arrives at the bank, its fee taken off."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, case, func, select, update

from storage import ledger
from storage.frozen import dataclass
from storage.kinds import Account
from storage.ledger import Leg
from storage.models.estate import communities
from storage.models.payments import payment_orders
from storage.models.reconciliation import gateway_statements, statement_lines
from storage.operations.findings import close_gone, keep_finding
from storage.ports.payments import LineKind
from storage.queries.agreement import Finding
from storage.queries.reconciliation import READ
from storage.queries.settlements import ExpectedSettlement, expected_settlements
from storage.rules.agreeing import FAILED, DifferenceKind, Payout, paid_out

MEMO: Final = "平台划付"


@dataclass(frozen=True, slots=True)
class Settlement:
    """A platform's payout for one of its days, as the bank's row shows it."""

    gateway: str
    day_on: date
    gross_fen: int
    """Paid less refunded; what leaves the platform's account with us."""
    fee_fen: int
    net_fen: int
    """What the bank credited."""
    bank_row_id: int


def note_credit(
    tx: Connection, gateway: str, net_fen: int, *, bank_row_id: int, booked_on: date, now: datetime
) -> tuple[date, ...]:
    """Take a platform's credit on the bank statement: find the days it is for, and book them.

    One day, or days in a row whose sum it is (a weekend). Where no days come to this sum, it is
    booked for the newest day that waits before `booked_on`, and the gap is a difference. Returns
    the days, () where no statement waits for money: then nothing was booked.
    """
    waiting = [one for one in expected_settlements(tx, gateway) if one.day_on <= booked_on]
    chosen = {
        one.day_on for one in paid_out([Payout(w.day_on, w.net_fen) for w in waiting], net_fen)
    }
    meant = [one for one in waiting if one.day_on in chosen] or waiting[-1:]
    left_fen = net_fen
    for one in meant:
        part_fen = one.net_fen if chosen else left_fen
        left_fen -= part_fen
        settlement = Settlement(
            gateway, one.day_on, one.gross_fen, one.fee_fen, part_fen, bank_row_id
        )
        note_settlement(tx, settlement, now=now)
    return tuple(one.day_on for one in meant)


def note_settlement(tx: Connection, settlement: Settlement, *, now: datetime) -> bool:
    """Book a platform's payout for one day: clearing becomes bank and fee, per community.

    The bank's credit is booked as it came; what it differs from gross less fee stays in clearing
    and is a difference. Returns False, and books nothing, where this bank row was booked for this
    day before, or where we have no statement of the day.
    """
    statement = tx.execute(
        select(gateway_statements)
        .where(
            gateway_statements.c.gateway == settlement.gateway,
            gateway_statements.c.day_on == settlement.day_on,
            gateway_statements.c.state.in_(READ),
        )
        .order_by(gateway_statements.c.id)
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if statement is None:
        return False
    is_first = statement.settled_fen == 0
    shares = _shares(tx, statement, settlement, fee_fen=settlement.fee_fen if is_first else 0)
    booked = [_post(tx, share, statement, settlement, now) for share in shares]
    if not any(booked):
        return False
    tx.execute(
        update(gateway_statements)
        .where(gateway_statements.c.id == statement.id)
        .values(settled_fen=gateway_statements.c.settled_fen + settlement.net_fen)
    )
    _compare(tx, statement, settlement, now)
    return True


@dataclass(frozen=True, slots=True)
class _Share:
    """What of a payout is one community's."""

    community_id: int
    net_fen: int
    fee_fen: int


def _shares(
    tx: Connection, statement: Row[Any], settlement: Settlement, *, fee_fen: int
) -> list[_Share]:
    """Part a payout among communities as their lines are; the largest bears what is left over."""
    line = statement_lines.c
    signed = case((line.kind == LineKind.PAYMENT, line.amount_fen), else_=-line.amount_fen)
    rows = tx.execute(
        select(payment_orders.c.community_id, func.sum(signed), func.sum(line.fee_fen))
        .join(payment_orders, payment_orders.c.order_no == line.order_no)
        .where(line.statement_id == statement.id, line.state != FAILED)
        .group_by(payment_orders.c.community_id)
    ).all()
    sums = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    if not sums:
        sums[tx.execute(select(func.min(communities.c.id))).scalar_one()] = (0, 0)
    largest = max(sums, key=lambda one: (sums[one][0], -one))
    if fee_fen == 0:
        return [_Share(largest, settlement.net_fen, 0)]
    parts = {one: _Share(one, gross - fees, fees) for one, (gross, fees) in sums.items()}
    rest_net = settlement.net_fen - sum(one.net_fen for one in parts.values())
    rest_fee = fee_fen - sum(one.fee_fen for one in parts.values())
    mine = parts[largest]
    parts[largest] = _Share(largest, mine.net_fen + rest_net, mine.fee_fen + rest_fee)
    return list(parts.values())


def _post(
    tx: Connection, share: _Share, statement: Row[Any], settlement: Settlement, now: datetime
) -> bool:
    legs: Sequence[Leg] = [
        Leg(Account.BANK, share.net_fen),
        Leg(Account.GATEWAY_FEE, share.fee_fen),
        Leg(Account.CLEARING, -share.net_fen - share.fee_fen),
    ]
    if sum(leg.amount_fen != 0 for leg in legs) < 2:
        return False
    return ledger.post(
        tx,
        key=f"settlement:{settlement.bank_row_id}:{statement.id}:{share.community_id}",
        memo=MEMO,
        community_id=share.community_id,
        posted_at=now,
        legs=legs,
    )


def _compare(tx: Connection, statement: Row[Any], settlement: Settlement, now: datetime) -> None:
    """Open a difference where the bank got other fen than the platform owes, or close it."""
    expected_fen = settlement.gross_fen - settlement.fee_fen
    settled_fen = statement.settled_fen + settlement.net_fen
    day, kinds = settlement.day_on, [DifferenceKind.SETTLEMENT, DifferenceKind.SETTLEMENT_MISSING]
    finding = Finding(
        DifferenceKind.SETTLEMENT,
        settlement.gateway,
        day,
        f"{settlement.gateway}:{day.isoformat()}",
        expected_fen,
        settled_fen,
    )
    keys = frozenset() if settled_fen == expected_fen else frozenset([finding.key])
    close_gone(tx, settlement.gateway, (day, day), kinds, keys=keys, now=now)
    if keys:
        keep_finding(tx, finding, now=now, detail=f"bank row {settlement.bank_row_id}")


def find_unsettled(tx: Connection, *, today: date, now: datetime) -> int:
    """Open a difference for each day whose money should be at the bank by now; return how many.

    Only of platforms whose payouts are known to come to an account that we read.
    """
    late = [one for one in expected_settlements(tx) if one.is_overdue(today)]
    return sum(_keep_late(tx, one, now) for one in late)


def _keep_late(tx: Connection, one: ExpectedSettlement, now: datetime) -> bool:
    finding = Finding(
        DifferenceKind.SETTLEMENT_MISSING,
        one.gateway,
        one.day_on,
        f"{one.gateway}:{one.day_on.isoformat()}",
        one.net_fen,
        None,
    )
    return keep_finding(tx, finding, now=now) in ("new", "again")
