"""Tax invoices (发票): applied for by the payer, issued by the bureau's system, taken back in red.

We do not issue: the office's own account at the bureau does, one by one or by a sheet of many. We
keep who wants which, with lines by tax code, and what became of it.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.events import Event, StaffTask, TaxInvoiceDeclined, TaxInvoiceIssued
from storage.frozen import dataclass
from storage.kinds import StaffRole, Urgency
from storage.models.estate import units
from storage.models.payments import payment_orders, payments, receipts
from storage.models.tax_invoices import tax_invoice_lines, tax_invoices
from storage.operations.hearers import hearers, tell_staff
from storage.outbox import enqueue
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState
from storage.periods import shanghai_day
from storage.queries.tax_invoices import TaxLine, taxed_lines
from storage.rules.tax_invoices import is_tax_no, tax_in, tidy_tax_no
from storage.sql import insert_once, next_number
from storage.tax_errors import (
    NoTaxInvoice,
    SpecialNeedsMore,
    TaxFileRefused,
    TaxInvoiceStateWrong,
    TaxInvoiceTaken,
    TaxNoRefused,
    TitleRefused,
    UnknownTaxInvoice,
)

FILE_LIMIT: Final = 5 * 1024 * 1024
FILE_STARTS: Final = {b"%PDF-": "pdf", b"PK\x03\x04": "ofd", b"<?xml": "xml"}
"""How the three forms of an electronic invoice begin; an OFD is a ZIP."""
LIVE: Final = (TaxInvoiceState.APPLIED, TaxInvoiceState.EXPORTED, TaxInvoiceState.ISSUED)
OFFICE: Final = (StaffRole.CASHIER, StaffRole.MANAGER)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whom an invoice is made out to."""

    title: str
    kind: TaxInvoiceKind = TaxInvoiceKind.ORDINARY
    tax_no: str = ""
    """"" for a person."""
    address: str = ""
    phone: str = ""
    bank_name: str = ""
    bank_account: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """What was applied for."""

    application_no: str
    amount_fen: int
    unit_label: str


def check_buyer(buyer: Buyer) -> Buyer:
    """Return a buyer as the invoice will say it.

    Raises TitleRefused, TaxNoRefused, SpecialNeedsMore.
    """
    title = " ".join(buyer.title.split())
    if not 2 <= len(title) <= 100 or not any(letter.isalpha() for letter in title):
        raise TitleRefused
    tax_no = tidy_tax_no(buyer.tax_no)
    if tax_no and not is_tax_no(tax_no):
        raise TaxNoRefused(buyer.tax_no[:40])
    made = Buyer(
        title,
        buyer.kind,
        tax_no,
        address=buyer.address.strip()[:120],
        phone=buyer.phone.strip()[:40],
        bank_name=buyer.bank_name.strip()[:80],
        bank_account=buyer.bank_account.strip()[:40],
        email=buyer.email.strip()[:80],
    )
    more = (made.tax_no, made.address, made.phone, made.bank_name, made.bank_account)
    if made.kind is TaxInvoiceKind.SPECIAL and not all(more):
        raise SpecialNeedsMore
    return made


def apply_for_tax_invoice(
    tx: Connection, payment_id: int, buyer: Buyer, *, identity_id: int | None, now: datetime
) -> Application:
    """Put an application before the office; its amount is what the payment still pays.

    Deposits, money collected for others and money put aside are not invoiced. Raises what
    `check_buyer` raises, NoTaxInvoice, and TaxInvoiceTaken.
    """
    buyer = check_buyer(buyer)
    payment = _payment(tx, payment_id)
    lines = taxed_lines(tx, payment_id, shanghai_day(payment.paid_at))
    amount_fen = sum(one.amount_fen for one in lines)
    receipt_id = tx.execute(
        select(receipts.c.id).where(
            receipts.c.payment_id == payment_id, receipts.c.voided_at.is_(None)
        )
    ).scalar_one_or_none()
    if amount_fen <= 0 or receipt_id is None:
        raise NoTaxInvoice
    known = tx.execute(
        select(tax_invoices.c.application_no).where(
            tax_invoices.c.payment_id == payment_id,
            tax_invoices.c.state.in_(LIVE),
            tax_invoices.c.reddens_id.is_(None),
        )
    ).scalar_one_or_none()
    if known is not None:
        raise TaxInvoiceTaken(known)
    values = {
        **_said(buyer),
        "payment_id": payment_id,
        "receipt_id": receipt_id,
        "community_id": payment.community_id,
        "payee_id": payment.payee_id,
        "identity_id": identity_id,
        "amount_fen": amount_fen,
    }
    row = write_application(tx, values, lines, now)
    audit.note(
        tx, Actor(identity_id=identity_id), "apply", "tax_invoice", row.application_no, at=now
    )
    task = StaffTask("tax_invoice", row.application_no, payment.label, amount_fen, buyer.title[:60])
    tell_office(tx, task, row, now)
    return Application(row.application_no, amount_fen, payment.label)


