"""What staff read before a broadcast goes: whom it reaches, by which way, whom not and why."""

from datetime import datetime
from typing import Final

from handlers import words
from storage.queries.audiences import Preview
from storage.queries.notices import BroadcastView
from storage.queries.policies import Policy
from storage.queries.quiet import end_of_quiet

SKIPS: Final = {
    "not_bound": "没有绑定",
    "muted": "关了通知",
    "not_following": "没有关注",
}
"""Why a household hears nothing."""


GROUP: Final = "（群）"
"""Ends the label of an audience that is a group of staff."""


def people(label: str, count: int) -> str:
    """Say how many an audience is: persons, or the one group."""
    return "1 个群" if label.endswith(GROUP) else f"{count} 人"


def preview_words(view: BroadcastView, counts: Preview, policy: Policy, now: datetime) -> str:
    """Say what is about to be sent, to whom, and which words decide on it."""
    return words.lines(
        f"群发 {view.broadcast_no} 预览，还没有发送：",
        f"发给：{view.community_name} {view.audience_label}{_households(counts)}",
        _category(view, counts),
        f"内容：{view.text}",
        *_ways(view, counts),
        _skipped(counts),
        _quiet(view, counts, policy, now),
        _approval(counts, policy),
        "回复“确认”发送，“取消”放弃，或者说“明天9点发”。",
    )


def skip_words(skipped: dict[str, int]) -> str:
    """Say how many households are left out, by reason."""
    named = [f"{SKIPS[why]} {skipped[why]} 户" for why in SKIPS if skipped.get(why)]
    return "，".join(named)


def _households(counts: Preview) -> str:
    return f"（{counts.households} 户）" if counts.households else ""


def _category(view: BroadcastView, counts: Preview) -> str:
    if not counts.households:
        return ""
    if view.category == "urgent":
        return "类别：紧急通知，夜间也送达；回复“普通”改为普通通知"
    return "类别：普通通知，夜间不打扰；回复“紧急”改为紧急通知"


def _ways(view: BroadcastView, counts: Preview) -> list[str]:
    """Count by route: an outage may go by template, another notice waits for her next word."""
    if not counts.households:
        return []
    ways = []
    if counts.by_window:
        ways.append(f"聊天消息 {counts.by_window} 人")
    if counts.by_template:
        later = "服务通知" if view.category == "urgent" else "等下次来说话时送达"
        ways.append(f"{later} {counts.by_template} 人")
    return [f"能收到：{counts.recipients} 人（{'，'.join(ways)}）"]


def _skipped(counts: Preview) -> str:
    left_out = sum(counts.skipped.values())
    return f"收不到：{left_out} 户（{skip_words(counts.skipped)}）" if left_out else ""


def _quiet(view: BroadcastView, counts: Preview, policy: Policy, now: datetime) -> str:
    if view.category == "urgent" or not counts.households:
        return ""
    until = end_of_quiet(now, policy.quiet_from, policy.quiet_until)
    return f"现在是休息时间，{words.moment(until)} 以后送达" if until else ""


def _approval(counts: Preview, policy: Policy) -> str:
    if counts.recipients <= policy.broadcast_approval_over:
        return ""
    return f"超过 {policy.broadcast_approval_over} 人，确认后还要另一位同事同意"
