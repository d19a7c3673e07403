"""The account's rows are read on from where they stopped, and money goes back through the bank."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from bot.gateways.bank_transfer import BankTransfer, Config, code_of
from scheduler.jobs import fetch_bank_rows, query_refunds, submit_refunds
from storage import crashpoints
from storage.errors import RefundStateWrong
from storage.kinds import Account, RefundStep, StaffRole
from storage.ledger import balance
from storage.models.bank import bank_rows
from storage.models.payments import payments, refunds
from storage.operations.bank_payouts import leave_to_people, pay_to_another
from storage.operations.bank_rows import cursor_of
from storage.operations.orders import OpenOrder, note_prepay, open_order
from storage.operations.payouts import Payee, note_payout
from storage.operations.refunds import approve_refund
from storage.ports.payments import Collection, TradeKind
from storage.queries.proofs import prove
from storage.queries.residents import Staff, staff_member
from storage.queries.work import refunds_to_submit
from tests import factories
from tests.bot.gateways import bank_platform as banks
from tests.bot.gateways.bank_platform import ACCOUNT_NO, Bank
from tests.scheduler.conftest import Hall

OWED = 25_060
ANOTHER = Payee("张三", "6217009999999999", "招商银行")


@dataclass
class Branch:
    """The hall, a bank, and our adapter between them."""

    hall: Hall
    bank: Bank
    gateway: BankTransfer

    async def fetch(self) -> dict[str, int]:
        report = await fetch_bank_rows.run(self.hall.deps, self.hall.now)
        return {name: count for name, count in report.items() if count}

    async def order(
        self, bill_id: int | None = None, *, gateway: str = "bank_transfer"
    ) -> OpenOrder:
        """Ask for a transfer of a bill; its code is in the payer's hand."""
        stage = self.hall.stage
        ask = replace(
            stage.ask([bill_id or stage.world.october_id]),
            gateway=gateway,
            kind=TradeKind.NATIVE,
            merchant_id=ACCOUNT_NO,
            app_id="",
            payer_id="",
        )
        order = await stage.db.write(open_order, ask, now=stage.now)
        code = Collection(prepay_id=code_of(order.order_no))
        await stage.db.write(note_prepay, order.order_no, code, now=stage.now)
        return order

    async def paid(self) -> int:
        """Have October paid by transfer and heard of; return the payment's key."""
        order = await self.order()
        self.bank.receive(OWED, code_of(order.order_no))
        await self.fetch()
        [payment] = await self.hall.stage.rows(payments)
        return int(payment.id)

    async def sent_back(self) -> str:
        """Have all of it on its way back; return the refund's number."""
        asked = await self.hall.stage.request(await self.paid(), OWED)
        await self.submit()
        return asked.refund_no

    async def agree(self, refund_no: str) -> None:
        boss = await self.employ(StaffRole.MANAGER, f"oBoss{refund_no[-3:]}")
        said: dict[str, Any] = {"staff_id": boss.staff_id, "role": boss.role, "now": self.hall.now}
        await self.hall.db.write(approve_refund, refund_no, **said)

    async def submit(self) -> dict[str, int]:
        report = await submit_refunds.run(self.hall.deps, self.hall.now)
        return {name: count for name, count in report.items() if count}

    async def employ(self, role: StaffRole, openid: str) -> Staff:
        world = self.hall.stage.world

        def add(tx):
            return staff_member(
                tx, factories.add_staff(tx, world.community_id, "同事", role, openid)
            )

        return await self.hall.db.write(add)

    async def states(self) -> list[str]:
        return [one.state for one in await self.hall.stage.rows(bank_rows)]

    async def proved(self) -> None:
        assert await self.hall.db.read(prove) == []


@pytest.fixture
async def branch(hall: Hall, tmp_path: Path) -> AsyncIterator[Branch]:
    files = banks.write_files(tmp_path)
    bank = Bank(now=lambda: hall.now)
    server = TestServer(bank.app())
    await server.start_server()
    config = Config(
        name="bank_transfer",
        account_name="安心物业",
        account_no=ACCOUNT_NO,
        bank_name="工商银行",
        base_url=str(server.make_url("/direct")),
        merchant_private_key_file=files["merchant"],
        bank_public_key_file=files["bank"],
    )
    async with ClientSession() as session:
        gateway = BankTransfer(config, session, now=lambda: hall.now)
        hall.deps = replace(hall.deps, gateways={**hall.deps.gateways, gateway.name: gateway})
        yield Branch(hall, bank, gateway)
    await server.close()


async def test_c08_code_and_amount_pay_a_bill_and_the_next_run_reads_on(branch: Branch):
    order = await branch.order()
    serial = branch.bank.receive(OWED, f"物业费{code_of(order.order_no)}")

    assert await branch.fetch() == {"rows": 1, "matched": 1}
    assert await branch.fetch() == {}

    assert await branch.hall.db.read(cursor_of, ACCOUNT_NO) == serial
    assert (await branch.hall.stage.open_fen())[0] == 0
    await branch.proved()


