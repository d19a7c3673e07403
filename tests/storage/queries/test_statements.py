"""The statement of account: what happened by day, equal to the ledger, and for whose eyes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, func, select, update

from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import LinkExpired, Refusal
from storage.kinds import Account, BindingState, OccupancyRole
from storage.ledger import unit_balance
from storage.links import PayLink
from storage.models.bills import HISTORY, OPENING, bills
from storage.models.ledger import entries, postings
from storage.models.payments import payments
from storage.models.people import bindings, occupancies
from storage.operations.bills import NewBill, book_bills, void_bill
from storage.operations.payments import settle_payment
from storage.operations.prepayments import apply_prepayments
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.periods import BillingPeriod, shanghai_day
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState
from storage.queries.proofs import prove
from storage.queries.statements import Statement, statement_for, statement_of_unit
from tests import factories
from tests.factories import NOW, World

EVER = (date(2020, 1, 1), date(2030, 1, 1))
TODAY = shanghai_day(NOW)
LAST_ON = TODAY + timedelta(days=400)


@dataclass
class Life:
    """One flat's story, a step a day; whatever is refused did not happen."""

    tx: Connection
    world: World
    identity_id: int
    at: datetime = NOW
    steps: int = 0

    def bill(self, fen: int, *, liable_id: int | None = None, kind: int = 0) -> int:
        self.steps += 1
        period = BillingPeriod(2027, 1).plus(self.steps)
        new = NewBill(
            unit_id=self.world.unit_id,
            fee_item_id=self.world.fee_item_id,
            item_name="物业费",
            period=period,
            amount_fen=fen,
            due_on=period.day(25),
            explanation={},
            liable_id=self.world.li_id if liable_id is None else liable_id,
            kind=kind,
        )
        book_bills(
            self.tx,
            [new],
            community_id=self.world.community_id,
            against=Account.OPENING if kind else Account.INCOME,
            now=self.at,
        )
        found: int = self.tx.execute(
            select(bills.c.id).where(
                bills.c.unit_id == self.world.unit_id, bills.c.period == str(period)
            )
        ).scalar_one()
        return found

    def open_ids(self) -> list[int]:
        mine = select(bills.c.id).where(
            bills.c.unit_id == self.world.unit_id,
            bills.c.voided_at.is_(None),
            bills.c.paid_fen < bills.c.amount_fen,
        )
        return list(self.tx.execute(mine.order_by(bills.c.id)).scalars())

    def settle(self, order, *, paid_at: datetime | None = None) -> int:
        paid = PaymentFact(
            gateway="wechat_pay",
            order_no=order.order_no,
            state=PaymentState.PAID,
            amount_fen=order.amount_fen,
            currency="CNY",
            merchant_id="1900000001",
            app_id="wx1",
            transaction_id=f"42{order.order_no}",
            paid_at=paid_at or self.at,
        )
        found = settle_payment(self.tx, paid, heard_at=self.at).payment_id
        assert found is not None
        return found

    def pay(self, bill_ids) -> int:
        return self.settle(self.order(bill_ids))

    def order(self, bill_ids):
        return factories.begin_to_pay(
            self.tx,
            self.world.unit_id,
            tuple(bill_ids),
            identity_id=self.identity_id,
            at=self.at,
        )

    def pay_too_much(self) -> None:
        """Pay two bills together whose first was paid meanwhile: the rest lies in advance."""
        first, second, *_ = self.open_ids()
        together = self.order((first, second))
        self.pay((first,))
        self.at += timedelta(seconds=1)
        self.settle(together)

    def give_back(self, payment_id: int, fen: int, *, ends: RefundState) -> None:
        self.steps += 1
        asked = RefundAskedFor(
            payment_id, fen, "paid_too_much", "多缴", f"s{self.steps}", self.identity_id
        )
        view = request_refund(
            self.tx, asked, actor=Actor(identity_id=self.identity_id), now=self.at
        )
        fact = RefundFact("wechat_pay", view.refund_no, "", ends, fen, settled_at=self.at)
        note_refund(self.tx, fact, heard_at=self.at)

    def void(self, number: int) -> None:
        bill_id = self.open_ids()[number % len(self.open_ids())]
        void_bill(self.tx, bill_id=bill_id, reason="算错了", actor=CLOCK, now=self.at)

    def ask_back(self, number: int, *, ends: RefundState) -> None:
        paid = self.tx.execute(select(payments).order_by(payments.c.id)).all()
        one = paid[number % len(paid)]
        self.give_back(one.id, number % one.amount_fen + 1, ends=ends)

    def act(self, what: str, number: int) -> None:
        """Take one step by name; `number` chooses of whom and how much."""
        STORIES[what](self, number)


