"""The summary of fees is the ledger, after any story, and its rows sum to it."""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import Refusal
from storage.kinds import Account, FeeClass
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.ledger import entries, postings
from storage.models.write_offs import write_offs
from storage.operations.bill_waivers import WaiverAsk, approve_waiver, ask_waiver
from storage.operations.bills import NewBill, book_bills, void_bill
from storage.operations.closing import close_period
from storage.operations.corrections import correct_bill
from storage.operations.late_fee_terms import set_late_fee
from storage.operations.late_fees import bill_late_fees
from storage.operations.write_offs import (
    WriteOffAsk,
    approve_write_off,
    ask_write_off,
    reverse_write_off,
)
from storage.paying_kinds import WaiverKind, WriteOffState
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import ItemBalance, fee_summary, fee_summary_bills
from storage.queries.proofs import prove
from storage.queries.takings import taking_rows, takings
from storage.rules.collecting import Balance, Move
from tests.storage.operations.purse import add_item, bill, drawn, put_aside
from tests.storage.operations.test_late_fees import terms
from tests.storage.operations.till import Till, tilled

BY_KEY = {
    "bill": Move.ISSUED,
    "waiver": Move.WAIVED,
    "write-off": Move.WRITTEN_OFF,
    "payment": Move.RECEIVED,
    "refund": Move.RECEIVED,
    "prepaid": Move.OFFSET,
}
"""What an entry of the ledger is about, by the first word of its key."""


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db, takes_parts=1, rounding_limit_fen=99)


