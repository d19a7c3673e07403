"""Payees (收款主体): who collects which fee of a community on a day."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, select

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
    gateways: tuple[str, ...]
    """Names of the configuration that collect for it; none named: all of them."""

    def takes(self, gateway: str) -> bool:
        """Tell whether a gateway collects for it."""
        return not self.gateways or gateway in self.gateways


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
    known = {row.id: row for row in tx.execute(select(payees))}
    if not known:
        return Payees({}, None)
    rows = tx.execute(
        select(payee_choices.c.fee_item_key, payee_choices.c.payee_id)
        .where(payee_choices.c.community_id == community_id, payee_choices.c.effective_on <= day)
        .order_by(payee_choices.c.effective_on)
    )
    chosen = {row.fee_item_key: _payee(known[row.payee_id]) for row in rows}
    rest = chosen.pop(ALL_ITEMS, None) or _default(known.values())
    return Payees(chosen, rest)


def payee_by_id(tx: Connection, payee_id: int | None) -> Payee | None:
    """Return a payee, None where there is none."""
    row = tx.execute(select(payees).where(payees.c.id == payee_id)).one_or_none()
    return None if row is None else _payee(row)


def _default(rows: Iterable[Row[Any]]) -> Payee | None:
    return next((_payee(row) for row in rows if row.is_default), None)


def _payee(row: Row[Any]) -> Payee:
    return Payee(
        row.id,
        row.name,
        row.tax_no,
        row.bank_name,
        row.bank_account,
        tuple(row.gateways.split()),
    )


def all_payees(tx: Connection) -> list[Payee]:
    """Return every payee, in the order they were written down."""
    return [_payee(row) for row in tx.execute(select(payees).order_by(payees.c.id))]
