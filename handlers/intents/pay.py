"""Paying (缴费): the link to the pay page, or that there is nothing to pay."""

from handlers import english, words
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.turn import Intent, Turn
from storage.errors import NothingToPay
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import OpenBill, open_bills


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the link that pays all open bills of the flat. Raises NothingToPay."""
    found = await _to_pay(turn, deps)
    text = words.lines(
        f"{turn.home.label} 待缴 {len(found)} 笔，合计 {words.money(_sum(found))}。",
        "点下面的链接缴费，可以全部缴，也可以只勾选几笔。",
        "缴完后收据会发到这里；链接7天内有效。",
    )
    return OutgoingMessage("pay", text, url=pay_url(turn, deps))


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the link that pays all open bills of the flat. Raises NothingToPay."""
    found = await _to_pay(turn, deps)
    text = words.lines(
        f"{turn.home.label}: {english.count(len(found), 'bill')}, {english.money(_sum(found))}",
        "Tap the link below to pay all or some of them. The receipt comes here.",
    )
    return OutgoingMessage("pay", text, url=pay_url(turn, deps))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the sum and the link, and what to tap on its page. Raises NothingToPay."""
    found = await _to_pay(turn, deps)
    text = words.lines(
        f"{turn.home.label} 要缴：",
        words.money(_sum(found)),
        "点下面蓝色的字，再按“立即缴费”。",
    )
    return OutgoingMessage("pay", text, url=pay_url(turn, deps))


async def _to_pay(turn: Turn, deps: HandlerDeps) -> list[OpenBill]:
    home = turn.home
    found = await deps.db.read(open_bills, home.binding_id)
    if not found:
        raise NothingToPay(home.label)
    return found


def _sum(found: list[OpenBill]) -> int:
    return sum(one.open_fen for one in found)


INTENT = Intent(name="pay", answer=answer, in_english=in_english, in_plain=in_plain)
