"""What the office reads as a cause: of a difference (差异), and of a fee that was not billed."""

from collections.abc import Iterable
from typing import Final

DIFFERENCES: Final = {
    "AmountMismatch": "平台报的金额和我们的不一样，没有入账",
    "late_fee_too_much": "违约金多收了，已缴的不能自动改，请核对后退还",
    "MerchantMismatch": "平台报的商户、应用、币种或交易号和我们的不一样，没有入账",
    "UnknownPaymentOrder": "平台报了一笔我们没有下过的支付，没有入账",
    "UnknownRefundNo": "平台报了一笔我们没有申请过的退款，没有入账",
    "RefundEndedOtherwise": "平台退了一笔我们已经作罢的退款，没有入账",
    "late_fee_paid_too_much": "违约金多收了，要退给住户",
    "cash_difference": "交上来的现金和应交的不一样，请看交款单",
    "books": "账本自己对不上，请管电脑的同事查账",
    "platform_only": "平台账单有、我们没有的收款",
    "ours_only": "我们有、平台账单没有的收款",
    "amount": "收款金额和平台账单不一样",
    "state": "平台账单说收到了，我们没有收到",
    "number": "平台交易号和账单不一样",
    "fee": "手续费和约定的费率不一样",
    "duplicate": "平台账单里同一笔出现了两次",
    "refund_platform_only": "平台账单有、我们没有的退款",
    "refund_ours_only": "我们有、平台账单没有的退款",
    "refund_amount": "退款金额和平台账单不一样",
    "refund_state": "退款状态和平台账单不一样",
    "refund_external": "在商户平台上直接退的款，已经补记",
    "no_statement": "平台账单没有来",
    "statement_broken": "平台账单不完整，没有采用，会再取",
    "settlement": "银行到账的和平台应付的不一样",
    "settlement_missing": "平台应付的钱还没有到银行",
    "refund_abnormal": "收款账户异常，请换一种方式退",
    "unanswered": "平台一直没有给出结果，系统还在问",
}
"""Kind of difference → what is wrong."""
OTHER_DIFFERENCE: Final = "账上和外面的记录不一样"

ACTS: Final = {
    "found": "发现",
    "again": "又出现了",
    "asked": "问过平台",
    "healed": "自动核对上了",
    "booked": "自动补记了",
    "closed": "了结",
}
"""What may be done with a difference → how its history reads."""

SKIPS: Final = {
    "area_missing": "没有登记面积",
    "reading_missing": "没有读数",
    "reading_lower": "读数比上次的小",
    "heads_missing": "没有登记人数",
    "input_missing": "缺少计费资料",
    "input_refused": "计费资料不对",
    "tariff_gap": "有几天没有收费标准",
    "tariff_overlaps": "收费标准重叠",
    "formula_fails": "公式算不出来",
    "period_taken": "这个月已有别的账单",
    "period_closed": "这个月已经结账",
    "party_changed": "已出的账单里有几天换了交费人，要更正",
}
"""Why a fee was left out of a month's bills → how the office reads it."""
OTHER_SKIP: Final = "原因不明"


def sides(kind: str) -> tuple[str, str]:
    """Name whose the two sums of a difference are: the other side's, and ours."""
    return ("银行", "应到") if kind.startswith("settlement") else ("平台", "我们")


def found(kinds: Iterable[tuple[str, int]]) -> str:
    """Say how many differences of which kind there are: "金额不一样 1 件，…"."""
    told = ((DIFFERENCES.get(kind, OTHER_DIFFERENCE), count) for kind, count in kinds)
    return "，".join(f"{cause} {count} 件" for cause, count in told)


def difference(note: str) -> str:
    """Say a staff task's note on a difference: its kind, and what it is about."""
    kind, _, about = note.partition(" ")
    if kind == "books":
        return f"夜里核对账本，有 {about} 处对不上，请管电脑的同事查账"
    return f"{DIFFERENCES.get(kind, OTHER_DIFFERENCE)}（{about}）"


def counted_skips(note: str) -> dict[str, int]:
    """Read a staff task's note on what was left out: reason → how many."""
    pairs = (one.rpartition(":") for one in note.split())
    return {reason: int(count) for reason, _, count in pairs}


def skips(note: str) -> str:
    """Say a staff task's note on what was left out, the most frequent reason first."""
    counted = counted_skips(note).items()
    return "，".join(f"{SKIPS.get(reason, OTHER_SKIP)} {count} 笔" for reason, count in counted)


JOBS: Final = {
    "accrue_late_fees": "违约金计算",
    "recognise_income": "月度收入确认",
    "issue_bills": "每月出账",
    "apply_prepayments": "预存抵扣",
    "check_ledger": "夜里核对账本",
    "back_up": "夜里备份",
    "tell_unanswered": "平台未答复的汇总",
    "fetch_statements": "取平台账单",
    "reconcile": "每日对账",
    "send_reminders": "缴费提醒",
}
"""Job that has a period → how the office calls it."""


def alarm(kind: str, note: str) -> str:
    """Say what is wrong with the running itself: the note is a reference and a detail."""
    reference, _, detail = note.partition(" ")
    match kind:
        case "late_job":
            return f"{JOBS.get(reference, reference)}（{detail}）"
        case "channel":
            return f"账号 {reference} 有 {detail} 条消息发不出去"
        case "difference":
            return f"{DIFFERENCES.get(reference, OTHER_DIFFERENCE)}，{detail} 件"
    return f"有 {detail} 条消息等了一刻钟还没有发出"


def alarm_over(note: str) -> str:
    """Say what is right again: the note is the kind of an alarm and its reference."""
    kind, _, reference = note.partition(" ")
    match kind:
        case "late_job":
            return f"{JOBS.get(reference, reference)}已经做完"
        case "channel":
            return f"账号 {reference} 的消息又发得出去了"
        case "difference":
            return f"{DIFFERENCES.get(reference, OTHER_DIFFERENCE)}，都处理完了"
    return "积压的消息发完了"
