"""Paying (缴费): the link to the pay page, or that there is nothing to pay."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.turn import Intent, Turn
from storage.errors import NothingToPay
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import open_bills


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the link that pays all open bills of the flat. Raises NothingToPay."""
    home = turn.home
    found = await deps.db.read(open_bills, home.binding_id)
    if not found:
        raise NothingToPay(home.label)
    total_fen = sum(one.open_fen for one in found)
    text = words.lines(
        f"{home.label} 待缴 {len(found)} 笔，合计 {words.money(total_fen)}。",
        "点下面的链接缴费，可以全部缴，也可以只勾选几笔。",
        "缴完后收据会发到这里；链接7天内有效。",
    )
    return OutgoingMessage("pay", text, url=pay_url(turn, deps))


INTENT = Intent(name="pay", answer=answer)
