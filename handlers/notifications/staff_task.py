"""Something waits for a member of staff."""

from typing import Final

from handlers import causes, words
from handlers.notification import Notification, Telling, amount, fields
from handlers.tickets import KINDS, masked
from storage.events import StaffTask
from storage.ports.chat import OutgoingMessage

TROUBLES: Final = {
    "abnormal": "收款账户异常，请联系住户换一种方式退",
    "closed": "平台已关闭这笔退款，请和住户核对后重新发起",
    "again": "平台已关闭这笔退款，系统已换一个编号重新提交，请给商户号充值",
    "unfunded": "平台余额不足，请给商户号充值，系统会自动重试",
}
TOPICS: Final = {
    "refund_approval": (
        "退款待审批 {reference}：{unit}，{amount}。",
        "原因：{note}。",
        "回复“同意 {reference}”，或者“拒绝 {reference} 原因”。",
    ),
    "refund_trouble": (
        "退款 {reference} 没有办成：{unit}，{amount}。",
        "{trouble}。",
        "住户已收到说明。",
    ),
    "broadcast_approval": (
        "群发待审批 {reference}：{unit}。",
        "内容：{note}",
        "回复“同意群发 {reference}”，或者“拒绝群发 {reference}”。",
    ),
    "handover": (
        "有住户找人工，编号 {reference}：{unit}。",
        "住户最近说：{heard}",
        "回复住户：“回复 {reference} 内容”；说完了：“结束 {reference}”。",
    ),
    "handover_said": (
        "人工 {reference}，{unit}：",
        "{heard}",
        "回复住户：“回复 {reference} 内容”；说完了：“结束 {reference}”。",
    ),
    "dispute": (
        "住户对账单有异议，工单 {reference}：{unit}，{amount}。",
        "{note}。",
        "已暂停提醒，违约金停算；核对以后，回复“结单 {reference} 结果”，住户会看到。",
    ),
    "ticket": (
        "新工单 {reference}（{kind}）：{unit}。",
        "住户说：{said}",
        "自己办回复“接单 {reference}”，交给同事回复“派单 {reference} 名字”。",
    ),
    "payment_claim": (
        "住户说已付款，账上没有，工单 {reference}：{unit}，待缴 {amount}。",
        "住户说：{heard}",
        "查到了就登记或者认领，工单自动办结；查不到，回复“结单 {reference} 原因”。",
    ),
    "ticket_urgent": (
        "紧急！工单 {reference}：{unit}。",
        "住户说：{said}",
        "请马上处理并打电话，回复“接单 {reference}”。",
    ),
    "ticket_assigned": (
        "有工单交给您 {reference}（{kind}）：{unit}。",
        "住户说：{said}",
        "看经过回复“工单 {reference}”，办好了回复“结单 {reference} 结果”。",
    ),
    "ticket_urged": (
        "住户在催工单 {reference}（{kind}）：{unit}。",
        "住户说：{said}",
        "请告诉住户进展，回复“回复 {reference} 内容”。",
    ),
    "ticket_withdrawn": (
        "住户撤销了工单 {reference}（{kind}）：{unit}。",
        "原来说：{said}",
        "不用再处理。",
    ),
    "ticket_reopened": (
        "住户说没解决，工单 {reference}（{kind}）重新处理：{unit}。",
        "住户说：{said}",
        "看经过回复“工单 {reference}”。",
    ),
    "ticket_near": (
        "工单 {reference}（{kind}）快到时间了：{unit}。",
        "住户说：{said}",
        "请尽快办，或者回复“回复 {reference} 内容”告诉住户。",
    ),
    "ticket_over": (
        "工单 {reference}（{kind}）已经超时：{unit}。",
        "住户说：{said}",
        "请马上处理，回复“回复 {reference} 内容”告诉住户。",
    ),
    "arrears_visit": (
        "请联系住户：{unit} 有账单过了应缴日 {note} 天，{amount}。",
        "请当面或者打电话问问情况，听听有没有困难，不要在群里说。",
        "住户约了日子或者有困难，回复“暂停催缴 {reference} 到12月31日 原因”。",
    ),
    "letter_due": (
        "书面催告函待批准：{unit} 有账单过了应缴日 {note} 天，{amount}。",
        "请先核对账单和住户的情况，没有批准不会寄出。",
        "批准后用 wuyebot dunning letter 打印。",
    ),
    "binding_application": (
        "绑定申请 {reference}：{unit}。",
        "申请人：{note}。",
        "回复“同意绑定 {reference}”，或者“拒绝绑定 {reference}”。",
    ),
    "meter_replaced": (
        "住户说换了新表 {reference}：{unit}，{note}。",
        "这个读数还没有登记。",
        "请核对旧表和新表的读数，再登记换表。",
    ),
    "meter_turned": (
        "住户说表 {reference} 转满归零了：{unit}，{note}。",
        "算下来用得太多，这个读数还没有登记。",
        "请上门核对，再登记读数。",
    ),
    "difference": (
        "有差异等着核对，编号 {reference}{aside}。",
        "{trouble}。",
        "回复“差异”查看全部；核对以后回复“处理差异 {reference} 原因”。",
    ),
    "unbilled": (
        "{unit} {reference} 有 {count} 笔费用没有出账。",
        "{trouble}。",
        "回复“未出账 {reference}”查看是哪些房屋；补齐资料，夜里会自动补出。",
    ),
    "refund_payout": (
        "退款待付 {reference}：{unit}，{amount}。",
        "审批已通过，{trouble}。",
        "付了以后由另一位同事回复“已付退款 {reference}”，转账的再写上回单号。",
    ),
    "waiver_approval": (
        "减免待审批 {reference}：{unit}，{amount}。",
        "原因：{note}。",
        "回复“同意减免 {reference}”，或者“拒绝减免 {reference} 原因”。",
    ),
    "write_off_approval": (
        "坏账核销待审批 {reference}：{unit}，{amount}。",
        "原因：{note}。",
        "回复“同意核销 {reference}”，或者“拒绝核销 {reference} 原因”。",
    ),
    "suspense": (
        "银行账户有 {reference} 笔款还不知道是谁的，已经挂账。",
        "没有写缴费码，或者金额对不上。",
        "回复“挂账”查看，核对以后回复“认领 编号 房号”。",
    ),
    "tax_invoice": (
        "发票申请 {reference}：{unit}，{amount}。",
        "抬头：{note}。",
        "在税务系统开好以后，用 wuyebot tax-invoice 登记号码、上传文件。",
    ),
    "red_letter": (
        "发票待红冲 {reference}：{unit}，{amount}，原发票号码 {note}。",
        "这笔缴费已退款。",
        "在税务系统开红字发票以后，用 wuyebot tax-invoice 登记号码。",
    ),
    "refund_external": (
        "有一笔退款是在商户平台上直接退的：{unit}，{amount}。",
        "已经按对账单补记，编号 {reference}，账单已按退款后的数重新计算。",
        "平台单号：{note}。",
    ),
    "alarm_late_job": (
        "报警 {reference}：{trouble}没有按时做完。",
        "账和钱都没有丢，系统会自己再试。",
        "请管系统的同事运行 wuyebot doctor，看看日志里的原因；好了会再告诉您。",
    ),
    "alarm_channel": (
        "报警 {reference}：{trouble}。",
        "消息都留着，通了会自己补发。",
        "请到公众平台看看账号是否正常、额度是否用完，再运行 wuyebot doctor。",
    ),
    "alarm_difference": (
        "报警 {reference}：{trouble}。",
        "账上的数没有动，等人核对。",
        "请收银或经理回复公众号“差异”，核对以后处理。",
    ),
    "alarm_queue": (
        "报警 {reference}：{trouble}。",
        "消息都留着，不会丢。",
        "请管系统的同事看看 wuyebot run 有没有在运行，再运行 wuyebot doctor。",
    ),
    "alarm_over": (
        "报警 {reference} 已经恢复：{trouble}。",
        "不用再处理。",
    ),
    "unanswered": (
        "{reference} 一直没有结果：{unit}，{amount}。",
        "系统会接着问平台，没有结果不会当作失败。",
        "请在商户平台查一下；核对以后回复“差异”处理。",
    ),
}
"""Topic → what waits, why, and what to answer."""
STATES: Final = {
    "refund_approval": "退款待审批",
    "refund_trouble": "退款未办成",
    "broadcast_approval": "群发待审批",
    "handover": "住户找人工",
    "handover_said": "住户在说话",
    "dispute": "账单有异议",
    "ticket": "新工单",
    "payment_claim": "住户说已付款",
    "ticket_urgent": "紧急工单",
    "ticket_assigned": "有工单交给您",
    "ticket_urged": "住户催办",
    "ticket_withdrawn": "工单已撤销",
    "ticket_reopened": "工单重新处理",
    "ticket_near": "工单快到时间",
    "ticket_over": "工单已超时",
    "arrears_visit": "请联系住户",
    "letter_due": "催告函待批准",
    "binding_application": "绑定待核对",
    "meter_replaced": "换表待核对",
    "meter_turned": "读数待核对",
    "difference": "差异待核对",
    "unbilled": "有费用未出账",
    "refund_external": "有平台直接退款",
    "unanswered": "平台没有给结果",
    "alarm_late_job": "任务没按时做",
    "alarm_channel": "消息发不出去",
    "alarm_difference": "出现差异",
    "alarm_queue": "消息积压",
    "alarm_over": "报警已恢复",
    "refund_payout": "退款待付",
    "waiver_approval": "减免待审批",
    "write_off_approval": "核销待审批",
    "suspense": "有款项待认领",
    "tax_invoice": "发票待开",
    "red_letter": "发票待红冲",
}


