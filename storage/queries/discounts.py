"""What is taken off bills (优惠) and for which empty days, and whether more of it would fit."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, or_, select

from storage.charge_errors import InputRefused, TariffOverlaps
from storage.frozen import dataclass
from storage.kinds import ChargeInput, DiscountReason, LineKind
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.estate import units
from storage.models.prepayments import prepay_orders
from storage.models.tariffs import discounts, vacancies
from storage.periods import BillingPeriod

NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class DiscountFact:
    """A percentage or an amount in fen off, of one unit or all, of one fee or all."""

    reason: DiscountReason
    name: str
    from_on: date
    percent: Decimal | None = None
    amount_fen: int | None = None
    unit_id: int | None = None
    fee_item_id: int | None = None
    until_on: date | None = None
    uses_left: int | None = None

    def __post_init__(self) -> None:
        """Refuse what takes nothing off in no way, or in two. Raises InputRefused."""
        if (self.percent is None) == (self.amount_fen is None):
            raise InputRefused(ChargeInput.PERCENT, str(self.percent))
        if self.amount_fen is not None and self.amount_fen < 0:
            raise InputRefused(ChargeInput.AMOUNT, str(self.amount_fen))
        if self.uses_left is not None and self.uses_left < 0:
            raise InputRefused(ChargeInput.COUNT, str(self.uses_left))

    @property
    def short_name(self) -> str:
        """Its name as it is kept."""
        return self.name.strip()[:NAME_CHARS]


@dataclass(frozen=True, slots=True)
class GrantedDiscount:
    """Something that is taken off; "" for all units, for all fees."""

    discount_id: int
    unit_label: str
    item_name: str
    reason: DiscountReason
    name: str
    percent: Decimal | None
    amount_fen: int | None
    from_on: date
    until_on: date | None
    uses_left: int | None


def granted_discounts(tx: Connection, community_id: int) -> list[GrantedDiscount]:
    """Return what the office takes off and has not been used up, the first entered first.

    The gift of a year that somebody paid ahead is hers: it is not among them.
    """
    gifts = select(prepay_orders.c.gift_id).where(prepay_orders.c.gift_id.is_not(None))
    rows = tx.execute(
        select(discounts, units.c.label, fee_items.c.name.label("item_name"))
        .outerjoin(units, units.c.id == discounts.c.unit_id)
        .outerjoin(fee_items, fee_items.c.id == discounts.c.fee_item_id)
        .where(
            discounts.c.community_id == community_id,
            or_(discounts.c.uses_left.is_(None), discounts.c.uses_left > 0),
            discounts.c.id.not_in(gifts),
        )
        .order_by(discounts.c.id)
    )
    return [
        GrantedDiscount(
            row.id,
            row.label or "",
            row.item_name or "",
            DiscountReason(row.reason),
            row.name,
            None if row.percent_e2 is None else Decimal(row.percent_e2).scaleb(-2),
            row.amount_fen,
            row.from_on,
            row.until_on,
            row.uses_left,
        )
        for row in rows
    ]


def check_discount(tx: Connection, fact: DiscountFact, *, community_id: int) -> None:
    """Refuse what cannot be granted: InputRefused, and TariffOverlaps where the same is taken off.

    The same is what has the same name and reason for the same unit and fee, in whatever amount.
    Raises ValueError where it would end before it begins.
    """
    if fact.percent is not None:
        percent_e2(fact.percent)
    _refuse_reversed(fact.from_on, fact.until_on)
    known = tx.execute(
        select(discounts.c.from_on, discounts.c.until_on).where(
            discounts.c.community_id == community_id,
            discounts.c.unit_id.is_not_distinct_from(fact.unit_id),
            discounts.c.fee_item_id.is_not_distinct_from(fact.fee_item_id),
            discounts.c.reason == fact.reason,
            discounts.c.name == fact.short_name,
            or_(discounts.c.uses_left.is_(None), discounts.c.uses_left > 0),
            or_(discounts.c.until_on.is_(None), discounts.c.until_on > fact.from_on),
        )
    )
    for one in known:
        if fact.until_on is None or one.from_on < fact.until_on:
            raise TariffOverlaps(fact.short_name, max(one.from_on, fact.from_on))


def check_vacancy(
    tx: Connection, *, unit_id: int, percent: Decimal, from_on: date, until_on: date | None
) -> bool:
    """Say whether a vacancy would be new; changes nothing.

    One that is open may be said again with an end, or be followed by a later one. Raises
    TariffOverlaps where days are noted already, InputRefused for a percentage outside 0 to 100 or
    with more than two decimals, and ValueError where it would end before it begins.
    """
    asked_e2 = percent_e2(percent)
    _refuse_reversed(from_on, until_on)
    label: str = tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
    known = tx.execute(select(vacancies).where(vacancies.c.unit_id == unit_id)).all()
    opened = (asked_e2, from_on, None)
    said = [(one.percent_e2, one.from_on, one.until_on) for one in known]
    if (asked_e2, from_on, until_on) in said:
        return False
    others = [one for one, same in zip(known, said, strict=True) if same != opened]
    refuse_overlap(others, from_on, until_on, label)
    return True


def refuse_overlap(known: Iterable[Any], from_on: date, until_on: date | None, row: str) -> None:
    """Refuse days on which something is said already; an open one before them ends instead.

    `known` are rows with `from_on` and `until_on`. Raises TariffOverlaps, naming the row.
    """
    for one in known:
        is_ended_by_this = one.until_on is None and one.from_on < from_on
        begins_before_end = until_on is None or one.from_on < until_on
        goes_on = one.until_on is None or one.until_on > from_on
        if not is_ended_by_this and begins_before_end and goes_on:
            raise TariffOverlaps(row, max(one.from_on, from_on))


def percent_e2(percent: Decimal) -> int:
    """Return hundredths of a percent. Raises InputRefused outside 0 to 100, or for a finer one."""
    if not percent.is_finite() or not 0 <= percent <= 100 or percent != round(percent, 2):
        raise InputRefused(ChargeInput.PERCENT, str(percent))
    return int(percent.scaleb(2))


def _refuse_reversed(from_on: date, until_on: date | None) -> None:
    if until_on is not None and until_on <= from_on:
        raise ValueError(f"what begins on {from_on} cannot end on {until_on}")


@dataclass(frozen=True, slots=True)
class GivenSum:
    """What was taken off a month's bills under one name, of one fee."""

    name: str
    item_name: str
    bill_count: int
    amount_fen: int


def given_in(tx: Connection, community_id: int, period: BillingPeriod) -> list[GivenSum]:
    """Return what was taken off the bills of a month, name by name; of bills that stand."""
    rows = tx.execute(
        select(
            bill_lines.c.label,
            fee_items.c.name,
            func.count(bills.c.id.distinct()).label("bill_count"),
            func.sum(-bill_lines.c.amount_fen).label("fen"),
        )
        .select_from(
            bill_lines.join(bills, bills.c.id == bill_lines.c.bill_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(
            bills.c.community_id == community_id,
            bills.c.period == str(period),
            bills.c.voided_at.is_(None),
            bill_lines.c.kind == LineKind.DISCOUNT,
        )
        .group_by(bill_lines.c.label, fee_items.c.name)
        .order_by(bill_lines.c.label, fee_items.c.name)
    )
    return [GivenSum(row.label, row.name, row.bill_count, int(row.fen)) for row in rows]
