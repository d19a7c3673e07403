"""Hand-in sheets (交款单): what a cashier's close adds up, voucher by voucher."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, select

from storage.counter_errors import UnknownSheet
from storage.frozen import dataclass
from storage.models.estate import communities
from storage.models.offline import cashier_days, vouchers
from storage.models.people import staff
from storage.queries.counter import VoucherView, vouchers_where
from storage.queries.residents import Staff
from storage.rules.counter import SheetSums, Taken, add_up


@dataclass(frozen=True, slots=True)
class Sheet:
    """A hand-in sheet as printed."""

    sheet_no: str
    community_id: int
    community_name: str
    company_name: str
    staff_id: int
    staff_name: str
    day_on: date
    closed_at: datetime | None
    """None for a sheet that is only looked at: the day is not closed."""
    sums: SheetSums
    handed_in_fen: int
    first_receipt_no: str
    last_receipt_no: str
    deposit_slip_no: str
    note: str
    received_by: str
    """The name of who took the money over, "" while nobody has."""
    received_at: datetime | None
    vouchers: tuple[VoucherView, ...]

    @property
    def over_fen(self) -> int:
        """What was handed in less what is due: below 0 where cash is missing."""
        return self.handed_in_fen - self.sums.cash_due_fen

    @property
    def counted(self) -> int:
        """How many vouchers count."""
        return sum(one.voided_at is None for one in self.vouchers)


def sheet_of(tx: Connection, sheet_no: str, *, community_ids: Sequence[int]) -> Sheet:
    """Return a sheet of these communities. Raises UnknownSheet."""
    receiver = staff.alias("receiver")
    row = tx.execute(
        select(
            cashier_days,
            communities.c.name.label("community_name"),
            communities.c.company_name,
            staff.c.name.label("staff_name"),
            receiver.c.name.label("receiver_name"),
        )
        .select_from(
            cashier_days.join(communities, communities.c.id == cashier_days.c.community_id)
            .join(staff, staff.c.id == cashier_days.c.staff_id)
            .outerjoin(receiver, receiver.c.id == cashier_days.c.received_by)
        )
        .where(cashier_days.c.sheet_no == sheet_no, cashier_days.c.community_id.in_(community_ids))
    ).one_or_none()
    if row is None:
        raise UnknownSheet(sheet_no)
    found = vouchers_where(tx, vouchers.c.cashier_day_id == row.id)
    return Sheet(
        sheet_no=row.sheet_no,
        community_id=row.community_id,
        community_name=row.community_name,
        company_name=row.company_name,
        staff_id=row.staff_id,
        staff_name=row.staff_name,
        day_on=row.day_on,
        closed_at=row.closed_at,
        sums=_sums(found),
        handed_in_fen=row.handed_in_fen,
        first_receipt_no=row.first_receipt_no,
        last_receipt_no=row.last_receipt_no,
        deposit_slip_no=row.deposit_slip_no,
        note=row.note,
        received_by=row.receiver_name or "",
        received_at=row.received_at,
        vouchers=found,
    )


def sheet_to_be(tx: Connection, *, by: Staff, community_id: int, today: date) -> Sheet:
    """Return what a cashier's sheet would be if she closed now; nothing is handed in on it."""
    place = tx.execute(select(communities).where(communities.c.id == community_id)).one()
    found = vouchers_where(
        tx,
        vouchers.c.cashier_day_id.is_(None)
        & (vouchers.c.staff_id == by.staff_id)
        & (vouchers.c.community_id == community_id),
    )
    numbers = [one.receipt_no for one in found if one.receipt_no and one.amount_fen > 0]
    return Sheet(
        sheet_no="",
        community_id=community_id,
        community_name=place.name,
        company_name=place.company_name,
        staff_id=by.staff_id,
        staff_name=by.name,
        day_on=today,
        closed_at=None,
        sums=_sums(found),
        handed_in_fen=0,
        first_receipt_no=numbers[0] if numbers else "",
        last_receipt_no=numbers[-1] if numbers else "",
        deposit_slip_no="",
        note="",
        received_by="",
        received_at=None,
        vouchers=found,
    )


def sheets_between(
    tx: Connection, *, community_ids: Sequence[int], first_on: date, last_on: date
) -> list[Sheet]:
    """Return the sheets of some Shanghai days, the oldest first."""
    numbers = tx.execute(
        select(cashier_days.c.sheet_no)
        .where(
            cashier_days.c.community_id.in_(community_ids),
            cashier_days.c.day_on.between(first_on, last_on),
        )
        .order_by(cashier_days.c.id)
    ).scalars()
    return [sheet_of(tx, one, community_ids=community_ids) for one in numbers.all()]


def _sums(found: Sequence[VoucherView]) -> SheetSums:
    return add_up(Taken(one.method, one.amount_fen) for one in found if one.voided_at is None)
