"""Whatever the order and repetition of runs, what is charged is what the rule derives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, StaticPool, create_engine, insert, select

from storage.audit import CLOCK
from storage.kinds import LateFeeMode
from storage.models.all import metadata
from storage.models.bills import bills
from storage.models.late_fees import holds
from storage.operations.bills import void_bill
from storage.operations.late_fee_corrections import correct_late_fees
from storage.operations.late_fee_terms import set_late_fee
from storage.operations.late_fees import bill_late_fees
from storage.operations.payments import settle_payment
from storage.periods import BillingPeriod
from storage.ports.payments import PaymentFact, PaymentState
from storage.queries.late_fees import Terms, charged_by_principal, late_fee_bills
from storage.queries.proofs import prove
from storage.rules.late_fees import LateFeePolicy
from tests import factories
from tests.factories import Owed
from tests.storage.rules import model

ISSUED_ON = date(2026, 11, 23)
MONTHS = [BillingPeriod(2026, 11).plus(more) for more in range(5)]
"""November to March."""
DUE = {"2026-11": date(2026, 11, 25), "2026-12": date(2026, 12, 25), "2027-01": date(2027, 1, 25)}
"""All three are worked days."""
BILLED = tuple(DUE)
OVER = BillingPeriod(2027, 3)

DAYS = st.integers(0, 125)
PAYMENTS = st.lists(st.tuples(st.sampled_from(BILLED), DAYS, st.integers(0, 40)), max_size=3)
"""Of which month, on which day, and how many days later we hear of it."""
RUNS = st.lists(st.tuples(DAYS, st.sampled_from([*MONTHS, None])), max_size=12)
"""On which day which month is charged; None has what stands corrected."""


@contextmanager
def fresh_books() -> Iterator[Connection]:
    """Give a transaction that is taken back: each story begins with empty books."""
    with books().connect() as tx:
        yield tx
        tx.rollback()


@lru_cache(maxsize=1)
def books() -> Engine:
    """Give one database in memory to all stories."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    return engine


def morning(day: int) -> datetime:
    return datetime.fromisoformat(f"{ISSUED_ON + timedelta(days=day)}T01:30:00+08:00")


def noon(day: int) -> datetime:
    return datetime.fromisoformat(f"{ISSUED_ON + timedelta(days=day)}T12:00:00+08:00")


class Story:
    """Ms Li's three bills, and what became of them."""

    def __init__(self, tx: Connection, cap: int | None, grace_days: int) -> None:
        self.tx = tx
        self.world = factories.build(tx)
        self.keys = {"2026-11": self.world.november_id}
        for period in BILLED[1:]:
            owed = Owed(self.world.unit_id, self.world.fee_item_id, period)
            self.keys[period] = factories.add_bill(tx, owed)
        void_bill(tx, bill_id=self.world.october_id, reason="-", actor=CLOCK, now=factories.NOW)
        cap_percent = None if cap is None else Decimal(cap)
        policy = LateFeePolicy(
            date(2020, 1, 1), LateFeeMode.CHARGED, 500, grace_days, cap_percent=cap_percent
        )
        self.community_id = self.world.community_id
        set_late_fee(
            tx,
            Terms(policy, "第十二条"),
            community_id=self.community_id,
            actor=CLOCK,
            now=factories.NOW,
        )

    def hear(self, period: str, paid_day: int, heard_day: int) -> None:
        """Pay a bill in full on a day and hear of it on another."""
        bill_id, paid_at = self.keys[period], noon(paid_day)
        order = factories.begin_to_pay(self.tx, self.world.unit_id, (bill_id,), at=paid_at)
        fact = PaymentFact(
            gateway="wechat_pay",
            order_no=order.order_no,
            state=PaymentState.PAID,
            amount_fen=order.amount_fen,
            currency="CNY",
            merchant_id="1900000001",
            app_id="wx1",
            transaction_id=f"42{order.order_no}",
            paid_at=paid_at,
        )
        settle_payment(self.tx, fact, heard_at=noon(heard_day))

    def dispute(self, period: str, first: int, last: int) -> None:
        self.tx.execute(
            insert(holds).values(
                unit_id=self.world.unit_id,
                bill_id=self.keys[period],
                kind="dispute",
                from_on=ISSUED_ON + timedelta(days=first),
                until_on=ISSUED_ON + timedelta(days=last),
                made_at=factories.NOW,
            )
        )

    def run(self, month: BillingPeriod | None, day: int) -> None:
        now, units = morning(day), [self.world.unit_id]
        if month is None:
            correct_late_fees(self.tx, community_id=self.community_id, unit_ids=units, now=now)
        elif now.date() > month.last_on:
            bill_late_fees(
                self.tx, community_id=self.community_id, period=month, unit_ids=units, now=now
            )

    def charged(self) -> dict[str, int]:
        standing = late_fee_bills(self.tx, [self.world.unit_id]).get(self.world.unit_id, [])
        by_key = charged_by_principal(standing)
        return {period: by_key.get(key, 0) for period, key in self.keys.items()}


@settings(max_examples=40, deadline=None)
@given(
    payments=PAYMENTS,
    runs=RUNS,
    disputed=st.none() | st.tuples(st.sampled_from(BILLED), DAYS, st.integers(1, 60)),
    cap=st.sampled_from([None, 1, 5]),
    grace_days=st.sampled_from([0, 10]),
)
def test_the_sum_charged_is_the_rules(payments, runs, disputed, cap, grace_days):
    paid = {period: (day, day + wait) for period, day, wait in payments}
    with fresh_books() as tx:
        story = Story(tx, cap, grace_days)
        frozen: dict[str, tuple[int, int]] = {}
        if disputed is not None:
            period, first, length = disputed
            frozen[period] = (first, first + length)
            story.dispute(period, *frozen[period])

        acts: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = [
            (heard, 0, story.hear, (period, day)) for period, (day, heard) in paid.items()
        ]
        acts += [(day, 1, story.run, (month,)) for day, month in runs]
        for day, _, act, more in sorted(acts, key=lambda one: one[:2]):
            act(*more, day)
        for month in [*MONTHS, None]:
            story.run(month, 200)

        charged = story.charged()
        assert prove(tx) == []
        assert charged == {
            period: right_fen(period, paid, frozen, cap, grace_days) for period in BILLED
        }
        rows = tx.execute(select(bills.c.paid_fen).where(bills.c.corrects_id.is_not(None)))
        assert set(rows.scalars()) <= {0}


def right_fen(period, paid, frozen, cap, grace_days) -> int:
    """Ask the slow and obvious model, which walks the days."""
    history = [(ISSUED_ON, 25_060)]
    if period in paid:
        history.append((ISSUED_ON + timedelta(days=paid[period][0]), -25_060))
    first, last = frozen.get(period, (0, 0))

    def frozen_on(day: date) -> int | None:
        is_frozen = first <= (day - ISSUED_ON).days < last
        return None if is_frozen else 0

    _, charged = model.late_fee(
        history,
        DUE[period],
        OVER.last_on,
        lambda _: (500, "charged"),
        grace_days,
        cap,
        frozen_on,
    )
    return charged
