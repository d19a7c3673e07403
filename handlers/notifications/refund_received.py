"""A request for money back is in our books."""

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import RefundReceived
from storage.ports.chat import OutgoingMessage


def say(event: RefundReceived, told: Telling) -> OutgoingMessage:
    """Tell the resident that her request is known, and who acts next."""
    following = (
        "马上提交给支付平台，提交后会通知您。"
        if event.is_automatic
        else "物业经理审核后会通知您；回复“退款进度”随时查看。"
    )
    return OutgoingMessage(
        kind="refund_received",
        text=words.lines(
            f"已收到 {event.unit_label} 的退款申请 {words.money(event.amount_fen)}，"
            f"编号 {event.refund_no}。",
            f"按约定，支付平台手续费 {words.money(event.kept_fen)} 由您承担，"
            f"实退 {words.money(event.amount_fen - event.kept_fen)}。"
            if event.kept_fen
            else "",
            following,
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="退款已受理" if event.is_automatic else "退款待审核",
            number=event.refund_no,
        ),
    )


def in_english(event: RefundReceived, told: Telling) -> str:
    """Tell the resident that her request is known, and who acts next."""
    del told
    got_fen = event.amount_fen - event.kept_fen
    return words.lines(
        f"{event.unit_label}: you asked {english.money(event.amount_fen)} back,"
        f" number {event.refund_no}.",
        f"As agreed, the platform's fee is yours: {english.money(event.kept_fen)}."
        f" You get {english.money(got_fen)}."
        if event.kept_fen
        else "",
        "It goes to the payment platform next. We tell you here."
        if event.is_automatic
        else "The manager looks at it. To follow it, type: refund status",
    )


def in_plain(event: RefundReceived, told: Telling) -> str:
    """Tell her that the request is here."""
    del told
    return words.lines(
        f"{event.unit_label} 申请退款：",
        words.money(event.amount_fen),
        f"扣手续费，实退 {words.money(event.amount_fen - event.kept_fen)}。"
        if event.kept_fen
        else "",
        "正在退，有消息告诉您。" if event.is_automatic else "经理看过以后告诉您。",
    )


NOTIFICATION = Notification(RefundReceived, say, in_english, in_plain)
