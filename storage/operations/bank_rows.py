"""Rows of a bank account come in: each once; what is sure is booked, the rest waits in suspense.

Money that is nobody's yet (挂账) is a debt of ours until a person says for what it came. A row is
booked by itself only by the code and the amount of one transfer that is awaited.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import ledger
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import Account, StaffRole
from storage.ledger import Leg
from storage.models.bank import bank_feeds, bank_rows
from storage.models.estate import communities, units
from storage.models.payments import payment_orders, refunds
from storage.operations.bank_returns import take_back
from storage.operations.hearers import tell_staff
from storage.operations.payments import settle_payment
from storage.operations.settlements import note_credit
from storage.operations.transfer_news import tell_payers
from storage.paying_kinds import BankRowState
from storage.periods import shanghai_day
from storage.ports.bank import BankLine
from storage.ports.payments import PaymentFact, PaymentState
from storage.queries.bank_rows import households_of, transfers_awaited
from storage.rules.bank_returns import WITHIN, Passage, undone_by
from storage.rules.matching import Arrival, Directory, Match, MatchKind, directory, match
from storage.sql import insert, insert_once

SENDERS: Final = {"财付通": "wechat_pay", "支付宝": "alipay", "银联": "unionpay"}
"""Who pays out what a platform has collected, by a part of the name → gateway."""
OWN: Final = ("结息", "利息", "手续费", "管理费", "工本费", "年费")
BOOKED: Final = (BankRowState.MATCHED, BankRowState.ASSIGNED, BankRowState.PAYOUT)
WAITING: Final = (BankRowState.SUGGESTED, BankRowState.SUSPENSE)
"""In suspense: nobody has said yet for what the money came."""
OFFICE: Final = (StaffRole.CASHIER, StaffRole.MANAGER)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Whose rows these are, and by which gateway's name their payments go."""

    account_no: str
    gateway: str
    payee_id: int | None = None


@dataclass(frozen=True, slots=True)
class TakenRows:
    """What became of rows: how many were new, and how many of them went which way."""

    new: int
    repeated: int
    states: tuple[tuple[str, int], ...]


def take_rows(
    tx: Connection,
    lines: Sequence[BankLine],
    account: BankAccount,
    *,
    source: str,
    now: datetime,
) -> TakenRows:
    """Write rows down, once each, and book what is sure. `source`: a file's name, or "direct"."""
    states: dict[str, int] = {}
    known: Directory | None = None
    repeated = 0
    elsewhere = _heard_elsewhere(tx, lines, account, source)
    for line in sorted(lines, key=lambda one: one.booked_at):
        mark = _mark(line)
        if elsewhere.get(mark, 0) > 0:
            elsewhere[mark] -= 1
            repeated += 1
            continue
        row_id = _write(tx, line, account, source, now)
        if row_id is None:
            repeated += 1
            continue
        if known is None:
            known = directory(households_of(tx))
        state = _judge(tx, row_id, line, account, known, now)
        states[state] = states.get(state, 0) + 1
    new = sum(states.values())
    if waiting := sum(
        states.get(one, 0) for one in (BankRowState.SUGGESTED, BankRowState.SUSPENSE)
    ):
        _tell(tx, waiting, now)
    return TakenRows(new, repeated, tuple(sorted(states.items())))


_Mark = tuple[date, int, int | None]


def _mark(line: BankLine) -> _Mark:
    return shanghai_day(line.booked_at), line.amount_fen, line.balance_fen


def _heard_elsewhere(
    tx: Connection, lines: Sequence[BankLine], account: BankAccount, source: str
) -> dict[_Mark, int]:
    """Count rows of the same days that came another way, by amount and balance after it.

    Files of some banks tell no serial, so that their rows have other keys than those we read
    ourselves; what the account held after a row tells it from all others of a day but by chance.
    """
    days = {shanghai_day(one.booked_at) for one in lines}
    rows = tx.execute(
        select(bank_rows.c.day_on, bank_rows.c.amount_fen, bank_rows.c.balance_fen).where(
            bank_rows.c.account_no == account.account_no,
            bank_rows.c.day_on.in_(days),
            bank_rows.c.source != source,
            bank_rows.c.balance_fen.is_not(None),
        )
    )
    counts: dict[_Mark, int] = {}
    for row in rows:
        mark = (row.day_on, row.amount_fen, row.balance_fen)
        counts[mark] = counts.get(mark, 0) + 1
    return counts


