"""Every event has words, and a reviewer reads them in tests/golden/notifications."""

import os
import re
from pathlib import Path

import pytest

from handlers.composer import Composer
from handlers.notification import FIELD_CHARS
from storage import events as e
from storage.events import Event
from storage.links import Links
from storage.ports.chat import Manner, OutgoingMessage
from tests.factories import NOW

GOLDEN = Path(__file__).parents[2] / "golden" / "notifications"
MANNERS = GOLDEN.with_name("manners")

UNIT = "3栋2单元1201"
REFUND = ("T261123000001", UNIT, 25_060)
PAID = e.PaymentSettled(
    order_no="W2611230000000001",
    receipt_no="R20261123000001",
    payment_id=7,
    unit_label=UNIT,
    amount_fen=123_450,
    bills=(("物业费", "2026-10", 25_060), ("物业费", "2026-11", 98_390)),
    surplus_fen=0,
    paid_at="2026-11-23T02:00:00+00:00",
    open_fen=0,
)
REMINDER = e.ReminderWords(
    unit_label=UNIT,
    days_from_due=-3,
    bill_count=2,
    open_fen=50_120,
    due_on="2026-11-26",
    as_of_on="2026-11-23",
    is_overdue=False,
    pay_url="https://wuye.example/pay/token",
)

HANDED_OVER = e.HandedOver(1, 2, UNIT, "sale", "2026-11-23", 50_120, is_clear=False)

RECONCILED = e.DayReconciled(
    day="2026-11-22",
    staff_id=7,
    gateways=(
        ("alipay", "empty", 0, 0, 0, 0),
        ("wechat_pay", "agreed", 12, 123_450, 12_000, 669),
    ),
    found=(),
    healed=0,
    open_count=0,
)

WEEK_TOLD = e.FiguresTold(
    1,
    "翡翠湾",
    "week",
    "2026-11-16",
    "2026-11-22",
    came_fen=1_234_500,
    went_fen=0,
    rate=(853_300, 1_000_000),
    open_fen=500_120,
    old_fen=120_000,
    reminded=34,
    talks=2,
)


def changed(event, **other):
    """Return an event with some of its facts changed."""
    return type(event)(**{name: getattr(event, name) for name in event.__slots__} | other)


TICKET_TASKS = (
    *("", "_urgent", "_assigned", "_urged"),
    *("_withdrawn", "_reopened", "_near", "_over"),
)

