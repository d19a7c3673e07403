"""The figures of the day (今日): money in and out, what waits, what is open."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.desk import DayFigures, day_figures

NAME: Final = "staff_today"
SAID_AS: Final = WORDS["today"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the figures of the communities that the speaker serves."""
    staff = office(turn, *ANYBODY)
    found = await deps.db.read(day_figures, community_ids=staff.community_ids, today=turn.today)
    waiting = f"差异待核对 {found.differences} 件，回复“差异”查看" if found.differences else ""
    return OutgoingMessage(
        NAME,
        words.lines(
            f"{words.day(turn.today)}的情况：",
            *_lines(found),
            waiting if staff.role in COUNTERS else "",
        ),
    )


def _lines(found: DayFigures) -> list[str]:
    fen = sum(one.fen for one in found.received.values())
    count = sum(one.count for one in found.received.values())
    by_way = [
        f"{words.gateway(name)} {one.count} 笔 {words.money(one.fen)}"
        for name, one in found.received.items()
    ]
    return [
        f"收款 {count} 笔，{words.money(fen)}",
        *by_way,
        f"退款到账 {found.refunded.count} 笔，{words.money(found.refunded.fen)}",
        f"退款待审批 {found.refunds_waiting.count} 笔，{words.money(found.refunds_waiting.fen)}",
        f"待缴账单 {found.open_bills.count} 笔，{words.money(found.open_bills.fen)}",
        f"其中过了应缴日 {found.overdue.count} 户，{words.money(found.overdue.fen)}",
    ]


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
