"""The file of an issued invoice (发票), for whoever holds its link."""

from typing import Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from storage.errors import LinkExpired
from storage.queries.tax_invoices import tax_file

KINDS: Final = {"pdf": "application/pdf", "xml": "application/xml"}


class TaxInvoiceDoor:
    """Issued files, each opened by its own token."""

    def __init__(self, parts: WebParts, _pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts

    async def download(self, request: web.Request) -> web.Response:
        """Hand the file out, to be kept and never to be run by a browser. Raises LinkExpired."""
        key = self._parts.links.read_tax_file(request.match_info["token"])
        found = await self._parts.db.read(tax_file, key)
        if found is None:
            raise LinkExpired
        ending = found.file_name.rpartition(".")[2]
        return web.Response(
            body=found.content,
            headers={
                "Content-Type": KINDS.get(ending, "application/octet-stream"),
                "Content-Disposition": f'attachment; filename="{found.file_name}"',
                "Cache-Control": "private, no-store",
            },
        )