EVENTS: dict[str, Event] = {
    "payment_settled": PAID,
    "payment_settled_surplus": changed(PAID, surplus_fen=1_000, open_fen=50_000),
    "payment_settled_stranger": changed(PAID, open_fen=-1),
    "payment_settled_many": changed(
        PAID, bills=tuple(("物业费", f"2026-{month:02d}", 15_431) for month in range(1, 9))
    ),
    "payment_settled_aside": changed(PAID, bills=(), surplus_fen=123_450, open_fen=0),
    "payment_settled_aside_for": changed(
        PAID, bills=(), surplus_fen=123_450, open_fen=25_060, kept_for="物业费"
    ),
    "prepayment_applied": e.PrepaymentApplied(
        UNIT, (("物业费", "2026-12", 25_060),), 25_060, 0, 74_940
    ),
    "prepayment_applied_partly": e.PrepaymentApplied(
        UNIT,
        tuple(("物业费", f"2026-{month:02d}", 3_580) for month in range(1, 8)),
        25_060,
        10_000,
        0,
    ),
    "deposit_deducted": e.DepositMoved(
        UNIT, "装修押金", "deducted", 25_060, 174_940, "照片12张，楼道地砖破损（业主签字）"
    ),
    "deposit_returned": e.DepositMoved(
        UNIT, "装修押金", "returned", 25_060, 0, "转账回单 20261123"
    ),
    "payment_returned": e.PaymentReturned("W1", *REFUND, "paid_twice"),
    "transfer_waits_less": e.TransferWaits(
        UNIT, 25_000, 25_060, "other_amount", "2026-11-23T02:00:00+00:00"
    ),
    "transfer_waits_more": e.TransferWaits(
        UNIT, 30_000, 25_060, "other_amount", "2026-11-23T02:00:00+00:00"
    ),
    "transfer_waits_closed": e.TransferWaits(
        UNIT, 25_060, 25_060, "not_awaited", "2026-11-23T02:00:00+00:00"
    ),
    "transfer_waits_several": e.TransferWaits(
        UNIT, 50_120, 50_120, "several_codes", "2026-11-23T02:00:00+00:00"
    ),
    "refund_received": e.RefundReceived(*REFUND, is_automatic=True),
    "refund_received_waits": e.RefundReceived(*REFUND, is_automatic=False),
    "refund_approved": e.RefundApproved(*REFUND),
    "refund_approved_cash": e.RefundApproved(*REFUND, "cash"),
    "refund_approved_transfer": e.RefundApproved(*REFUND, "transfer"),
    "refund_settled_cash": e.RefundSettled(*REFUND, "2026-11-23T02:08:00+00:00", 25_060, "cash"),
    "refund_settled_transfer": e.RefundSettled(*REFUND, "2026-11-23T02:08:00+00:00", 0, "transfer"),
    "tax_invoice_issued": e.TaxInvoiceIssued(
        "F26112300001", UNIT, 25_060, "李秀英", "25332000000012345678", 0
    ),
    "tax_invoice_issued_file": e.TaxInvoiceIssued(
        "F26112300001", UNIT, 25_060, "杭州安心贸易有限公司", "25332000000012345678", 7
    ),
    "tax_invoice_reddened": e.TaxInvoiceIssued(
        "F26112300002", UNIT, -25_060, "李秀英", "25332000000088888888", 0
    ),
    "tax_invoice_declined": e.TaxInvoiceDeclined("F26112300001", UNIT, 25_060, "抬头和税号不符"),
    "tax_invoice_declined_refunded": e.TaxInvoiceDeclined("F26112300001", UNIT, 25_060, "refunded"),
    "refund_received_fee": e.RefundReceived(*REFUND, is_automatic=True, kept_fen=150),
    **{
        f"staff_ticket{one}": e.StaffTask(
            f"ticket{one}", "G26110001", UNIT, 0, "repair 厨房水管漏水，请打 13800001234"
        )
        for one in TICKET_TASKS
    },
    "staff_handover_said": e.StaffTask(
        "handover_said", "12", UNIT, 0, "灯还是不亮，我电话13800001234"
    ),
    "talk_answered": e.TalkMoved("answered", "您好，我这就去看。"),
    "talk_ended": e.TalkMoved("ended", ""),
    "talk_ended_asks": e.TalkMoved("ended", "", 12, asks_rating=True),
    "payment_settled_asks": changed(PAID, asks_rating=True),
    "refund_settled_asks": e.RefundSettled(
        *REFUND, "2026-11-23T02:00:00+00:00", 0, "wechat_pay", asks_rating=True
    ),
    "ticket_assigned": e.TicketMoved("G26110001", "repair", "assigned", UNIT, ""),
    "ticket_answered": e.TicketMoved(
        "G26110001", "complaint", "answered", UNIT, "已请保洁今天下午打扫。"
    ),
    "ticket_closed": e.TicketMoved(
        "G26110001", "repair", "closed", UNIT, "水管已换好", asks_rating=True
    ),
    "ticket_closed_dispute": e.TicketMoved(
        "G26110002", "dispute", "closed", UNIT, "面积按89.50平方米算，没有算错", asks_rating=True
    ),
    "ticket_closed_payment": e.TicketMoved(
        "G26110003", "payment", "closed", UNIT, "三个银行账户都没有这笔钱，请看看转到了哪里"
    ),
    "ticket_found": e.TicketMoved("G26110003", "payment", "found", UNIT, ""),
    "staff_payment_claim": e.StaffTask(
        "payment_claim", "G26110003", UNIT, 25_060, "我上周就转账了，13800001234转的"
    ),
    "staff_suspense": e.StaffTask("suspense", "2", "", 0, ""),
    "staff_tax_invoice": e.StaffTask("tax_invoice", "F26112300001", UNIT, 25_060, "李秀英"),
    "staff_red_letter": e.StaffTask(
        "red_letter", "F26112300002", UNIT, 25_060, "25332000000012345678"
    ),
    "payment_voided": e.PaymentVoided(UNIT, 25_060, "金额输错了", 25_060),
    "bill_waived": e.BillWaived(UNIT, "物业费", "2026-11", 5_000, 20_060),
    "bill_waived_whole": e.BillWaived(UNIT, "物业费", "2026-11", 25_060, 0),
    "staff_refund_payout": e.StaffTask("refund_payout", *REFUND, "cash"),
    "staff_refund_payout_transfer": e.StaffTask(
        "refund_payout", *REFUND, "transfer 李秀英 工商银行 6222021234567890123"
    ),
    "staff_waiver_approval": e.StaffTask(
        "waiver_approval", "JM261100001", UNIT, 5_000, "家里有人住院"
    ),
    "staff_write_off_approval": e.StaffTask(
        "write_off_approval", "HX261100001", UNIT, 25_060, "业主失联，三封催告函退回"
    ),
    "staff_cash_difference": e.StaffTask("difference", "15", "", 0, "cash_difference J2611230001"),
    "refund_declined": e.RefundDeclined(*REFUND, "这笔费用是当月的，已经提供服务"),
    "refund_submitted": e.RefundSubmitted(*REFUND, "wechat_pay"),
    "refund_settled": e.RefundSettled(*REFUND, "2026-11-23T02:08:00+00:00", 25_060),
    "refund_settled_new_receipt": e.RefundSettled(
        *REFUND,
        "2026-11-23T02:08:00+00:00",
        25_060,
        "alipay",
        receipt_no="R20260000012",
        kept_fen=98_390,
        payment_id=7,
    ),
    "refund_settled_surplus": e.RefundSettled(*REFUND, "2026-11-23T02:08:00+00:00", 0),
    "refund_failed_abnormal": e.RefundFailed(*REFUND, "abnormal"),
    "refund_failed_closed": e.RefundFailed(*REFUND, "closed"),
    "refund_failed_again": e.RefundFailed(*REFUND, "again"),
    "refund_failed_unfunded": e.RefundFailed(*REFUND, "unfunded"),
    "bills_issued": e.BillsIssued(
        unit_id=1,
        unit_label=UNIT,
        binding_id=2,
        link_epoch=0,
        period="2026-12",
        lines=(("物业费", 25_060), ("车位费", 20_000)),
        total_fen=45_060,
        due_on="2026-12-25",
    ),
    "reminder_before": REMINDER,
    "reminder_on_the_day": changed(REMINDER, days_from_due=0, due_on="2026-11-23"),
    "reminder_after": changed(REMINDER, days_from_due=3, due_on="2026-11-20", is_overdue=True),
    "reminder_arrears": changed(REMINDER, days_from_due=20, due_on="2026-09-25", is_overdue=True),
    "reminder_firm": changed(
        REMINDER, days_from_due=60, due_on="2026-09-20", is_overdue=True, tone="firm"
    ),
    "notice": e.NoticeSent("N0001", "翡翠湾", "notice", "周六上午在1栋大厅办理门禁卡。"),
    "notice_urgent": e.NoticeSent("N0002", "翡翠湾", "urgent", "明天9点到12点\n3栋停水检修。"),
    "late_answer": e.LateAnswer("3栋2单元1201 没有待缴账单。", ""),
    "binding_bound": e.BindingChanged(UNIT, "李秀英", "tenant", "bound"),
    "binding_removed": e.BindingChanged(UNIT, "李秀英", "family", "removed"),
    "binding_ended": e.BindingChanged(UNIT, "李秀英", "family", "ended"),
    "binding_left": e.BindingChanged(UNIT, "李秀英", "tenant", "left"),
    "binding_applied": e.BindingChanged(UNIT, "李秀英", "tenant", "applied"),
    "binding_approved": e.BindingChanged(UNIT, "李秀英", "owner", "approved"),
    "binding_declined": e.BindingChanged(UNIT, "李秀英", "owner", "declined"),
    "handed_over_owes": HANDED_OVER,
    "handed_over_clear": changed(HANDED_OVER, open_fen=0, is_clear=True),
    "handed_over_unbilled": changed(HANDED_OVER, kind="rename", open_fen=0),
    "handed_over_tenant": changed(HANDED_OVER, kind="move_out"),
    "binding_tried": e.BindingTried(UNIT, 5, 15),
    "staff_refund_approval": e.StaffTask("refund_approval", *REFUND, "重复缴费"),
    "staff_refund_trouble": e.StaffTask("refund_trouble", *REFUND, "unfunded"),
    "staff_broadcast_approval": e.StaffTask(
        "broadcast_approval", "N0001", "翡翠湾 全小区", 0, "周六打药，请关好门窗。"
    ),
    "staff_meter_replaced": e.StaffTask("meter_replaced", "S1", UNIT, 0, "水费 12"),
    "staff_meter_turned": e.StaffTask("meter_turned", "S1", UNIT, 0, "水费 12"),
    "staff_dispute": e.StaffTask(
        "dispute",
        "3-2-1201",
        UNIT,
        25_060,
        "2026年11月物业费 250.60元；住户说“面积不对”；请在11月26日前答复",
    ),
    "staff_arrears_visit": e.StaffTask("arrears_visit", "3-2-1201", UNIT, 25_060, "45"),
    "staff_letter_due": e.StaffTask("letter_due", "3-2-1201", UNIT, 25_060, "90"),
    "staff_handover": e.StaffTask("handover", "12", UNIT, 0, "楼道灯坏了三天了"),
    "staff_difference": e.StaffTask(
        "difference", "12", UNIT, 1, "AmountMismatch W2611230000000001"
    ),
    "staff_difference_of_nobody": e.StaffTask(
        "difference", "13", "", 25_060, "UnknownRefundNo T269999999999"
    ),
    "staff_difference_of_the_books": e.StaffTask("difference", "14", "", 0, "books 3"),
    "staff_alarm_late_job": e.StaffTask("alarm_late_job", "7", "", 0, "back_up 2026-11-23"),
    "staff_alarm_channel": e.StaffTask("alarm_channel", "8", "", 0, "main 12"),
    "staff_alarm_difference": e.StaffTask("alarm_difference", "9", "", 0, "no_statement 2"),
    "staff_alarm_queue": e.StaffTask("alarm_queue", "10", "", 0, "outbox 340"),
    "staff_alarm_over": e.StaffTask("alarm_over", "7", "", 0, "late_job back_up"),
    "staff_unbilled": e.StaffTask(
        "unbilled", "2026-11", "翡翠湾", 0, "area_missing:12 reading_missing:3"
    ),
    "staff_binding": e.StaffTask(
        "binding_application", "12", UNIT, 0, "3-2-1201 李秀英 13800001234"
    ),
    "staff_refund_external": e.StaffTask("refund_external", *REFUND, "50300408042026112300001"),
    "staff_unanswered": e.StaffTask("unanswered", *REFUND, "submitted"),
    "staff_refund_again": e.StaffTask("refund_trouble", *REFUND, "again"),
    "day_reconciled": RECONCILED,
    "day_reconciled_with_differences": changed(
        RECONCILED, found=(("amount", 1), ("platform_only", 2)), healed=2, open_count=5
    ),
    "day_reconciled_partly": changed(
        RECONCILED, gateways=(*RECONCILED.gateways, ("unionpay", "waiting", 0, 0, 0, 0))
    ),
    "figures_told": WEEK_TOLD,
    "figures_told_month": changed(
        WEEK_TOLD, which="month", first_on="2026-10-01", last_on="2026-10-31", went_fen=12_000
    ),
    "broadcast_reported": e.BroadcastReported("N0001", 12, 3, 1, 5),
    "broadcast_reported_whole": e.BroadcastReported("N0002", 12, 0, 0, 0),
}
MONEY = [
    name for name in EVENTS if name.startswith(("payment_", "refund_", "prepayment_", "deposit_"))
]


