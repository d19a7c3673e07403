"""The receipt page: number, amount in figures and 大写, what was paid, and what went back."""

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from storage.errors import LinkExpired
from storage.queries.receipts import receipt_of


class ReceiptDoor:
    """Receipts, opened by their own tokens."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show a receipt for reading and printing. Raises LinkExpired."""
        payment_id = self._parts.links.read_receipt(request.match_info["token"])
        receipt = await self._parts.db.read(receipt_of, payment_id)
        if receipt is None:
            raise LinkExpired
        return self._pages.render("receipt.html", receipt=receipt)
