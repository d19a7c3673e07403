"""Small true worlds for tests: a community, its flats and people, bills and payments."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, insert, select

from storage.audit import Actor
from storage.kinds import Account, OccupancyRole, StaffRole
from storage.models.bills import bills, fee_items, tariffs
from storage.models.estate import communities, units
from storage.models.people import (
    bindings,
    identities,
    occupancies,
    residents,
    staff,
    staff_communities,
)
from storage.models.policies import policies
from storage.operations.bills import NewBill, book_bills
from storage.operations.orders import OpenOrder, OrderAsk, open_order
from storage.operations.payments import settle_payment
from storage.operations.prepay_orders import Aside, open_aside
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.periods import BillingPeriod
from storage.ports.chat import IncomingKind, IncomingMessage
from storage.ports.payments import PaymentFact, PaymentState, TradeKind

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Shanghai."""

ACCOUNT = "demo"


def incoming(
    openid: str, text: str, *, key: str, kind: IncomingKind = IncomingKind.TEXT
) -> IncomingMessage:
    """Make a message as the platform's adapter gives it to us."""
    return IncomingMessage(ACCOUNT, openid, kind, text, key, NOW, "gh_1")


def add_community(tx: Connection, /, name: str = "翡翠湾", **choices) -> int:
    """Add a community that is open, with an office; `choices` are its policy's columns."""
    community_id: int = tx.execute(
        insert(communities)
        .values(
            name=name,
            company_name="安心物业",
            phone="0571-88886666",
            address="1栋一楼大厅",
            opened_at=NOW - timedelta(days=365),
            widened_at=NOW - timedelta(days=365),
        )
        .returning(communities.c.id)
    ).scalar_one()
    policy = {"bind_needs_code": 0, "refund_automatic_fen": 100_000} | choices
    tx.execute(
        insert(policies).values(community_id=community_id, effective_on=date(2020, 1, 1), **policy)
    )
    return community_id


def add_unit(tx: Connection, community_id: int, code: str, paper_code: str = "") -> int:
    """Add a flat "3-2-1201"; its label is what residents say."""
    building, entrance, room = code.split("-")
    key: int = tx.execute(
        insert(units)
        .values(
            community_id=community_id,
            kind="home",
            code=code,
            label=f"{building}栋{entrance}单元{room}",
            paper_code=hashlib.sha256(paper_code.encode()).hexdigest() if paper_code else "",
        )
        .returning(units.c.id)
    ).scalar_one()
    return key


def add_resident(tx: Connection, community_id: int, name: str, phone: str) -> int:
    """Add a resident to the register."""
    key: int = tx.execute(
        insert(residents)
        .values(community_id=community_id, name=name, phone=phone)
        .returning(residents.c.id)
    ).scalar_one()
    return key


def move_in(
    tx: Connection,
    resident_id: int,
    unit_id: int,
    role: OccupancyRole = OccupancyRole.OWNER,
    *,
    from_on: date = date(2020, 1, 1),
    until_on: date | None = None,
) -> None:
    """Let a resident live in a flat."""
    tx.execute(
        insert(occupancies).values(
            resident_id=resident_id, unit_id=unit_id, role=role, from_on=from_on, until_on=until_on
        )
    )


def meet(tx: Connection, openid: str, *, staff_id: int | None = None) -> int:
    """Know a chat identity, with an open window."""
    known = tx.execute(
        select(identities.c.id).where(
            identities.c.account == ACCOUNT, identities.c.openid == openid
        )
    ).scalar_one_or_none()
    if known is not None:
        return int(known)
    key: int = tx.execute(
        insert(identities)
        .values(
            account=ACCOUNT,
            openid=openid,
            first_seen_at=NOW,
            window_until=NOW + timedelta(hours=48),
            window_left=5,
            staff_id=staff_id,
        )
        .returning(identities.c.id)
    ).scalar_one()
    return key


def add_binding(
    tx: Connection,
    openid: str,
    unit_id: int,
    resident_id: int | None,
    role: OccupancyRole = OccupancyRole.OWNER,
) -> int:
    """Bind a flat to a chat identity."""
    key: int = tx.execute(
        insert(bindings)
        .values(
            identity_id=meet(tx, openid),
            unit_id=unit_id,
            resident_id=resident_id,
            role=role,
            state="active",
            bound_at=NOW,
        )
        .returning(bindings.c.id)
    ).scalar_one()
    return key


def add_staff(tx: Connection, community_id: int, name: str, role: StaffRole, openid: str) -> int:
    """Employ somebody who serves a community and is known in chat."""
    staff_id: int = tx.execute(
        insert(staff).values(name=name, phone=f"139{openid}", role=role).returning(staff.c.id)
    ).scalar_one()
    tx.execute(insert(staff_communities).values(staff_id=staff_id, community_id=community_id))
    meet(tx, openid, staff_id=staff_id)
    return staff_id


def add_fee_item(
    tx: Connection, community_id: int, name: str = "物业费", code: str = "property_fee"
) -> int:
    """Add a fee item."""
    key: int = tx.execute(
        insert(fee_items)
        .values(community_id=community_id, code=code, name=name)
        .returning(fee_items.c.id)
    ).scalar_one()
    return key


def add_tariff(tx: Connection, community_id: int, fee_item_id: int, price_e4: int) -> None:
    """Price a fee item by area for homes, due on the 25th."""
    tx.execute(
        insert(tariffs).values(
            community_id=community_id,
            fee_item_id=fee_item_id,
            unit_kind="home",
            basis="by_area",
            price_e4=price_e4,
            effective_on=date(2025, 1, 1),
        )
    )