def _payment(tx: Connection, payment_id: int) -> Row[Any]:
    found = tx.execute(
        select(payments, units.c.label, payment_orders.c.payee_id)
        .join(units, units.c.id == payments.c.unit_id)
        .join(payment_orders, payment_orders.c.id == payments.c.order_id)
        .where(payments.c.id == payment_id)
        .with_for_update(of=payments)
    ).one_or_none()
    if found is None:
        raise NoTaxInvoice
    return found


def _said(buyer: Buyer) -> dict[str, Any]:
    return {
        "kind": buyer.kind,
        "title": buyer.title,
        "tax_no": buyer.tax_no,
        "address": buyer.address,
        "phone": buyer.phone,
        "bank_name": buyer.bank_name,
        "bank_account": buyer.bank_account,
        "email": buyer.email,
    }


def write_application(
    tx: Connection, values: dict[str, Any], lines: Iterable[TaxLine], now: datetime
) -> Row[Any]:
    """Number an application and write it with its lines. Raises TaxInvoiceTaken."""
    day = shanghai_day(now)
    application_no = f"F{day:%y%m%d}{next_number(tx, f'tax_invoice:{day:%y%m%d}'):05d}"
    written = {
        **values,
        "application_no": application_no,
        "state": TaxInvoiceState.APPLIED,
        "applied_at": now,
    }
    key = insert_once(tx, tax_invoices, written)
    if key is None:
        raise TaxInvoiceTaken(application_no)
    tx.execute(
        tax_invoice_lines.insert(),
        [
            {
                "invoice_id": key,
                "name": one.name,
                "tax_code": one.tax_code,
                "rate_e4": one.rate_e4,
                "amount_fen": one.amount_fen,
                "tax_fen": tax_in(one.amount_fen, one.rate_e4),
            }
            for one in lines
        ],
    )
    return tx.execute(select(tax_invoices).where(tax_invoices.c.id == key)).one()


@dataclass(frozen=True, slots=True)
class BureauNumber:
    """What the bureau's system gave to an application."""

    application_no: str
    tax_invoice_no: str
    issued_on: date
    code: str = ""
    """The code that older invoices have beside the number."""


def note_issued(tx: Connection, given: BureauNumber, *, actor: Actor, now: datetime) -> bool:
    """Write down an issued invoice, mark its receipt, tell the payer; False where it is known.

    Of a red letter, the invoice that it takes back is ended. Raises UnknownTaxInvoice, and
    TaxInvoiceStateWrong where it was declined, or issued under another number.
    """
    row = _lock(tx, given.application_no)
    if row.state == TaxInvoiceState.ISSUED and row.invoice_no == given.tax_invoice_no:
        return False
    if row.state not in (TaxInvoiceState.APPLIED, TaxInvoiceState.EXPORTED):
        raise TaxInvoiceStateWrong(given.application_no)
    _move(
        tx,
        row,
        TaxInvoiceState.ISSUED,
        invoice_no=given.tax_invoice_no[:24],
        invoice_code=given.code[:20],
        issued_on=given.issued_on,
        issued_at=now,
        decided_by=actor.staff_id,
    )
    audit.note(tx, actor, "issue", "tax_invoice", given.application_no, at=now)
    if row.reddens_id is not None:
        _end_reddened(tx, row.reddens_id)
    else:
        tx.execute(update(receipts).where(receipts.c.id == row.receipt_id).values(invoiced_at=now))
    news = TaxInvoiceIssued(
        row.application_no,
        label_of(tx, row),
        row.amount_fen,
        row.title,
        given.tax_invoice_no,
        row.id if row.file is not None else 0,
    )
    _tell(tx, row, news, now)
    return True


