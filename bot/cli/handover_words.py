"""What `wuyebot handover` says: what lies on the table, what was done, why it cannot be done."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from handlers import refusals
from storage.errors import HandoverRefused, Refusal
from storage.money import yuan
from storage.operations.handover import Decision, HandedOverUnit, HandoverAsk, HandoverPlan
from storage.periods import DaySpan
from storage.queries.handovers import Matter, Noun

WHY: Final = {
    "day": "交接日期 {one} 不行：不能在今天以后，也不能早于原业主（租户）入住。",
    "nobody": "{one} 现在没有登记业主（租户），没有人可以交接。",
    "same_person": "新业主（租户）和原来登记的是同一个人，请核对 {one}。",
    "successor": "没有写谁来承接（{one}），请用 --to 写明。",
    "undecided": "这些还没有决定：{all}。每一项请用 --stays、--takes 或 --parts 选定。",
    "unknown": "交接单上没有这些单号：{all}。先不加 --apply 看一遍有哪些。",
    "consent": "这些由新业主承接：{all}。请用 --consent 写明双方签字的单据编号。",
    "parted": "这些不能按天分：{all}。只有日子跨过交接那天、还没有缴的账单可以用 --parts。",
    "reading": "表 {one} 的读数看着不对，没有办理。请先核对读数。",
}
NOUNS: Final = {
    Noun.ARREAR: "待缴",
    Noun.PREPAYMENT: "预存",
    Noun.DEPOSIT: "押金",
    Noun.SPACE: "名下还有",
}
CHOSEN: Final = {
    Decision.STAYS: "留给原业主（租户）",
    Decision.TAKEN_OVER: "由接手的人承接",
    Decision.PARTED: "按天分给双方",
    None: "还没有决定",
}


def words_of(refusal: Refusal) -> str:
    """Say why nothing was done."""
    if isinstance(refusal, HandoverRefused):
        one = refusal.references[0] if refusal.references else ""
        return WHY[refusal.why].format(one=one, all="、".join(refusal.references))
    return refusals.words_to_staff(refusal)


def plan_lines(plan: HandoverPlan, ask: HandoverAsk) -> list[str]:
    """Say what lies on the table, and what --apply would do; nobody's name is in it."""
    main = sum(one.is_main for one in plan.parties)
    lines = [f"{plan.unit_label}：{main} 位业主（租户）从 {ask.handed_on.isoformat()} 起不再登记。"]
    lines += [_item(one, ask) for one in plan.items]
    lines += [
        f"先出账 {one.unit_label} {one.scheme.item_name} {one.due.period} "
        f"{yuan(one.priced.amount_fen)} 元{_days_before(one.due.days, ask.handed_on)}"
        for one in plan.left.new
    ]
    lines += [
        f"还不能出账 {one.unit_label} {one.item_name}；出账以前不能开结清证明"
        for one in plan.left.missing
    ]
    lines += [f"还没有抄表 {one}；用 --reading {one}=读数" for one in plan.meters]
    lines.append("已出的账单整张记在账单上的人名下；由接手的人承接的、按天分的除外。")
    lines.append("旧的绑定和缴费链接会全部失效，并通知本人。")
    lines.append("以上是预览，什么都没有改；加 --apply 正式办理。")
    return lines


def _item(item: Matter, ask: HandoverAsk) -> str:
    what = " ".join(one for one in (item.unit_label, item.item_name, item.period) if one)
    amount = "" if item.noun is Noun.SPACE else f" {yuan(item.amount_fen)} 元"
    after = "（交接以后的日子）" if item.is_after else ""
    after = "（交接前后都有，可以 --parts 按天分）" if item.is_across else after
    chosen = CHOSEN[ask.decisions.get(item.reference)]
    return f"{NOUNS[item.noun]} {item.reference} {what}{amount}{after}：{chosen}"


def _days_before(days: DaySpan, handed_on: date) -> str:
    """Say which days of a bill are before the hand-over, where not all are."""
    if handed_on >= days.ends_on:
        return ""
    before = DaySpan(days.begins_on, handed_on)
    return f"，按天分给双方，交接以前 {before.days}/{days.days} 天"


def done_lines(done: HandedOverUnit) -> Iterator[str]:
    """Say what was done."""
    yield f"{done.plan.unit_label} 已办理，共 {len(done.plan.unit_ids)} 处。"
    yield f"新出账单 {done.issued} 张，解除绑定 {done.ended_bindings} 个。"
    for refund_no in done.refund_nos:
        yield f"预存退回申请 {refund_no}"
    if done.open_fen:
        yield f"原业主（租户）名下还有 {yuan(done.open_fen)} 元没有缴，不能开结清证明。"
    if done.unbilled:
        yield f"还没有出账：{'、'.join(done.unbilled)}；出账缴清以后再开结清证明。"
    if done.clear:
        yield "已经结清，可以用 wuyebot handover certificate 打印结清证明。"
