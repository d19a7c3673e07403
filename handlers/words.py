"""Chinese fragments that several texts share: amounts, periods, days, masks, numbered choices."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from storage import money as fen_money
from storage.periods import SHANGHAI, BillingPeriod
from storage.rules.duty import Duty

MENU: Final = (
    ("unpaid", "查账单"),
    ("pay", "缴费"),
    ("bill_detail", "账单怎么算的"),
    ("history", "缴费记录"),
    ("refund_request", "申请退款"),
    ("bind", "绑定房屋"),
    ("human", "找人工"),
)
"""What a bare number means at any time, in this order."""

APPLY: Final = "申请"
"""What she replies to have stewards check a flat that did not agree with the register."""
RATE: Final = "这次办得怎么样？回复1到5打个分，5分最好。"
GATEWAYS: Final = {
    "wechat_pay": "微信支付",
    "alipay": "支付宝",
    "unionpay": "云闪付",
    "bank_transfer": "银行转账",
    "offline": "线下缴费",
    "cash": "现金",
    "pos": "刷卡",
    "cheque": "支票",
    "static_qr": "收款码",
    "transfer": "转账",
}
_BACK: Final = {
    "wechat_pay": (
        "微信支付账户",
        "零钱一般当天到，银行卡一般1到3个工作日",
        "微信零钱或银行卡",
    ),
    "alipay": (
        "支付宝账户",
        "余额一般当天到，银行卡一般1到3个工作日",
        "支付宝余额或银行卡",
    ),
    "unionpay": ("银行卡", "一般1到3个工作日到", "银行卡"),
    "bank_transfer": ("银行账户", "一般当天到，跨行可能要1到2个工作日", "银行账户"),
}
"""Gateway → where its refunds go, how long that takes, and where to look for them."""
WEEK: Final = "一二三四五六日"
ROLES: Final = {"owner": "业主", "tenant": "租客", "family": "家人"}


def money(fen: int) -> str:
    """Say an amount within a sentence: 123450 → "1,234.50元"."""
    return f"{fen_money.yuan(fen)}元"


def period(one: BillingPeriod) -> str:
    """Say a billing period: "2025年3月"."""
    return f"{one.year}年{one.month}月"


def day(on: date) -> str:
    """Say a Shanghai day: "3月31日"."""
    return f"{on.month}月{on.day}日"


def moment(at: datetime) -> str:
    """Say an instant as Shanghai's clocks show it: "3月31日 14:05"."""
    there = at.astimezone(SHANGHAI)
    return f"{there.month}月{there.day}日 {there:%H:%M}"


def clock_time(at: datetime) -> str:
    """Say the time of day in Shanghai: "14:05"."""
    return f"{at.astimezone(SHANGHAI):%H:%M}"


def duty(one: Duty) -> str:
    """Say when somebody is at the office: "每天8:30到17:30", "周一到周五9:00到18:00"."""
    hours = "到".join(f"{at.hour}:{at.minute:02d}" for at in (one.begins, one.ends))
    return f"{_weekdays(one.days)}{hours}"


def _weekdays(days: Sequence[int]) -> str:
    first, last = min(days), max(days)
    if len(days) == len(WEEK):
        return "每天"
    if len(days) > 2 and len(days) == last - first + 1:
        return f"周{WEEK[first - 1]}到周{WEEK[last - 1]}"
    return "、".join(f"周{WEEK[one - 1]}" for one in sorted(days))


def gateway(name: str) -> str:
    """Say by which way money came."""
    return GATEWAYS.get(_kind(name), "其他方式")


def _kind(name: str) -> str:
    """Return of which kind a gateway is: several of one kind are told apart by what follows it."""
    kinds = [one for one in GATEWAYS if name == one or name.startswith(f"{one}_")]
    return max(kinds, key=len, default="")


def paid_from(name: str) -> str:
    """Say to which account of the payer money goes back; "" where it was paid at the counter."""
    return _BACK.get(_kind(name), ("", "", ""))[0]


def arrives(name: str) -> str:
    """Say how long money takes that goes back by a gateway."""
    return _BACK.get(_kind(name), _BACK["unionpay"])[1]


def look_at(name: str) -> str:
    """Say where the payer finds money that came back."""
    return _BACK.get(_kind(name), _BACK["unionpay"])[2]


def role(name: str) -> str:
    """Say what a resident is to a flat."""
    return ROLES[name]


def mask_name(name: str) -> str:
    """Hide a name from others: "李秀英" → "李**"."""
    return name[:1] + "*" * max(len(name) - 1, 1)


def mask_phone(phone: str) -> str:
    """Hide a phone number: "13812345678" → "138****5678"."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def lines(*parts: str) -> str:
    """Put each part on a line of its own, leaving out what is empty."""
    return "\n".join(filter(None, parts))


def numbered(choices: Sequence[str]) -> str:
    """List choices, each with the number that picks it."""
    return "\n".join(f"{number} {choice}" for number, choice in enumerate(choices, start=1))


@lru_cache(maxsize=256)
def shorten(text: str, limit: int = 20) -> str:
    """Repeat what somebody typed, on one line and no longer than `limit` letters."""
    plain = " ".join(text.split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def menu() -> str:
    """List what can be asked, each with its number."""
    return numbered([label for _, label in MENU])
