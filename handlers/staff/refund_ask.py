"""Staff ask for a resident's money back (代退款 R2026… 100 原因): a look, a yes, then a manager."""

import re
from typing import Any, Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.audit import Actor
from storage.lazy import regex
from storage.money import from_yuan
from storage.operations.refund_judgments import Wish, foresee_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.ports.chat import OutgoingMessage
from storage.queries.receipts import payment_of_receipt

NAME: Final = "staff_refund_ask"
SAID_AS: Final = WORDS["refund_ask"]
HOW: Final = "请写收据号、金额和原因，比如“代退款 R20260000001 100 重复缴费”。\n没有提交。"
UNKNOWN: Final = "没有找到收据 {receipt}，没有提交。\n请核对收据号。"
CAUSES: Final = (
    ("重复", "paid_twice"),
    ("多缴", "paid_too_much"),
    ("多收", "paid_too_much"),
    ("缴错", "wrong_flat"),
)
_RECEIPT: Final = regex(r"R[0-9]{8,14}(?![0-9])")
_SUM: Final = regex(r"(?<![0-9.])[0-9]{1,9}(?:\.[0-9]{1,2})?(?![0-9.])")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show what would go back; nothing is asked for before it is confirmed."""
    staff = office(turn, *ANYBODY)
    said = rest_of(turn, SAID_AS).upper()
    receipt = _RECEIPT.search(said)
    if receipt is None:
        return OutgoingMessage(NAME, HOW)
    found = await deps.db.read(payment_of_receipt, receipt.group(), staff.community_ids)
    if found is None:
        return OutgoingMessage(NAME, UNKNOWN.format(receipt=receipt.group()))
    rest = without(said, receipt.group())
    sum_said = _SUM.search(rest)
    reason = re.sub(r"\s+", " ", without(rest, sum_said.group()) if sum_said else rest).strip("元 ")
    if not reason:
        return OutgoingMessage(NAME, HOW)
    amount_fen = from_yuan(sum_said.group()) if sum_said else found.left_fen
    cause = next((one for hint, one in CAUSES if hint in reason), "asked")
    wish = Wish(amount_fen, cause, is_staffs=True)
    judgment = await deps.db.read(foresee_refund, found.payment_id, wish, now=turn.now)
    turn.memory.ask(
        NAME,
        payment_id=found.payment_id,
        amount_fen=amount_fen,
        cause=cause,
        reason=reason[:60],
        key=f"staff:{staff.staff_id}:{turn.message.message_key}"[:80],
    )
    text = words.lines(
        f"{found.unit_label} {words.moment(found.paid_at)} 缴的 {words.money(found.amount_fen)}，"
        f"退 {words.money(amount_fen)}，{reason}。",
        f"手续费 {words.money(judgment.kept_fen)} 由缴费人承担。" if judgment.kept_fen else "",
        "要等经理审批。" if judgment.waits else "不用审批，马上提交给支付平台。",
        "回复“确认”提交；不对就回复“算了”。",
    )
    return OutgoingMessage(NAME, text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask for it on a yes; anything else asks for nothing."""
    staff = office(turn, *ANYBODY)
    facts: dict[str, Any] = dict(turn.memory.facts)
    turn.memory.settle()
    if not says_yes(turn):
        return OutgoingMessage(NAME, "好的，没有提交退款。")
    asked = RefundAskedFor(
        payment_id=facts["payment_id"],
        amount_fen=facts["amount_fen"],
        cause=facts["cause"],
        reason=facts["reason"],
        request_key=facts["key"],
    )
    view = await deps.db.write(
        request_refund, asked, actor=Actor(staff_id=staff.staff_id), now=turn.now
    )
    ending = "马上提交给支付平台。" if view.is_automatic else "等经理审批。"
    text = (
        f"已申请退款 {view.refund_no}：{view.unit_label} {words.money(view.amount_fen)}，{ending}"
    )
    return OutgoingMessage(NAME, f"{text}\n住户会收到通知。")


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
