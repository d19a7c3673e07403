"""How much was collected (收缴率): this month or the one named, of each community she serves."""

from typing import Final

from handlers import rates, words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, COUNTERS, office
from handlers.staff.words import LIKE, WORDS
from handlers.turn import Intent, Turn
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.queries.debt_moves import Scope
from storage.queries.desk import communities_served

NAME: Final = "staff_rate"
SAID_AS: Final = WORDS["rate"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the rates of the month that was named, or of this one, with both their sides.

    Who looks after the money gets the page of all figures with it, charts and rows.
    """
    staff = office(turn, *ANYBODY)
    named = turn.understood.slots.period
    period = BillingPeriod(*named.first) if named else BillingPeriod.of(turn.today)
    served = await deps.db.read(communities_served, staff.community_ids)
    blocks = [await _block(turn, deps, key, name, period) for key, name in served]
    url = ""
    if served and staff.role in COUNTERS:
        url = deps.links.figures_url(served[0][0], period)
    return OutgoingMessage(NAME, words.lines(*blocks), url=url)


async def _block(
    turn: Turn, deps: HandlerDeps, community_id: int, name: str, period: BillingPeriod
) -> str:
    found = await rates.rates_of(deps.db, Scope(community_id), period, turn.today)
    title = f"{name} {words.period(period)}（截至{words.day(found.cut_off)}）："
    return words.lines(title, *rates.lines_of(found))


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS, said_like=LIKE["rate"])
