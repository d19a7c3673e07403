"""Random stories of money by every way: after each step M1–M7 and M10, at the end all books agree.

`make properties` runs it for longer; SEED=… replays a story.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from bot.gateways.bank_transfer import code_of
from storage.audit import Actor
from storage.bank_errors import RowTaken
from storage.counter_errors import VoucherFinal
from storage.errors import Refusal
from storage.kinds import Account
from storage.models.bank import bank_rows
from storage.models.payments import payment_orders, payments, refunds
from storage.operations.bank_rows import take_rows
from storage.operations.payments import note_last_answer
from storage.operations.payouts import note_payout
from storage.operations.refunds import approve_refund, decline_refund
from storage.operations.suspense import assign_row, dismiss_row
from storage.ports.payments import PaymentState, RefundAsk, RefundState
from tests.properties.bad_debts import BadDebts
from tests.properties.kept import Kept
from tests.properties.money_town import (
    ACCOUNT,
    BILL,
    BY_PEOPLE,
    NEXT_DOOR,
    TRANSFER,
    WAYS,
    MoneyTown,
)

STEPS = int(os.environ.get("WUYEBOT_STEPS", "600"))
STEPS_A_STORY = 50
ALL_OF_THEM = {
    "an order was refused",
    "several at once",
    "two replicas",
    "a refund was refused",
    "a refund went out and was forgotten",
    "cash was handed back",
    "people sent a refund",
    "a voucher was void",
    "a transfer was matched",
    "a transfer was suggested",
    "a transfer was sent back",
    "suspense was worked off",
    "a write-off was refused",
    "a debt was written off",
    "a debt came back",
    "a morning: as_it_is",
    "a morning: drop",
    "a morning: change",
    "a morning: extra",
}
"""What a long run has to have come to, or it has proved less than it says."""
WAY = st.sampled_from([*WAYS, TRANSFER])
CHOICES = st.sampled_from([[0], [1], [0, 1], [2], [0, 2], [0, 1, 2]])


class EveryWay(BadDebts):
    """The real operations and jobs, against platforms that keep books of their own."""

    orders: Bundle[str] = Bundle("orders")
    notices: Bundle[Any] = Bundle("notices")
    vouchers: Bundle[Any] = Bundle("vouchers")
    lines: Bundle[Any] = Bundle("lines")

    def teardown(self) -> None:
        try:
            self.heal()
            self.all_books_agree()
        finally:
            self.town.close()

    @initialize(target=orders, bank_sends_refunds=st.booleans())
    def first_order(self, bank_sends_refunds: bool) -> str:
        self.town.bank.is_direct = bank_sends_refunds
        return self.town.order("wechat_pay", [0], "oLi", 0)

    # Orders and payments

    @rule(target=orders, way=WAY, chosen=CHOICES, part=st.integers(0, 30_000))
    def an_order_is_opened(self, way: str, chosen: list[int], part: int) -> Any:
        try:
            return self.town.order(way, chosen, "oLi" if part % 2 else "oWang", part % 3 and part)
        except Refusal:
            self.saw("an order was refused")
            return multiple()

    @rule(target=notices, order_no=orders)
    def the_payer_pays(self, order_no: str) -> Any:
        gateway = self.town.gateway_of(order_no)
        if gateway is self.town.bank or gateway.fact(order_no).state is PaymentState.CLOSED:
            return multiple()
        return gateway.pay(order_no)

    @rule(fact=notices, times=st.integers(1, 3))
    def a_notice_arrives(self, fact: Any, times: int) -> None:
        """W1: what is heard again changes nothing."""
        self.town.hear(fact)
        self.heard.append(fact)
        before = self.town.fingerprint()
        outcomes = [self.town.hear(fact).outcome for _ in range(times - 1)]
        assert set(outcomes) <= {"repeated"}
        assert self.town.fingerprint() == before

    @rule(facts=st.lists(notices, min_size=2, max_size=5))
    def several_notices_arrive_at_once(self, facts: list[Any]) -> None:
        """W1: those of one instant are booked together, and each as if it had come alone."""
        outcomes = self.town.hear_all(facts)
        self.heard.extend(facts)
        for number, fact in enumerate(facts):
            came_before = fact.order_no in [one.order_no for one in facts[:number]]
            wanted = {"repeated"} if came_before else {"settled", "repeated"}
            assert outcomes[number].outcome in wanted
        before = self.town.fingerprint()
        assert {one.outcome for one in self.town.hear_all(facts)} == {"repeated"}
        assert self.town.fingerprint() == before
        self.saw("several at once")

    @rule(fact=notices)
    def two_replicas_hear_of_it_at_once(self, fact: Any) -> None:
        outcomes = {one.outcome for one in self.town.hear_twice_at_once(fact)}
        assert outcomes <= {"settled", "repeated"}
        self.saw("two replicas")

    @rule(fact=consumes(notices))
    def a_notice_is_lost(self, fact: Any) -> None:
        assert fact.state is PaymentState.PAID

    @rule(fact=notices)
    def the_process_dies_before_the_commit(self, fact: Any) -> None:
        before = self.town.fingerprint()
        with pytest.raises(ZeroDivisionError):
            self.town.break_off(fact)
        assert self.town.fingerprint() == before

    @rule(
        fact=notices,
        wrong=st.sampled_from(
            [
                {"amount_fen": 1},
                {"merchant_id": "1900009999"},
                {"app_id": "wx9"},
                {"currency": "USD"},
                {"order_no": "W000000"},
                {"transaction_id": ""},
            ]
        ),
    )
    def a_word_that_contradicts_the_order(self, fact: Any, wrong: dict[str, Any]) -> None:
        """W2: it is written down for an operator, and no money moves."""
        before = self.town.fingerprint()
        settlement = self.town.hear(replace(fact, event_id=f"X{next(self.keys)}", **wrong))
        assert settlement.contradiction is not None
        assert self.town.fingerprint() == before

    @rule(order_no=orders)
    def an_order_is_closed_at_its_platform(self, order_no: str) -> None:
        gateway = self.town.gateway_of(order_no)
        if gateway is self.town.bank:
            return
        self.town.wait(gateway.close(order_no, self.town.till.now))
        fact = gateway.fact(order_no)
        self.town.wait(self.town.db.write(note_last_answer, fact, heard_at=self.town.till.now))

    @rule(minutes=st.sampled_from([1, 10, 130]), lost=st.integers(0, 2))
    def minutes_pass(self, minutes: int, lost: int) -> None:
        """The clock's jobs ask and send; some answers do not arrive."""
        self.later(60 * minutes)
        for gateway in self.town.platforms.values():
            gateway.lost_answers = lost
        self.jobs()
        for gateway in self.town.platforms.values():
            gateway.lost_answers = 0

    # Refunds

    @rule(
        which=st.integers(0, 5),
        fen=st.one_of(st.integers(1, 2 * NEXT_DOOR), st.just(BILL)),
        cause=st.sampled_from(["paid_too_much", "wrong_flat", "asked"]),
        key=st.integers(0, 9),
    )
    def money_is_asked_back(self, which: int, fen: int, cause: str, key: int) -> None:
        found = self.town.rows(payments)
        if not found:
            return
        try:
            self.town.ask_back(found[which % len(found)].id, fen, cause, key)
        except Refusal:
            self.saw("a refund was refused")

    def one_refund(self, which: int, *states: str) -> Any:
        found = [one for one in self.town.rows(refunds) if one.state in states]
        return found[which % len(found)] if found else None

    @rule(which=st.integers(0, 5), agrees=st.booleans())
    def a_manager_decides(self, which: int, agrees: bool) -> None:
        row = self.one_refund(which, "requested")
        if row is None:
            return
        boss = self.town.till.manager
        if not agrees:
            words = {"staff_id": boss.staff_id, "reason": "查无多缴"}
            self.town.write(decline_refund, row.refund_no, **words)
        elif row.gateway in BY_PEOPLE:
            self.town.wait(self.town.till.paid_out(row.refund_no))
            self.cash_fen -= row.amount_fen
            self.saw("cash was handed back")
        else:
            self.town.write(approve_refund, row.refund_no, staff_id=boss.staff_id, role=boss.role)

    @rule(which=st.integers(0, 5))
    def somebody_sends_what_is_left_to_people(self, which: int) -> None:
        left = [one for one in self.town.rows(refunds) if one.gateway == "transfer"]
        left = [one for one in left if one.state == "approved"]
        if not left:
            return
        row = left[which % len(left)]
        words = {"reference": f"S{next(self.keys)}", "by": self.town.till.cashier}
        self.town.write(note_payout, row.refund_no, **words)
        self.bank_fen -= row.amount_fen
        self.saw("people sent a refund")

    @rule(which=st.integers(0, 5))
    def the_process_dies_between_the_platform_and_the_book(self, which: int) -> None:
        row = self.one_refund(which, "approved", "unfunded", "unknown")
        if row is None or row.gateway in BY_PEOPLE:
            return
        gateway = self.town.gateway_of(row.order_no)
        if gateway is self.town.bank and not self.town.bank.is_direct:
            return
        total = next(one for one in self.town.rows(payments) if one.id == row.payment_id)
        words = (row.refund_no, row.order_no, row.requested_at, row.amount_fen, total.amount_fen)
        gateway.take_refund(RefundAsk(*words, ""))
        self.saw("a refund went out and was forgotten")

    @rule(name=st.sampled_from([*WAYS]), is_funded=st.booleans())
    def a_merchant_runs_out_of_money(self, name: str, is_funded: bool) -> None:
        answer = RefundState.PROCESSING if is_funded else RefundState.UNFUNDED
        self.town.platforms[name].refund_answer = answer

    @rule(
        which=st.integers(0, 9),
        end=st.sampled_from([RefundState.SUCCESS, RefundState.CLOSED, RefundState.ABNORMAL]),
        times=st.integers(0, 3),
    )
    def a_refund_ends_at_its_platform(self, which: int, end: RefundState, times: int) -> None:
        under_way = [
            (gateway, number)
            for gateway in self.town.every_gateway()
            for number, one in gateway.returns.items()
            if one.state in (RefundState.PROCESSING, RefundState.ABNORMAL)
        ]
        if not under_way:
            return
        gateway, number = under_way[which % len(under_way)]
        fact = gateway.end_refund(number, end)
        for _ in range(times):
            self.town.wait(self.town.till.hear(fact))
        self.saw(f"a refund ended: {end}")

    # The counter

    @rule(target=vouchers, fen=st.integers(1, 60_000), next_door=st.booleans())
    def cash_is_taken(self, fen: int, next_door: bool) -> Any:
        town = self.town
        unit_id = town.till.world.next_door_id if next_door else town.till.world.unit_id
        said: dict[str, Any] = {
            "unit_id": unit_id,
            "keeps_surplus": True,
            "request_key": f"k{next(self.keys)}",
        }
        taken = town.wait(town.till.take(fen, **said))
        again = town.wait(town.till.take(fen, **said))
        assert (again.is_new, again.voucher_no) == (False, taken.voucher_no)
        self.cash_fen += fen
        return taken

    @rule(voucher=vouchers)
    def a_voucher_is_taken_back(self, voucher: Any) -> None:
        held = self.town.balance(Account.CASH)
        try:
            self.town.wait(self.town.till.void(voucher.voucher_no))
        except VoucherFinal:
            return
        self.cash_fen += self.town.balance(Account.CASH) - held
        assert held - self.town.balance(Account.CASH) in (0, voucher.amount_fen)
        self.saw("a voucher was void")

    # The bank

    @rule(
        target=lines,
        order_no=orders,
        memo=st.sampled_from(["code", "nothing", "flat"]),
        more=st.sampled_from([0, 0, 1, -1, 5_000]),
    )
    def a_transfer_comes(self, order_no: str, memo: str, more: int) -> Any:
        order = next(one for one in self.town.rows(payment_orders) if one.order_no == order_no)
        code = code_of(order_no) if order.gateway == TRANSFER else "物业费"
        words = {"code": code, "nothing": "转账", "flat": "3-2-1201 物业费"}[memo]
        line = self.town.line(next(self.keys), order.amount_fen + more, words)
        taken = self.take(line)
        self.bank_fen += line.amount_fen
        self.saw(f"a transfer was {taken}")
        return line

    def take(self, line: Any) -> str:
        """Have a row taken in, twice; return what it was the first time."""
        first = self.town.write(take_rows, [line], ACCOUNT, source="test")
        again = self.town.write(take_rows, [line, line], ACCOUNT, source="test")
        assert (first.new, again.new) == (1, 0)
        self.town.pay_by_transfer()
        return str(first.states[0][0])

    @rule(line=lines)
    def the_bank_sends_it_back(self, line: Any) -> None:
        number = next(self.keys)
        back = self.town.line(number, -line.amount_fen, "退汇 " + line.memo)
        if self.take(replace(back, booked_at=line.booked_at + timedelta(hours=1))) == "returned":
            self.bank_fen -= line.amount_fen
            self.saw("a transfer was sent back")

    @rule(which=st.integers(0, 5), next_door=st.booleans(), is_ours=st.booleans())
    def somebody_claims_what_waits(self, which: int, next_door: bool, is_ours: bool) -> None:
        waiting = [
            one for one in self.town.rows(bank_rows) if one.state in ("suggested", "suspense")
        ]
        if not waiting:
            return
        row, world = waiting[which % len(waiting)], self.town.till.world
        actor = Actor(self.town.till.cashier.staff_id)
        if is_ours:
            unit_id = world.next_door_id if next_door else world.unit_id
            self.town.write(assign_row, row.id, unit_id, actor=actor)
            self.town.pay_by_transfer()
        else:
            self.town.write(dismiss_row, row.id, "不是业主的钱", actor=actor)
            self.bank_fen -= row.amount_fen
        with pytest.raises(RowTaken):
            self.town.write(dismiss_row, row.id, "again", actor=actor)
        self.saw("suspense was worked off")


