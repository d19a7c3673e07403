"""Which of her flats is meant, and the link that opens its pay page for this viewer only."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from handlers import corrections
from handlers.deps import HandlerDeps
from handlers.turn import Turn
from storage.links import PayLink
from storage.queries.bills import Foreseen, OpenBill, open_bills
from storage.queries.residents import Home

LINK_LASTS: Final = timedelta(days=7)
ABOUT_BILLS: Final = frozenset(("unpaid", "pay", "bill_detail", "due_date"))
"""Topics in which “第二笔” is a bill of the list that 账单 shows."""
ABOUT_A_FLAT: Final = frozenset(
    (
        *("unpaid", "bill_detail", "history", "pay", "payment_status", "refund_request"),
        *("refund_status", "balance", "receipt", "due_date", "tariff", "meter", "dispute"),
    )
)
"""Intents that tell of one flat: another's is never answered for."""
BY_ROOM: Final = ABOUT_A_FLAT - {"meter", "refund_request", "dispute"}
"""Those in which a bare number can be a room, and is no reading and no sum."""
ROOM: Final = re.compile(r"(?<![0-9.¥-])[0-9]{3,4}(?![0-9.]|-| ?[元块年月])")


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


def gone_on_to_flat(turn: Turn) -> str:
    """Return what “那1202呢” asks of another of her flats, or "" where no flat alone is named."""
    flat = corrections.flat_in(turn.understood.text)
    if not flat or not _name_flat(turn, flat):
        return ""
    return turn.memory.topic if turn.memory.topic in ABOUT_A_FLAT else "my_units"


def name_flat_by_room(turn: Turn) -> None:
    """Take the first number of “1202欠多少” that is one of her rooms for that flat."""
    for room in ROOM.findall(turn.understood.text):
        if _name_flat(turn, room):
            return


def _name_flat(turn: Turn, room: str) -> bool:
    """Take a bare room number for the one of her several flats that it names; False for none."""
    homes = turn.person.homes
    home = home_named(homes, room.upper()) if len(homes) > 1 else None
    if home is None:
        return False
    slots = replace(turn.understood.slots, unit=home.code)
    turn.understood = replace(turn.understood, slots=slots)
    return True
