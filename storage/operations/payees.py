"""Payees (收款主体): name them, and say which fees each collects from a day on."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import CLOCK
from storage.frozen import dataclass
from storage.models.payees import payee_choices, payees
from storage.queries.payees import ALL_ITEMS
from storage.sql import insert


@dataclass(frozen=True, slots=True)
class PayeeFacts:
    """A payee as the office writes it; "" stays as it was, or nothing at first."""

    name: str
    tax_no: str = ""
    address: str = ""
    phone: str = ""
    bank_name: str = ""
    bank_account: str = ""
    gateways: tuple[str, ...] = ()


WORDS: Final = ("tax_no", "address", "phone", "bank_name", "bank_account")


def write_payee(tx: Connection, facts: PayeeFacts, *, now: datetime) -> int:
    """Write a payee down, or change what is known of it by its name; return its key.

    The first one collects all that no choice gives to another. Raises ValueError for no name.
    """
    name = facts.name.strip()
    if not name:
        raise ValueError("name")
    changed = {one: getattr(facts, one).strip() for one in WORDS if getattr(facts, one).strip()}
    if facts.gateways:
        changed["gateways"] = " ".join(sorted(set(facts.gateways)))
    is_first = tx.execute(select(payees.c.id).limit(1)).first() is None
    payee_id: int = tx.execute(
        insert(tx, payees)
        .values(name=name, is_default=is_first, **changed)
        .on_conflict_do_update(index_elements=["name"], set_=changed or {"name": name})
        .returning(payees.c.id)
    ).scalar_one()
    audit.note(tx, CLOCK, "write", "payee", str(payee_id), at=now, detail=" ".join(changed))
    return payee_id


def choose_payee(
    tx: Connection,
    payee_id: int,
    *,
    community_id: int,
    fee_item_id: int | None,
    effective_on: date,
    now: datetime,
) -> None:
    """Say who collects a community's fees from a Shanghai day on, of one fee item or of all."""
    values = {
        "community_id": community_id,
        "fee_item_id": fee_item_id,
        "fee_item_key": fee_item_id or ALL_ITEMS,
        "payee_id": payee_id,
        "effective_on": effective_on,
    }
    keys = ["community_id", "fee_item_key", "effective_on"]
    tx.execute(
        insert(tx, payee_choices)
        .values(values)
        .on_conflict_do_update(index_elements=keys, set_={"payee_id": payee_id})
    )
    detail = f"{effective_on} item={fee_item_id or 'all'} payee={payee_id}"
    audit.note(tx, CLOCK, "choose", "payee", str(community_id), at=now, detail=detail)


def make_default(tx: Connection, payee_id: int, *, now: datetime) -> None:
    """Let a payee collect what no choice gives to another."""
    tx.execute(update(payees).values(is_default=payees.c.id == payee_id))
    audit.note(tx, CLOCK, "default", "payee", str(payee_id), at=now)
