"""A town for stories of money by every way: three platforms, an account, a drawer, and a clock."""

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, select

from bot.gateways.bank_transfer import code_of
from scheduler.deps import JobDeps
from storage import ledger
from storage.audit import Actor
from storage.database import open_database
from storage.kinds import Account
from storage.models.bills import bills
from storage.models.ledger import postings, unit_balances
from storage.models.payments import (
    allocations,
    payment_order_bills,
    payment_orders,
    payments,
    receipts,
    refunds,
)
from storage.operations.bank_rows import BankAccount
from storage.operations.orders import OrderAsk, note_prepay, open_order
from storage.operations.payments import Heard, Settlement, settle_payment, settle_payments
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.ports.bank import BankLine, BankNews
from storage.ports.payments import (
    Collection,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    StatementLine,
    TradeKind,
)
from tests.desk import job_deps
from tests.fakes import FakeGateway
from tests.storage.operations.till import Till, tilled

T = TypeVar("T")
Change = Callable[[list[StatementLine]], list[StatementLine]]
WAYS = {"wechat_pay": TradeKind.JSAPI, "alipay": TradeKind.H5, "unionpay": TradeKind.H5}
TRANSFER = "bank_transfer"
BY_PEOPLE = ("cash", "transfer")
"""Ways back that no platform or bank is asked for."""
ACCOUNT = BankAccount("1202026219900012345", TRANSFER)
BILL, NEXT_DOOR = 25_060, 99_900
MONEY = (bills, payments, allocations, refunds, unit_balances, postings, receipts)
"""The tables that a forged or repeated word must not change by a fen."""


@dataclass
class BankOffice(FakeGateway):
    """A bank with a book of its own, which sends refunds by itself or leaves them to people."""

    account: tuple[str, str, str] = ("和家物业", ACCOUNT.account_no, "招商银行")
    is_direct: bool = True

    async def rows_after(self, cursor: str) -> BankNews:
        """Tell nothing: the stories bring the rows themselves."""
        return BankNews([], cursor, has_more=False)


