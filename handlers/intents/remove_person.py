"""An owner removes family or a tenant from her flat (移除), after a confirmation.

She may not know the person's name: “移除” alone shows who there is, and a number picks one.
"""

from collections.abc import Sequence
from typing import Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.errors import NotAllowed
from storage.kinds import OccupancyRole
from storage.operations.bindings import remove_sharer
from storage.ports.chat import OutgoingMessage
from storage.queries.households import Sharer, sharers
from storage.queries.residents import Home

CHOICE: Final = "要移除哪一位？回复序号；都不移除，回复“算了”。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Find who is meant, or show who there is. Raises NotAllowed."""
    home = turn.home
    others = await _removable(turn, deps, home)
    if not others:
        text = f"{home.label} 没有家人或租客绑定，不用移除。\n没有做任何改动。"
        return OutgoingMessage("remove_person", text)
    named = turn.understood.text.removeprefix("移除").strip(" ：:，,。*＊")
    found = [one for one in others if named and one.name.startswith(named)]
    if len(found) == 1 or (len(others) == 1 and not named):
        return _confirm(turn, home, (found or others)[0])
    lead = "没有找到这个人，没有改动。" if named and not found else ""
    return _choose(turn, home, found or others, lead)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the choice, then the confirmation. Raises NotAllowed, NotBound."""
    home = turn.home
    if "binding_id" in turn.memory.facts:
        return await _decide(turn, deps, home, turn.memory.facts["binding_id"])
    offered, number = turn.memory.facts["offered"], turn.understood.slots.ordinal or 0
    others = await _removable(turn, deps, home)
    picked = offered[number - 1] if 1 <= number <= len(offered) else 0
    found = [one for one in others if one.binding_id == picked]
    return _confirm(turn, home, found[0]) if found else OutgoingMessage("remove_person", CHOICE)


async def _removable(turn: Turn, deps: HandlerDeps, home: Home) -> list[Sharer]:
    if home.role is not OccupancyRole.OWNER:
        raise NotAllowed
    others = await deps.db.read(sharers, unit_id=home.unit_id, identity_id=turn.person.identity_id)
    return [one for one in others if one.role is not OccupancyRole.OWNER]


def _choose(turn: Turn, home: Home, others: Sequence[Sharer], lead: str) -> OutgoingMessage:
    turn.memory.ask("remove_person", offered=[one.binding_id for one in others])
    text = words.lines(
        lead,
        f"{home.label} 的家人和租客：",
        words.numbered([_who(one) for one in others]),
        CHOICE,
    )
    return OutgoingMessage("remove_person", text)


def _confirm(turn: Turn, home: Home, one: Sharer) -> OutgoingMessage:
    turn.memory.ask("remove_person", binding_id=one.binding_id)
    text = words.lines(
        f"要把{_who(one)}从 {home.label} 移除吗？",
        "移除后对方看不到这里的账单，也会收到通知。",
        "回复“确认”移除，回复“算了”保留。",
    )
    return OutgoingMessage("remove_person", text)


def _who(one: Sharer) -> str:
    return f"{words.mask_name(one.name)}（{words.role(one.role)}）"


async def _decide(turn: Turn, deps: HandlerDeps, home: Home, binding_id: int) -> OutgoingMessage:
    if not says_yes(turn):
        return OutgoingMessage("remove_person", "回复“确认”移除，回复“算了”保留。")
    turn.memory.settle()
    label = await deps.db.write(
        remove_sharer,
        by_binding_id=home.binding_id,
        binding_id=binding_id,
        now=turn.now,
    )
    text = (
        f"已从 {label} 移除，已通知对方和其他业主。\n以前的缴费链接也已失效，回复“缴费”获取新的。"
    )
    return OutgoingMessage("remove_person", text)


INTENT = Intent(name="remove_person", answer=answer, go_on=go_on, said_as=("移除",))
