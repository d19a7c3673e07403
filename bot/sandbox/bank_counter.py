"""Online banking (网上银行): where a payer makes a transfer, and the company sees its account."""

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from bot.sandbox.bank_book import BankBook, Line
from bot.sandbox.bank_files import LAYOUTS, WORDS
from bot.sandbox.clock import SHANGHAI

PREFIX = "/_sandbox/bank"
STATIC = Path(__file__).parent / "static"
TRANSFER, SLIP, ACCOUNT = (
    Template((STATIC / f"bank_{name}.html").read_text(encoding="utf-8"))
    for name in ("transfer", "slip", "account")
)
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}
FIELDS = {"account_name": 60, "account_no": 32, "payer": 30, "amount": 14, "memo": 60}
MOST_FEN = 100_000_000
_YUAN = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")

Pay = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class BankCounter:
    """The pages before one bank."""

    def __init__(self, book: BankBook, pay: Pay) -> None:
        """Stand before a book; `pay` books a transfer."""
        self._book, self._pay = book, pay

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses of the pages."""
        return [
            web.get(PREFIX + "/transfer", self.show),
            web.post(PREFIX + "/transfer", self.transfer),
            web.get(PREFIX + "/slips/{serial:[0-9]+}", self.slip),
            web.get(PREFIX + "/account", self.account),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show a transfer to fill in; `amount` and `memo` of the query are filled in already."""
        own = self._book.keys.account
        filled = {name: request.query.get(name, "")[:most] for name, most in FIELDS.items()}
        for name in ("account_name", "account_no"):
            filled[name] = filled[name] or getattr(own, name)
        return self._form(filled, "")

    async def transfer(self, request: web.Request) -> web.Response:
        """Book a transfer and show its slip, or say what is wrong with it."""
        sent = await request.post()
        filled = {name: str(sent.get(name, ""))[:most].strip() for name, most in FIELDS.items()}
        amount_fen = _fen(filled["amount"])
        trouble = self._trouble(filled, amount_fen)
        if trouble:
            return self._form(filled, trouble)
        told = await self._pay(
            {"amount_fen": amount_fen, "memo": filled["memo"], "payer": filled["payer"]}
        )
        address = f"{PREFIX}/slips/{told['transaction_id']}"
        return web.Response(status=303, headers={**HEADERS, "Location": address})

    async def slip(self, request: web.Request) -> web.Response:
        """Show the slip of a transfer."""
        line = self._book.line(request.match_info["serial"])
        if line is None:
            raise web.HTTPNotFound(text="no such transfer")
        own = self._book.keys.account
        return _page(
            SLIP,
            {},
            fen=line.amount_fen,
            amount=_yuan(line.amount_fen),
            payer=line.side.name,
            payer_account=line.side.account,
            account_name=own.account_name,
            account_no=own.account_no,
            memo=line.memo,
            at=f"{line.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
            serial=line.serial,
        )

    async def account(self, request: web.Request) -> web.Response:
        """Show the company's account on a day, today's where none is asked for."""
        today = self._book.now().astimezone(SHANGHAI).date()
        try:
            day = date.fromisoformat(request.query.get("day", today.isoformat()))
        except ValueError:
            raise web.HTTPBadRequest(text="day is YYYY-MM-DD") from None
        own, balance_fen = self._book.keys.account, self._book.balance_fen()
        files = "".join(
            f'<a href="{PREFIX}/statements/{day}?layout={name}" download>{name.upper()}</a>'
            for name in LAYOUTS
        )
        return _page(
            ACCOUNT,
            {"rows": "".join(map(_row, self._book.lines_of(day))), "files": files},
            **vars(own),
            fen=balance_fen,
            balance=_yuan(balance_fen),
            day=day,
            before=day - timedelta(days=1),
            behind=min(day + timedelta(days=1), today),
        )

    def _trouble(self, filled: Mapping[str, str], amount_fen: int) -> str:
        own = self._book.keys.account
        if not 0 < amount_fen <= MOST_FEN:
            return "金额应在 0.01 元到 1,000,000.00 元之间，最多两位小数"
        if not filled["payer"]:
            return "请填写付款人户名"
        payee = (filled["account_name"], filled["account_no"].replace(" ", ""))
        return "" if payee == (own.account_name, own.account_no) else "收款人账号户名不符，请核对"

    def _form(self, filled: Mapping[str, str], trouble: str) -> web.Response:
        bank_name = self._book.keys.account.bank_name
        hidden = "" if trouble else "hidden"
        return _page(TRANSFER, {}, **filled, bank_name=bank_name, trouble=trouble, hidden=hidden)


def _page(template: Template, parts: Mapping[str, str], **filled: object) -> web.Response:
    """Return a page out of parts that are HTML already, and of what is escaped here."""
    escaped = {name: html.escape(str(value)) for name, value in filled.items()}
    text = template.substitute({**escaped, **parts}, prefix=PREFIX)
    return web.Response(text=text, content_type="text/html", headers=HEADERS)


def _row(line: Line) -> str:
    cells = (
        f"{line.at.astimezone(SHANGHAI):%H:%M:%S}",
        line.side.name or WORDS[line.kind],
        line.memo,
        _yuan(line.amount_fen),
        _yuan(line.balance_fen),
    )
    inner = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr data-serial="{line.serial}">{inner}</tr>'


def _fen(written: str) -> int:
    """Return yuan as fen; 0 for what is no amount."""
    match = _YUAN.fullmatch(written.replace(",", ""))
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 0


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
