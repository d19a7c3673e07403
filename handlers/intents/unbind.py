"""Giving up a flat (解绑), after a confirmation."""

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.errors import NotBound
from storage.operations.bindings import unbind
from storage.ports.chat import OutgoingMessage


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask whether the flat is really to be given up."""
    home = turn.home
    turn.memory.ask("unbind", unit_id=home.unit_id)
    return OutgoingMessage("unbind", _question(home.label))


def _question(label: str) -> str:
    return words.lines(
        f"要解绑 {label} 吗？",
        "解绑后在这里看不到它的账单，也不再收到提醒；账单和已缴的钱都不变。",
        "回复“确认”解绑，回复“算了”保留。",
    )


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the confirmation. Raises NotBound where the flat is not hers any more."""
    unit_id = turn.memory.facts["unit_id"]
    home = next((one for one in turn.person.homes if one.unit_id == unit_id), None)
    if home is None:
        turn.memory.settle()
        raise NotBound
    if not says_yes(turn):
        return OutgoingMessage("unbind", _question(home.label))
    turn.memory.settle()
    label = await deps.db.write(
        unbind, identity_id=turn.person.identity_id, unit_id=unit_id, now=turn.now
    )
    text = f"已解绑 {label}，以前的缴费链接也已失效。\n要重新绑定，请回复“绑定”。"
    return OutgoingMessage("unbind", text)


INTENT = Intent(name="unbind", answer=answer, go_on=go_on)
