"""The words that each of the staff's intents begins with: who is no staff never loads the rest."""

from collections.abc import Callable, Mapping
from typing import Final

from storage.lazy import regex

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "broadcast_report": ("群发进度", "群发报告", "群发结果"),
    "broadcast_cancel": ("取消群发", "撤回群发", "停止群发", "拒绝群发"),
    "broadcast_approve": ("同意群发", "批准群发"),
    "broadcast_schedule": ("改时间", "定时群发"),
    "broadcast_resend": ("补发", "重发群发"),
    "broadcast_pause": ("暂停群发", "继续群发", "恢复群发"),
    "broadcast": ("群发", "发通知", "发公告"),
    "group_notice": ("群公告",),
    "binding_approve": ("同意绑定", "通过绑定"),
    "binding_decline": ("拒绝绑定", "驳回绑定"),
    "waiver_approve": ("同意减免", "批准减免"),
    "waiver_decline": ("拒绝减免", "驳回减免"),
    "write_off_approve": ("同意核销", "批准核销"),
    "write_off_decline": ("拒绝核销", "驳回核销"),
    "cash": ("收现金", "收刷卡", "收POS", "收pos", "收支票", "收扫码"),
    "cash_void": ("冲正",),
    "day_close": ("日结",),
    "hand_in": ("接收交款", "交款单"),
    "payout": ("已付退款",),
    "counter": ("收款台",),
    "suspense_dismiss": ("不认领",),
    "suspense_assign": ("认领",),
    "suspense": ("挂账",),
    "refund_ask": ("代退款", "替住户退款"),
    "refund_approve": ("同意", "批准"),
    "refund_decline": ("拒绝", "驳回"),
    "hold": ("暂停催缴", "恢复催缴", "催缴记录"),
    "waiting": ("待审批", "待办", "绑定申请"),
    "differences": ("处理差异", "差异"),
    "reconciliation": ("对账", "对帐"),
    "unbilled": ("未出账", "没出账"),
    "deliveries": ("送达", "发送记录"),
    "today": ("今日", "今天收款", "今天收了多少"),
    "contentment": ("满意度",),
    "rate": ("收缴率", "清欠率"),
    "owing": ("谁没交", "没交名单"),
    "tickets": ("工单",),
    "ticket_take": ("接单",),
    "ticket_assign": ("派单", "转单"),
    "ticket_note": ("备注",),
    "ticket_close": ("结单", "办结"),
    "reply": ("回复",),
    "talk_end": ("结束",),
    "console": ("后台",),
    "help": ("员工帮助", "工作人员帮助"),
}
"""By module. Several begin alike (群发进度, 群发): the longer words come first."""

_RATE: Final = regex(r"[^，。；]{0,12}(收缴率|清欠率)(是多少|多少|怎么样)?[?？。]?")
_OWING: Final = regex(
    r"[0-9A-Za-z]{1,4}(栋|号楼|幢|座)(的)?(还有|还|有)?(谁|哪些|哪几户)(还)?(没交|没缴|未交|未缴|欠费)[^，。；]{0,4}[?？。]?"
)


def asks_rate(text: str) -> bool:
    """Tell whether a whole text asks for a rate: "这个月收缴率"."""
    return _RATE.fullmatch(text) is not None


def asks_owing(text: str) -> bool:
    """Tell whether a whole text asks who of a building has not paid: "3栋还有谁没交"."""
    return _OWING.fullmatch(text) is not None


LIKE: Final[Mapping[str, Callable[[str], bool]]] = {"rate": asks_rate, "owing": asks_owing}
"""Whole texts that are meant for an intent though they begin otherwise."""
