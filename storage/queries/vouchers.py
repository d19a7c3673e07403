"""A month's vouchers (记账凭证) for the company's own bookkeeping: our entries, day by day."""

from datetime import date

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.kinds import Account
from storage.models.ledger import entries, postings
from storage.periods import BillingPeriod
from storage.queries.debt_moves import total


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """What entries of one kind did to one account on a day, in fen; debit and credit apart."""

    on: date
    memo: str
    account: Account
    debit_fen: int
    credit_fen: int


def voucher_lines(
    tx: Connection, community_id: int, period: BillingPeriod
) -> tuple[VoucherLine, ...]:
    """Return a month's lines; those of a day and a memo are one voucher and sum to zero."""
    fen = postings.c.amount_fen
    rows = tx.execute(
        select(
            entries.c.effective_on,
            entries.c.memo,
            postings.c.account,
            total(fen, fen > 0).label("debit"),
            (-total(fen, fen < 0)).label("credit"),
        )
        .select_from(entries.join(postings, postings.c.entry_id == entries.c.id))
        .where(
            entries.c.community_id == community_id,
            entries.c.effective_on.between(period.first_on, period.last_on),
        )
        .group_by(entries.c.effective_on, entries.c.memo, postings.c.account)
        .order_by(entries.c.effective_on, entries.c.memo, postings.c.account)
    )
    return tuple(
        VoucherLine(row[0], row[1], Account(row[2]), int(row[3]), int(row[4])) for row in rows
    )
