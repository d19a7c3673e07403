"""The demo account's templates: what a real account applies for at the platform, by kind."""

from typing import Any, Final

from bot.channels.wechat_templates import TemplateMapping

_MONEY: Final = {
    "thing1": "unit",
    "amount2": "amount",
    "time3": "time",
    "thing4": "state",
}
_BILLS: Final = {"thing1": "unit", "amount2": "amount", "thing4": "state"}
_NOTICE: Final = {"thing1": "community", "thing2": "text"}
_LABELS: Final = {
    "unit": "房屋",
    "amount": "金额",
    "time": "时间",
    "state": "说明",
    "community": "小区",
    "text": "内容",
}

TITLES: Final = {
    "payment_settled": ("缴费成功通知", _MONEY),
    "payment_returned": ("重复缴费退回通知", _MONEY),
    "transfer_waits": ("转账核对通知", _MONEY),
    "refund_received": ("退款受理通知", _MONEY),
    "refund_approved": ("退款审核通知", _MONEY),
    "refund_declined": ("退款结果通知", _MONEY),
    "refund_submitted": ("退款提交通知", _MONEY),
    "refund_settled": ("退款到账通知", _MONEY),
    "refund_failed": ("退款进度通知", _MONEY),
    "payment_voided": ("收款冲正通知", _MONEY),
    "bill_waived": ("账单减免通知", _MONEY),
    "bills_issued": ("账单出账通知", _BILLS),
    "prepayment_applied": ("预存抵扣通知", _MONEY),
    "deposit_moved": ("押金变动通知", _MONEY),
    "handed_over": ("房屋变更通知", _MONEY),
    "reminder": ("缴费提醒", _BILLS),
    "outage": ("停水停电通知", _NOTICE),
}
"""Kind of message → the template's title, and the platform's key for each of our fields."""


def _template_id(kind: str) -> str:
    return f"demo_{kind}".ljust(43, "0")


def mappings() -> dict[str, TemplateMapping]:
    """Return the configuration's side: kind → template id and keys."""
    return {kind: TemplateMapping(_template_id(kind), keys) for kind, (_, keys) in TITLES.items()}


def sandbox_templates() -> list[dict[str, Any]]:
    """Return the platform's side: the templates as they were granted."""
    return [
        {
            "template_id": _template_id(kind),
            "title": title,
            "content": "\n".join(
                f"{_LABELS[ours]}：{{{{{theirs}.DATA}}}}" for theirs, ours in keys.items()
            ),
        }
        for kind, (title, keys) in TITLES.items()
    ]