def say(event: StaffTask, told: Telling) -> OutgoingMessage:
    """Put a task before staff, with the words that act on it."""
    note = words.shorten(event.note, 120) or "没有写明"
    kind, _, said = event.note.partition(" ")
    is_unbilled = event.topic == "unbilled"
    aside = [event.unit_label] if event.unit_label else []
    aside += [words.money(event.amount_fen)] if event.amount_fen else []
    named = {
        "reference": event.reference,
        "unit": event.unit_label or "没有说是哪一户",
        "amount": words.money(event.amount_fen),
        "note": note,
        "heard": masked(words.shorten(event.note, 300)) or "没有写明",
        "kind": KINDS.get(kind, ""),
        "said": masked(words.shorten(said, 120)) or "没有写明",
        "trouble": _trouble(event, note),
        "aside": f"：{'，'.join(aside)}" if aside else "",
        "count": str(sum(causes.counted_skips(event.note).values())) if is_unbilled else "",
    }
    return OutgoingMessage(
        kind="staff_task",
        text=words.lines(*(line.format(**named) for line in TOPICS[event.topic])),
        fields=fields(
            unit=event.unit_label or "未注明",
            amount=amount(event.amount_fen) if event.amount_fen else "-",
            time=f"{told.today}",
            state=STATES[event.topic],
            number=event.reference or "-",
        ),
    )


def _trouble(event: StaffTask, note: str) -> str:
    match event.topic:
        case "difference":
            return causes.difference(event.note)
        case "unbilled":
            return causes.skips(event.note)
        case "refund_payout":
            way, _, account = event.note.partition(" ")
            return f"转账给 {account}" if way == "transfer" else "付现金"
        case "alarm_over":
            return causes.alarm_over(event.note)
        case topic if topic.startswith("alarm_"):
            return causes.alarm(topic.removeprefix("alarm_"), event.note)
    return TROUBLES.get(event.note, note)


NOTIFICATION = Notification(StaffTask, say)