async def test_c08_the_same_sum_and_payer_twice_in_a_day_are_two_rows_and_one_payment(
    branch: Branch,
):
    order = await branch.order()
    for _ in range(2):
        branch.bank.receive(OWED, code_of(order.order_no))

    assert await branch.fetch() == {"rows": 2, "matched": 1}

    assert await branch.states() == ["matched", "suggested"]
    assert await branch.hall.db.read(balance, Account.SUSPENSE) == -OWED
    await branch.proved()


@pytest.mark.parametrize("off_by", [-1, 1])
async def test_c08_too_little_or_too_much_pays_nothing_by_itself(branch: Branch, off_by: int):
    order = await branch.order()
    branch.bank.receive(OWED + off_by, code_of(order.order_no))

    await branch.fetch()

    assert await branch.states() == ["suggested"]
    assert await branch.hall.stage.rows(payments) == []
    await branch.proved()


async def test_more_than_a_page_is_read_in_one_run(branch: Branch):
    for number in range(250):
        branch.bank.receive(100 + number, "转账")

    assert await branch.fetch() == {"rows": 250}
    assert await branch.hall.db.read(cursor_of, ACCOUNT_NO) == "S00000250"


async def test_a_page_that_fails_is_read_again_and_what_came_before_stays(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
):
    for number in range(150):
        branch.bank.receive(100 + number, "转账")
    ask = branch.gateway.rows_after

    async def breaks(cursor: str):
        branch.bank.loses_answers = cursor != ""
        return await ask(cursor)

    monkeypatch.setattr(branch.gateway, "rows_after", breaks)
    assert await branch.fetch() == {"rows": 100, "unavailable": 1}
    assert await branch.hall.db.read(cursor_of, ACCOUNT_NO) == "S00000100"

    monkeypatch.undo()
    branch.bank.loses_answers = False
    assert await branch.fetch() == {"rows": 50}
    assert len(await branch.hall.stage.rows(bank_rows)) == 150


async def test_a_page_that_cannot_be_booked_does_not_move_the_cursor(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
):
    branch.bank.receive(OWED, "转账")

    def breaks(*said, **more):
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("storage.operations.bank_rows.match", breaks)
        assert await branch.fetch() == {"failed": 1}
    assert await branch.hall.db.read(cursor_of, ACCOUNT_NO) == ""
    assert await branch.hall.stage.rows(bank_rows) == []

    assert await branch.fetch() == {"rows": 1}


async def test_c05_m6_two_replicas_that_poll_at_once_double_nothing(branch: Branch):
    order = await branch.order()
    branch.bank.receive(OWED, code_of(order.order_no))
    branch.bank.receive(40_000, "转账")

    await asyncio.gather(branch.fetch(), branch.fetch())
    await branch.fetch()

    assert sorted(await branch.states()) == ["matched", "suspense"]
    assert len(await branch.hall.stage.rows(payments)) == 1
    assert await branch.hall.db.read(balance, Account.SUSPENSE) == -40_000
    await branch.proved()


async def test_an_account_that_nobody_can_ask_is_not_asked(branch: Branch):
    quiet = replace(
        branch.gateway._config,
        base_url="",
        merchant_private_key_file=None,
        bank_public_key_file=None,
    )
    gateway = BankTransfer(quiet, branch.gateway._session, now=lambda: branch.hall.now)
    branch.hall.deps = replace(branch.hall.deps, gateways={"bank_transfer": gateway})

    assert await branch.fetch() == {}
    assert branch.bank.nonces == []


async def test_c10_a_transfer_that_the_bank_takes_back_makes_its_bill_owed_again(branch: Branch):
    order = await branch.order()
    branch.bank.receive(OWED, code_of(order.order_no))
    await branch.fetch()
    branch.hall.later(hours=20)
    branch.bank.receive(-OWED, f"退汇 {code_of(order.order_no)}")

    assert await branch.fetch() == {"rows": 1}

    assert await branch.states() == ["returned", "returned"]
    assert (await branch.hall.stage.open_fen())[0] == OWED
    assert await branch.hall.db.read(balance, Account.BANK) == 0
    await branch.proved()


async def test_a_refund_goes_back_through_the_bank_and_its_row_is_a_payout(branch: Branch):
    number = await branch.sent_back()
    branch.bank.end(number, "success")
    branch.hall.later(minutes=30)

    await query_refunds.run(branch.hall.deps, branch.hall.now)
    await branch.fetch()

    assert await branch.states() == ["matched", "payout"]
    assert [one.state for one in await branch.hall.stage.rows(refunds)] == ["success"]
    assert await branch.hall.db.read(balance, Account.BANK) == 0
    await branch.proved()


