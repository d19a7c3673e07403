"""What platforms pay out reaches the bank, fee taken off, and each gap is a difference."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from storage.kinds import Account
from storage.ledger import balance
from storage.models.ledger import entries
from storage.models.operating import discrepancies
from storage.operations.reconciliation import (
    Expected,
    add_lines,
    begin_lines,
    end_lines,
    expect_statement,
)
from storage.operations.settlements import (
    Settlement,
    find_unsettled,
    note_credit,
    note_settlement,
)
from storage.ports.payments import StatementFile
from storage.queries.proofs import prove
from storage.queries.settlements import expected_settlements
from tests import factories
from tests.fakes import MERCHANT
from tests.storage.operations.stage import Stage, staged

DAY = date(2026, 11, 23)
GROSS, FEE = 50_120, 301


@dataclass
class Bank:
    """A stage on which one day was paid, stated and waits for the platform's money."""

    stage: Stage
    path: Path

    async def state(self, day: date = DAY, *, fee_fen: int = FEE) -> None:
        """Read a statement of what the platform has, in."""
        lines = [replace(one, fee_fen=fee_fen) for one in self.stage.gateway.statement_of(DAY)]
        file = StatementFile("wechat_pay", MERCHANT, day, self.path, f"{day}")

        def take(tx: Connection) -> None:
            expected = Expected("wechat_pay", MERCHANT, day)
            one = expect_statement(tx, expected, now=self.stage.now)
            token = begin_lines(tx, one.statement_id, file)
            assert add_lines(tx, one, lines, token=token)
            assert end_lines(tx, one.statement_id, file, token=token, now=self.stage.now)

        await self.stage.db.write(take)

    async def balances(self) -> tuple[int, int, int]:
        """Return clearing, bank and fee."""
        accounts = (Account.CLEARING, Account.BANK, Account.GATEWAY_FEE)
        return tuple([await self.stage.db.read(balance, one) for one in accounts])  # type: ignore[return-value]

    async def credit(self, fen: int, *, row: int = 1, on: date = DAY + timedelta(days=1)) -> tuple:
        return await self.stage.db.write(
            note_credit, "wechat_pay", fen, bank_row_id=row, booked_on=on, now=self.stage.now
        )

    async def found(self) -> list[tuple[str, bool, int | None, int | None]]:
        rows = await self.stage.rows(discrepancies)
        return [(one.kind, one.closed_at is None, one.ours_fen, one.theirs_fen) for one in rows]


@pytest.fixture
async def bank(db, tmp_path) -> Bank:
    found = Bank(await staged(db), tmp_path / "statement")
    await found.stage.paid(found.stage.both)
    return found


async def test_a_payout_turns_clearing_into_bank_and_fee(bank: Bank):
    await bank.state()
    (expected,) = await bank.stage.db.read(expected_settlements)
    assert (expected.day_on, expected.gross_fen, expected.fee_fen) == (DAY, GROSS, FEE)
    assert await bank.balances() == (GROSS, 0, 0)

    assert await bank.credit(GROSS - FEE) == (DAY,)

    assert await bank.balances() == (0, GROSS - FEE, FEE)
    assert await bank.stage.db.read(expected_settlements) == []
    assert await bank.found() == []
    assert await bank.stage.db.read(prove) == []


async def test_the_same_row_of_the_bank_twice_is_booked_once(bank: Bank):
    await bank.state()
    settlement = Settlement("wechat_pay", DAY, GROSS, FEE, GROSS - FEE, 1)

    outcomes = [
        await bank.stage.db.write(note_settlement, settlement, now=bank.stage.now) for _ in range(3)
    ]

    assert outcomes == [True, False, False]
    assert await bank.balances() == (0, GROSS - FEE, FEE)
    assert await bank.stage.db.read(prove) == []


async def test_a_credit_of_other_fen_is_booked_as_it_came_and_is_a_difference(bank: Bank):
    await bank.state()

    assert await bank.credit(GROSS - FEE - 100) == (DAY,)

    assert await bank.balances() == (100, GROSS - FEE - 100, FEE)
    assert await bank.found() == [("settlement", True, GROSS - FEE, GROSS - FEE - 100)]
    assert await bank.stage.db.read(prove) == []


async def test_what_was_missing_comes_later_and_closes_the_difference(bank: Bank):
    await bank.state()
    await bank.credit(GROSS - FEE - 100)

    rest = Settlement("wechat_pay", DAY, GROSS, FEE, 100, 2)
    assert await bank.stage.db.write(note_settlement, rest, now=bank.stage.now)

    assert await bank.balances() == (0, GROSS - FEE, FEE)
    assert [is_open for _, is_open, *_ in await bank.found()] == [False]
    assert await bank.stage.db.read(prove) == []


async def test_a_credit_after_a_weekend_is_for_the_days_whose_sum_it_is(bank: Bank):
    days = [DAY + timedelta(days=n) for n in range(3)]
    for day, fee_fen in zip(days, (FEE, 1, 2), strict=True):
        await bank.state(day, fee_fen=fee_fen)
    both = (GROSS - 1) + (GROSS - 2)

    assert await bank.credit(both, on=days[2] + timedelta(days=1)) == tuple(days[1:])

    (left,) = await bank.stage.db.read(expected_settlements)
    assert left.day_on == DAY
    assert await bank.found() == []


async def test_a_credit_that_no_day_waits_for_is_not_booked(bank: Bank):
    assert await bank.credit(GROSS - FEE) == ()

    assert await bank.balances() == (GROSS, 0, 0)
    unknown = Settlement("wechat_pay", DAY, GROSS, FEE, GROSS - FEE, 1)
    assert not await bank.stage.db.write(note_settlement, unknown, now=bank.stage.now)


async def test_a_payout_is_parted_among_the_communities_whose_money_it_is(bank: Bank):
    def build(tx: Connection) -> tuple[int, int]:
        other = factories.add_community(tx, "听涛苑")
        unit_id = factories.add_unit(tx, other, "1-1-101")
        item_id = factories.add_fee_item(tx, other)
        return unit_id, factories.add_bill(tx, factories.Owed(unit_id, item_id, "2026-11", 10_000))

    unit_id, bill_id = await bank.stage.db.write(build)
    ask = replace(bank.stage.ask([bill_id]), unit_id=unit_id)
    bank.stage.ask = lambda *_, **__: ask  # type: ignore[method-assign]
    await bank.stage.paid([bill_id])
    await bank.state(fee_fen=60)

    await bank.credit(GROSS + 10_000 - 120)

    rows = [one for one in await bank.stage.rows(entries) if one.memo == "平台划付"]
    assert len({one.community_id for one in rows}) == 2
    assert await bank.balances() == (0, GROSS + 10_000 - 120, 120)
    assert await bank.stage.db.read(prove) == []


async def test_money_that_does_not_come_is_missed_after_three_workdays_where_it_used_to_come(
    bank: Bank,
):
    await bank.state()
    await bank.state(DAY + timedelta(days=1))

    async def missed(days: int) -> int:
        today = DAY + timedelta(days=days)
        return await bank.stage.db.write(find_unsettled, today=today, now=bank.stage.now)

    assert await missed(30) == 0, "no payout of this platform ever came to an account of ours"
    await bank.credit(GROSS - FEE)
    assert await missed(4) == 0
    assert await missed(8) == 1
    assert await missed(9) == 0, "told once"

    assert await bank.found() == [("settlement_missing", True, GROSS - FEE, None)]
