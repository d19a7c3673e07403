"""Orders without bills: a payer puts money aside (预存), for one fee item or for any."""

import hashlib
import re
from datetime import datetime
from typing import Final, Self

from sqlalchemy import Connection, select

from storage.charge_errors import PrepayNotOffered, PrepayOutOfRange
from storage.errors import CollectionClosed
from storage.frozen import dataclass
from storage.kinds import DiscountReason
from storage.models.estate import units
from storage.models.prepayments import prepay_orders
from storage.models.tariffs import discounts
from storage.operations.orders import OpenOrder, OrderAsk, Wanted, write_order
from storage.queries.months_ahead import MonthsAhead, months_ahead
from storage.queries.policies import policy_on
from storage.queries.prepayments import Choice, items_to_prepay

LEAST_FEN: Final = 100
MOST_FEN: Final = 10_000_000
MOST_MONTHS: Final = 36
_TEXT: Final = re.compile("([0-9]{1,9})-([0-9]{1,18})-([0-9]{1,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Aside:
    """How much is put aside, and for what: a fee item (None: any), or so many months of it."""

    amount_fen: int
    fee_item_id: int | None = None
    months: int = 0

    @property
    def text(self) -> str:
        """Fen, fee item (0: any) and months as a link carries them: "100000-3-12"."""
        return f"{self.amount_fen}-{self.fee_item_id or 0}-{self.months}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote. Raises ValueError."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"nothing is put aside by {text!r}")
        return cls(int(match[1]), int(match[2]) or None, int(match[3]))


@dataclass(frozen=True, slots=True)
class AsideView:
    """What an order will put aside, in the words of its page."""

    aside: Aside
    item_name: str
    """"" for any fee item."""
    gift_name: str
    """The offer under which the month after them costs less, "" for none."""


def check_aside(tx: Connection, unit_id: int, aside: Aside, *, now: datetime) -> AsideView:
    """Return what a unit may put aside, checked against prices and offers of this moment.

    Raises PrepayOutOfRange, PrepayNotOffered (the item, or these months for these fen).
    """
    view, _ = _checked(tx, unit_id, aside, now)
    return view


def _checked(
    tx: Connection, unit_id: int, aside: Aside, now: datetime
) -> tuple[AsideView, MonthsAhead | None]:
    if not LEAST_FEN <= aside.amount_fen <= MOST_FEN:
        raise PrepayOutOfRange(LEAST_FEN, MOST_FEN)
    if aside.fee_item_id is None:
        if aside.months:
            raise PrepayNotOffered("")
        return AsideView(aside, "", ""), None
    item = _item(tx, unit_id, aside.fee_item_id)
    if not aside.months:
        return AsideView(aside, item.item_name, ""), None
    found = months_ahead(tx, unit_id=unit_id, item=item, months=aside.months, at=now)
    if found is None or found.amount_fen != aside.amount_fen or aside.months > MOST_MONTHS:
        raise PrepayNotOffered(item.item_name)
    gift_name = "" if found.offer is None else found.offer.name
    return AsideView(aside, item.item_name, gift_name), found


def _item(tx: Connection, unit_id: int, fee_item_id: int) -> Choice:
    community_id = tx.execute(
        select(units.c.community_id).where(units.c.id == unit_id)
    ).scalar_one()
    found = [one for one in items_to_prepay(tx, community_id) if one.fee_item_id == fee_item_id]
    if not found:
        raise PrepayNotOffered("")
    return found[0]


def open_aside(tx: Connection, ask: OrderAsk, aside: Aside, *, now: datetime) -> OpenOrder:
    """Write down an attempt to collect money that pays no bill yet.

    The same ask while the last one lives is the same order. A gift for a year ahead is written
    with it and counts only once the money is there. Raises PrepayOutOfRange, PrepayNotOffered,
    CollectionClosed.
    """
    _, ahead = _checked(tx, ask.unit_id, aside, now)
    unit = tx.execute(select(units).where(units.c.id == ask.unit_id)).one()
    if reason := policy_on(tx, unit.community_id).collection_closed:
        raise CollectionClosed(reason)
    named = f"prepay:{ask.unit_id}:{aside.fee_item_id or 0}:{aside.months}:{aside.amount_fen}"
    choice_key = hashlib.sha256(named.encode()).hexdigest()[:32]
    wanted = Wanted(unit.community_id, aside.amount_fen, choice_key)
    order, is_new = write_order(tx, ask, wanted, now=now)
    if is_new:
        gift_id = _promise(tx, unit.community_id, ask.unit_id, ahead)
        tx.execute(
            prepay_orders.insert().values(
                order_id=order.order_id,
                fee_item_id=aside.fee_item_id,
                months=aside.months,
                gift_id=gift_id,
            )
        )
    return order


def _promise(
    tx: Connection, community_id: int, unit_id: int, ahead: MonthsAhead | None
) -> int | None:
    """Write the coupon of the month after those paid ahead, which nobody can take yet."""
    if ahead is None or ahead.offer is None:
        return None
    month = ahead.first.plus(ahead.months)
    gift_id: int = tx.execute(
        discounts.insert()
        .values(
            community_id=community_id,
            unit_id=unit_id,
            fee_item_id=ahead.fee_item_id,
            reason=DiscountReason.COUPON,
            name=ahead.offer.name,
            percent_e2=ahead.offer.percent_e2,
            from_on=month.first_on,
            until_on=month.plus(1).first_on,
            uses_left=0,
        )
        .returning(discounts.c.id)
    ).scalar_one()
    return gift_id
