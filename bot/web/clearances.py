"""Letters of clearance (结清证明): printed once, proved by anybody who scans their code."""

from datetime import date
from pathlib import Path

import segno
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.web.pages import Pages
from bot.web.parts import WebParts
from handlers import words
from storage.errors import LinkExpired
from storage.links import ClearanceLink, Links
from storage.queries.clearances import Clearance, clearance_of


class ClearanceDoor:
    """What a letter's code opens: how its holder stands at this moment, her name masked."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show whether a letter still holds. Raises LinkExpired."""
        link = self._parts.links.read_clearance(request.match_info["token"])
        now = self._parts.clock.now()
        found = await self._parts.db.read(clearance_of, link.unit_id, link.resident_id, now=now)
        if found is None:
            raise LinkExpired
        return self._pages.render(
            "clearance.html",
            one=found,
            person=words.mask_name(found.name),
            role=words.role(found.role),
            now=now,
        )


def letter(found: Clearance, link: ClearanceLink, links: Links, *, printed_on: date) -> str:
    """Return the letter as a document that stands alone; `printed_on` is a Shanghai day.

    Raises ValueError for somebody who is not clear.
    """
    if not found.is_clear:
        raise ValueError("a letter of clearance is for who is clear")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    url = links.clearance_url(link)
    code = segno.make(url, error="m").svg_data_uri(scale=4, border=2)
    return environment.get_template("clearance_letter.html").render(
        one=found, role=words.role(found.role), url=url, qr=code, printed_on=printed_on
    )
