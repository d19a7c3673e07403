"""对账: yesterday's result, or another day's, and the page with all of it."""

from datetime import timedelta
from typing import Final

from handlers import reconciling, words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.reconciliation_results import result_on

NAME: Final = "staff_reconciliation"
LINK_DAYS: Final = 7


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell how the statements of a day (yesterday where none is named) agree with our books."""
    staff = office(turn, *COUNTERS)
    day = turn.today - timedelta(days=1)
    result = await deps.db.read(result_on, day, staff_id=staff.staff_id)
    url = deps.links.reconciliation_url(
        staff.staff_id, expires_on=turn.today + timedelta(days=LINK_DAYS)
    )
    if not result.gateways:
        text = words.lines(
            f"{words.day(day)}的平台账单还没有来。",
            "每天上午10点15分开始取，取到就对账，结果会发给您。",
        )
        return OutgoingMessage(NAME, text, url=url)
    return OutgoingMessage(NAME, reconciling.lines(result), url=url)


INTENT = Intent(name=NAME, answer=answer, said_as=WORDS["reconciliation"])
