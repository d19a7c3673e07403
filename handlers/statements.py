"""What stands on a statement of account (往来明细): each line in words, and a short summary."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from handlers import words
from storage.queries.happenings import RowKind
from storage.queries.payer_statements import PayerStatement
from storage.queries.statements import Statement, StatementRow

TITLES: Final[Mapping[RowKind, str]] = {
    RowKind.BILL: "出账",
    RowKind.BROUGHT: "转入的旧账",
    RowKind.CORRECTION: "更正账单",
    RowKind.VOID: "账单作废",
    RowKind.PAYMENT: "缴费",
    RowKind.REFUND: "退款",
    RowKind.REVERSAL: "收款冲正",
    RowKind.WAIVER: "减免",
    RowKind.WRITE_OFF: "坏账核销",
    RowKind.RECOVERY: "核销收回",
    RowKind.OFFSET: "预存抵扣",
    RowKind.PREPAYMENT: "预存变动",
}
NAMED: Final = 4
"""So many bills of a payment are named on its line."""
UNITS: Final = 12
"""So many units of a payer are named in chat."""


def title(row: StatementRow) -> str:
    """Say in a word what happened."""
    if row.kind is RowKind.PAYMENT and not row.owed_fen:
        return "预存"
    if row.kind is RowKind.REFUND and row.prepaid_fen > 0:
        return "退款取消"
    return TITLES[row.kind]


def detail(row: StatementRow) -> str:
    """Say the rest of a line: which bills, by what way, why, and what became of the money."""
    parts = [_bills(row)]
    if row.kind is RowKind.PAYMENT:
        parts.append(words.gateway(row.gateway) if row.gateway else "")
        parts.append(f"{words.day(row.paid_on)}付款" if row.paid_on not in (None, row.on) else "")
    if row.kind is RowKind.CORRECTION:
        parts.append(f"代替 {row.note}")
    elif row.note:
        parts.append(row.note)
    parts.append(_moved(row))
    return "，".join(part for part in parts if part)


def _bills(row: StatementRow) -> str:
    shown = "、".join(f"{words.period(one.period)}{one.item_name}" for one in row.bills[:NAMED])
    more = f"等 {len(row.bills)} 笔" if len(row.bills) > NAMED else ""
    return shown + more


def _moved(row: StatementRow) -> str:
    """Say what went into the prepayment or out of it besides what is owed."""
    if row.kind is RowKind.PAYMENT and row.owed_fen and row.prepaid_fen:
        return f"多缴的 {words.money(row.prepaid_fen)} 转入预存"
    if row.kind is RowKind.REFUND and row.owed_fen:
        return "账单重新待缴"
    if row.kind is RowKind.REFUND:
        return "退回预存" if row.prepaid_fen > 0 else "从预存里退"
    return ""


def days(first_on: date, last_on: date) -> str:
    """Say the days of a statement: "2026年1月1日到11月23日"."""
    year = "" if first_on.year == last_on.year else f"{last_on.year}年"
    return f"{first_on.year}年{words.day(first_on)}到{year}{words.day(last_on)}"


def summary(statement: Statement) -> str:
    """Tell a statement in a few lines: what was billed, paid and given back, and how it stands."""
    heading = f"{statement.unit_label} 往来明细（{days(statement.first_on, statement.last_on)}）"
    if not statement.rows and not statement.open_fen and not statement.in_advance_fen:
        return f"{heading}\n这段时间没有账单，也没有收付款。"
    ahead = ""
    if statement.has_prepayment and statement.in_advance_fen:
        ahead = f"，预存 {words.money(statement.in_advance_fen)}"
    return words.lines(
        heading,
        _sums(statement),
        f"到{words.day(statement.last_on)}待缴 {words.money(statement.open_fen)}{ahead}。",
    )


def summary_of_all(statement: PayerStatement) -> str:
    """Tell one statement over many units in a few lines: the sums, and how each unit stands."""
    span = days(statement.first_on, statement.last_on)
    ahead = ""
    if statement.has_prepayment and statement.in_advance_fen:
        ahead = f"，预存 {words.money(statement.in_advance_fen)}"
    return words.lines(
        f"{len(statement.parts)} 处房屋合在一起的往来明细（{span}）",
        _sums(statement),
        f"到{words.day(statement.last_on)}待缴：",
        *(f"{one.unit_label} {words.money(one.open_fen)}" for one in statement.parts[:UNITS]),
        f"还有 {more} 处，请看链接" if (more := len(statement.parts) - UNITS) > 0 else "",
        f"合计待缴 {words.money(statement.open_fen)}{ahead}。",
    )


def _sums(statement: Statement | PayerStatement) -> str:
    """Say what was billed, paid and given back."""
    sums = [f"新出账单 {words.money(statement.billed_fen)}"]
    sums.append(f"缴了 {words.money(statement.paid_fen)}")
    if statement.refunded_fen:
        sums.append(f"退了 {words.money(statement.refunded_fen)}")
    return f"{'，'.join(sums)}。"