class MoneyTown:
    """Our books, each platform with its own, and everything that may happen between them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self._doors = AsyncExitStack()
        self.folder = folder
        self.till: Till = self.wait(self._open(url))
        clock = self.till.clock
        self.platforms = {
            name: FakeGateway(clock, name, f"190000000{number}", f"wx{number}")
            for number, name in enumerate(WAYS, 1)
        }
        self.bank = BankOffice(clock, TRANSFER, ACCOUNT.account_no, "")
        self.bills = self.wait(self._bill_ids())
        self.deps = self._deps(self.platforms | {TRANSFER: self.bank})
        self.statements = self._deps(self.platforms)

    async def _open(self, url: str) -> Till:
        self.db = await self._doors.enter_async_context(open_database(url))
        is_shared = not url.startswith("sqlite")
        self.replica = (
            await self._doors.enter_async_context(open_database(url)) if is_shared else self.db
        )
        return await tilled(self.db, takes_parts=1)

    async def _bill_ids(self) -> list[tuple[int, int]]:
        wanted = select(bills.c.id, bills.c.unit_id).order_by(bills.c.id)
        return await self.db.read(lambda tx: [(row[0], row[1]) for row in tx.execute(wanted)])

    def _deps(self, gateways: dict[str, FakeGateway]) -> JobDeps:
        deps = replace(job_deps(self.db), clock=self.till.clock, gateways=gateways)
        return replace(deps, statement_dir=self.folder / "statements")

    def wait(self, work: Awaitable[T]) -> T:
        """Run a piece of work to its end."""

        async def done() -> T:
            return await work

        return self.runner.run(done())

    def close(self) -> None:
        """Leave the town."""
        self.wait(self._doors.aclose())
        self.runner.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, operation: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self.wait(self.db.write(operation, *args, **kwargs, now=self.till.now))

    def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self.wait(self.db.read(query, *args, **kwargs))

    def rows(self, table: Table) -> list[Any]:
        return self.wait(self.till.rows(table))

    def tables(self, *wanted: Table) -> list[list[Any]]:
        """Return the rows of several tables at one moment."""
        return self.read(lambda tx: [list(tx.execute(_ordered(one))) for one in wanted])

    def gateway_of(self, order_no: str) -> FakeGateway:
        return next(one for one in self.every_gateway() if order_no in one.trades)

    def every_gateway(self) -> list[FakeGateway]:
        return [*self.platforms.values(), self.bank]

    def order(self, way: str, chosen: list[int], payer: str, part_fen: int) -> str:
        """Open an order over these bills, the first in part; raises what our books refuse."""
        units = [self.bills[one][1] for one in chosen]
        gateway = self.bank if way == TRANSFER else self.platforms[way]
        ids = tuple(self.bills[one][0] for one in chosen)
        ask = OrderAsk(
            unit_id=units[0],
            bill_ids=ids,
            gateway=way,
            kind=WAYS.get(way, TradeKind.NATIVE),
            merchant_id=gateway.merchant_id,
            app_id=gateway.app_id,
            payer_id=payer if way == "wechat_pay" else "",
            identity_id=self.till.identity_id,
            other_unit_ids=tuple(units[1:]),
            parts=((ids[0], part_fen),) if part_fen else (),
        )
        order = self.write(open_order, ask)
        made = (order.order_no, order.created_at, order.amount_fen, "物业费", order.expires_at)
        if way == TRANSFER:
            code = Collection(prepay_id=code_of(order.order_no))
            self.write(note_prepay, order.order_no, code)
        gateway.take_order(PaymentAsk(*made, order.kind))
        return order.order_no

    async def settle(self, fact: PaymentFact) -> Settlement:
        return await self.db.write_together(settle_payments, Heard(fact, self.till.now))

    def hear(self, fact: PaymentFact) -> Settlement:
        return self.wait(self.settle(fact))

    def hear_all(self, facts: Sequence[PaymentFact]) -> list[Settlement]:
        """Hear several in the same instant, in this order."""

        async def all_of_them() -> list[Settlement]:
            return list(await asyncio.gather(*map(self.settle, facts)))

        return self.wait(all_of_them())

    def hear_twice_at_once(self, fact: PaymentFact) -> list[Settlement]:
        """Have two replicas hear of it in the same instant."""

        async def both() -> list[Settlement]:
            other = self.replica.write_together(settle_payments, Heard(fact, self.till.now))
            return list(await asyncio.gather(self.settle(fact), other))

        return self.wait(both())

    def break_off(self, fact: PaymentFact) -> None:
        """Settle, and die before the commit."""

        def dying(tx: Connection, *, now: Any) -> None:
            settle_payment(tx, fact, heard_at=now)
            raise ZeroDivisionError

        self.write(dying)

    def ask_back(self, payment_id: int, fen: int, cause: str, key: int) -> str:
        words = (payment_id, fen, cause, "多缴了", f"ask:{key}", self.till.identity_id)
        actor = Actor(identity_id=self.till.identity_id)
        return self.write(request_refund, RefundAskedFor(*words), actor=actor).refund_no

    def line(self, number: int, fen: int, memo: str) -> BankLine:
        """Make a row of the account, of one and the same payer."""
        return BankLine(
            row_key=f"{ACCOUNT.account_no}:S{number}",
            booked_at=self.till.now + timedelta(minutes=number),
            amount_fen=fen,
            balance_fen=None,
            payer_name="张三",
            payer_account="6222020200012345678",
            memo=memo,
            serial=f"S{number}",
        )

    def pay_by_transfer(self) -> None:
        """Write into the bank's own book what our books have taken for payments of its rows."""
        wanted = (
            select(payment_orders.c.order_no, payment_orders.c.created_at, payments)
            .select_from(payments.join(payment_orders))
            .where(payments.c.gateway == TRANSFER)
        )
        for row in self.read(lambda tx: tx.execute(wanted).all()):
            made = (row.order_no, row.created_at, row.amount_fen, "转账", row.created_at)
            self.bank.take_order(PaymentAsk(*made, TradeKind.NATIVE))
            trade = self.bank.trades[row.order_no]
            trade.state, trade.transaction_id = PaymentState.PAID, row.transaction_id

    def fingerprint(self) -> str:
        """Return the hash of every row of money."""

        def dump(tx: Connection) -> str:
            rows = [tuple(row) for one in MONEY for row in tx.execute(_ordered(one))]
            return hashlib.sha256(repr(rows).encode()).hexdigest()

        return self.read(dump)

    def balance(self, account: Account) -> int:
        return self.read(ledger.balance, account)

    def plant(
        self, name: str, change: Callable[[list[StatementLine]], list[StatementLine]]
    ) -> None:
        """Have the platform's statements be what `change` makes of their lines, from now on."""
        gateway = self.platforms[name]
        true = type(gateway).statement_of.__get__(gateway)
        gateway.statement_of = lambda day: change(true(day))  # type: ignore[method-assign]

    def frozen_sums(self) -> dict[str, tuple[int, int]]:
        """Return each order's amount beside the sum of its lines."""
        wanted = (
            select(
                payment_orders.c.order_no,
                payment_orders.c.amount_fen,
                func.coalesce(func.sum(payment_order_bills.c.amount_fen), 0),
            )
            .outerjoin(payment_order_bills, payment_order_bills.c.order_id == payment_orders.c.id)
            .where(payment_orders.c.gateway.in_(WAYS))
            .group_by(payment_orders.c.id)
        )
        return {
            row[0]: (row[1], int(row[2])) for row in self.read(lambda tx: tx.execute(wanted).all())
        }


def _ordered(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)
