"""How a broadcast goes (群发进度, 群发报告): figures, whom it did not reach, and why."""

from collections import Counter
from datetime import datetime
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, broadcast_no, office, rest_of
from handlers.staff.preview import GROUP, SKIPS, people, skip_words
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import BroadcastState, OutboxState
from storage.ports.chat import OutgoingMessage
from storage.queries.group_tasks import GroupTask
from storage.queries.notices import (
    BroadcastReport,
    BroadcastView,
    Delivery,
    deliveries,
    figures,
    find_broadcast,
    households_left_out,
)

NAME: Final = "staff_broadcast_report"
SAID_AS: Final = WORDS["broadcast_report"]
STATES: Final = {
    BroadcastState.DRAFT: "还没有确认",
    BroadcastState.AWAITING_APPROVAL: "等同事同意",
    BroadcastState.SCHEDULED: "等待发送",
    BroadcastState.SENDING: "正在发送",
    BroadcastState.DONE: "已经发完",
    BroadcastState.CANCELLED: "已取消",
}
WAYS: Final = {
    "custom": "聊天消息",
    "app": "企业微信",
    "template": "服务通知",
    "subscribe": "订阅通知",
    "group": "群消息",
    "group_task": "客户群",
}
FAILED: Final = (OutboxState.DEAD, OutboxState.UNKNOWN, OutboxState.SUPPRESSED)
BY_STATE: Final = {
    OutboxState.DEAD: "平台没有接收",
    OutboxState.UNKNOWN: "可能收到了，平台没有回应",
    OutboxState.SUPPRESSED: "对方不再接收",
}
OWNER_WAITS: Final = "等群主点发送"
BY_REASON: Final = {
    "muted": "关了通知",
    "not_following": "没有关注",
    "cancelled": "发送前已取消",
    "paid_meanwhile": "已经缴清或者解绑，不用发",
    "paused": "暂停中，还没有发",
    "no_such_account": "没有配置这个账号",
    "not_pressed": "群主两天没有点发送，已经收回",
    "already_told": "这个群今天已经发过一条，企业微信没有再发",
    "refused": "企业微信没有发出",
    "no robot is configured for this group": "没有配置这个群",
}
UNDER_WAY: Final = (BroadcastState.SCHEDULED, BroadcastState.SENDING)
NAMED: Final = 12
"""How many are named one by one; the rest is counted."""


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Report the broadcast that was named, or the newest. Raises UnknownBroadcast."""
    staff = office(turn, *ANYBODY)
    view = await deps.db.read(
        find_broadcast,
        broadcast_no(rest_of(turn, SAID_AS)),
        community_ids=staff.community_ids,
    )
    report = await deps.db.read(figures, view)
    failures = await deps.db.read(deliveries, view, states=FAILED, limit=200)
    left_out = await deps.db.read(households_left_out, view, limit=NAMED)
    text = words.lines(
        *_head(view, turn.now),
        *_figures(report),
        *_failures(failures),
        *_left_out(report, left_out),
        _next_step(report),
    )
    return OutgoingMessage(NAME, text)


def state_of(view: BroadcastView) -> str:
    """Say where a broadcast stands."""
    return "已暂停" if view.is_paused and view.state in UNDER_WAY else STATES[view.state]


def _head(view: BroadcastView, now: datetime) -> list[str]:
    is_later = view.send_at is not None and view.send_at > now
    when = f"，定在{words.moment(view.send_at)}" if is_later and view.send_at else ""
    return [
        f"群发 {view.broadcast_no}：{state_of(view)}{when}",
        f"发给：{view.community_name} {view.audience_label}，"
        f"共 {people(view.audience_label, view.recipient_count)}",
        f"内容：{words.shorten(view.text, 40)}",
    ]


def _figures(report: BroadcastReport) -> list[str]:
    if not report.by_state:
        return []
    if report.task is not None:
        return [task_words(report.task)]
    waiting = report.count(OutboxState.WAITING, OutboxState.CLAIMED)
    held, failed = report.count(OutboxState.HELD), report.count(*FAILED)
    unit = "个群" if report.broadcast.audience_label.endswith(GROUP) else "人"
    parts = [f"已送达 {report.count(OutboxState.SENT)} {unit}"]
    parts += [f"排队 {waiting} 人"] if waiting else []
    parts += [f"等下次发消息时送达 {held} 人"] if held else []
    parts += [f"没有送达 {failed} 人"] if failed else []
    return ["，".join(parts)]


def task_words(task: GroupTask) -> str:
    """Say that a residents' group has read nothing yet, and what to do."""
    reminded = f"，已提醒 {task.reminders} 次" if task.reminders else "，白天每 4 小时提醒一次"
    return f"{OWNER_WAITS}：住户还没有看到{reminded}；也可以当面请群主点一下"


def _failures(failures: list[Delivery]) -> list[str]:
    if not failures:
        return []
    reasons = Counter(reason(one) for one in failures)
    lines = [f"没有送达的原因：{'，'.join(f'{why} {n} 人' for why, n in reasons.items())}"]
    lines += [f"{who(one)}：{reason(one)}" for one in failures[:NAMED]]
    rest = len(failures) - NAMED
    return [*lines, f"还有 {rest} 人没有列出"] if rest > 0 else lines


def who(one: Delivery) -> str:
    """Name a person by her flats, a group by its name."""
    return "、".join(one.unit_labels) or (one.recipient if one.identity_id is None else "已解绑")


def reason(one: Delivery) -> str:
    """Say why a message did not arrive."""
    return BY_REASON.get(one.why, BY_STATE[one.state])


def _left_out(report: BroadcastReport, left_out: list[tuple[str, str]]) -> list[str]:
    count = sum(report.skipped.values())
    if not count:
        return []
    lines = [f"没有发送 {count} 户（{skip_words(report.skipped)}）"]
    if count <= NAMED:
        lines += [f"{label}：{SKIPS[why]}" for label, why in left_out]
    return lines


def _next_step(report: BroadcastReport) -> str:
    view = report.broadcast
    if view.state in UNDER_WAY and view.is_paused:
        return f"回复“继续群发 {view.broadcast_no}”接着发。"
    if view.state in UNDER_WAY:
        return f"回复“取消群发 {view.broadcast_no}”停止，“暂停群发 {view.broadcast_no}”先停一停。"
    if view.state is BroadcastState.AWAITING_APPROVAL:
        return f"同事回复“同意群发 {view.broadcast_no}”后发送。"
    if report.count(OutboxState.DEAD):
        return f"回复“补发 {view.broadcast_no}”再发一次。"
    return ""


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
