"""Any order of saving, billing, drawing and asking back keeps every fen, as a plain model says."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from storage import ledger
from storage.database import Database, open_database
from storage.errors import Refusal
from storage.kinds import Account
from storage.models.payments import payments, refunds
from storage.models.prepayments import prepayment_moves
from storage.operations.prepayments import apply_prepayments
from storage.ports.payments import RefundState
from storage.queries.prepayments import pots
from storage.queries.proofs import prove
from tests.storage.operations.purse import add_item, bill, left, put_aside
from tests.storage.operations.stage import Stage, staged

T = TypeVar("T")
ITEMS = ("物业费", "水费")
FEN = st.integers(100, 60_000)


@dataclass
class Pot:
    """Money of one payment, and what it is for ("" for any)."""

    payment_id: int
    item: str
    fen: int


@dataclass
class Owed:
    """What is open of a bill."""

    item: str
    fen: int


class Purse(RuleBasedStateMachine):
    """Our books beside a list of pots and a list of debts."""

    runner: asyncio.Runner
    db: Database
    stories = 0

    def __init__(self) -> None:
        super().__init__()
        Purse.stories += 1
        choices = {"refund_automatic_fen": 10**9, "refund_any_cause": 1}
        name = f"第{Purse.stories}小区"
        self.stage: Stage = self.wait(staged(self.db, name=name, **choices))
        self.pots: list[Pot] = []
        self.owed: list[Owed] = []
        self.months = 0
        self.asked: dict[str, tuple[Pot, int]] = {}

    def wait(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            return await work

        return self.runner.run(done())

    @initialize(
        savings=st.lists(st.tuples(FEN, st.sampled_from(("", *ITEMS))), max_size=4),
        debts=st.lists(st.tuples(FEN, st.sampled_from(ITEMS)), max_size=4),
    )
    def begin(self, savings: list[tuple[int, str]], debts: list[tuple[int, str]]) -> None:
        self.wait(self.stage.paid(self.stage.both))
        water = self.wait(add_item(self.stage, "水费"))
        self.items = {"": None, "物业费": self.stage.world.fee_item_id, "水费": water}
        for fen, item in savings:
            self.she_saves(fen, item)
        self.she_is_billed(debts)

    @rule(fen=FEN, item=st.sampled_from(("", *ITEMS)))
    def she_saves(self, fen: int, item: str) -> None:
        payment_id = self.wait(put_aside(self.stage, fen, self.items[item]))
        self.pots.append(Pot(payment_id, item, fen))

    @rule(several=st.lists(st.tuples(FEN, st.sampled_from(ITEMS)), min_size=1, max_size=3))
    def she_is_billed(self, several: list[tuple[int, str]]) -> None:
        for fen, item in several:
            period = f"{2027 + self.months // 12}-{self.months % 12 + 1:02d}"
            self.months += 1
            self.wait(bill(self.stage, period, fen, self.items[item] or 0))
            self.owed.append(Owed(item, fen))

    @rule(times=st.integers(1, 3))
    def time_draws(self, times: int) -> None:
        drawn = sum(self.wait(self.draw()).drawn_fen for _ in range(times))

        expected = 0
        for debt in self.owed:
            for kind in (debt.item, ""):
                for pot in self.pots:
                    fen = min(pot.fen, debt.fen) if pot.item == kind else 0
                    pot.fen -= fen
                    debt.fen -= fen
                    expected += fen
        assert drawn == expected

    def draw(self) -> Awaitable[Any]:
        return self.db.write(apply_prepayments, self.stage.world.unit_id, now=self.stage.now)

    @rule(which=st.integers(0, 9), part=st.integers(1, 100))
    def she_asks_back_of_what_is_left(self, which: int, part: int) -> None:
        rich = [pot for pot in self.pots if pot.fen]
        if not rich:
            return
        pot = rich[which % len(rich)]
        fen = max(pot.fen * part // 100, 1)
        key = f"{Purse.stories}:{len(self.asked)}"
        view = self.wait(self.stage.request(pot.payment_id, fen, key=key))
        pot.fen -= fen
        self.asked[view.refund_no] = (pot, fen)

    @rule(which=st.integers(0, 9))
    def she_asks_back_more_than_she_paid(self, which: int) -> None:
        if self.pots:
            pot = self.pots[which % len(self.pots)]
            row = next(one for one in self.rows(payments) if one.id == pot.payment_id)
            try:
                self.wait(self.stage.request(pot.payment_id, row.amount_fen + 1, key="much"))
            except Refusal:
                return
            raise AssertionError("more went back than was paid")

    @rule(
        which=st.integers(0, 9),
        end=st.sampled_from([RefundState.SUCCESS, RefundState.REJECTED, RefundState.CLOSED]),
        times=st.integers(1, 2),
    )
    def a_refund_ends(self, which: int, end: RefundState, times: int) -> None:
        waiting = [row for row in self.rows(refunds) if row.state == "approved"]
        if not waiting:
            return
        ending = waiting[which % len(waiting)]
        self.wait(self.stage.submit(ending.refund_no))
        fact = self.stage.gateway.end_refund(ending.refund_no, end)
        for _ in range(times):
            self.wait(self.stage.hear(fact))
        pot, fen = self.asked[ending.refund_no]
        successors = [one for one in self.rows(refunds) if one.predecessor_id == ending.id]
        assert len(successors) == (end is RefundState.CLOSED)
        if successors:
            self.asked[successors[0].refund_no] = (pot, fen)
        elif end is RefundState.REJECTED:
            pot.fen += fen

    def rows(self, table: Any) -> list[Any]:
        found = self.wait(self.stage.rows(table))
        return [one for one in found if one.community_id == self.stage.world.community_id]

    @invariant()
    def every_fen_is_where_the_model_says(self) -> None:
        if not hasattr(self, "items"):
            return
        expected: dict[str, int] = {}
        for pot in self.pots:
            expected[pot.item] = expected.get(pot.item, 0) + pot.fen
        found = self.wait(left(self.stage))
        assert found == {item: fen for item, fen in expected.items() if fen}
        unit_id = self.stage.world.unit_id
        by_payment = {
            one.payment_id: one.left_fen for one in self.wait(self.db.read(pots, unit_id))
        }
        assert by_payment == {one.payment_id: one.fen for one in self.pots if one.fen}
        posted = self.wait(self.db.read(ledger.balance, Account.PREPAYMENT, unit_id))
        assert -posted == sum(found.values())
        assert sum(self.wait(self.stage.open_fen())) == sum(debt.fen for debt in self.owed)

    def teardown(self) -> None:
        if not hasattr(self, "items"):
            return
        self.time_draws(1)
        self.every_fen_is_where_the_model_says()
        assert self.wait(self.db.read(prove)) == []
        moves = [
            one
            for one in self.wait(self.stage.rows(prepayment_moves))
            if one.unit_id == self.stage.world.unit_id
        ]
        came = sum(one.amount_fen for one in self.rows(payments))
        went = sum(one.amount_fen for one in self.rows(refunds) if one.state == "success")
        on_the_way = sum(
            one.amount_fen for one in self.rows(refunds) if one.state in ("approved", "submitted")
        )
        kept = sum(one.amount_fen for one in moves)
        drawn = -sum(one.amount_fen for one in moves if one.bill_id)
        assert came - 2 * 25_060 == kept + drawn + went + on_the_way


def test_every_fen_that_was_put_aside_is_drawn_left_or_given_back(sqlite_url: str):
    door = open_database(sqlite_url)

    async def opened() -> Database:
        return await door.__aenter__()

    async def closed() -> None:
        await door.__aexit__(None, None, None)

    with asyncio.Runner() as runner:
        Purse.runner, Purse.db, Purse.stories = runner, runner.run(opened()), 0
        try:
            run_state_machine_as_test(
                Purse,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=10,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(closed())

    assert Purse.stories >= 60
