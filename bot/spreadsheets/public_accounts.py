"""The sheet of public accounts (公共收支): month, income or expenditure, for what, how much."""

from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Value, Workbook
from bot.spreadsheets.estate import read_community
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.tables import NO_OTHERS, TableRow, plain_text
from bot.spreadsheets.taking import Taken, take
from storage.kinds import PublicSide
from storage.money import yuan
from storage.operations.public_accounts import Objection, PublicFact, PublicPlan, Reason

REQUIRED: Final = ("period", "side", "account_label", "amount")
MAX_NOTE_CHARS: Final = 120

SIDES: Final = {
    "收入": PublicSide.INCOME,
    "支出": PublicSide.EXPENDITURE,
    "收": PublicSide.INCOME,
    "支": PublicSide.EXPENDITURE,
}
NAMES: Final = {PublicSide.INCOME: "收入", PublicSide.EXPENDITURE: "支出"}

WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.TWICE: "同一个月的同一项写了两次，请合并成一行",
    Reason.PRIVATE: "这一行带有手机号、身份证号或某一户的金额；公示给所有人看，请改掉",
}
FIELD_OF: Final = {Reason.UNKNOWN_COMMUNITY: "community"}


def read_public(workbook: Workbook, *, community: str = "") -> Taken[tuple[str, PublicFact]]:
    """Read public accounts; `community` is meant where the sheet has no column of that name."""

    def read(reader: RowReader) -> tuple[str, PublicFact] | None:
        named, fact = read_community(reader, community), _read_row(reader)
        return None if fact is None else (named, fact)

    return take(workbook, REQUIRED, NO_OTHERS, read)


def _read_row(reader: RowReader) -> PublicFact | None:
    period = reader.needed("period", fields.period, "月份")
    side = reader.needed("side", fields.one_of(SIDES, "收支"), "收入还是支出")
    label = reader.needed("account_label", fields.short_text, "收支项目")
    amount_fen = reader.once("amount", fields.amount_fen, "金额")
    note = reader.optional("account_note", _note)
    if period is None or side is None or label is None or amount_fen is None:
        return None
    return PublicFact(period, side, label, amount_fen, note or "")


def _note(value: Value) -> str:
    said = plain_text(value)
    if len(said) > MAX_NOTE_CHARS:
        raise Unreadable(f"说明超过 {MAX_NOTE_CHARS} 个字")
    return said


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    field = FIELD_OF.get(objection.reason, "account_label")
    return places[objection.index].problem(field, WORDS[objection.reason])


def lines_of(plan: PublicPlan, sheet: Taken[tuple[str, PublicFact]]) -> list[str]:
    """Say one by one what would be published, and what would be corrected."""
    lines = [
        f"{sheet.rows[index][0]} {_line(sheet.rows[index][1])} "
        f"{yuan(sheet.rows[index][1].amount_fen)}元"
        for index in plan.new
    ]
    return lines + [
        f"{sheet.rows[index][0]} {_line(sheet.rows[index][1])} "
        f"{yuan(before_fen)}元 改为 {yuan(sheet.rows[index][1].amount_fen)}元"
        for index, before_fen in plan.changed
    ]


def _line(fact: PublicFact) -> str:
    return f"{fact.period} {NAMES[fact.side]} {fact.label}"
