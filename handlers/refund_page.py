"""A resident asks for her money back on a page: look at what can go back, a last look, hand in."""

from datetime import date
from typing import Final

from handlers.deps import HandlerDeps
from storage.audit import Actor
from storage.errors import LinkExpired, UnknownRefund
from storage.frozen import dataclass
from storage.operations.refund_judgments import Judgment, Wish, foresee_refund
from storage.operations.refunds import RefundAskedFor, RefundView, request_refund
from storage.periods import shanghai_day
from storage.queries.orders import Payer, payer_of
from storage.queries.payments import SettledPayment, refundable_payments
from storage.queries.refunds import RefundProgress, refunds_of
from storage.rules.refunds import PLATFORM_WINDOW

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RefundPage:
    """What the page shows: what can go back, and what is on its way."""

    payer: Payer
    payments: tuple[SettledPayment, ...]
    refunds: tuple[RefundProgress, ...]

    def payment(self, payment_id: int) -> SettledPayment:
        """Return one of them. Raises UnknownRefund for any other."""
        found = next((one for one in self.payments if one.payment_id == payment_id), None)
        if found is None:
            raise UnknownRefund
        return found


@dataclass(frozen=True, slots=True)
class RefundWish:
    """What was filled in; None for all that is left."""

    payment_id: int
    amount_fen: int | None
    cause: str
    reason: str


@dataclass(slots=True)
class RefundDesk:
    """The page's moments, over one set of deps."""

    deps: HandlerDeps

    async def open(self, token: str) -> RefundPage:
        """Show what can go back. Raises LinkExpired; a paper bill's link opens no refunds."""
        link = self.deps.links.read_refund(token, today=self._today())
        payer = await self.deps.db.read(payer_of, link)
        if payer.identity_id is None:
            raise LinkExpired
        found = await self.deps.db.read(
            refundable_payments,
            binding_id=payer.binding_id,
            identity_id=payer.identity_id,
            unit_id=payer.unit_id,
            since=self.deps.clock.now() - PLATFORM_WINDOW,
        )
        under_way = await self.deps.db.read(
            refunds_of,
            identity_id=payer.identity_id,
            binding_id=payer.binding_id,
            unit_id=payer.unit_id,
            limit=SHOWN,
        )
        return RefundPage(payer, tuple(found), tuple(under_way))

    async def look(self, page: RefundPage, wish: RefundWish) -> tuple[int, Judgment]:
        """Say what would be asked for, and what our terms say to it; changes nothing.

        Raises UnknownRefund, RefundTooMuch, RefundWindowOver, RefundNotOffered.
        """
        amount_fen = self._amount(page, wish)
        asked = Wish(amount_fen, wish.cause, is_staffs=False)
        now = self.deps.clock.now()
        found = await self.deps.db.read(foresee_refund, wish.payment_id, asked, now=now)
        return amount_fen, found

    async def hand_in(self, page: RefundPage, wish: RefundWish, key: str) -> RefundView:
        """Ask for it; the same key again is the same refund. Raises what `look` raises."""
        asked = RefundAskedFor(
            payment_id=wish.payment_id,
            amount_fen=self._amount(page, wish),
            cause=wish.cause,
            reason=wish.reason,
            request_key=f"page:{page.payer.identity_id}:{key}",
            identity_id=page.payer.identity_id,
        )
        actor = Actor(identity_id=page.payer.identity_id)
        now = self.deps.clock.now()
        return await self.deps.db.write(request_refund, asked, actor=actor, now=now)

    def _amount(self, page: RefundPage, wish: RefundWish) -> int:
        payment = page.payment(wish.payment_id)
        left_fen = payment.amount_fen - payment.refunded_fen
        return left_fen if wish.amount_fen is None else wish.amount_fen

    def _today(self) -> date:
        return shanghai_day(self.deps.clock.now())
