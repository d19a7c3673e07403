"""A community's choices (策略) as people write them: what each is called, means, and reads like."""

from collections.abc import Callable, Mapping
from datetime import time
from types import MappingProxyType
from typing import Any, Final

from storage.money import from_yuan, yuan

NOBODY: Final = "不催"
NOTHING: Final = {
    "collection_closed": "不暂停",
    "sharing_basis": "不公摊",
    "closed_gateways": "都开放",
    "ticket_hours": "默认",
}
"""Choices that are a text → what is typed for none."""
YES_OR_NO: Final = {"要": True, "不要": False}


def _steps(said: str) -> tuple[int, ...]:
    return () if said == NOBODY else tuple(int(one) for one in said.split(","))


CHOICES: Final[Mapping[str, tuple[str, str, Callable[[str], Any]]]] = MappingProxyType(
    {
        "reminder-days": ("reminder_days", "在应缴日前(-)后第几天催，或者 不催", _steps),
        "weekly-cap": ("weekly_cap", "每人七天内最多几条催缴，0 到 7", int),
        "quiet-from": ("quiet_from", "晚上几点起不打扰，12:00 以后", time.fromisoformat),
        "quiet-until": ("quiet_until", "早上几点起可以发，12:00 以前", time.fromisoformat),
        "approval-over": ("broadcast_approval_over", "群发超过几人要另一位同事同意", int),
        "issue-day": ("issue_day", "每月几号出账，1 到 28", int),
        "bind-code": ("bind_needs_code", "绑定要不要纸质账单上的绑定码", YES_OR_NO.__getitem__),
        "refund-days": ("refund_window_days", "缴费后几天内的退款可以不审核", int),
        "refund-yuan": ("refund_automatic_fen", "多少元以内的退款可以不审核", from_yuan),
        "refund-any": (
            *("refund_any_cause", "除了重复缴、多缴、缴错房，别的原因也不审核"),
            YES_OR_NO.__getitem__,
        ),
        "closed": ("collection_closed", "暂停线上缴费的原因，或者 不暂停", str),
        "closed-ways": (
            *("closed_gateways", "暂停的支付方式和原因，例如 alipay=维护到周五，或者 都开放"),
            str,
        ),
        "parts": ("takes_parts", "一笔账单可以分几次缴", YES_OR_NO.__getitem__),
        "rounding-yuan": ("rounding_limit_fen", "柜台抹零最多几元", from_yuan),
        "waiver-yuan": ("waiver_second_over_fen", "减免超过几元要两个人批准", from_yuan),
        "duty-from": ("duty_from", "前台几点上班", time.fromisoformat),
        "duty-until": ("duty_until", "前台几点下班", time.fromisoformat),
        "duty-days": ("duty_days", "星期几有人上班，1 是星期一", _steps),
        "ticket-hours": (
            *("ticket_hours", "各类工单几个工时内办完，例如 repair=9; question=4，或者 默认"),
            str,
        ),
        "rating-days": ("rating_days", "每人几天内最多请评价一次，0 是不请", int),
        "sharing": ("sharing_basis", "公摊的依据：合同条款或业主决定，或者 不公摊", str),
    }
)
"""What is typed → our name of the choice, what it means, and how it is read."""


def said_as(ours: str, chosen: Any) -> str:  # noqa: ANN401 - any field of Policy
    """Return a choice as it is typed."""
    if isinstance(chosen, tuple):
        return ",".join(map(str, chosen)) or NOBODY
    if isinstance(chosen, time):
        return f"{chosen:%H:%M}"
    if isinstance(chosen, bool):
        return "要" if chosen else "不要"
    return yuan(chosen) if ours.endswith("_fen") else str(chosen) or NOTHING[ours]


def read_choice(name: str, text: str) -> tuple[str, Any]:
    """Read what was typed for a choice; return our name of it, and what is chosen.

    Raises KeyError for a choice or a word that is none, ValueError and NotAnAmount for what
    cannot be read.
    """
    ours, _, read = CHOICES[name]
    return ours, read("" if text == NOTHING.get(ours) else text)
