"""Paper bills: an A5 sheet per household, with a QR code that opens its pay page."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.web.seals import Seals
from handlers import words
from storage import money
from storage.links import Links, PayLink
from storage.operations.paper_codes import hashed
from storage.queries.paper_bills import PaperBill

PAPER_LASTS: Final = timedelta(days=180)
"""How long the code on a sheet opens its page."""


def codes_of(bills: Sequence[PaperBill], seals: Seals) -> dict[int, str]:
    """Return the binding code that is printed on each unit's sheet; the same each time."""
    return {one.unit_id: seals.paper_code(one.unit_id, one.link_epoch) for one in bills}


def codes_to_keep(bills: Sequence[PaperBill], codes: dict[int, str]) -> dict[int, str]:
    """Return those codes whose hashes the books do not hold yet."""
    known = {one.unit_id: one.paper_code for one in bills}
    return {unit_id: code for unit_id, code in codes.items() if known[unit_id] != hashed(code)}


def render(
    bills: Sequence[PaperBill], codes: dict[int, str], links: Links, *, printed_on: date
) -> str:
    """Return a document that stands alone, one A5 page per household; no name on it.

    `printed_on` is a Shanghai day.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        yuan=money.yuan, capitals=money.capitals, month=words.period, day=words.day
    )
    sheets = []
    for one in bills:
        link = PayLink(one.unit_id, 0, one.link_epoch, printed_on + PAPER_LASTS)
        code = segno.make(links.pay_url(link), error="m").svg_data_uri(scale=4, border=2)
        total_fen = sum(each.bill.open_fen for each in one.bills)
        sheets.append({"bill": one, "qr": code, "code": codes[one.unit_id], "fen": total_fen})
    return environment.get_template("paper.html").render(sheets=sheets, printed_on=printed_on)
