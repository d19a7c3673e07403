"""A deposit was deducted from with evidence, or given back at the office."""

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import DepositMoved
from storage.ports.chat import OutgoingMessage


def say(event: DepositMoved, told: Telling) -> OutgoingMessage:
    """Tell who paid a deposit what became of it, and what is still held."""
    is_deducted = event.change == "deducted"
    done = "验收后扣除" if is_deducted else "已在物业退还"
    why = "依据" if is_deducted else "凭据"
    text = words.lines(
        f"{event.unit_label} 的{event.purpose}{done} {words.money(event.amount_fen)}。",
        f"{why}：{event.evidence}。",
        _left(event),
    )
    return OutgoingMessage(
        kind="deposit_moved",
        text=text,
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today:%Y-%m-%d}",
            state="押金扣除" if is_deducted else "押金退还",
            number=event.purpose,
        ),
    )


def _left(event: DepositMoved) -> str:
    if event.left_fen == 0:
        return "这笔押金已经结清；有疑问请回复“人工”。"
    return f"还有 {words.money(event.left_fen)} 押金在物业账上；有疑问请回复“人工”。"


NOTIFICATION = Notification(DepositMoved, say)
