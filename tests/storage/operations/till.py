"""A counter for stories of cash: Ms Li's world, a cashier, her colleague and a manager."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import Connection, select

from storage.database import Database
from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.models.payments import payments
from storage.operations.cashier_days import HandIn, close_day
from storage.operations.offline import Recorded, Voided, take_money, void_voucher
from storage.operations.payouts import PaidOut, note_payout
from storage.operations.refunds import approve_refund
from storage.paying_kinds import CashMethod
from storage.queries.counter import CounterAsk
from storage.queries.hand_ins import Sheet
from storage.queries.proofs import prove
from storage.queries.residents import Staff, staff_member
from tests import factories
from tests.storage.operations.stage import Stage, staged


@dataclass
class Till(Stage):
    """The stage with people at the counter."""

    cashier: Staff = field(init=False)
    colleague: Staff = field(init=False)
    manager: Staff = field(init=False)
    keys: count = field(default_factory=lambda: count(1))

    async def take(self, fen: int, *, by: Staff | None = None, **said) -> Recorded:
        """Take money over the counter from Ms Li, in cash unless said otherwise."""
        said.setdefault("method", CashMethod.CASH)
        said.setdefault("request_key", f"key:{next(self.keys)}")
        said.setdefault("unit_id", self.world.unit_id)
        ask = CounterAsk(amount_fen=fen, **said)
        return await self.db.write(take_money, ask, by=by or self.cashier, now=self.now)

    async def void(self, voucher_no: str, *, by: Staff | None = None, reason="输错了") -> Voided:
        by = by or self.cashier
        return await self.db.write(void_voucher, voucher_no, reason=reason, by=by, now=self.now)

    async def close(self, fen: int, *, by: Staff | None = None, slip: str = "") -> Sheet:
        hand_in = HandIn(self.world.community_id, fen, slip)
        return await self.db.write(close_day, hand_in, by=by or self.cashier, now=self.now)

    async def paid_out(self, refund_no: str, *, by: Staff | None = None, slip: str = "") -> PaidOut:
        """Let a manager agree to a refund, and a cashier hand it over."""
        boss: dict[str, Any] = {"staff_id": self.manager.staff_id, "role": self.manager.role}
        await self.db.write(approve_refund, refund_no, **boss, now=self.now)
        by = by or self.cashier
        return await self.db.write(note_payout, refund_no, reference=slip, by=by, now=self.now)

    async def held(self, account: Account) -> int:
        return await self.db.read(balance, account)

    async def proved(self) -> None:
        assert await self.db.read(prove) == []

    async def payment(self, payment_id: int):
        wanted = select(payments).where(payments.c.id == payment_id)
        return await self.db.read(lambda tx: tx.execute(wanted).one())

    async def employ(self, name: str, role: StaffRole, openid: str) -> Staff:
        def add(tx: Connection) -> Staff:
            staff_id = factories.add_staff(tx, self.world.community_id, name, role, openid)
            found = staff_member(tx, staff_id)
            assert found is not None
            return found

        return await self.db.write(add)


async def tilled(db: Database, **choices) -> Till:
    """Set the counter up in a fresh database."""
    stage = await staged(db, **choices)
    till = Till(db, stage.world, stage.identity_id, stage.clock)
    till.cashier = await till.employ("周出纳", StaffRole.CASHIER, "oCash")
    till.colleague = await till.employ("吴出纳", StaffRole.CASHIER, "oMate")
    till.manager = await till.employ("陈经理", StaffRole.MANAGER, "oBoss")
    return till
