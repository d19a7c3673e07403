"""The refund page: what can go back, a last look, and how each refund stands."""

import re
import secrets
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import read_form, refuse_other_sites
from handlers import refusals, words
from handlers.intents.refund_request import CAUSES, OTHER, WORDS_AT_MOST
from handlers.intents.refund_status import where
from handlers.refund_page import RefundDesk, RefundPage, RefundWish
from storage.errors import NotAnAmount, Refusal
from storage.kinds import RefundStep
from storage.money import from_yuan

_KEY: Final = re.compile("[0-9a-f]{24}", re.ASCII)
_ID: Final = re.compile("[0-9]{1,18}", re.ASCII)
NOT_FILLED: Final = "还没有选好。请选一笔缴费和退款原因，再点下一步。"
NO_REASON: Final = "请用一句话写写为什么要退，物业经理会看到。"
NO_AMOUNT: Final = "金额没看懂，还没有提交。请只写数字，例如 120.50；不填就是全部。"


class RefundDoor:
    """Refunds, asked for and followed, each resident by her own link."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._pages = pages
        self._desk = RefundDesk(parts.handler_deps)
        self._base_url = parts.base_url

    async def show(self, request: web.Request) -> web.Response:
        """Show what can go back and what is on its way. Raises LinkExpired."""
        token = request.match_info["token"]
        return self._page(await self._desk.open(token), token)

    async def press(self, request: web.Request) -> web.Response:
        """Take what was filled in: a last look first, and the request only on her yes."""
        token = request.match_info["token"]
        refuse_other_sites(request, self._base_url)
        form = await read_form(request)
        page = await self._desk.open(token)
        try:
            wish = _wish(form)
        except ValueError as wrong:
            return self._page(page, token, notice=str(wrong), status=400)
        key = form.get("key", [""])[0]
        try:
            if "confirm" in form and _KEY.fullmatch(key):
                view = await self._desk.hand_in(page, wish, key)
                return self._page(await self._desk.open(token), token, done=view)
            amount_fen, judgment = await self._desk.look(page, wish)
        except Refusal as refused:
            return self._page(page, token, notice=refusals.words(refused), status=409)
        look = {
            "wish": wish,
            "payment": page.payment(wish.payment_id),
            "amount_fen": amount_fen,
            "judgment": judgment,
            "cause": next(label for label, cause, _ in CAUSES if cause == wish.cause),
            "key": secrets.token_hex(12),
        }
        return self._page(page, token, look=look)

    def _page(
        self,
        page: RefundPage,
        token: str,
        *,
        notice: str = "",
        status: int = 200,
        **more: Any,  # noqa: ANN401 - facts of the template
    ) -> web.Response:
        facts: dict[str, Any] = {"look": None, "done": None} | more
        return self._pages.render(
            "refunds.html",
            status=status,
            page=page,
            payer=page.payer,
            causes=[(cause, label) for label, cause, _ in CAUSES],
            steps=[_steps(one) for one in page.refunds],
            notice=notice,
            page_url=f"{self._pages.root}/refunds/{token}",
            **facts,
        )


def _wish(form: dict[str, list[str]]) -> RefundWish:
    """Read the form. Raises ValueError whose text the resident reads."""
    payment, cause = form.get("payment", [""])[0], form.get("cause", [""])[0]
    if _ID.fullmatch(payment) is None or cause not in {one for _, one, _ in CAUSES}:
        raise ValueError(NOT_FILLED)
    reason = words.shorten(" ".join(form.get("reason", [""])[0].split()), WORDS_AT_MOST)
    if cause == CAUSES[OTHER][1] and not reason:
        raise ValueError(NO_REASON)
    label = next(label for label, one, _ in CAUSES if one == cause)
    typed = form.get("amount", [""])[0].strip()
    try:
        amount_fen = from_yuan(typed) if typed else None
    except NotAnAmount:
        raise ValueError(NO_AMOUNT) from None
    return RefundWish(int(payment), amount_fen, cause, reason or label)


def _steps(one: Any) -> dict[str, Any]:  # noqa: ANN401 - a RefundProgress
    """Return how a refund has come along, for a list of its steps."""
    state = RefundStep(one.state)
    declined = state is RefundStep.DECLINED
    passed: list[tuple[str, datetime | None]] = [
        ("已受理", one.requested_at),
        ("没有通过" if declined else "审核通过", one.decided_at),
        ("已提交退款", one.submitted_at),
        ("已到账", one.settled_at if state is RefundStep.SUCCESS else None),
    ]
    return {
        "refund": one,
        "passed": [(name, at) for name, at in passed if at is not None],
        "where": one.decline_reason if declined else where(one),
    }
