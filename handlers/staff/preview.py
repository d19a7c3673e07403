"""What staff read before a broadcast goes: whom it reaches, by which way, whom not and why."""

from datetime import datetime
from typing import Final

from handlers import words
from handlers.staff.audience import ROLES
from handlers.staff.categories import BY_WORD, LABELS, MEANS
from storage.kinds import BroadcastCategory
from storage.queries.audiences import Audience, Preview
from storage.queries.group_tasks import GroupKind, GroupLimits
from storage.queries.notices import BroadcastView
from storage.queries.policies import Policy
from storage.queries.quiet import end_of_quiet
from storage.rules.broadcasts import comes_at_night

SKIPS: Final = {
    "not_bound": "没有绑定",
    "muted": "关了通知",
    "not_following": "没有关注",
}
"""Why a household hears nothing."""


WAYS_TO_STAFF: Final = {
    GroupKind.ROBOT: "同事的群，群机器人来说：一分钟最多 20 条，多的排队",
    GroupKind.CHAT: "同事的群，企业微信应用来说：绑定的同事自动进群，离职自动出群，至少两人；"
    "一分钟最多 200 条，多的排队",
}
"""How a group of staff is told, and what that way allows."""
GROUP: Final = "（群）"
"""Ends the label of an audience that is a group of staff."""


def people(label: str, count: int) -> str:
    """Say how many an audience is: persons, or the one group."""
    return "1 个群" if label.endswith(GROUP) else f"{count} 人"


def preview_words(
    view: BroadcastView,
    counts: Preview,
    policy: Policy,
    now: datetime,
    limits: GroupLimits | None = None,
) -> str:
    """Say what is about to be sent, to whom, and which words decide on it."""
    return words.lines(
        f"群发 {view.broadcast_no} 预览，还没有发送：",
        f"发给：{view.community_name} {view.audience_label}{_households(counts)}",
        _category(view, counts),
        f"内容：{view.text}",
        *_ways(view, counts),
        *([limit_words(limits)] if limits else []),
        _skipped(counts),
        _narrowed(view),
        _quiet(view, counts, policy, now),
        _approval(counts, policy),
        "回复“确认”发送，“预览”先发给您自己看，“取消”放弃，或者说“明天9点发”。",
    )


def limit_words(limits: GroupLimits) -> str:
    """Say how a group is told, and what that way allows."""
    if limits.kind is not GroupKind.RESIDENTS:
        return WAYS_TO_STAFF[limits.kind]
    told = f"本月已请群主发 {limits.this_month} 条（一天最多 1 条，一个月最多和天数一样多）"
    if limits.today:
        told += "，今天已经有 1 条，再发企业微信不会显示，请改到明天"
    return f"住户的群：要群主 {limits.owner} 在企业微信里点“发送”，住户才看得到；{told}"


def skip_words(skipped: dict[str, int]) -> str:
    """Say how many households are left out, by reason."""
    named = [f"{SKIPS[why]} {skipped[why]} 户" for why in SKIPS if skipped.get(why)]
    return "，".join(named)


def _households(counts: Preview) -> str:
    return f"（{counts.households} 户）" if counts.households else ""


def _category(view: BroadcastView, counts: Preview) -> str:
    if not counts.households:
        return ""
    others = "".join(f"“{word}”" for word, one in BY_WORD.items() if one != view.category)
    kind = BroadcastCategory(view.category)
    return f"类别：{LABELS[kind]}，{MEANS[kind]}；要改就回复{others}"


def _ways(view: BroadcastView, counts: Preview) -> list[str]:
    """Count by route: an outage may go by template, another notice waits for her next word."""
    if not counts.households:
        return []
    ways = []
    if counts.by_window:
        ways.append(f"聊天消息 {counts.by_window} 人")
    if counts.by_template:
        later = "服务通知" if view.category == "urgent" else "等下次来说话时送达"
        used_up = f"，其中 {counts.no_quota} 人的回复条数用完了" if counts.no_quota else ""
        ways.append(f"{later} {counts.by_template} 人{used_up}")
    return [f"能收到：{counts.recipients} 人（{'，'.join(ways)}）"]


def _skipped(counts: Preview) -> str:
    left_out = sum(counts.skipped.values())
    return f"收不到：{left_out} 户（{skip_words(counts.skipped)}）" if left_out else ""


def _narrowed(view: BroadcastView) -> str:
    """Warn that a role leaves people out: “3栋业主” may have been meant for everybody."""
    role = Audience.load(view.audience).condition.role
    if role is None:
        return ""
    return f"只发给{ROLES[role]}，同住的其他人收不到；要发给所有人，请取消后重新说范围"


def _quiet(view: BroadcastView, counts: Preview, policy: Policy, now: datetime) -> str:
    if comes_at_night(view.category) or not counts.households:
        return ""
    until = end_of_quiet(now, policy.quiet_from, policy.quiet_until)
    return f"现在是休息时间，{words.moment(until)} 以后送达" if until else ""


def _approval(counts: Preview, policy: Policy) -> str:
    if counts.recipients <= policy.broadcast_approval_over:
        return ""
    return f"超过 {policy.broadcast_approval_over} 人，确认后还要另一位同事同意"
