"""What statements and our books do not say alike: lines without our row, rows without a line."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    func,
    literal,
    or_,
    select,
)

from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.models.base import UtcDateTime
from storage.models.payments import payment_orders, payments, refunds
from storage.models.reconciliation import gateway_statements, statement_lines
from storage.periods import shanghai_day, shanghai_instant
from storage.ports.payments import LineKind
from storage.queries.reconciliation import READ, Statement
from storage.rules.agreeing import (
    SUCCESS,
    DifferenceKind,
    PaymentPair,
    RefundPair,
    awaited_days,
    judge_payment,
    judge_refund,
)

EXTERNAL_KEY: Final = "external"
"""How the request of a refund begins that was made in a platform's own console."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a statement and our books do not say alike."""

    kind: DifferenceKind
    gateway: str
    day_on: date
    """The platform's day of the statement; ours where only we know of it."""
    reference: str
    ours_fen: int | None
    theirs_fen: int | None
    order_no: str = ""
    refund_no: str = ""
    """The number that the platform's line carries."""
    transaction_id: str = ""
    platform_refund_id: str = ""
    at: datetime | None = None
    asked_at: datetime | None = None
    """When the order or refund of ours was written; None where the platform cannot be asked."""
    is_ended_there: bool = False
    """The platform says in its line that it is done."""

    @property
    def key(self) -> str:
        """What is unique about it, however often it is found."""
        return f"{self.kind}:{self.gateway}:{self.reference}"[:120]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a stretch of rows shows; `last_id` is None where there are no more."""

    findings: tuple[Finding, ...]
    rows: int
    last_id: int | None


def compare_lines(
    tx: Connection, statement: Statement, *, after_id: int, limit: int, fee_ppm: int | None
) -> Chunk:
    """Hold a stretch of a statement's lines against our books; memory does not grow with it."""
    mine = statement_lines.c.statement_id == statement.statement_id
    stretch = (
        select(statement_lines.c.id)
        .where(mine, statement_lines.c.id > after_id)
        .order_by(statement_lines.c.id)
        .limit(limit)
        .subquery()
    )
    last_id, rows = tx.execute(select(func.max(stretch.c.id), func.count())).one()
    if last_id is None:
        return Chunk((), 0, None)
    inside = and_(mine, statement_lines.c.id > after_id, statement_lines.c.id <= last_id)
    found = [
        *(_of_payment(row, statement, fee_ppm) for row in tx.execute(_payments(inside, fee_ppm))),
        *(_of_refund(row, statement) for row in tx.execute(_refunds(inside))),
    ]
    return Chunk(tuple(one for one in found if one is not None), rows, last_id)