@dataclass(frozen=True)
class Owed:
    """A bill to come."""

    unit_id: int
    fee_item_id: int
    period: str
    amount_fen: int = 25_060
    item_name: str = "物业费"
    liable_id: int | None = None
    due_day: int = 25
    explanation: dict[str, str] = field(
        default_factory=lambda: {"sum": "89.50㎡ × 2.80元 × 1个月 = 250.60元"}
    )


def add_bill(tx: Connection, owed: Owed) -> int:
    """Issue a bill through the books; return its key."""
    community_id = tx.execute(
        select(units.c.community_id).where(units.c.id == owed.unit_id)
    ).scalar_one()
    period = BillingPeriod.parse(owed.period)
    new = NewBill(
        unit_id=owed.unit_id,
        fee_item_id=owed.fee_item_id,
        item_name=owed.item_name,
        period=period,
        amount_fen=owed.amount_fen,
        due_on=period.day(owed.due_day),
        explanation=owed.explanation,
        liable_id=owed.liable_id,
    )
    book_bills(tx, [new], community_id=community_id, against=Account.INCOME, now=NOW)
    key: int = tx.execute(
        select(bills.c.id).where(
            bills.c.unit_id == owed.unit_id,
            bills.c.fee_item_id == owed.fee_item_id,
            bills.c.period == owed.period,
        )
    ).scalar_one()
    return key


def begin_to_pay(
    tx: Connection,
    unit_id: int,
    bill_ids: tuple[int, ...],
    *,
    identity_id: int | None = None,
    at: datetime = NOW - timedelta(hours=1),
) -> OpenOrder:
    """Open an order at WeChat Pay."""
    ask = OrderAsk(
        unit_id=unit_id,
        bill_ids=bill_ids,
        gateway="wechat_pay",
        kind=TradeKind.JSAPI,
        merchant_id="1900000001",
        app_id="wx1",
        identity_id=identity_id,
    )
    return open_order(tx, ask, now=at)


def pay(
    tx: Connection,
    unit_id: int,
    bill_ids: tuple[int, ...],
    *,
    identity_id: int | None = None,
    paid_at: datetime = NOW - timedelta(hours=1),
) -> int:
    """Pay bills by WeChat Pay; return the payment's key."""
    order = begin_to_pay(tx, unit_id, bill_ids, identity_id=identity_id, at=paid_at)
    return _settle(tx, order, paid_at)


def put_aside(
    tx: Connection,
    unit_id: int,
    aside: Aside,
    *,
    identity_id: int | None = None,
    paid_at: datetime = NOW - timedelta(hours=1),
) -> int:
    """Put money aside by WeChat Pay; return the payment's key."""
    ask = OrderAsk(
        unit_id=unit_id,
        bill_ids=(),
        gateway="wechat_pay",
        kind=TradeKind.JSAPI,
        merchant_id="1900000001",
        app_id="wx1",
        identity_id=identity_id,
    )
    return _settle(tx, open_aside(tx, ask, aside, now=paid_at), paid_at)


def _settle(tx: Connection, order: OpenOrder, paid_at: datetime) -> int:
    fact = PaymentFact(
        gateway="wechat_pay",
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=order.amount_fen,
        currency="CNY",
        merchant_id="1900000001",
        app_id="wx1",
        transaction_id=f"42{order.order_no}",
        paid_at=paid_at,
    )
    settled = settle_payment(tx, fact, heard_at=paid_at)
    assert settled.payment_id is not None
    return settled.payment_id


def ask_back(tx: Connection, payment_id: int, *, identity_id: int, amount_fen: int = 25_060) -> str:
    """Ask money of a payment back; return the refund's number."""
    asked = RefundAskedFor(
        payment_id, amount_fen, "paid_twice", "重复缴费", f"test:{payment_id}", identity_id
    )
    return request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW).refund_no


@dataclass(frozen=True)
class World:
    """One community: Ms Li owns 3-2-1201 and owes two months; the Wangs live next door."""

    community_id: int
    unit_id: int
    next_door_id: int
    li_id: int
    wang_id: int
    fee_item_id: int
    october_id: int
    november_id: int


def build(tx: Connection, /, **choices) -> World:
    """Build the small world that most tests begin with."""
    community_id = add_community(tx, **choices)
    unit_id = add_unit(tx, community_id, "3-2-1201", paper_code="246810")
    next_door_id = add_unit(tx, community_id, "3-2-1202", paper_code="135791")
    li_id = add_resident(tx, community_id, "李秀英", "13800001234")
    wang_id = add_resident(tx, community_id, "王建国", "13912345678")
    move_in(tx, li_id, unit_id)
    move_in(tx, wang_id, next_door_id)
    fee_item_id = add_fee_item(tx, community_id)
    add_tariff(tx, community_id, fee_item_id, 28_000)
    october = add_bill(tx, Owed(unit_id, fee_item_id, "2026-10", liable_id=li_id))
    november = add_bill(tx, Owed(unit_id, fee_item_id, "2026-11", liable_id=li_id))
    add_bill(tx, Owed(next_door_id, fee_item_id, "2026-11", 99_900, liable_id=wang_id))
    return World(
        community_id, unit_id, next_door_id, li_id, wang_id, fee_item_id, october, november
    )