@pytest.mark.parametrize("first_heard", ["row", "answer"])
async def test_b11_a_payout_that_comes_back_is_told_and_goes_to_another_account(
    branch: Branch, first_heard: str
):
    stage, number = branch.hall.stage, await branch.sent_back()
    cashier = await branch.employ(StaffRole.CASHIER, "oCash")
    branch.bank.end(number, "returned")
    branch.hall.later(minutes=30)
    branch.bank.receive(OWED, f"退汇 {number} 账号户名不符")
    if first_heard == "row":
        await branch.fetch()
    else:
        await query_refunds.run(branch.hall.deps, branch.hall.now)

    [refund] = await stage.rows(refunds)
    assert refund.state == RefundStep.ABNORMAL
    assert {"RefundFailed", "StaffTask"} <= set(await stage.told())
    said: dict[str, Any] = {"by": cashier, "now": branch.hall.now}
    second = await stage.db.write(pay_to_another, number, ANOTHER, **said)
    assert await stage.db.write(pay_to_another, number, ANOTHER, **said) == second
    await branch.fetch()
    await branch.agree(second)
    paid = await stage.db.write(note_payout, second, reference="H1", **said)

    assert paid.amount_fen == OWED
    assert await branch.states() == ["matched", "returned", "returned"]
    old, new = await stage.rows(refunds)
    assert (old.state, new.state) == (RefundStep.CLOSED, RefundStep.SUCCESS)
    assert (new.predecessor_id, new.payout_account) == (old.id, ANOTHER.account)
    assert await stage.db.read(balance, Account.BANK) == 0
    assert (await stage.open_fen())[0] == OWED
    await branch.proved()


async def test_a_refund_that_may_still_arrive_gets_no_other_account(branch: Branch):
    number = await branch.sent_back()
    cashier = await branch.employ(StaffRole.CASHIER, "oCash")

    with pytest.raises(RefundStateWrong):
        await branch.hall.db.write(pay_to_another, number, ANOTHER, by=cashier, now=branch.hall.now)


@pytest.mark.parametrize("gateways", ["of_codes_only", "none"])
async def test_without_the_interface_a_refund_is_a_persons_and_no_clocks(
    branch: Branch, gateways: str
):
    asked = await branch.hall.stage.request(await branch.paid(), OWED)
    quiet = Config("bank_transfer", "安心物业", ACCOUNT_NO, "工商银行")
    feed = BankTransfer(quiet, branch.gateway._session, now=lambda: branch.hall.now)
    kept = {"bank_transfer": feed} if gateways == "of_codes_only" else {}
    branch.hall.deps = replace(branch.hall.deps, gateways=kept)

    assert await branch.submit() == {"left": 1}
    assert await branch.submit() == {}

    later = branch.hall.now + timedelta(days=9)
    assert await branch.hall.db.read(refunds_to_submit, now=later, limit=9) == []
    [row] = await branch.hall.stage.rows(refunds)
    assert (row.gateway, row.state) == ("transfer", RefundStep.APPROVED)
    assert (row.payout_name, row.payout_account) == ("张三", "6222021234567890")
    cashier = await branch.employ(StaffRole.CASHIER, "oCash")
    said: dict[str, Any] = {"by": cashier, "now": branch.hall.now}
    await branch.hall.db.write(note_payout, asked.refund_no, reference="H1", **said)
    assert await branch.hall.db.read(balance, Account.BANK) == 0
    await branch.proved()


async def test_what_may_have_been_sent_is_not_left_to_people(branch: Branch):
    number = await branch.sent_back()

    assert not await branch.hall.db.write(leave_to_people, number, now=branch.hall.now)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["refund.before_call", "refund.after_call"])
async def test_what_a_process_that_died_may_have_sent_is_no_persons_once_the_interface_is_gone(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, point: str
):
    asked = await branch.hall.stage.request(await branch.paid(), OWED)

    def die(at: str) -> None:
        if at == point:
            raise Killed

    with monkeypatch.context() as deadly:
        deadly.setattr(crashpoints, "reach", die)
        with pytest.raises(Killed):
            await branch.submit()
    quiet = Config("bank_transfer", "安心物业", ACCOUNT_NO, "工商银行")
    feed = BankTransfer(quiet, branch.gateway._session, now=lambda: branch.hall.now)
    with_interface = branch.hall.deps
    branch.hall.deps = replace(with_interface, gateways={"bank_transfer": feed})
    branch.hall.later(minutes=2)
    assert await branch.submit() == {"unavailable": 1}

    [row] = await branch.hall.stage.rows(refunds)
    assert (row.gateway, row.state) == ("bank_transfer", RefundStep.UNKNOWN)
    assert not await branch.hall.db.write(leave_to_people, asked.refund_no, now=branch.hall.now)

    branch.hall.deps = with_interface
    branch.hall.later(minutes=2)
    assert await branch.submit() == {"submitted": 1}
    [row] = await branch.hall.stage.rows(refunds)
    assert row.state == RefundStep.SUBMITTED
