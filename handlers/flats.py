"""Which of her flats is meant, and the link that opens its pay page for this viewer only."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Turn
from storage.links import PayLink
from storage.queries.bills import Foreseen, OpenBill, open_bills
from storage.queries.residents import Home

LINK_LASTS: Final = timedelta(days=7)
ABOUT_BILLS: Final = frozenset(("unpaid", "pay", "bill_detail", "due_date"))
"""Topics in which “第二笔” is a bill of the list that 账单 shows."""


def pay_url(turn: Turn, deps: HandlerDeps) -> str:
    """Return an address that works for a week. Raises NotBound, UnitNotChosen."""
    home = turn.home
    link = PayLink(home.unit_id, home.binding_id, home.link_epoch, turn.today + LINK_LASTS)
    return deps.links.pay_url(link)


def refund_page_url(turn: Turn, deps: HandlerDeps) -> str:
    """Return where she asks for a refund on a page. Raises NotBound, UnitNotChosen."""
    home = turn.home
    link = PayLink(home.unit_id, home.binding_id, home.link_epoch, turn.today + LINK_LASTS)
    return deps.links.refund_url(link)


def tax_page_url(turn: Turn, deps: HandlerDeps) -> str:
    """Return where she applies for invoices on a page. Raises NotBound, UnitNotChosen."""
    home = turn.home
    link = PayLink(home.unit_id, home.binding_id, home.link_epoch, turn.today + LINK_LASTS)
    return deps.links.tax_invoice_url(link)


async def bills_here(turn: Turn, deps: HandlerDeps) -> list[OpenBill]:
    """Return the open bills of the flat the talk is about. Raises NotBound, UnitNotChosen."""
    home, foreseen = turn.home, turn.foreseen
    if isinstance(foreseen, Foreseen) and foreseen.binding_id == home.binding_id:
        return foreseen.bills
    return await deps.db.read(open_bills, home.binding_id)


def home_named(homes: Sequence[Home], unit_text: str) -> Home | None:
    """Return the one of her flats that a text names, in full or by its last part, or None."""
    named = [
        one
        for one in homes
        if unit_text in (one.code, one.label) or one.code.endswith(f"-{unit_text}")
    ]
    return named[0] if len(named) == 1 else None
