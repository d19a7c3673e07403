"""Tickets (工单): what is to be done, the soonest due first; or one with its story."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.talks import live_talks
from storage.queries.tickets import (
    TicketStep,
    TicketView,
    live_tickets,
    steps_of,
    ticket_of_staff,
)
from storage.ticket_kinds import TicketAct

NAME: Final = "staff_tickets"
SAID_AS: Final = WORDS["tickets"]
MOST: Final = 10
STEPS: Final = 8
ACTS: Final = {
    TicketAct.OPENED: "住户提出",
    TicketAct.PICTURED: "住户发来照片",
    TicketAct.ASSIGNED: "安排处理",
    TicketAct.NOTED: "备注",
    TicketAct.ANSWERED: "答复住户",
    TicketAct.URGED: "住户催办",
    TicketAct.CLOSED: "办结",
    TicketAct.WITHDRAWN: "住户撤销",
    TicketAct.REOPENED: "住户说没解决",
}
"""Step → how staff read it."""


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List what is to be done, or tell one ticket. Raises UnknownTicket for another office's."""
    served = office(turn, *ANYBODY).community_ids
    named = tickets.ticket_no(rest_of(turn, SAID_AS))
    if named:
        one = await deps.db.read(ticket_of_staff, named, community_ids=served)
        steps = await deps.db.read(steps_of, one.ticket_id)
        return OutgoingMessage(NAME, card(one, steps, turn.now))
    found = await deps.db.read(live_tickets, community_ids=served, limit=MOST + 1)
    talking = await deps.db.read(live_talks, community_ids=served, now=turn.now, limit=MOST)
    rows = [
        f"人工 {talk.talk_id} {talk.unit_label}，{words.clock_time(talk.last_at)}，"
        f"{'有人在回复' if talk.staff_id else '还没有人回复'}"
        for talk in talking
    ]
    if not found:
        return OutgoingMessage(NAME, words.lines(*rows, "现在没有等着办的工单。"))
    number = found[0].ticket_no
    text = words.lines(
        *rows,
        *(tickets.line(one, turn.now) for one in found[:MOST]),
        f"后面还有，先办前 {MOST} 件。" if len(found) > MOST else "",
        f"看一件回复“工单 {number}”，自己办回复“接单 {number}”。",
    )
    return OutgoingMessage(NAME, text)


def card(one: TicketView, steps: Sequence[TicketStep], now: datetime) -> str:
    """Tell a ticket: what it is, its last steps, and the words that act on it."""
    number = one.ticket_no
    pictures = sum(1 for step in steps if step.media_id)
    acts = (
        f"接单 {number}；派单 {number} 同事；备注 {number} 内容；"
        f"回复 {number} 给住户的话；结单 {number} 结果"
    )
    return words.lines(
        tickets.line(one, now) if one.is_live else tickets.masked(tickets.own_line(one)),
        f"住户说：{tickets.masked(words.shorten(one.said, 200))}",
        f"附照片 {pictures} 张" if pictures else "",
        *map(_step, steps[-STEPS:]),
        acts if one.is_live else f"备注 {number} 内容",
    )


def _step(step: TicketStep) -> str:
    who = f" {step.staff_name}" if step.staff_name else ""
    said = f"：{tickets.masked(words.shorten(step.words, 60))}" if step.words else ""
    return f"{words.moment(step.done_at)}{who} {ACTS[step.act]}{said}"


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
