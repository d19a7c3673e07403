"""Who of a building has not paid (3栋还有谁没交): a page at a time, names masked."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office
from handlers.staff.words import LIKE, WORDS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.queries.owing import Owing, owing_households, owing_total

NAME: Final = "staff_owing"
SAID_AS: Final = WORDS["owing"]
SHOWN: Final = 15
NEXT: Final = "下一页"
_BUILDING: Final = regex(r"([0-9A-Za-z]{1,4})(栋|号楼|幢|座)")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the households of the building named that owe something, of her communities only."""
    served = office(turn, *ANYBODY).community_ids
    found = _BUILDING.search(turn.understood.text)
    if found is None:
        return OutgoingMessage(NAME, "请说是哪一栋，比如“3栋还有谁没交”。")
    count, open_fen = await deps.db.read(owing_total, served, found[1])
    if not count:
        return OutgoingMessage(NAME, f"{found.group()}没有欠费的住户。")
    head = f"{found.group()}还有 {count} 户没交，合计 {words.money(open_fen)}："
    return await _page(turn, deps, found[1], 0, head)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the next page; anything else ends the list."""
    facts = dict(turn.memory.facts)
    turn.memory.settle()
    if turn.understood.text.strip() != NEXT:
        return OutgoingMessage(NAME, "名单先看到这里，您可以接着说别的事。")
    return await _page(turn, deps, str(facts["building"]), int(facts["after_id"]), "")


async def _page(
    turn: Turn, deps: HandlerDeps, building: str, after_id: int, head: str
) -> OutgoingMessage:
    served = office(turn, *ANYBODY).community_ids
    found = await deps.db.read(
        owing_households, served, building, after_id=after_id, limit=SHOWN + 1
    )
    shown = found[:SHOWN]
    more = ""
    if len(found) > SHOWN:
        turn.memory.ask(NAME, building=building, after_id=shown[-1].unit_id)
        more = f"后面还有，回复“{NEXT}”。"
    return OutgoingMessage(NAME, words.lines(head, *map(_line, shown), more or "已经是全部。"))


def _line(one: Owing) -> str:
    name = f" {words.mask_name(one.name)}" if one.name else ""
    since = words.period(BillingPeriod.parse(one.since))
    return f"{one.unit_label}{name} {words.money(one.open_fen)}，{since}起 {one.bills} 笔"


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS, said_like=LIKE["owing"])
