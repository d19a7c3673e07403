"""What becomes of a language model's opinion: something is shown, or a wish is offered in words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Turn
from handlers.understanding import masking
from handlers.understanding.periods import PeriodRange
from handlers.understanding.second_opinion import CONFIDENCE
from storage.ports.chat import OutgoingMessage
from storage.queries.households import names_among

OFFERS: Final[Mapping[str, tuple[str, str]]] = {
    "bind": ("绑定房屋", "绑定"),
    "unbind": ("解除绑定", "解绑"),
    "pay": ("缴费", "缴费"),
    "payment_status": ("查刚才的缴费", "缴费成功了吗"),
    "prepay": ("预存", "预存"),
    "refund_request": ("申请退款", "我要退款"),
    "invoice": ("开发票", "开发票"),
    "dispute": ("说账单不对", "账单不对"),
    "feedback": ("投诉或者提意见", "我要投诉"),
    "repair": ("报修", "报修"),
    "human": ("找管家", "人工"),
    "mute": ("关闭缴费提醒", "关闭缴费提醒"),
    "unmute": ("打开缴费提醒", "打开缴费提醒"),
    "meter": ("报读数", "报读数"),
}
"""Intents that do something → what they are called, and what to say to have it done."""


async def ask(turn: Turn, deps: HandlerDeps) -> str:
    """Return the intent that a language model sees in a text, "" for none.

    What it names is kept in the turn as a doubtful understanding; what was heard stays.
    """
    if deps.second_opinion is None or not turn.understood.normal:
        return ""
    text = turn.understood.text
    known = await deps.db.read(names_among, masking.candidates(text))
    opinion = await deps.second_opinion.of(text, now=turn.now, today=turn.today, people=known)
    if opinion is None:
        return ""
    heard = turn.understood.slots
    period = None if opinion.period is None else PeriodRange(*opinion.period)
    slots = replace(
        heard, period=heard.period or period, fee_item=heard.fee_item or opinion.fee_item
    )
    turn.understood = replace(
        turn.understood, intent=opinion.intent, confidence=CONFIDENCE, slots=slots
    )
    return opinion.intent


def offer(name: str) -> OutgoingMessage:
    """Offer what a language model took for the wish; only her own word does it."""
    called, say = OFFERS[name]
    text = words.lines(
        f"您是想{called}吗？是的话，请回复“{say}”。", "不是的话，换个说法告诉我；也可以回复“帮助”。"
    )
    return OutgoingMessage("help", text)
