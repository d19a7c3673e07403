"""A resident applies for tax invoices on a page: which payment, to whom, and what she used last."""

from datetime import date
from typing import Final

from handlers.deps import HandlerDeps
from storage.errors import LinkExpired
from storage.frozen import dataclass
from storage.operations.tax_invoices import Application, Buyer, apply_for_tax_invoice
from storage.paying_kinds import TaxInvoiceState
from storage.periods import shanghai_day
from storage.queries.orders import Payer, payer_of
from storage.queries.payments import SettledPayment, settled_payments
from storage.queries.tax_invoices import (
    UsedTitle,
    can_be_invoiced,
    last_title,
    tax_invoice_states,
)
from storage.tax_errors import NoTaxInvoice

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class TaxInvoicePage:
    """What the page shows: what can be invoiced, what was applied for, and the title used last."""

    payer: Payer
    identity_id: int
    payments: tuple[SettledPayment, ...]
    applied: tuple[tuple[SettledPayment, TaxInvoiceState], ...]
    last: UsedTitle | None


@dataclass(slots=True)
class TaxInvoiceDesk:
    """The page's moments, over one set of deps."""

    deps: HandlerDeps

    async def open(self, token: str) -> TaxInvoicePage:
        """Show what can be invoiced. Raises LinkExpired; a paper bill's link opens nothing here."""
        link = self.deps.links.read_tax_invoice(token, today=self._today())
        db = self.deps.db
        payer: Payer = await db.read(payer_of, link)
        if payer.identity_id is None:
            raise LinkExpired
        paid: list[SettledPayment] = await db.read(settled_payments, payer.binding_id, limit=SHOWN)
        ids = [one.payment_id for one in paid]
        states = await db.read(tax_invoice_states, ids)
        taxed = await db.read(can_be_invoiced, ids, self._today())
        return TaxInvoicePage(
            payer,
            payer.identity_id,
            tuple(one for one in paid if one.payment_id in taxed and one.payment_id not in states),
            tuple((one, states[one.payment_id]) for one in paid if one.payment_id in states),
            await db.read(last_title, payer.identity_id),
        )

    async def hand_in(self, page: TaxInvoicePage, payment_id: int, buyer: Buyer) -> Application:
        """Apply for the invoice of one of her payments; who hears of it is she.

        Raises TitleRefused, TaxNoRefused, SpecialNeedsMore, TaxInvoiceTaken, and NoTaxInvoice for
        what she may not see.
        """
        seen = (*page.payments, *(one for one, _ in page.applied))
        if payment_id not in {one.payment_id for one in seen}:
            raise NoTaxInvoice
        return await self.deps.db.write(
            apply_for_tax_invoice,
            payment_id,
            buyer,
            identity_id=page.identity_id,
            now=self.deps.clock.now(),
        )

    def _today(self) -> date:
        return shanghai_day(self.deps.clock.now())