STORIES: dict[str, Callable[[Life, int], object]] = {
    "bill": lambda life, number: life.bill(number + 1),
    "theirs": lambda life, number: life.bill(number + 1, liable_id=life.world.wang_id),
    "brought": lambda life, number: life.bill(number + 1, kind=OPENING),
    "old": lambda life, number: life.bill(number + 1, kind=HISTORY),
    "pay": lambda life, number: life.pay(life.open_ids()[: number % 3 + 1]),
    "too much": lambda life, _: life.pay_too_much(),
    "void": lambda life, number: life.void(number),
    "draw": lambda life, _: apply_prepayments(life.tx, life.world.unit_id, now=life.at),
    "back": lambda life, number: life.ask_back(number, ends=RefundState.SUCCESS),
    "not back": lambda life, number: life.ask_back(number, ends=RefundState.CLOSED),
    "going": lambda life, number: life.ask_back(number, ends=RefundState.PROCESSING),
}


def begin(tx: Connection) -> Life:
    world = factories.build(tx)
    factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
    return Life(tx, world, factories.meet(tx, "oLi"))


def ledger_on(tx: Connection, unit_id: int, account: Account, day: date) -> int:
    """Return an account of a unit at the end of a day, straight from the postings."""
    asked = (
        select(func.coalesce(func.sum(postings.c.amount_fen), 0))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(
            postings.c.unit_id == unit_id,
            postings.c.account == account,
            entries.c.effective_on <= day,
        )
    )
    return int(tx.execute(asked).scalar_one())


def runs_on(statement: Statement) -> bool:
    """Tell whether each row's balances follow from those before it."""
    owed, ahead = statement.opening_open_fen, statement.opening_in_advance_fen
    for row in statement.rows:
        owed, ahead = owed + row.owed_fen, ahead + row.prepaid_fen
        if (row.open_fen, row.in_advance_fen) != (owed, ahead):
            return False
    return (statement.open_fen, statement.in_advance_fen) == (owed, ahead)


