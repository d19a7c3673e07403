"""Payees (收款主体): who collects which fee of a community on a day."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.payees import payee_choices, payees

ALL_ITEMS: Final = 0


@dataclass(frozen=True, slots=True)
class Payee:
    """Whose merchant number, bank account and invoices a fee is collected under."""

    payee_id: int
    name: str
    tax_no: str
    bank_name: str
    bank_account: str
    is_default: bool
    """It collects what no choice gives to another."""
    gateways: tuple[str, ...]
    """Names of the configuration that collect for it; none named: all that nobody names."""
    others: frozenset[str] = frozenset()
    """Names that collect for other payees."""

    def takes(self, gateway: str) -> bool:
        """Tell whether a gateway collects for it."""
        if self.gateways:
            return gateway in self.gateways
        return gateway not in self.others


@dataclass(frozen=True, slots=True)
class Payees:
    """The choices of one community on one day."""

    by_item: dict[int, Payee]
    of_the_rest: Payee | None

    def of(self, fee_item_id: int) -> Payee | None:
        """Return who collects a fee item, None where the company has named nobody."""
        return self.by_item.get(fee_item_id, self.of_the_rest)

    def key_of(self, fee_item_id: int) -> int | None:
        """Return the key of who collects a fee item."""
        found = self.of(fee_item_id)
        return None if found is None else found.payee_id


def payees_on(tx: Connection, community_id: int, day: date) -> Payees:
    """Return who collects a community's fees on a Shanghai day."""
    known = {one.payee_id: one for one in all_payees(tx)}
    if not known:
        return Payees({}, None)
    rows = tx.execute(
        select(payee_choices.c.fee_item_key, payee_choices.c.payee_id)
        .where(payee_choices.c.community_id == community_id, payee_choices.c.effective_on <= day)
        .order_by(payee_choices.c.effective_on)
    )
    chosen = {row.fee_item_key: known[row.payee_id] for row in rows}
    rest = chosen.pop(ALL_ITEMS, None) or _default(known.values())
    return Payees(chosen, rest)


def payee_by_id(tx: Connection, payee_id: int | None) -> Payee | None:
    """Return a payee, None where there is none."""
    return next((one for one in all_payees(tx) if one.payee_id == payee_id), None)


def all_payees(tx: Connection) -> list[Payee]:
    """Return every payee, in the order they were written down."""
    rows = tx.execute(select(payees).order_by(payees.c.id)).all()
    named = {row.id: tuple(row.gateways.split()) for row in rows}
    return [
        Payee(
            payee_id=row.id,
            name=row.name,
            tax_no=row.tax_no,
            bank_name=row.bank_name,
            bank_account=row.bank_account,
            is_default=bool(row.is_default),
            gateways=named[row.id],
            others=frozenset(one for key, names in named.items() if key != row.id for one in names),
        )
        for row in rows
    ]


def _default(known: Iterable[Payee]) -> Payee | None:
    return next((one for one in known if one.is_default), None)