def _write(
    tx: Connection, line: BankLine, account: BankAccount, source: str, now: datetime
) -> int | None:
    values = {
        "row_key": line.row_key[:120],
        "payee_id": account.payee_id,
        "account_no": account.account_no,
        "gateway": account.gateway,
        "booked_at": line.booked_at,
        "day_on": shanghai_day(line.booked_at),
        "amount_fen": line.amount_fen,
        "balance_fen": line.balance_fen,
        "payer_name": line.payer_name[:80],
        "payer_account": line.payer_account[:40],
        "memo": line.memo[:200],
        "serial": line.serial[:64],
        "source": source[:80],
        "state": BankRowState.OTHER,
        "heard_at": now,
    }
    return insert_once(tx, bank_rows, values)


def _judge(
    tx: Connection,
    row_id: int,
    line: BankLine,
    account: BankAccount,
    known: Directory,
    now: datetime,
) -> BankRowState:
    """Say what a new row is, book it as that, and return it."""
    undone = _undone(tx, row_id, line, account)
    if undone is not None and take_back(tx, undone, row_id, now=now):
        return _set(tx, row_id, BankRowState.RETURNED)
    if line.amount_fen < 0:
        is_payout = _is_payout(tx, line)
        return _set(tx, row_id, BankRowState.PAYOUT if is_payout else BankRowState.OTHER)
    sender = next((way for name, way in SENDERS.items() if name in line.payer_name), None)
    if sender is not None:
        settle_credits(tx, account, now=now)
        return _set(tx, row_id, BankRowState.SETTLEMENT)
    if any(word in line.memo for word in OWN) and not line.payer_account:
        return _set(tx, row_id, BankRowState.OTHER)
    return _received(tx, row_id, line, account, known, now)


def _undone(tx: Connection, row_id: int, line: BankLine, account: BankAccount) -> int | None:
    """Return the key of the earlier row that this one takes back, or None."""
    earlier = tx.execute(
        select(bank_rows).where(
            bank_rows.c.account_no == account.account_no,
            bank_rows.c.id != row_id,
            bank_rows.c.amount_fen == -line.amount_fen,
            bank_rows.c.booked_at >= line.booked_at - WITHIN - timedelta(days=1),
            bank_rows.c.state.in_((*BOOKED, *WAITING)),
        )
    ).all()
    passages = [_passage(one) for one in earlier]
    here = Passage(
        line.row_key,
        line.amount_fen,
        line.payer_name,
        line.payer_account,
        line.memo,
        line.booked_at,
    )
    key = undone_by(here, passages)
    return next((one.id for one in earlier if one.row_key == key), None)


def _passage(row: Row[Any]) -> Passage:
    return Passage(
        row.row_key, row.amount_fen, row.payer_name, row.payer_account, row.memo, row.booked_at
    )


def _is_payout(tx: Connection, line: BankLine) -> bool:
    """Tell whether an outgoing row carries the number of a refund of ours for as much."""
    words = line.memo.replace("：", " ").replace(":", " ").split()
    sent = refunds.c.amount_fen - refunds.c.kept_fen
    found = select(refunds.c.id).where(refunds.c.refund_no.in_(words), sent == -line.amount_fen)
    return tx.execute(found).first() is not None


def _received(
    tx: Connection,
    row_id: int,
    line: BankLine,
    account: BankAccount,
    known: Directory,
    now: datetime,
) -> BankRowState:
    arrival = Arrival(line.amount_fen, line.payer_name, line.memo, line.booked_at)
    found = match(arrival, transfers_awaited(tx, account.gateway, line.memo), known)
    if found.kind is MatchKind.AUTOMATIC and len(found.order_nos) == 1:
        payment_id = _settle(tx, found.order_nos[0], line, account, now)
        if payment_id is not None:
            return _set(tx, row_id, BankRowState.MATCHED, payment_id=payment_id)
    suggested = found.kind in (MatchKind.SUGGESTED, MatchKind.QUEUED)
    community_id = _community_of(tx, found)
    _suspend(tx, row_id, line.amount_fen, community_id, now)
    tell_payers(tx, row_id, line, found, now=now)
    return _set(
        tx,
        row_id,
        BankRowState.SUGGESTED if suggested else BankRowState.SUSPENSE,
        community_id=community_id,
        suggestion=_told(found),
    )


def _settle(
    tx: Connection, order_no: str, line: BankLine, account: BankAccount, now: datetime
) -> int | None:
    fact = PaymentFact(
        gateway=account.gateway,
        order_no=order_no,
        state=PaymentState.PAID,
        amount_fen=line.amount_fen,
        currency="CNY",
        merchant_id=account.account_no,
        app_id="",
        transaction_id=transaction_of(line.serial, line.row_key),
        paid_at=line.booked_at,
        event_id=line.row_key[:90],
    )
    return settle_payment(tx, fact, heard_at=now).payment_id


