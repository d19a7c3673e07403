"""Money that nobody has claimed yet (挂账): the list, and whom each may be from."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.bank_rows import WaitingRow, count_waiting, waiting_rows

NAME: Final = "staff_suspense"
SHOWN: Final = 8
REASONS: Final = {
    "code": "有缴费码",
    "several_codes": "写了几个缴费码",
    "other_amount": "金额对不上",
    "not_awaited": "那笔缴费已经关闭或付过",
    "unit_named": "写了房号",
    "unit_digits": "写了一串数字像房号",
    "unit_in_part": "只写了一部分房号",
    "payer_is_resident": "付款人是住户",
    "resident_named": "写了住户的名字",
    "amount_is_all": "金额正好是全部待缴",
    "amount_is_oldest": "金额正好是最早的几笔",
    "amount_is_one": "金额正好是一笔账单",
    "fee_item_named": "写了费用名称",
    "community_named": "写了小区名",
    "alike": "有几户都像",
}


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List what waits, the oldest first, with what speaks for whom."""
    staff = office(turn, *COUNTERS)
    count, fen = await deps.db.read(count_waiting, staff.community_ids)
    if not count:
        return OutgoingMessage(NAME, "没有挂账，到账的钱都认清了。")
    found = await deps.db.read(waiting_rows, staff.community_ids, limit=SHOWN)
    text = words.lines(
        f"挂账 {count} 笔，共 {words.money(fen)}：",
        *(told(one) for one in found),
        "核对以后回复“认领 编号 房号”；不是物业费的，回复“不认领 编号 原因”。",
    )
    return OutgoingMessage(NAME, text)


def told(one: WaitingRow) -> str:
    """Say one row: who paid, what was written, and whom it may be for."""
    name = words.mask_name(one.payer_name) if one.payer_name else "没有户名"
    memo = f"，附言“{words.shorten(one.memo, 30)}”" if one.memo else ""
    line = (
        f"{one.row_id}号 {words.moment(one.booked_at)} {words.money(one.amount_fen)}，{name}{memo}"
    )
    reasons = "、".join(REASONS[each] for each in one.reasons if each in REASONS)
    if not one.suggested_label:
        return f"{line}。" + (f"（{reasons}）" if reasons else "")
    score = f"，{one.score}分" if one.score else ""
    return f"{line}。可能是 {one.suggested_label}（{reasons}{score}）"


INTENT = Intent(name=NAME, answer=answer, said_as=WORDS["suspense"])
