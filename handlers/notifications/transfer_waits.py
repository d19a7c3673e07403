"""A transfer is here that could not pay its bill by itself: the office says what it pays."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, amount, fields, moment
from storage.events import TransferWaits
from storage.ports.chat import OutgoingMessage

CAME: Final = {
    "other_amount": "，账单是 {asked}，金额不一样。",
    "not_awaited": "，这个备注码的账单已经缴清，或者已经过了时间。",
    "several_codes": "，里面有好几个备注码。",
}
"""What is not as it was asked for."""


def say(event: TransferWaits, told: Telling) -> OutgoingMessage:
    """Tell the payer that her money is safe, who works on it, and what she can do."""
    del told
    came = CAME[event.cause].format(asked=words.money(event.asked_fen))
    return OutgoingMessage(
        kind="transfer_waits",
        text=words.lines(
            f"{event.unit_label} 收到您的转账 {words.money(event.amount_fen)}{came}",
            "钱已收好，物业正在核对，入账后会发收据给您，请不要重复转账。",
            _next(event),
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=moment(event.came_at),
            state="已收到，物业核对中",
        ),
    )


def _next(event: TransferWaits) -> str:
    if event.cause != "other_amount":
        return "如有疑问，请回复“人工”。"
    gap_fen = event.asked_fen - event.amount_fen
    if gap_fen > 0:
        return f"收到收据后，请回复“缴费”补上差的 {words.money(gap_fen)}；如有疑问，请回复“人工”。"
    return f"多的 {words.money(-gap_fen)} 会先抵其他账单，再存为预存；如有疑问，请回复“人工”。"


NOTIFICATION = Notification(TransferWaits, say)
