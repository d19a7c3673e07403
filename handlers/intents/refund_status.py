"""Where a refund stands (退款进度): every step with its time, and when the money is expected."""

import asyncio
from datetime import datetime
from typing import Final

from handlers import english, words
from handlers.asking import ask_refund
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.kinds import RefundStep
from storage.ports.chat import OutgoingMessage
from storage.queries.refunds import RefundProgress, refunds_of

SHOWN: Final = 3
UNDER_WAY: Final = (RefundStep.SUBMITTED, RefundStep.ABNORMAL)
"""What only the platform knows more about."""

WHERE: Final = {
    RefundStep.REQUESTED: "等物业经理审核，审核后会通知您。",
    RefundStep.APPROVED: "正在提交给支付平台，不用您操作。",
    RefundStep.SUBMITTED: "钱在路上，还没有到账：{arrives}。",
    RefundStep.UNFUNDED: "物业的收款账户余额不够，正在补足，补足后自动再退，不用您操作。",
    RefundStep.UNKNOWN: "正在和支付平台核对结果，不会多退也不会少退，不用您操作。",
    RefundStep.ABNORMAL: "原来的付款账户收不了款，物业会联系您换一个办法退；着急请回复“人工”。",
    RefundStep.CLOSED: "支付平台关闭了这笔退款，钱没有退出；要再退，请回复“退款”重新申请。",
    RefundStep.FAILED: "这笔退款没有成功，钱没有退出；要再退，请回复“退款”重新申请。",
    RefundStep.DECLINED: "钱没有退出，账单也没有变；有疑问请回复“人工”。",
    RefundStep.SUCCESS: "钱已退回原来的付款账户，请查看{look_at}；用它缴的账单要重新缴。",
}

BY_HAND: Final = {
    ("cash", RefundStep.APPROVED): "请带身份证和收据到物业服务中心领取现金。",
    ("cash", RefundStep.SUCCESS): "现金已付给您；用它缴的账单要重新缴。",
    ("transfer", RefundStep.APPROVED): "物业会转账到您提供的收款账户，转出以后通知您。",
    ("transfer", RefundStep.SUCCESS): "已转到您提供的收款账户；用它缴的账单要重新缴。",
}
"""The same where a person hands the money over."""

IN_ENGLISH: Final[dict[str, str]] = {
    RefundStep.REQUESTED: "the manager looks at it; you will hear here.",
    RefundStep.APPROVED: "agreed to, on its way to be paid; nothing for you to do.",
    RefundStep.SUBMITTED: "on its way, not arrived yet.",
    RefundStep.UNFUNDED: "waits for our account to be topped up; then it goes by itself.",
    RefundStep.UNKNOWN: "we are checking with the payment platform; nothing for you to do.",
    RefundStep.ABNORMAL: "your account cannot take it; we will contact you. Urgent? Type: human",
    RefundStep.CLOSED: "closed by the platform, no money has moved. Ask again, type: refund",
    RefundStep.FAILED: "did not work, no money has moved. Ask again, type: refund",
    RefundStep.DECLINED: "declined, no money has moved. Questions? Type: human",
    RefundStep.SUCCESS: "paid back to you.",
}


IN_PLAIN: Final[dict[str, str]] = {
    RefundStep.REQUESTED: "经理还在看，看完告诉您。",
    RefundStep.APPROVED: "正在退，不用您管。",
    RefundStep.SUBMITTED: "钱在路上，到了告诉您。",
    RefundStep.UNFUNDED: "还要等等，不用您管。",
    RefundStep.UNKNOWN: "正在核对，不用您管。",
    RefundStep.ABNORMAL: "账户收不了，物业会找您。",
    RefundStep.CLOSED: "没退成，回复“退款”再申请。",
    RefundStep.FAILED: "没退成，回复“退款”再申请。",
    RefundStep.DECLINED: "没有通过，想问回复“人工”。",
    RefundStep.SUCCESS: "已经退给您了。",
}
PLAIN_BY_HAND: Final = {
    ("cash", RefundStep.APPROVED): "带身份证和收据来前台领。",
    ("transfer", RefundStep.APPROVED): "会转到您给的账户。",
}


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask the platforms at once, then tell the newest refunds of the flat, step by step."""
    found = await _as_they_stand(turn, deps)
    if not found:
        text = f"{turn.home.label} 没有退款申请。\n要退款，请回复“退款”。"
        return OutgoingMessage("refund_status", text)
    return OutgoingMessage("refund_status", words.lines(*map(_block, found)))


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask the platforms at once, then tell where the newest refunds of the flat are."""
    found = await _as_they_stand(turn, deps)
    if not found:
        text = f"{turn.home.label}: no refund was asked for. To ask for one, type: refund"
        return OutgoingMessage("refund_status", text)
    rows = (
        f"Refund {one.refund_no}, {english.money(one.amount_fen)}: {IN_ENGLISH[one.state]}"
        for one in found
    )
    return OutgoingMessage("refund_status", words.lines(*rows))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell where the newest refund of the flat is."""
    found = await _as_they_stand(turn, deps)
    if not found:
        return OutgoingMessage("refund_status", "您没有申请过退款。\n要退款，回复“退款”。")
    last = found[0]
    state = RefundStep(last.state)
    said = PLAIN_BY_HAND.get((last.gateway, state), IN_PLAIN[state])
    text = words.lines(f"{last.unit_label} 退款：", words.money(last.amount_fen), said)
    return OutgoingMessage("refund_status", text)


async def _as_they_stand(turn: Turn, deps: HandlerDeps) -> list[RefundProgress]:
    found = await _refunds(turn, deps)
    under_way = [one for one in found if one.state in UNDER_WAY]
    if under_way:
        asks = [ask_refund(deps, one) for one in under_way]
        await asyncio.gather(*asks)
        found = await _refunds(turn, deps)
    return found


async def _refunds(turn: Turn, deps: HandlerDeps) -> list[RefundProgress]:
    return await deps.db.read(
        refunds_of,
        identity_id=turn.person.identity_id,
        binding_id=turn.home.binding_id,
        unit_id=turn.home.unit_id,
        limit=SHOWN,
    )


def _block(one: RefundProgress) -> str:
    state = RefundStep(one.state)
    return words.lines(
        f"{one.unit_label} 退款 {words.money(one.amount_fen)}，编号 {one.refund_no}",
        _step("已受理", one.requested_at),
        _decision(one, state),
        _step("已提交退款", one.submitted_at),
        _step("已到账", one.settled_at) if state is RefundStep.SUCCESS else "",
        where(one),
    )


def where(one: RefundProgress) -> str:
    """Say where a refund's money is now, or what happens next."""
    state = RefundStep(one.state)
    said = BY_HAND.get((one.gateway, state), WHERE[state])
    return said.format(arrives=words.arrives(one.gateway), look_at=words.look_at(one.gateway))


def _decision(one: RefundProgress, state: RefundStep) -> str:
    if state is RefundStep.DECLINED:
        return f"{_step('没有通过', one.decided_at)}：{words.shorten(one.decline_reason, 60)}"
    return _step("审核通过", one.decided_at)


def _step(what: str, at: datetime | None) -> str:
    return f"{words.moment(at)} {what}" if at is not None else ""


INTENT = Intent(name="refund_status", answer=answer, in_english=in_english, in_plain=in_plain)