class Story:
    """A year of one flat, drawn by lot; what our books refuse does not happen."""

    def __init__(self, till: Till, seed: int) -> None:
        self.till, self.lot = till, random.Random(seed)
        self.items: list[int] = []
        self.done: Counter[str] = Counter()
        self.online: list[int] = []
        self.vouchers: list[str] = []

    async def begin(self) -> None:
        till = self.till
        self.items = [till.world.fee_item_id, await add_item(till, "水费", FeeClass.AGENCY)]

        def choose(tx: Connection) -> None:
            tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
            there: dict[str, Any] = {
                "community_id": till.world.community_id,
                "actor": CLOCK,
                "now": till.now,
            }
            set_late_fee(tx, terms(), **there)

        await till.db.write(choose)

    async def live(self, acts: int) -> None:
        names = [one for one in dir(self) if one.startswith("do_")]
        for _ in range(acts):
            name = self.lot.choice(names)
            try:
                await getattr(self, name)()
            except Refusal:
                continue
            else:
                self.done[name] += 1
            self.till.clock.advance(hours=self.lot.randrange(1, 120))

    async def some_bill(self) -> Any:
        rows = await self.till.rows(bills)
        open_ones = [
            one for one in rows if one.voided_at is None and one.unit_id == self.till.world.unit_id
        ]
        return self.lot.choice(open_ones or rows)

    async def do_bill(self) -> None:
        month = BillingPeriod.of(shanghai_day(self.till.now)).plus(self.lot.randrange(-6, 2))
        item = self.lot.choice(self.items)
        known = {(one.fee_item_id, one.period) for one in await self.till.rows(bills)}
        if (item, str(month)) not in known:
            await self.bill(item, month, self.lot.randrange(1_000, 30_000))

    async def bill(self, item: int, month: BillingPeriod, fen: int) -> None:
        world = self.till.world
        new = NewBill(
            world.unit_id, item, "费用", month, fen, month.day(25), {}, liable_id=world.li_id
        )
        there: dict[str, Any] = {"community_id": world.community_id, "against": Account.INCOME}
        await self.till.db.write(book_bills, [new], **there, now=self.till.now)

    async def do_pay_at_the_counter(self) -> None:
        one = await self.some_bill()
        dropped = self.lot.choice((0, 0, 60))
        left = one.amount_fen - one.paid_fen - dropped
        done = await self.till.take(left, bill_ids=(one.id,), rounding_fen=dropped)
        self.vouchers.append(done.voucher_no)

    async def do_pay_some(self) -> None:
        done = await self.till.take(self.lot.randrange(100, 20_000), keeps_surplus=True)
        self.vouchers.append(done.voucher_no)

    async def do_take_back_at_the_counter(self) -> None:
        if self.vouchers:
            await self.till.void(self.vouchers.pop(self.lot.randrange(len(self.vouchers))))

    async def do_pay_online(self) -> None:
        one = await self.some_bill()
        self.online.append(await self.till.paid((one.id,)))

    async def do_refund(self) -> None:
        if not self.online:
            return
        key = f"again:{self.lot.random()}"
        fen = self.lot.randrange(100, 5_000)
        asked = await self.till.request(self.lot.choice(self.online), fen, key=key)
        await self.till.given_back(asked.refund_no)

    async def do_put_aside(self) -> None:
        await put_aside(self.till, self.lot.randrange(1_000, 20_000))

    async def do_draw(self) -> None:
        await drawn(self.till)

    async def do_waive(self) -> None:
        one = await self.some_bill()
        left = one.amount_fen - one.paid_fen
        fen = self.lot.choice((left, max(left // 3, 1)))
        asked = WaiverAsk(one.id, WaiverKind.HARDSHIP, fen, "家里有人住院", "证明.jpg", b"paper")
        now = self.till.now
        found = await self.till.db.write(ask_waiver, asked, by=self.till.cashier, now=now)
        await self.till.db.write(approve_waiver, found.waiver_no, by=self.till.manager, now=now)

    async def do_write_off(self) -> None:
        one = await self.some_bill()
        asked = WriteOffAsk(one.id, "人已搬走", "派出所证明")
        now = self.till.now
        found = await self.till.db.write(ask_write_off, asked, by=self.till.cashier, now=now)
        await self.till.db.write(
            approve_write_off, found.write_off_no, by=self.till.manager, now=now
        )

    async def do_ask_for_it_again(self) -> None:
        stands = [
            one for one in await self.till.rows(write_offs) if one.state == WriteOffState.APPROVED
        ]
        if stands:
            number = self.lot.choice(stands).write_off_no
            said: dict[str, Any] = {
                "reason": "找到了人",
                "by": self.till.manager,
                "now": self.till.now,
            }
            await self.till.db.write(reverse_write_off, number, **said)

    async def do_void(self) -> None:
        one, actor = await self.some_bill(), Actor(self.till.manager.staff_id)
        said = {"bill_id": one.id, "reason": "重复", "actor": actor, "now": self.till.now}
        await self.till.db.write(void_bill, **said)

    async def do_correct(self) -> None:
        one, actor = await self.some_bill(), Actor(self.till.manager.staff_id)
        said = {"bill_id": one.id, "reason": "面积有误", "actor": actor, "now": self.till.now}
        await self.till.db.write(correct_bill, **said)

    async def do_close_the_month_before(self) -> None:
        world, now = self.till.world, self.till.now
        said: dict[str, Any] = {"community_id": world.community_id, "actor": CLOCK, "now": now}
        period = BillingPeriod.of(shanghai_day(now)).plus(-1)
        await self.till.db.write(close_period, period=period, **said)

    async def do_charge_late_fees(self) -> None:
        world, now = self.till.world, self.till.now
        period = BillingPeriod.of(shanghai_day(now)).plus(-1)
        said: dict[str, Any] = {
            "community_id": world.community_id,
            "unit_ids": [world.unit_id],
            "now": now,
        }
        await self.till.db.write(bill_late_fees, period=period, **said)


def ledgers(tx: Connection, community_id: int, days: Days) -> Balance:
    """Return the same from the ledger alone."""
    rows = tx.execute(
        select(
            entries.c.entry_key,
            entries.c.effective_on,
            func.sum(postings.c.amount_fen).label("fen"),
        )
        .join(postings, postings.c.entry_id == entries.c.id)
        .where(
            postings.c.account == Account.RECEIVABLE,
            entries.c.community_id == community_id,
            entries.c.effective_on <= days.last_on,
        )
        .group_by(entries.c.id, entries.c.entry_key, entries.c.effective_on)
    ).all()
    opening, moved = 0, dict.fromkeys(Move, 0)
    for row in rows:
        if row.effective_on < days.first_on:
            opening += int(row.fen)
        else:
            moved[BY_KEY[row.entry_key.removeprefix("reversal:").split(":")[0]]] += int(row.fen)
    return Balance(opening, moved)


def together(found: Any) -> Balance:
    balances = [one.balance for one in found]
    moved = {move: sum(one.moved_fen[move] for one in balances) for move in Move}
    return Balance(sum(one.opening_fen for one in balances), moved)


def every_page(tx: Connection, scope: Scope, days: Days) -> list[Any]:
    found: list[Any] = []
    while page := fee_summary_bills(
        tx, scope, days, after_id=found[-1].bill_id if found else 0, limit=2
    ):
        found += page
    return found


async def a_month(till: Till, period: BillingPeriod) -> tuple[ItemBalance, ...]:
    scope = Scope(till.world.community_id)
    return await till.db.read(fee_summary, scope, Days.of(period))


async def over(till: Till) -> list[BillingPeriod]:
    """Return the months of the story that are over."""
    last = BillingPeriod.of(shanghai_day(till.now))
    return [
        BillingPeriod(2026, 11).plus(n) for n in range(40) if BillingPeriod(2026, 11).plus(n) < last
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_the_summary_is_the_ledger_after_any_story(till: Till, seed: int):
    story = Story(till, seed)
    await story.begin()
    scope = Scope(till.world.community_id)
    await story.live(40)
    told = [await a_month(till, period) for period in await over(till)]

    await story.live(40)

    ended = await over(till)
    closing_fen = 0
    for period in [*ended, ended[-1].plus(1)]:
        days = Days.of(period)
        found = await till.db.read(fee_summary, scope, days)
        books = await till.db.read(ledgers, scope.community_id, days)
        rows = await till.db.read(every_page, scope, days)
        assert together(found) == books
        assert together(found).opening_fen == closing_fen
        assert together(rows) == together(found)
        came = await till.db.read(takings, scope, days)
        rows_of_came = await till.db.read(taking_rows, scope, days, limit=9_999)
        assert sum(one.fen for one in came) == -together(found).moved_fen[Move.RECEIVED]
        assert sum(one.fen for one in came) == sum(one.fen for one in rows_of_came)
        closing_fen = together(found).closing_fen
    assert closing_fen == await till.held(Account.RECEIVABLE)
    assert told == [await a_month(till, period) for period in ended[: len(told)]]
    assert len(told) >= 2
    assert len(story.done) >= 12
    assert await till.db.read(prove) == []


async def test_all_of_a_bill_that_is_waived_stands_in_the_column_of_waivers(till: Till):
    story = Story(till, 0)
    await story.begin()
    month = BillingPeriod(2026, 11)
    before = together(await a_month(till, month))

    for fen in (5_000, 20_060):
        asked = WaiverAsk(
            till.world.october_id, WaiverKind.COURT, fen, "调解", "调解书.jpg", b"paper"
        )
        waiver = await till.db.write(ask_waiver, asked, by=till.cashier, now=till.now)
        await till.db.write(approve_waiver, waiver.waiver_no, by=till.manager, now=till.now)

    after = together(await a_month(till, month))
    assert after.moved_fen == before.moved_fen | {Move.WAIVED: -25_060}
    assert after.closing_fen == before.closing_fen - 25_060


async def test_a_building_and_an_item_have_a_summary_of_their_own(till: Till):
    story = Story(till, 0)
    await story.begin()
    await bill(till, "2026-11", 3_000, story.items[1])
    month = Days.of(BillingPeriod(2026, 11))

    water = Scope(till.world.community_id, fee_item_id=story.items[1])
    nowhere = Scope(till.world.community_id, building_id=99)

    [only] = await till.db.read(fee_summary, water, month)
    assert (only.item_name, only.fee_class, only.balance.closing_fen) == (
        "水费",
        FeeClass.AGENCY,
        3_000,
    )
    assert await till.db.read(fee_summary, nowhere, month) == ()
