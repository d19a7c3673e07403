"""How residents rated us (满意度, 满意度 3栋 本月): by topic, by building, and what was amiss."""

import unicodedata
from typing import Final

from handlers import contentment, words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.periods import BillingPeriod, DaySpan
from storage.ports.chat import OutgoingMessage
from storage.queries import contentment as answers

NAME: Final = "staff_contentment"
SAID_AS: Final = WORDS["contentment"]
LOW: Final = 5
_BUILDING: Final = regex(r"([0-9A-Za-z]{1,8}) ?(?:栋|幢|号楼)")
FEW: Final = "打分的不到5人，这里不显示，免得看出是谁。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell a month's answers, of one building where it is named; too few of one are not told."""
    served = office(turn, *ANYBODY).community_ids
    match = _BUILDING.search(unicodedata.normalize("NFKC", rest_of(turn, SAID_AS)))
    slot = turn.understood.slots.period
    first = BillingPeriod(*slot.first) if slot else BillingPeriod.of(turn.today)
    last = BillingPeriod(*slot.last) if slot else first
    during = DaySpan(first.first_on, DaySpan.of(last).ends_on)
    building = match[1] if match else ""
    found = await deps.db.read(
        answers.contentment, community_ids=served, during=during, building=building
    )
    months = (
        words.period(first) if first == last else f"{words.period(first)}到{words.period(last)}"
    )
    title = f"{match[0] if match else ''}{months} 满意度"
    if building:
        rows = contentment.lines(found, (), ())
        return OutgoingMessage(NAME, words.lines(title, *(rows or [FEW])))
    of_buildings = await deps.db.read(answers.buildings_rated, community_ids=served, during=during)
    low = await deps.db.read(answers.low_words, community_ids=served, during=during, limit=LOW)
    rows = contentment.lines(found, of_buildings, low)
    return OutgoingMessage(NAME, words.lines(title, *(rows or ["还没有请人打分。"])))


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
