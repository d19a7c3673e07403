"""What a pay page shows: who may pay here, what is open, and how one payment order stands."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, or_, select

from storage.errors import LinkExpired
from storage.frozen import dataclass
from storage.kinds import BindingState, OrderState
from storage.links import PayLink
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.payments import payment_order_bills, payment_orders, payments
from storage.models.people import bindings, identities
from storage.periods import BillingPeriod
from storage.ports.payments import Collection, TradeKind
from storage.queries.bills import BillDetail, bill_details, bills_between, open_bills
from storage.queries.residents import owners_on

_EVER: Final = (BillingPeriod(1990, 1), BillingPeriod(2200, 12))
_EPOCH_MASK: Final = 0xFFFF
"""A link keeps the low 16 bits of its unit's epoch."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Whoever holds a pay link: the unit it opens, and with whose eyes. No name, no phone."""

    unit_id: int
    unit_label: str
    community_id: int
    community_name: str
    company_name: str
    office_phone: str
    binding_id: int
    """0: the paper bill's link."""
    account: str
    """The chat account of the binding, "" for a paper bill."""
    identity_id: int | None
    resident_id: int | None
    openid: str = ""
    """Whose link it is, "" for a paper bill."""
    other_bindings: tuple[tuple[int, int], ...] = ()
    """(binding, unit) of her other units in the community."""


def payer_of(tx: Connection, link: PayLink) -> Payer:
    """Return who a proved link lets in. Raises LinkExpired where binding or epoch has ended."""
    unit = tx.execute(
        select(
            units.c.label,
            units.c.link_epoch,
            units.c.community_id,
            communities.c.name,
            communities.c.company_name,
            communities.c.phone,
        )
        .join(communities, communities.c.id == units.c.community_id)
        .where(units.c.id == link.unit_id)
    ).one_or_none()
    if unit is None or unit.link_epoch & _EPOCH_MASK != link.link_epoch & _EPOCH_MASK:
        raise LinkExpired
    holder = _holder(tx, link) if link.binding_id else None
    return Payer(
        unit_id=link.unit_id,
        unit_label=unit.label,
        community_id=unit.community_id,
        community_name=unit.name,
        company_name=unit.company_name,
        office_phone=unit.phone,
        binding_id=link.binding_id,
        account=holder.account if holder is not None else "",
        identity_id=holder.identity_id if holder is not None else None,
        resident_id=holder.resident_id if holder is not None else None,
        openid=holder.openid if holder is not None else "",
        other_bindings=_others(tx, holder.identity_id, unit.community_id, link) if holder else (),
    )


def _holder(tx: Connection, link: PayLink) -> Row[Any]:
    wanted: Select[Any] = (
        select(
            bindings.c.identity_id,
            bindings.c.resident_id,
            identities.c.account,
            identities.c.openid,
        )
        .join(identities, identities.c.id == bindings.c.identity_id)
        .where(
            bindings.c.id == link.binding_id,
            bindings.c.unit_id == link.unit_id,
            bindings.c.state == BindingState.ACTIVE,
        )
    )
    holder = tx.execute(wanted).one_or_none()
    if holder is None:
        raise LinkExpired
    return holder


def _others(
    tx: Connection, identity_id: int, community_id: int, link: PayLink
) -> tuple[tuple[int, int], ...]:
    rows = tx.execute(
        select(bindings.c.id, bindings.c.unit_id)
        .join(units, units.c.id == bindings.c.unit_id)
        .where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id != link.unit_id,
            bindings.c.state == BindingState.ACTIVE,
            units.c.community_id == community_id,
        )
        .order_by(bindings.c.id)
    )
    return tuple((row.id, row.unit_id) for row in rows)


def open_bills_elsewhere(tx: Connection, payer: Payer) -> list[BillDetail]:
    """Return what is open in the other units of whose link it is, the oldest first."""
    shown = [one.bill_id for pair in payer.other_bindings for one in open_bills(tx, pair[0])]
    return bill_details(tx, shown) if shown else []


def open_bills_for(tx: Connection, payer: Payer, *, today: date) -> list[BillDetail]:
    """Return the open bills that a payer is shown, with lines and explanations, oldest first.

    A paper bill shows what the owner of the Shanghai day `today` owes, never a former owner's.
    """
    if payer.binding_id:
        shown = [one.bill_id for one in open_bills(tx, payer.binding_id)]
    else:
        is_open = bills.c.paid_fen < bills.c.amount_fen
        theirs = _of_owner(tx, payer.unit_id, today).where(is_open)
        shown = list(tx.execute(theirs).scalars())
    return bill_details(tx, shown) if shown else []


def _of_owner(tx: Connection, unit_id: int, today: date) -> Select[int]:
    owners = owners_on(tx, unit_id, today)
    return select(bills.c.id).where(
        bills.c.unit_id == unit_id,
        bills.c.voided_at.is_(None),
        or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(owners)),
    )


@dataclass(frozen=True, slots=True)
class OrderView:
    """How a payment order stands, for the page of its payer."""

    order_no: str
    state: OrderState
    gateway: str
    kind: TradeKind
    amount_fen: int
    created_at: datetime
    expires_at: datetime
    collection: Collection
    payment_id: int | None
    returned_fen: int
    """Not 0 where the bills were paid already and the money goes back."""
    is_aside: bool = False
    """It pays no bill: the money is put aside."""


def order_for(tx: Connection, payer: Payer, order_no: str, *, today: date) -> OrderView | None:
    """Return an order of this payer's unit over bills she may see; None for any other."""
    row = tx.execute(
        select(payment_orders, payments.c.id.label("payment_id"), payments.c.returned_fen)
        .outerjoin(payments, payments.c.order_id == payment_orders.c.id)
        .where(payment_orders.c.order_no == order_no, payment_orders.c.unit_id == payer.unit_id)
    ).one_or_none()
    if row is None:
        return None
    chosen = set(
        tx.execute(
            select(payment_order_bills.c.bill_id).where(payment_order_bills.c.order_id == row.id)
        ).scalars()
    )
    if payer.binding_id:
        ids = (payer.binding_id, *(one for one, _ in payer.other_bindings))
        seen = {one.bill_id for each in ids for one in bills_between(tx, each, *_EVER)}
    else:
        seen = set(tx.execute(_of_owner(tx, payer.unit_id, today)).scalars())
    if not chosen <= seen:
        return None
    return OrderView(
        order_no=row.order_no,
        state=OrderState(row.state),
        gateway=row.gateway,
        kind=TradeKind(row.kind),
        amount_fen=row.amount_fen,
        created_at=row.created_at,
        expires_at=row.expires_at,
        collection=Collection(
            row.prepay_id, row.pay_address or row.pay_url, row.code_url, row.pay_form
        ),
        payment_id=row.payment_id,
        returned_fen=row.returned_fen or 0,
        is_aside=not chosen,
    )