def note_all_issued(
    tx: Connection, given: Iterable[BureauNumber], *, actor: Actor, now: datetime
) -> int:
    """Write down a whole list of results, or nothing; return how many are new.

    Raises what `note_issued` raises.
    """
    return sum(note_issued(tx, one, actor=actor, now=now) for one in given)


def _end_reddened(tx: Connection, key: int) -> None:
    ended = tx.execute(
        update(tax_invoices)
        .where(tax_invoices.c.id == key)
        .values(state=TaxInvoiceState.REDDENED)
        .returning(tax_invoices.c.receipt_id)
    ).scalar_one()
    tx.execute(update(receipts).where(receipts.c.id == ended).values(invoiced_at=None))


def keep_file(
    tx: Connection, application_no: str, name: str, content: bytes, *, actor: Actor, now: datetime
) -> None:
    """Keep the issued file for the payer, who is told where it is.

    Raises UnknownTaxInvoice, TaxInvoiceStateWrong (it is not issued yet), TaxFileRefused.
    """
    row = _lock(tx, application_no)
    if row.state != TaxInvoiceState.ISSUED:
        raise TaxInvoiceStateWrong(application_no)
    ending = next((end for start, end in FILE_STARTS.items() if content.startswith(start)), "")
    if not ending or len(content) > FILE_LIMIT:
        raise TaxFileRefused
    kept = f"{row.invoice_no or application_no}.{ending}"
    tx.execute(
        update(tax_invoices)
        .where(tax_invoices.c.id == row.id)
        .values(file=content, file_name=kept[:80])
    )
    detail = f"{len(content)} {name[:60]}"
    audit.note(tx, actor, "file", "tax_invoice", application_no, at=now, detail=detail)
    news = TaxInvoiceIssued(
        row.application_no, label_of(tx, row), row.amount_fen, row.title, row.invoice_no, row.id
    )
    _tell(tx, row, news, now)


def decline_tax_invoice(
    tx: Connection, application_no: str, reason: str, *, actor: Actor, now: datetime
) -> None:
    """Decline an application with a reason that the payer reads; she may apply again.

    Raises UnknownTaxInvoice, TaxInvoiceStateWrong.
    """
    row = _lock(tx, application_no)
    if row.state not in (TaxInvoiceState.APPLIED, TaxInvoiceState.EXPORTED):
        raise TaxInvoiceStateWrong(application_no)
    _move(tx, row, TaxInvoiceState.DECLINED, reason=reason[:120], decided_by=actor.staff_id)
    audit.note(tx, actor, "decline", "tax_invoice", application_no, at=now, detail=reason)
    _tell(
        tx, row, TaxInvoiceDeclined(application_no, label_of(tx, row), row.amount_fen, reason), now
    )


def _lock(tx: Connection, application_no: str) -> Row[Any]:
    row = tx.execute(
        select(tax_invoices)
        .where(tax_invoices.c.application_no == application_no.strip().upper())
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownTaxInvoice(application_no[:24])
    return row


def _move(tx: Connection, row: Row[Any], state: TaxInvoiceState, **more: Any) -> None:  # noqa: ANN401
    tx.execute(update(tax_invoices).where(tax_invoices.c.id == row.id).values(state=state, **more))


def label_of(tx: Connection, row: Row[Any]) -> str:
    """Return the label of the unit whose payment it is about."""
    label: str = tx.execute(
        select(units.c.label)
        .join(payments, payments.c.unit_id == units.c.id)
        .where(payments.c.id == row.payment_id)
    ).scalar_one()
    return label


def _tell(tx: Connection, row: Row[Any], event: Event, now: datetime) -> None:
    """Tell the applicant, once per step; a red letter is the office's own affair until issued."""
    unit_id = tx.execute(
        select(payments.c.unit_id).where(payments.c.id == row.payment_id)
    ).scalar_one()
    has_file = getattr(event, "file_id", 0)
    for hearer in hearers(tx, identity_id=row.identity_id, unit_id=unit_id):
        enqueue(
            tx,
            event,
            hearer.addressee,
            key=f"tax:{row.application_no}:{type(event).__name__}:{has_file}:"
            f"{hearer.addressee.identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )


def tell_office(tx: Connection, task: StaffTask, row: Row[Any], now: datetime) -> None:
    """Put it before whoever issues invoices, once."""
    tell_staff(
        tx,
        task,
        community_id=row.community_id,
        roles=OFFICE,
        key=f"tax:{row.application_no}",
        now=now,
    )
