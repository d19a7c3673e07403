"""Any order of paying, hearing, asking back and failing leaves both books the same (M1–M9)."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Table

from storage.database import Database, open_database
from storage.errors import Refusal
from storage.models.payments import payments, refunds
from storage.ports.payments import PaymentState, RefundState
from storage.queries.book import book
from storage.queries.proofs import prove
from tests.fakes import in_figures
from tests.storage.operations.stage import Stage, staged

T = TypeVar("T")
BILL = 25_060


class Money(RuleBasedStateMachine):
    """Our books, a platform with its own, and a model of two bills that is plain arithmetic.

    Every story has a community of its own in one database, which is opened once.
    """

    runner: asyncio.Runner
    db: Database
    stories = 0

    orders: Bundle[str] = Bundle("orders")
    notices: Bundle[Any] = Bundle("notices")
    asked: Bundle[str] = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        Money.stories += 1
        self.stage: Stage = self.wait(staged(self.db, name=f"第{Money.stories}小区"))

    def wait(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            return await work

        return self.runner.run(done())

    def teardown(self) -> None:
        self.both_books_so_far()
        self.heal()

    @initialize(target=orders)
    def first_order(self) -> str:
        return self.order(0, "oLi")

    def order(self, choice: int, payer: str) -> str:
        october, november = self.stage.both
        chosen = [(october,), (november,), (october, november)][choice]
        return self.wait(self.stage.order(chosen, payer=payer)).order_no

    @rule(target=orders, choice=st.integers(0, 2), payer=st.sampled_from(["oLi", "oWang"]))
    def open_order(self, choice: int, payer: str) -> Any:
        try:
            return self.order(choice, payer)
        except Refusal:
            return multiple()

    @rule(target=notices, order_no=orders)
    def the_payer_pays(self, order_no: str) -> Any:
        return self.stage.gateway.pay(order_no)

    @rule(fact=notices)
    def a_notice_arrives(self, fact: Any) -> None:
        self.wait(self.stage.settle(fact))

    @rule(fact=consumes(notices))
    def a_notice_is_lost(self, fact: Any) -> None:
        assert fact.state is PaymentState.PAID

    @rule(order_no=orders)
    def we_ask_about_an_order(self, order_no: str) -> None:
        self.wait(self.stage.settle(self.stage.gateway.fact(order_no)))

    @rule(
        target=asked, which=st.integers(0, 3), fen=st.integers(1, 2 * BILL), key=st.integers(0, 9)
    )
    def money_is_asked_back(self, which: int, fen: int, key: int) -> Any:
        found = self.rows(payments)
        if not found:
            return multiple()
        payment_id = found[which % len(found)].id
        try:
            request = self.stage.request(payment_id, fen, key=f"{Money.stories}:{key}")
            return self.wait(request).refund_no
        except Refusal:
            return multiple()

    @rule(refund_no=asked, answer=st.sampled_from(["PROCESSING", "UNFUNDED", "lost"]))
    def a_refund_is_sent(self, refund_no: str, answer: str) -> None:
        row = self.row(refund_no)
        if row.state not in ("approved", "unfunded", "unknown"):
            return
        self.stage.gateway.lost_answers = int(answer == "lost")
        wanted = RefundState.PROCESSING if answer == "lost" else RefundState[answer]
        self.stage.gateway.refund_answer = wanted
        self.wait(self.stage.at_once(self.stage.submit(refund_no)))
        self.stage.gateway.lost_answers = 0

    @rule(
        refund_no=asked,
        end=st.sampled_from([RefundState.SUCCESS, RefundState.CLOSED, RefundState.ABNORMAL]),
        times=st.integers(0, 3),
    )
    def a_refund_ends_at_the_platform(self, refund_no: str, end: RefundState, times: int) -> None:
        known = self.stage.gateway.returns.get(refund_no)
        if known is None or known.state not in (RefundState.PROCESSING, RefundState.ABNORMAL):
            return
        fact = self.stage.gateway.end_refund(refund_no, end)
        for _ in range(times):
            self.wait(self.stage.hear(fact))

    def rows(self, table: Table) -> list[Any]:
        """Return the rows of this story."""
        found = self.wait(self.stage.rows(table))
        return [one for one in found if one.community_id == self.stage.world.community_id]

    def row(self, refund_no: str) -> Any:
        return next(one for one in self.rows(refunds) if one.refund_no == refund_no)

    def our_book(self) -> dict[str, list[tuple[str, ...]]]:
        everything = self.wait(self.stage.db.read(book))
        ours = {
            kind: [row for row in rows if row["order_no"] in self.stage.gateway.trades]
            for kind, rows in everything.items()
        }
        return in_figures(ours)

    def both_books_so_far(self) -> None:
        """Prove ours; we may know less than the platform, for want of news, and never more."""
        assert self.wait(self.stage.db.read(prove)) == []
        ours, theirs = self.our_book(), self.stage.gateway.book()
        assert set(ours["payments"]) <= set(theirs["payments"])
        assert set(ours["refunds"]) <= set(theirs["refunds"])

    def heal(self) -> None:
        """Ask about everything, as time does: then both books are the same, row by row."""
        gateway = self.stage.gateway
        for order_no in gateway.trades:
            self.wait(self.stage.settle(gateway.fact(order_no)))
        for row in self.rows(refunds):
            gateway.refund_answer = RefundState.PROCESSING
            if row.state in ("approved", "unfunded", "unknown"):
                self.wait(self.stage.submit(row.refund_no))
            one = gateway.returns.get(row.refund_no)
            if one is not None:
                if one.state in (RefundState.PROCESSING, RefundState.ABNORMAL):
                    gateway.end_refund(row.refund_no)
                self.wait(self.stage.hear(gateway.refund_fact(row.refund_no, row.order_no)))
        assert self.wait(self.stage.db.read(prove)) == []
        figures = gateway.book()
        assert self.our_book() == figures
        came = sum(int(row[2]) for row in figures["payments"])
        went = sum(int(row[2]) for row in figures["refunds"])
        left = sum(self.wait(self.stage.open_fen()))
        kept = came - went - (2 * BILL - left)
        prepaid = self.wait(self.stage.prepaid_fen())
        assert kept == prepaid, "what was kept is on a bill or is hers as prepayment"


def test_both_books_are_the_same_after_any_story(sqlite_url: str):
    async def opened() -> Database:
        return await door.__aenter__()

    async def closed() -> None:
        await door.__aexit__(None, None, None)

    door = open_database(sqlite_url)
    with asyncio.Runner() as runner:
        Money.runner, Money.db, Money.stories = runner, runner.run(opened()), 0
        try:
            run_state_machine_as_test(
                Money,
                settings=settings(
                    max_examples=200,
                    stateful_step_count=10,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(closed())

    assert Money.stories >= 200
