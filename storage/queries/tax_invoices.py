"""What of a payment can be invoiced (可开票), and which applications stand where."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Row, func, select

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.payments import allocations, payments
from storage.models.tax_invoices import tax_codes, tax_invoice_lines, tax_invoices
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One line of an invoice: its amount holds the tax."""

    name: str
    tax_code: str
    """税收分类编码, 19 digits."""
    rate_e4: int
    """600 is 6 %."""
    amount_fen: int


def taxed_lines(tx: Connection, payment_id: int, day: date) -> list[TaxLine]:
    """Return what a payment pays by now of fees that have a tax code on a Shanghai day.

    Deposits and what is collected for others are no sale of ours and are never among them.
    """
    paid = tx.execute(
        select(fee_items.c.id, fee_items.c.name, func.sum(allocations.c.amount_fen))
        .select_from(
            allocations.join(bills, bills.c.id == allocations.c.bill_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(
            allocations.c.payment_id == payment_id,
            fee_items.c.fee_class.not_in((FeeClass.DEPOSIT, FeeClass.AGENCY)),
        )
        .group_by(fee_items.c.id, fee_items.c.name)
        .order_by(fee_items.c.id)
    ).all()
    codes = codes_on(tx, [row[0] for row in paid], day)
    return [
        TaxLine(name, *codes[item_id], int(fen))
        for item_id, name, fen in paid
        if item_id in codes and fen > 0
    ]


def can_be_invoiced(tx: Connection, payment_ids: Collection[int], day: date) -> set[int]:
    """Return those payments that pay something which an invoice can be made out for."""
    return {one for one in payment_ids if taxed_lines(tx, one, day)}


def codes_on(
    tx: Connection, fee_item_ids: Collection[int], day: date
) -> dict[int, tuple[str, int]]:
    """Return fee item → (tax code, rate) on a Shanghai day."""
    rows = tx.execute(
        select(tax_codes)
        .where(tax_codes.c.fee_item_id.in_(fee_item_ids), tax_codes.c.effective_on <= day)
        .order_by(tax_codes.c.effective_on)
    )
    return {row.fee_item_id: (row.tax_code, row.rate_e4) for row in rows}


@dataclass(frozen=True, slots=True)
class TaxInvoiceView:
    """An application as the office sees it."""

    key: int
    application_no: str
    community_name: str
    unit_label: str
    kind: TaxInvoiceKind
    state: TaxInvoiceState
    title: str
    tax_no: str
    address: str
    phone: str
    bank_name: str
    bank_account: str
    email: str
    amount_fen: int
    applied_at: datetime
    tax_invoice_no: str
    batch_no: str
    is_red: bool
    lines: tuple[TaxLine, ...]


def tax_invoices_in(
    tx: Connection,
    community_ids: Sequence[int],
    states: Collection[TaxInvoiceState],
    *,
    limit: int = 500,
) -> list[TaxInvoiceView]:
    """Return applications of some communities that stand so, the oldest first."""
    rows = tx.execute(
        _ALL.where(tax_invoices.c.community_id.in_(community_ids), tax_invoices.c.state.in_(states))
        .order_by(tax_invoices.c.id)
        .limit(limit)
    ).all()
    return _views(tx, rows)


def tax_invoices_by_key(tx: Connection, keys: Collection[int]) -> list[TaxInvoiceView]:
    """Return some applications, the oldest first."""
    rows = tx.execute(_ALL.where(tax_invoices.c.id.in_(keys)).order_by(tax_invoices.c.id)).all()
    return _views(tx, rows)


@dataclass(frozen=True, slots=True)
class TaxFile:
    """An issued file, for whom the link was given to."""

    file_name: str
    content: bytes


def tax_file(tx: Connection, key: int) -> TaxFile | None:
    """Return an issued file, None where there is none."""
    row = tx.execute(
        select(tax_invoices.c.file_name, tax_invoices.c.file).where(tax_invoices.c.id == key)
    ).one_or_none()
    return None if row is None or row.file is None else TaxFile(row.file_name, bytes(row.file))


@dataclass(frozen=True, slots=True)
class UsedTitle:
    """Whom a person had an invoice made out to."""

    kind: TaxInvoiceKind
    title: str
    tax_no: str
    """"" for a person."""
    address: str
    phone: str
    bank_name: str
    bank_account: str


def last_title(
    tx: Connection, identity_id: int, kinds: Collection[TaxInvoiceKind] = tuple(TaxInvoiceKind)
) -> UsedTitle | None:
    """Return what a person used last in an application of these kinds, None at first."""
    row = tx.execute(
        select(tax_invoices)
        .where(
            tax_invoices.c.identity_id == identity_id,
            tax_invoices.c.kind.in_(kinds),
            tax_invoices.c.reddens_id.is_(None),
        )
        .order_by(tax_invoices.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    more = (row.address, row.phone, row.bank_name, row.bank_account)
    return UsedTitle(TaxInvoiceKind(row.kind), row.title, row.tax_no, *more)


def tax_invoice_states(tx: Connection, payment_ids: Collection[int]) -> dict[int, TaxInvoiceState]:
    """Return payment → where its invoice stands, for those that have one."""
    rows = tx.execute(
        select(tax_invoices.c.payment_id, tax_invoices.c.state)
        .where(
            tax_invoices.c.payment_id.in_(payment_ids),
            tax_invoices.c.reddens_id.is_(None),
            tax_invoices.c.state.not_in((TaxInvoiceState.DECLINED, TaxInvoiceState.REDDENED)),
        )
        .order_by(tax_invoices.c.id)
    )
    return {row.payment_id: TaxInvoiceState(row.state) for row in rows}


_ALL = select(tax_invoices, units.c.label, communities.c.name.label("community_name")).select_from(
    tax_invoices.join(payments, payments.c.id == tax_invoices.c.payment_id)
    .join(units, units.c.id == payments.c.unit_id)
    .join(communities, communities.c.id == tax_invoices.c.community_id)
)


def _views(tx: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> list[TaxInvoiceView]:
    keys = [row.id for row in rows]
    lines: dict[int, list[TaxLine]] = {}
    for one in tx.execute(
        select(tax_invoice_lines)
        .where(tax_invoice_lines.c.invoice_id.in_(keys))
        .order_by(tax_invoice_lines.c.id)
    ):
        line = TaxLine(one.name, one.tax_code, one.rate_e4, one.amount_fen)
        lines.setdefault(one.invoice_id, []).append(line)
    return [
        TaxInvoiceView(
            key=row.id,
            application_no=row.application_no,
            community_name=row.community_name,
            unit_label=row.label,
            kind=TaxInvoiceKind(row.kind),
            state=TaxInvoiceState(row.state),
            title=row.title,
            tax_no=row.tax_no,
            address=row.address,
            phone=row.phone,
            bank_name=row.bank_name,
            bank_account=row.bank_account,
            email=row.email,
            amount_fen=row.amount_fen,
            applied_at=row.applied_at,
            tax_invoice_no=row.invoice_no,
            batch_no=row.batch_no,
            is_red=row.reddens_id is not None,
            lines=tuple(lines.get(row.id, ())),
        )
        for row in rows
    ]