def _repeated(numbers: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell a line that an earlier one of the same platform says already."""
    return (
        select(_EARLIER.c.id)
        .where(
            _EARLIER.c.gateway == statement_lines.c.gateway,
            _EARLIER.c.kind == statement_lines.c.kind,
            _EARLIER.c.state == SUCCESS,
            _EARLIER.c.id < statement_lines.c.id,
            numbers,
        )
        .exists()
    )


_EARLIER: Final = statement_lines.alias("earlier")


def _payments(inside: ColumnElement[bool], fee_ppm: int | None) -> Select[Any]:
    """Ask for the payments' lines that do not plainly agree; `judge_payment` says why."""
    line, is_success = statement_lines.c, statement_lines.c.state == SUCCESS
    same = and_(line.order_no != "", _EARLIER.c.order_no == line.order_no)
    is_repeated = and_(is_success, _repeated(same))
    plain = [
        is_success,
        payments.c.id.is_not(None),
        payments.c.amount_fen == line.amount_fen,
        payments.c.transaction_id == line.transaction_id,
    ]
    if fee_ppm is not None:
        off = line.fee_fen * 1_000_000 - line.amount_fen * fee_ppm
        plain.append(func.abs(off) <= 1_000_000)
    return (
        select(
            statement_lines,
            is_repeated.label("is_repeated"),
            payment_orders.c.amount_fen.label("order_fen"),
            payment_orders.c.created_at,
            payments.c.amount_fen.label("our_fen"),
            func.coalesce(payments.c.transaction_id, "").label("our_number"),
        )
        .select_from(
            statement_lines.outerjoin(
                payment_orders,
                and_(
                    payment_orders.c.order_no == line.order_no,
                    payment_orders.c.gateway == line.gateway,
                ),
            ).outerjoin(payments, payments.c.order_id == payment_orders.c.id)
        )
        .where(inside, line.kind == LineKind.PAYMENT, or_(is_repeated, ~and_(*plain)))
        .order_by(line.id)
    )


def _of_payment(row: Row[Any], statement: Statement, fee_ppm: int | None) -> Finding | None:
    pair = PaymentPair(
        row.amount_fen,
        row.fee_fen,
        row.state,
        row.transaction_id,
        bool(row.is_repeated),
        row.order_fen,
        row.our_fen,
        row.our_number,
    )
    kind = judge_payment(pair, fee_ppm=fee_ppm)
    if kind is None:
        return None
    ours_fen, theirs_fen = row.our_fen, row.amount_fen
    if kind is DifferenceKind.FEE and fee_ppm is not None:
        ours_fen, theirs_fen = (row.amount_fen * fee_ppm + 500_000) // 1_000_000, row.fee_fen
    return Finding(
        kind,
        statement.gateway,
        statement.day_on,
        row.order_no or row.transaction_id,
        row.order_fen if ours_fen is None else ours_fen,
        theirs_fen,
        order_no=row.order_no,
        transaction_id=row.transaction_id,
        at=row.traded_at,
        asked_at=row.created_at if row.our_fen is None and not row.is_repeated else None,
        is_ended_there=row.state == SUCCESS,
    )


SENT_FEN: Final = refunds.c.amount_fen - refunds.c.kept_fen
"""What a platform was asked to send back: less a fee that the payer bears."""


def _refunds(inside: ColumnElement[bool]) -> Select[Any]:
    """Ask for the refunds' lines that do not plainly agree; `judge_refund` says why."""
    line, is_success = statement_lines.c, statement_lines.c.state == SUCCESS
    number = func.coalesce(func.nullif(line.platform_refund_id, ""), line.refund_no)
    same = and_(line.refund_no != "", _EARLIER.c.refund_no == line.refund_no)
    is_repeated = and_(is_success, _repeated(same))
    external = refunds.alias("external")
    key = literal(f"{EXTERNAL_KEY}:") + line.gateway + literal(":") + number
    is_ours = and_(refunds.c.refund_no == line.refund_no, refunds.c.gateway == line.gateway)
    plain = and_(is_success, refunds.c.state == RefundStep.SUCCESS, line.amount_fen == SENT_FEN)
    return (
        select(
            statement_lines,
            is_repeated.label("is_repeated"),
            func.coalesce(SENT_FEN, external.c.amount_fen).label("sent_fen"),
            func.coalesce(refunds.c.state, external.c.state).label("step"),
            func.coalesce(refunds.c.order_no, line.order_no).label("our_order_no"),
            func.coalesce(refunds.c.decided_at, refunds.c.requested_at, type_=UtcDateTime()).label(
                "asked_at"
            ),
        )
        .select_from(
            statement_lines.outerjoin(refunds, is_ours).outerjoin(
                external, external.c.request_key == key
            )
        )
        .where(
            inside,
            line.kind == LineKind.REFUND,
            or_(is_repeated, refunds.c.id.is_(None), ~plain),
        )
        .order_by(line.id)
    )


def _of_refund(row: Row[Any], statement: Statement) -> Finding | None:
    step = None if row.step is None else RefundStep(row.step)
    pair = RefundPair(row.amount_fen, row.state, bool(row.is_repeated), row.sent_fen, step)
    kind = judge_refund(pair)
    if kind is None:
        return None
    is_asked = kind is DifferenceKind.REFUND_STATE
    return Finding(
        kind,
        statement.gateway,
        statement.day_on,
        row.refund_no or row.platform_refund_id or row.order_no,
        row.sent_fen,
        row.amount_fen,
        order_no=row.our_order_no,
        refund_no=row.refund_no,
        transaction_id=row.transaction_id,
        platform_refund_id=row.platform_refund_id,
        at=row.traded_at,
        asked_at=row.asked_at if is_asked else None,
        is_ended_there=row.state == SUCCESS,
    )


@dataclass(frozen=True, slots=True)
class Merchant:
    """Whose statements are read: a platform, and our number there."""

    gateway: str
    merchant_id: str


def missing_payments(
    tx: Connection,
    merchant: Merchant,
    *,
    read_days: frozenset[date],
    before_id: int | None,
    limit: int,
) -> Chunk:
    """Find payments of ours, the newest first, that no statement has though all have come.

    `read_days` are the days whose statements we have read; what is older than all of them ends
    the search (`last_id` None).
    """
    stretch = select(payments).order_by(payments.c.id.desc())
    if before_id is not None:
        stretch = stretch.where(payments.c.id < before_id)
    part = stretch.limit(limit).subquery()
    first_id, newest_at, rows = tx.execute(
        select(func.min(part.c.id), func.max(part.c.settled_at), func.count())
    ).one()
    if first_id is None or not read_days:
        return Chunk((), 0, None)
    since = shanghai_instant(min(read_days))
    found = tuple(
        Finding(
            DifferenceKind.OURS_ONLY,
            merchant.gateway,
            shanghai_day(row.paid_at),
            row.order_no,
            row.amount_fen,
            None,
            order_no=row.order_no,
            transaction_id=row.transaction_id,
            at=row.paid_at,
        )
        for row in tx.execute(_unlisted(merchant, part, since))
        if read_days.issuperset(awaited_days(row.paid_at))
    )
    is_last = rows < limit or newest_at < since
    return Chunk(found, rows, None if is_last else first_id)


def _unlisted(merchant: Merchant, part: Subquery, since: datetime) -> Select[Any]:
    """Ask for the payments of a stretch without a line.

    The stretch is a table of its own, so that it is read by its keys: by the gateway SQLite would
    walk all payments for each.
    """
    is_listed = _listed(
        part.c.gateway,
        statement_lines.c.kind == LineKind.PAYMENT,
        statement_lines.c.order_no == payment_orders.c.order_no,
    )
    return (
        select(part, payment_orders.c.order_no)
        .join(payment_orders, payment_orders.c.id == part.c.order_id)
        .where(
            part.c.gateway == merchant.gateway,
            part.c.paid_at >= since,
            payment_orders.c.merchant_id == merchant.merchant_id,
            ~is_listed,
        )
    )


def missing_refunds(
    tx: Connection, merchant: Merchant, *, read_days: frozenset[date]
) -> tuple[Finding, ...]:
    """Find refunds that we take for done and no statement has though all have come.

    The days from the one on which it was sent to the one on which it arrived must have come.
    """
    if not read_days:
        return ()
    is_listed = _listed(
        payments.c.gateway,
        statement_lines.c.kind == LineKind.REFUND,
        statement_lines.c.refund_no == refunds.c.refund_no,
    )
    rows = tx.execute(
        select(refunds, SENT_FEN.label("sent_fen"))
        .select_from(
            refunds.join(payments, payments.c.id == refunds.c.payment_id).join(
                payment_orders, payment_orders.c.id == payments.c.order_id
            )
        )
        .where(
            refunds.c.state == RefundStep.SUCCESS,
            refunds.c.gateway == merchant.gateway,
            refunds.c.settled_at >= shanghai_instant(min(read_days)),
            refunds.c.cause != EXTERNAL_KEY,
            refunds.c.paid_out_by.is_(None),
            refunds.c.voucher_no == "",
            payment_orders.c.merchant_id == merchant.merchant_id,
            ~is_listed,
        )
        .order_by(refunds.c.id)
    ).all()
    return tuple(
        Finding(
            DifferenceKind.REFUND_OURS_ONLY,
            merchant.gateway,
            shanghai_day(row.settled_at),
            row.refund_no,
            row.sent_fen,
            None,
            order_no=row.order_no,
            refund_no=row.refund_no,
            at=row.settled_at,
        )
        for row in rows
        if read_days.issuperset(
            (shanghai_day(row.submitted_at or row.settled_at), *awaited_days(row.settled_at))
        )
    )


def _listed(gateway: ColumnElement[str], *is_line: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell a row of ours that a statement which we have read has a line for."""
    return (
        select(statement_lines.c.id)
        .join(gateway_statements, gateway_statements.c.id == statement_lines.c.statement_id)
        .where(
            statement_lines.c.gateway == gateway,
            gateway_statements.c.state.in_(READ),
            *is_line,
        )
        .exists()
    )
