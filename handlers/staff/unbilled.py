"""What a month's bills leave out (未出账 2026-11): which flats, which fees, and why."""

from typing import Final

from handlers import causes, words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.queries.billing_runs import LeftOut
from storage.queries.unbilled import unbilled

NAME: Final = "staff_unbilled"
SAID_AS: Final = WORDS["unbilled"]
MOST: Final = 20


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List what the run of the month that was named, or of this one, still leaves out."""
    served = office(turn, *COUNTERS).community_ids
    named = turn.understood.slots.period
    period = BillingPeriod(*named.first) if named else BillingPeriod.of(turn.today)
    found: list[LeftOut] | None = await deps.db.read(unbilled, community_ids=served, period=period)
    month = words.period(period)
    if not found:
        text = f"{month}没有漏掉的费用。" if found is not None else f"{month}还没有出账。"
        return OutgoingMessage(NAME, text)
    more = f"还有 {len(found) - MOST} 笔。" if len(found) > MOST else ""
    return OutgoingMessage(
        NAME,
        words.lines(
            f"{month}有 {len(found)} 笔费用没有出账：",
            *map(_line, found[:MOST]),
            more,
            "请补齐资料，夜里会自动补出。",
        ),
    )


def _line(one: LeftOut) -> str:
    return f"{one.unit_label} {one.item_name}：{causes.SKIPS.get(one.reason, causes.OTHER_SKIP)}"


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