@pytest.fixture(scope="module")
def engine(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give the books without a door, for many short stories that are all taken back."""
    path = tmp_path_factory.mktemp("statements") / "wuyebot.db"
    shutil.copy(migrated_sqlite / "wuyebot.db", path)
    made = create_engine(f"sqlite:///{path}")
    yield made
    made.dispose()


STEPS = st.lists(
    st.tuples(st.sampled_from([*STORIES, "pay"]), st.integers(0, 60_000), st.integers(0, 3)),
    max_size=14,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, days=st.lists(st.integers(0, 45), min_size=2, max_size=2).map(sorted))
def test_after_any_story_the_statement_is_the_ledgers(engine: Engine, steps, days):
    with engine.connect() as tx:
        life = begin(tx)
        for what, number, later in steps:
            life.at += timedelta(days=later)
            with suppress(Refusal, IndexError, ZeroDivisionError, ValueError):
                life.act(what, number)
        first_on, last_on = (TODAY + timedelta(days=one) for one in days)

        found = statement_of_unit(tx, life.world.unit_id, first_on=first_on, last_on=last_on)
        whole = statement_of_unit(tx, life.world.unit_id, first_on=EVER[0], last_on=EVER[1])

        unit_id, before = life.world.unit_id, first_on - timedelta(days=1)
        owed, ahead = Account.RECEIVABLE, Account.PREPAYMENT
        assert found.opening_open_fen == ledger_on(tx, unit_id, owed, before)
        assert found.opening_in_advance_fen == -ledger_on(tx, unit_id, ahead, before)
        assert found.open_fen == ledger_on(tx, unit_id, owed, last_on)
        assert found.in_advance_fen == -ledger_on(tx, unit_id, ahead, last_on)
        assert whole.open_fen == unit_balance(tx, owed, unit_id)
        assert whole.in_advance_fen == -unit_balance(tx, ahead, unit_id)
        assert runs_on(found)
        assert runs_on(whole)
        assert prove(tx) == []
        assert sees_her_own(tx, life)


def sees_her_own(tx: Connection, life: Life) -> bool:
    """Tell whether Ms Li's own statement ends with what she owes, and with no other's debts."""
    theirs = bills.c.liable_id == life.world.wang_id
    hers = select(func.coalesce(func.sum(bills.c.amount_fen - bills.c.paid_fen), 0)).where(
        bills.c.unit_id == life.world.unit_id, bills.c.voided_at.is_(None), ~theirs
    )
    statement = statement_for(tx, link_of(tx, life), first_on=EVER[0], last_on=EVER[1])
    numbers = set(
        tx.execute(
            select(bills.c.bill_no).where(bills.c.unit_id == life.world.unit_id, theirs)
        ).scalars()
    )
    told = {row.number for row in statement.rows}
    return statement.open_fen == tx.execute(hers).scalar_one() and not numbers & told


def link_of(tx: Connection, life: Life, openid: str = "oLi") -> PayLink:
    identity_id = factories.meet(tx, openid)
    binding_id = tx.execute(
        select(bindings.c.id).where(bindings.c.identity_id == identity_id)
    ).scalar_one()
    return PayLink(life.world.unit_id, binding_id, 0, LAST_ON)


def shown(statement: Statement) -> list[tuple[str, int, int]]:
    return [(str(one.kind), one.owed_fen, one.prepaid_fen) for one in statement.rows]


async def test_each_thing_that_happened_is_told_once_with_its_day_and_number(db: Database):
    def live(tx: Connection) -> tuple[Life, Statement, Statement]:
        life = begin(tx)
        life.at += timedelta(days=1)
        life.pay_too_much()
        life.at += timedelta(days=1)
        last = tx.execute(select(func.max(payments.c.id))).scalar_one()
        life.give_back(last, 25_060, ends=RefundState.SUCCESS)
        life.at += timedelta(days=1)
        wrong = life.bill(9_900)
        void_bill(tx, bill_id=wrong, reason="面积有误", actor=CLOCK, now=life.at)
        right = life.bill(8_800)
        tx.execute(update(bills).where(bills.c.id == right).values(corrects_id=wrong))
        everything = statement_for(tx, link_of(tx, life), first_on=EVER[0], last_on=EVER[1])
        later = TODAY + timedelta(days=3)
        return life, everything, statement_for(tx, link_of(tx, life), first_on=later, last_on=later)

    _, whole, day = await db.write(live)

    assert shown(whole) == [
        ("bill", 25_060, 0),
        ("bill", 25_060, 0),
        ("payment", -25_060, 0),
        ("payment", -25_060, 25_060),
        ("refund", 0, -25_060),
        ("bill", 9_900, 0),
        ("correction", 8_800, 0),
        ("void", -9_900, 0),
    ]
    assert [one.on - TODAY for one in whole.rows][-1] == timedelta(days=3)
    assert whole.rows[3].number.startswith("W")
    assert whole.rows[4].number.startswith("T")
    assert whole.rows[7].note == "面积有误"
    assert whole.rows[6].note == whole.rows[5].number
    assert (whole.billed_fen, whole.paid_fen, whole.refunded_fen) == (58_920, 75_180, 25_060)
    assert (day.opening_open_fen, day.open_fen, day.in_advance_fen) == (0, 8_800, 0)
    assert len(day.rows) == 3


async def test_what_the_prepayment_paid_is_one_line_with_both_sides(db: Database):
    def live(tx: Connection) -> Statement:
        life = begin(tx)
        life.pay_too_much()
        life.at += timedelta(days=1)
        life.bill(20_000)
        assert apply_prepayments(tx, life.world.unit_id, now=life.at).drawn_fen == 20_000
        return statement_for(tx, link_of(tx, life), first_on=EVER[0], last_on=EVER[1])

    found = await db.write(live)

    assert shown(found)[-2:] == [("bill", 20_000, 0), ("offset", -20_000, -20_000)]
    assert found.rows[-1].number == found.rows[-2].number
    assert (found.open_fen, found.in_advance_fen) == (0, 5_060)
    assert (found.billed_fen, found.paid_fen) == (70_120, 75_180)


async def test_a_tenant_sees_her_own_bills_and_nothing_in_advance(db: Database):
    def live(tx: Connection) -> tuple[Statement, Statement]:
        life = begin(tx)
        zhao_id = factories.add_resident(tx, life.world.community_id, "赵敏", "13700000000")
        factories.move_in(tx, zhao_id, life.world.unit_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "oZhao", life.world.unit_id, zhao_id, OccupancyRole.TENANT)
        life.bill(4_300, liable_id=zhao_id)
        life.pay_too_much()
        days = {"first_on": EVER[0], "last_on": EVER[1]}
        return (
            statement_for(tx, link_of(tx, life, "oZhao"), **days),
            statement_for(tx, link_of(tx, life), **days),
        )

    tenants, owners = await db.write(live)

    assert shown(tenants) == [("bill", 4_300, 0)]
    assert not tenants.has_prepayment
    assert tenants.open_fen == 4_300
    assert ("bill", 4_300, 0) not in shown(owners)
    assert owners.in_advance_fen == 25_060


async def test_a_new_owner_reads_no_line_of_what_was_paid_in_advance_before_her(db: Database):
    def live(tx: Connection) -> tuple[Life, Statement]:
        life = begin(tx)
        life.pay_too_much()
        sold_on = TODAY + timedelta(days=10)
        sun_id = factories.add_resident(tx, life.world.community_id, "孙丽", "13600000000")
        factories.move_in(tx, sun_id, life.world.unit_id, from_on=sold_on)
        tx.execute(
            update(occupancies)
            .where(occupancies.c.resident_id == life.world.li_id)
            .values(until_on=sold_on)
        )
        factories.add_binding(tx, "oSun", life.world.unit_id, sun_id)
        days = {"first_on": EVER[0], "last_on": EVER[1]}
        return life, statement_for(tx, link_of(tx, life, "oSun"), **days)

    _, found = await db.write(live)

    assert found.rows == ()
    assert (found.open_fen, found.in_advance_fen) == (0, 25_060)


async def test_a_link_whose_binding_or_epoch_has_ended_opens_no_statement(db: Database):
    def told(tx: Connection, link: PayLink) -> Statement:
        return statement_for(tx, link, first_on=EVER[0], last_on=EVER[1])

    def lived(tx: Connection) -> PayLink:
        return link_of(tx, begin(tx))

    link = await db.write(lived)
    assert len((await db.read(told, link)).rows) == 2
    for ends in (
        PayLink(link.unit_id, 0, 0, LAST_ON),
        PayLink(link.unit_id, link.binding_id, 1, LAST_ON),
        PayLink(link.unit_id + 1, link.binding_id, 0, LAST_ON),
    ):
        with pytest.raises(LinkExpired):
            await db.read(told, ends)

    await db.write(lambda tx: tx.execute(update(bindings).values(state=BindingState.REMOVED)))

    with pytest.raises(LinkExpired):
        await db.read(told, link)


async def test_a_payment_heard_after_midnight_keeps_the_day_on_which_it_was_made(db: Database):
    def live(tx: Connection) -> Statement:
        life = begin(tx)
        order = life.order(life.open_ids())
        made = datetime(2026, 11, 23, 15, 59, 58, tzinfo=UTC)
        life.at = made + timedelta(seconds=5)
        life.settle(order, paid_at=made)
        return statement_for(tx, link_of(tx, life), first_on=EVER[0], last_on=EVER[1])

    row = (await db.write(live)).rows[-1]

    assert (row.on, row.paid_on) == (TODAY + timedelta(days=1), TODAY)
