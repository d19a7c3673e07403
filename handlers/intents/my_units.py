"""Which flats are hers (我的房屋): list them, choose one, remember the choice."""

from dataclasses import replace

from handlers import corrections, words
from handlers.deps import HandlerDeps
from handlers.flats import home_named
from handlers.turn import Intent, Turn
from storage.errors import NotBound
from storage.operations.residents import choose_unit
from storage.ports.chat import OutgoingMessage
from storage.queries.households import sharers
from storage.queries.residents import Home


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the flats; of several, the number picks the one the talk is about."""
    homes = turn.person.homes
    if not homes:
        raise NotBound
    picked = _picked(turn)
    if picked is not None and len(homes) > 1:
        return await _choose(turn, deps, picked)
    if len(homes) == 1:
        return await _only_one(turn, deps, homes[0])
    turn.memory.ask("my_units")
    return OutgoingMessage("my_units", _list(turn))


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the number or the name of a flat."""
    picked = _picked(turn)
    if picked is None:
        return OutgoingMessage("my_units", _list(turn))
    return await _choose(turn, deps, picked)


def _list(turn: Turn) -> str:
    now_about = turn.person.home
    choices = [
        f"{home.label}（{words.role(home.role)}）{'← 现在查的是这套' if home is now_about else ''}"
        for home in turn.person.homes
    ]
    return words.lines("您绑定的房屋：", words.numbered(choices), "回复序号，切换到那一套。")


async def _only_one(turn: Turn, deps: HandlerDeps, home: Home) -> OutgoingMessage:
    others = await deps.db.read(sharers, unit_id=home.unit_id, identity_id=turn.person.identity_id)
    shared = "、".join(f"{words.mask_name(one.name)}（{words.role(one.role)}）" for one in others)
    text = words.lines(
        f"您绑定了 {home.label}（{words.role(home.role)}）。",
        f"同时绑定这套房的还有：{shared}。" if shared else "",
        "有不认识的人，或者要移除家人、租客，回复“移除”。"
        if shared and home.role == "owner"
        else "",
        "还有别的房屋，回复“绑定”；不再住这里，回复“解绑”。",
    )
    return OutgoingMessage("my_units", text)


def _picked(turn: Turn) -> Home | None:
    slots, homes = turn.understood.slots, turn.person.homes
    if slots.ordinal is not None and 1 <= slots.ordinal <= len(homes):
        return homes[slots.ordinal - 1]
    named = slots.unit or corrections.flat_in(turn.understood.text).upper()
    return home_named(homes, named) if named else None


async def _choose(turn: Turn, deps: HandlerDeps, home: Home) -> OutgoingMessage:
    await deps.db.jot(choose_unit, turn.person.identity_id, home.unit_id)
    turn.person = replace(turn.person, chosen_unit_id=home.unit_id)
    turn.memory.settle()
    text = f"已切换到 {home.label}。\n现在可以回复“账单”查看待缴账单。"
    return OutgoingMessage("my_units", text)


INTENT = Intent(name="my_units", answer=answer, go_on=go_on)