class StandingClock:
    """A clock that stands at `NOW`."""

    def now(self):
        return NOW


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(Links(b"k" * 32, "https://wuye.example"), StandingClock())


def script(message: OutgoingMessage) -> str:
    """Return a message as a reviewer reads it: the text, the kind of link, the fields."""
    link = re.sub(r"(?<=/)[\w-]{20,}$", "…", message.url)
    rows = [message.text, f"[{link}]" if link else "", "", f"({message.kind})"]
    rows += [f"{name} = {value}" for name, value in message.fields.items()]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_told_as_its_golden_file_says(name: str, composer: Composer):
    said = script(composer.compose(EVENTS[name]))

    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("manner", [Manner.ENGLISH, Manner.PLAIN])
def test_what_is_told_in_a_manner_of_its_own_is_as_its_golden_file_says(manner, composer: Composer):
    rows = []
    for name, event in EVENTS.items():
        usual, told = composer.compose(event), composer.compose(event, manner)
        assert (told.url, told.fields, told.kind) == (usual.url, usual.fields, usual.kind)
        if told.text != usual.text:
            rows.append(f"== {name}\n{told.text}\n")
    said = "\n".join(rows)

    file = MANNERS / f"{manner}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


def test_every_event_has_words_and_a_golden_file(composer: Composer):
    told = {type(event) for event in EVENTS.values()}

    # Made with slots, a dataclass leaves its first self behind until it is collected.
    known = {kind for kind in Event.__subclasses__() if e.KINDS[kind.__name__] is kind}
    assert told == known - {e.ReminderDue}
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_fields_fit_a_template_and_texts_are_whole_sentences(name: str, composer: Composer):
    message = composer.compose(EVENTS[name])

    for value in message.fields.values():
        assert 0 < len(value) <= FIELD_CHARS
        assert "\n" not in value
    assert not re.search(r"[{}]|None|[,;!?](?![0-9])", message.text)


