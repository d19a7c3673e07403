"""Did she hear of it (送达 3-2-1201): the last messages to a household, their way, or why not."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.broadcast_report import BY_REASON, WAYS
from handlers.staff.office import ANYBODY, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import OutboxState
from storage.ports.chat import OutgoingMessage
from storage.queries.deliveries import Told, hearers_of, told_lately
from storage.queries.households import UnitFound, units_named

NAME: Final = "staff_deliveries"
SAID_AS: Final = WORDS["deliveries"]
SHOWN: Final = 8
ABOUT: Final = {
    "PaymentSettled": "缴费收据",
    "PaymentReturned": "重复缴费退回",
    "TransferWaits": "转账待核对",
    "RefundReceived": "退款受理",
    "RefundApproved": "退款审核通过",
    "RefundDeclined": "退款未通过",
    "RefundSubmitted": "退款提交",
    "RefundSettled": "退款到账",
    "RefundFailed": "退款未办成",
    "PaymentVoided": "收款冲正",
    "FiguresTold": "报表",
    "BillWaived": "账单减免",
    "TaxInvoiceIssued": "发票开好",
    "TaxInvoiceDeclined": "发票没有开出",
    "BillsIssued": "新账单",
    "ReminderDue": "缴费提醒",
    "NoticeSent": "群发通知",
    "BindingChanged": "绑定变动",
    "BindingTried": "绑定尝试",
    "LateAnswer": "晚到的回答",
    "StaffTask": "员工待办",
    "TicketMoved": "工单进展",
    "TalkMoved": "管家的话",
    "BroadcastReported": "群发结果",
    "PrepaymentApplied": "预存抵扣",
    "DepositMoved": "押金变动",
    "HandedOver": "房屋交接",
    "DayReconciled": "对账结果",
}
"""Event → what the message is about."""
WHYS: Final = BY_REASON | {
    "no_way_open": "超过48小时没说话，也没有能用的模板",
    "weekly_cap": "一周内提醒够多了",
    "paid_meanwhile": "发送前已经缴清",
    "quiet_hours": "休息时间不打扰",
    "in_turn": "等前一条先送达",
    "poisoned": "系统没能发出，请联系管电脑的同事",
    "unreadable": "系统没能读出，请联系管电脑的同事",
}
"""Our reason → its words; a platform's own words are shown as they are."""


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell what became of the messages to those who have bound the unit named."""
    staff = office(turn, *ANYBODY)
    named = turn.understood.slots.unit or ""
    found: list[UnitFound] = await deps.db.read(units_named, named, said=turn.understood.text)
    units = [one for one in found if one.community_id in staff.community_ids]
    if not units:
        return OutgoingMessage(NAME, "没有找到这一户。\n请写全房号，比如“送达 3-2-1201”。")
    blocks = [await _block(turn, deps, one) for one in units]
    return OutgoingMessage(NAME, words.lines(*blocks))


async def _block(turn: Turn, deps: HandlerDeps, unit: UnitFound) -> str:
    hearers = await deps.db.read(hearers_of, unit.unit_id)
    if not hearers:
        return f"{unit.label} 还没有人绑定，消息送不到。\n可以打印缴费通知单，或者打电话联系。"
    told = await deps.db.read(told_lately, hearers, community_id=unit.community_id, limit=SHOWN)
    if not told:
        return f"{unit.label} 已绑定 {len(hearers)} 人，还没有给他们发过消息。"
    return words.lines(f"{unit.label} 最近的消息：", *map(_line, told))


def _line(one: Told) -> str:
    return f"{words.moment(one.at)} {ABOUT.get(one.event, '消息')}：{_state(one)}"


def _state(one: Told) -> str:
    why = WHYS.get(one.why, words.shorten(one.why, 60))
    match one.state:
        case OutboxState.SENT:
            return f"已送达（{WAYS.get(one.route, '消息')}）"
        case OutboxState.HELD:
            return f"等住户下次发消息时送达（{why}）"
        case OutboxState.WAITING | OutboxState.CLAIMED:
            return f"{words.moment(one.not_before)} 以后发送" + (f"（{why}）" if why else "")
        case OutboxState.UNKNOWN:
            return "可能收到了，平台没有回应"
        case OutboxState.SUPPRESSED:
            return f"没有发送（{why}）"
        case OutboxState.DEAD:
            return f"没有送达（{why}）"


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
