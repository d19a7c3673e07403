"""Passes (一次性链接): what was chosen inside WeChat, carried to another browser."""

import json
from typing import Any, Final

from aiohttp import web

from bot.web.parts import WebParts
from handlers.checkout import Choice, Ticked
from storage.frozen import dataclass
from storage.operations.browser_passes import PassAsk, issue_pass
from storage.ports.payments import TradeKind
from storage.queries.browser_passes import BrowserPass

BLOCKED_IN_WECHAT: Final = ("alipay", "unionpay")
"""Kinds of gateways whose pages WeChat does not open."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a pass carries: the bills that were ticked, or what is put aside, and their sum."""

    ticked: tuple[Ticked, ...]
    aside: str
    total_fen: int


def is_blocked(choice: Choice) -> bool:
    """Tell whether WeChat would not let its browser go where this choice leads."""
    return choice.kind is TradeKind.JSAPI and opens_outside(choice.gateway)


def opens_outside(gateway: str) -> bool:
    """Tell whether a gateway's cashier is for other browsers only."""
    return any(gateway == kind or gateway.startswith(f"{kind}_") for kind in BLOCKED_IN_WECHAT)


async def send_outside(
    parts: WebParts, root: str, token: str, choice: Choice, *, aside: str = ""
) -> web.Response:
    """Write a pass down and lead to its page, whose address is then opened in the other browser."""
    shown = [one.shown_fen if one.part_fen is None else one.part_fen for one in choice.ticked]
    aside_fen = int(aside.partition("-")[0]) if aside else 0
    chosen = json.dumps(
        {
            "ticked": [[one.bill_id, one.shown_fen, one.part_fen] for one in choice.ticked],
            "aside": aside,
            "total_fen": sum(shown) + aside_fen,
        }
    )
    ask = PassAsk(token, choice.gateway, choice.openid, chosen)
    secret = await parts.db.write(issue_pass, ask, now=parts.clock.now())
    return web.Response(status=303, headers={"Location": f"{root}/pay/outside/{secret}"})


def carried_by(one: BrowserPass) -> Carried:
    """Read what a pass carries."""
    chosen: dict[str, Any] = json.loads(one.chosen)
    ticked = tuple(Ticked(bill, shown, part) for bill, shown, part in chosen["ticked"])
    return Carried(ticked, chosen["aside"], chosen["total_fen"])