@pytest.fixture
def towns(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> Iterator[Callable[[], MoneyTown]]:
    """Make a town in a database of its own, again and again."""
    numbers, made = count(1), []

    def make() -> MoneyTown:
        folder = tmp_path / f"story{next(numbers)}"
        folder.mkdir()
        if not database_url.startswith("sqlite"):
            made.append(request.getfixturevalue("migrated_postgres").copy())
            return MoneyTown(made[-1], folder)
        for part in request.getfixturevalue("migrated_sqlite").glob("wuyebot.db*"):
            shutil.copy(part, folder)
        return MoneyTown(f"sqlite+aiosqlite:///{folder}/wuyebot.db", folder)

    yield make
    for url in made:
        request.getfixturevalue("migrated_postgres").drop(url)


@pytest.mark.timeout(0)
def test_m1_to_m10_hold_after_any_story_of_every_way(towns: Callable[[], MoneyTown]):
    number = int(os.environ.get("WUYEBOT_SEED") or secrets.randbelow(2**32))
    EveryWay.make, Kept.steps, EveryWay.reached = staticmethod(towns), 0, set()
    machine = seed(number)(EveryWay)
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=max(STEPS // STEPS_A_STORY, 1),
                stateful_step_count=STEPS_A_STORY,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as trouble:
        trouble.add_note(f"replay: make properties SEED={number} STEPS={STEPS}")
        raise
    assert Kept.steps >= STEPS // 3, "stories end early where lots run out, but not all of them"
    assert len(EveryWay.reached) >= 8 or STEPS < 1000, EveryWay.reached
    assert EveryWay.reached >= ALL_OF_THEM or STEPS < 50_000, ALL_OF_THEM - EveryWay.reached
