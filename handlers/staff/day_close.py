"""A cashier's close of day in chat (日结 实交 1234.50): the sheet, a check, and it is final."""

import unicodedata
from typing import Any, Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.cash_words import slip_in
from handlers.staff.office import COUNTERS, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.counter_errors import NothingToHandIn
from storage.errors import NotAnAmount
from storage.lazy import regex
from storage.money import from_yuan
from storage.operations.cashier_days import HandIn, close_day
from storage.ports.chat import OutgoingMessage
from storage.queries.desk import communities_served
from storage.queries.hand_ins import Sheet, sheet_to_be

NAME: Final = "staff_day_close"
SAID_AS: Final = WORDS["day_close"]
YES: Final = frozenset(("确认", "确定", "确认日结"))
NO: Final = frozenset(("取消", "放弃", "算了", "先不日结"))
_HANDED_IN: Final = regex(r"实交[:]? ?(?P<yuan>[0-9][0-9,]*(?:\.[0-9]{1,2})?)元?")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the sheet or, with what is handed in, close the day; another sum is asked about."""
    office(turn, *COUNTERS)
    rest = unicodedata.normalize("NFKC", rest_of(turn, SAID_AS))
    sheets = await _to_close(turn, deps, rest)
    if len(sheets) > 1:
        names = "、".join(one.community_name for one in sheets)
        return OutgoingMessage(
            NAME,
            f"您在几个小区有收款：{names}。\n请写明小区，比如“日结 {sheets[0].community_name}”。",
        )
    sheet = sheets[0]
    match = _HANDED_IN.search(rest)
    if match is None:
        return OutgoingMessage(
            NAME,
            words.lines(
                f"{sheet.community_name} {words.day(sheet.day_on)}还没有日结：",
                *sheet_lines(sheet),
                "数好现金以后，回复“日结 实交 金额”，存了银行的再写“存款单 号码”。",
            ),
        )
    handed_in_fen = from_yuan(match["yuan"])
    facts = {
        "community_id": sheet.community_id,
        "handed_in_fen": handed_in_fen,
        "deposit_slip_no": slip_in(rest.replace(match.group(), " ")),
    }
    over_fen = handed_in_fen - sheet.sums.cash_due_fen
    if over_fen == 0:
        return await _close(turn, deps, facts)
    turn.memory.ask(NAME, **facts)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"应交现金 {words.money(sheet.sums.cash_due_fen)}，实交 {words.money(handed_in_fen)}，"
            f"{over_words(over_fen)}。",
            "日结以后不能再冲正，差额会报给经理。",
            "就这样日结，回复“确认”；再数一遍，回复“取消”。",
        ),
    )


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the word that closes the day with a difference."""
    office(turn, *COUNTERS)
    plain = turn.message.text.strip(' 。.!！“”"')
    if plain in NO:
        turn.memory.settle()
        return OutgoingMessage(NAME, "好的，还没有日结。")
    if plain not in YES:
        return OutgoingMessage(NAME, "还没有日结。\n回复“确认”日结，或者“取消”再数一遍。")
    facts = dict(turn.memory.facts)
    turn.memory.settle()
    return await _close(turn, deps, facts)


async def _to_close(turn: Turn, deps: HandlerDeps, rest: str) -> list[Sheet]:
    """Return what waits in the communities meant. Raises NothingToHandIn."""
    staff = office(turn, *COUNTERS)
    served = await deps.db.read(communities_served, staff.community_ids)
    meant = [key for key, name in served if name in rest] or [key for key, _ in served]
    found = [
        await deps.db.read(sheet_to_be, by=staff, community_id=key, today=turn.today)
        for key in meant
    ]
    waiting = [one for one in found if one.vouchers]
    if not waiting:
        raise NothingToHandIn
    return waiting


async def _close(turn: Turn, deps: HandlerDeps, facts: dict[str, Any]) -> OutgoingMessage:
    staff = office(turn, *COUNTERS)
    if int(facts["handed_in_fen"]) < 0:
        raise NotAnAmount(str(facts["handed_in_fen"]))
    sheet: Sheet = await deps.db.write(close_day, HandIn(**facts), by=staff, now=turn.now)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已日结，交款单 {sheet.sheet_no}：",
            *sheet_lines(sheet),
            f"实交现金 {words.money(sheet.handed_in_fen)}，{over_words(sheet.over_fen)}。",
            f"存款单 {sheet.deposit_slip_no}" if sheet.deposit_slip_no else "",
            f"请接收的同事回复“接收交款 {sheet.sheet_no}”；打印在收款台。",
        ),
    )


def sheet_lines(sheet: Sheet) -> list[str]:
    """Say what a sheet adds up, a line each way that money came."""
    sums = sheet.sums
    others = (("刷卡", sums.pos_fen), ("支票", sums.cheque_fen), ("收款码", sums.static_qr_fen))
    voided = len(sheet.vouchers) - sheet.counted
    gone = f"，冲正 {voided} 笔" if voided else ""
    back = f"，退出 {words.money(sums.cash_out_fen)}" if sums.cash_out_fen else ""
    receipts = f"收据 {sheet.first_receipt_no} 到 {sheet.last_receipt_no}"
    return [
        f"凭证 {sheet.counted} 笔{gone}",
        f"应交现金 {words.money(sums.cash_due_fen)}{back}",
        *(f"{name} {words.money(fen)}" for name, fen in others if fen),
        receipts if sheet.first_receipt_no else "",
    ]


def over_words(over_fen: int) -> str:
    """Say by how much the cash differs from what is due."""
    if over_fen == 0:
        return "没有差额"
    return f"多 {words.money(over_fen)}" if over_fen > 0 else f"少 {words.money(-over_fen)}"


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