@pytest.mark.parametrize("name", MONEY)
def test_a_money_text_names_the_sum_the_unit_and_no_threat(name: str, composer: Composer):
    message = composer.compose(EVENTS[name])

    assert re.search(r"(1,234\.50|250\.60)元", message.text)
    assert UNIT in message.text
    assert {"unit", "amount", "time", "state", "number"} <= set(message.fields)
    assert not re.search(r"停水|停电|法院|起诉|滞纳金|征信|必须|否则", message.text)


def test_a_refund_under_way_is_never_said_to_have_arrived(composer: Composer):
    submitted = composer.compose(EVENTS["refund_submitted"]).text
    settled = composer.compose(EVENTS["refund_settled"]).text

    assert "到账" not in submitted
    assert "退款" in settled
    assert "已到账" in settled


def test_the_receipt_link_opens_that_payment_and_the_pay_link_lasts_two_weeks(composer: Composer):
    links = Links(b"k" * 32, "https://wuye.example")

    receipt = composer.compose(PAID).url.rsplit("/", 1)[1]
    pay = composer.compose(EVENTS["bills_issued"]).url.rsplit("/", 1)[1]

    assert links.read_receipt(receipt) == 7
    link = links.read_pay(pay, today=NOW.date())
    assert (link.unit_id, link.binding_id) == (1, 2)
    assert (link.expires_on - NOW.date()).days == 14


def test_the_first_thirty_days_are_open_and_then_in_arrears(composer: Composer):
    day_30 = composer.compose(changed(REMINDER, due_on="2026-10-24", is_overdue=True))
    day_31 = composer.compose(changed(REMINDER, due_on="2026-10-23", is_overdue=True))

    assert "待缴" in day_30.text
    assert "欠费" not in day_30.text
    assert "欠费" in day_31.text


def test_an_event_without_words_is_an_error(composer: Composer):
    with pytest.raises(KeyError):
        composer.compose(e.ReminderDue(1, UNIT, 2, 0, -3))