def transaction_of(serial: str, row_key: str) -> str:
    """Return the number by which a row is a payment: the bank's, or the row's own key."""
    return (serial or row_key)[-64:]


def _suspend(
    tx: Connection, row_id: int, amount_fen: int, community_id: int, now: datetime
) -> None:
    ledger.post(
        tx,
        key=f"suspense:{row_id}",
        memo="挂账",
        community_id=community_id,
        posted_at=now,
        legs=[Leg(Account.BANK, amount_fen), Leg(Account.SUSPENSE, -amount_fen)],
    )


def _community_of(tx: Connection, found: Match) -> int:
    """Return whose books hold the money meanwhile: the likeliest unit's, else the first's."""
    if found.order_nos:
        row = tx.execute(
            select(payment_orders.c.community_id).where(
                payment_orders.c.order_no == found.order_nos[0]
            )
        ).scalar_one()
        return int(row)
    if found.candidates:
        unit = select(units.c.community_id).where(units.c.id == found.candidates[0].unit_id)
        return int(tx.execute(unit).scalar_one())
    return int(
        tx.execute(select(communities.c.id).order_by(communities.c.id).limit(1)).scalar_one()
    )


def _told(found: Match) -> str:
    """Return what speaks for whom, for a person to judge."""
    facts = {
        "reasons": [str(one) for one in found.reasons],
        "orders": list(found.order_nos),
        "units": [
            {
                "unit_id": one.unit_id,
                "score": one.score,
                "reasons": [str(each) for each in one.reasons],
                "bills": list(one.bill_nos),
            }
            for one in found.candidates
        ],
    }
    return json.dumps(facts, ensure_ascii=False)


def _set(tx: Connection, row_id: int, state: BankRowState, **more: Any) -> BankRowState:  # noqa: ANN401
    tx.execute(update(bank_rows).where(bank_rows.c.id == row_id).values(state=state, **more))
    return state


def settle_credits(tx: Connection, account: BankAccount, *, now: datetime) -> int:
    """Book platforms' credits whose statement has come by now; return how many.

    A credit may be here before the statement that says what it is for; it is tried again.
    """
    waiting = tx.execute(
        select(bank_rows)
        .where(
            bank_rows.c.account_no == account.account_no,
            bank_rows.c.state == BankRowState.SETTLEMENT,
            bank_rows.c.decided_at.is_(None),
        )
        .order_by(bank_rows.c.id)
        .with_for_update()
    ).all()
    booked = 0
    for row in waiting:
        sender = next(way for name, way in SENDERS.items() if name in row.payer_name)
        days = note_credit(
            tx, sender, row.amount_fen, bank_row_id=row.id, booked_on=row.day_on, now=now
        )
        if days:
            booked += 1
            said = " ".join(str(one) for one in days)
            tx.execute(
                update(bank_rows)
                .where(bank_rows.c.id == row.id)
                .values(decided_at=now, note=said[:120])
            )
    return booked


def cursor_of(tx: Connection, account_no: str) -> str:
    """Return how far an account has been read, "" at first."""
    found = tx.execute(
        select(bank_feeds.c.cursor).where(bank_feeds.c.account_no == account_no)
    ).scalar_one_or_none()
    return found or ""


def take_news(
    tx: Connection,
    lines: Iterable[BankLine],
    account: BankAccount,
    *,
    cursor: str,
    now: datetime,
) -> TakenRows:
    """Take rows of the direct interface in, and remember how far they go, in one transaction."""
    taken = take_rows(tx, tuple(lines), account, source="direct", now=now)
    values = {"cursor": cursor[:120], "asked_at": now}
    tx.execute(
        insert(tx, bank_feeds)
        .values(account_no=account.account_no, **values)
        .on_conflict_do_update(index_elements=["account_no"], set_=values)
    )
    return taken


def _tell(tx: Connection, count: int, now: datetime) -> None:
    """Tell each office, once a day, that money waits which nobody has claimed."""
    for community_id in tx.execute(select(communities.c.id)).scalars().all():
        tell_staff(
            tx,
            StaffTask("suspense", str(count), "", 0, ""),
            community_id=community_id,
            roles=OFFICE,
            key=f"suspense:{community_id}:{shanghai_day(now)}",
            now=now,
        )
