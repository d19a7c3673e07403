"""When residents pay, who is often late, and what will come: counted, and tried on the past."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, update

from storage.database import Database
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items, tariffs
from storage.periods import BillingPeriod
from storage.queries.debt_moves import Days, Scope
from storage.queries.habits import came_by_day, habits, often_late, try_late, unusual_bills
from storage.rules.habits import LateTrial, best_hour, cash_flow, expected_on, try_flow
from tests.factories import Owed, add_bill, add_community, add_fee_item, add_unit, pay

NOVEMBER = BillingPeriod(2026, 11)
TODAY = date(2026, 11, 24)
BEGUN = NOVEMBER.plus(-4)


@pytest.fixture
async def scope(db: Database) -> Scope:
    """Two flats since July: one pays at 20:30 before the due day, one a week after it.

    Neither has paid November; the first has metered water, ten times as much in November.
    """

    def live(tx: Connection) -> Scope:
        community_id = add_community(tx)
        item_id = add_fee_item(tx, community_id)
        water_id = add_fee_item(tx, community_id, "水费", "water")
        tx.execute(
            update(fee_items).where(fee_items.c.id == water_id).values(fee_class=FeeClass.AGENCY)
        )
        made = {"unit_kind": "home", "scheme": "", "name": "水", "basis": "by_meter"}
        day = {"effective_on": date(2020, 1, 1), "due_day": 25, "price_e4": 30000}
        tx.execute(
            insert(tariffs).values(community_id=community_id, fee_item_id=water_id, **made, **day)
        )
        for number, days in ((1, -2), (2, 7)):
            unit_id = add_unit(tx, community_id, f"1-1-{number}")
            for back in range(5):
                month = NOVEMBER.plus(-back)
                key = add_bill(tx, Owed(unit_id, item_id, str(month), 10_000))
                at = datetime(month.year, month.month, 25, 12, 30, tzinfo=UTC)
                if back:
                    pay(tx, unit_id, (key,), paid_at=at + timedelta(days=days))
                if number == 1:
                    add_bill(tx, Owed(unit_id, water_id, str(month), 9_000 if not back else 900))
        tx.execute(update(bills).values(issued_at=datetime(2026, 6, 30, 16, tzinfo=UTC)))
        return Scope(community_id)

    return await db.write(live)


async def test_payments_are_counted_by_hour_by_days_from_due_and_by_gateway(
    db: Database, scope: Scope
):
    found = await db.read(habits, scope, Days(BEGUN.first_on, TODAY))
    came = await db.read(came_by_day, scope, Days(BEGUN.first_on, TODAY))

    assert found.by_hour == {20: 8}
    assert found.by_lateness == (0, 4, 0, 4, 0, 0)
    assert found.by_gateway == {"wechat_pay": 8}
    assert came[date(2026, 10, 23)] == 10_000
    assert sum(came.values()) == 80_000
    assert best_hour(found.by_hour) == 20
    assert best_hour({3: 9, 10: 2, 9: 2}) == 9
    assert best_hour({3: 9}) is None


async def test_who_was_late_twice_and_owes_is_named_and_the_guess_is_tried_on_last_month(
    db: Database, scope: Scope
):
    late = await db.read(often_late, scope, NOVEMBER, limit=9)
    tried = await db.read(try_late, scope, NOVEMBER.plus(-1))

    assert [(one.unit_label, one.times, one.open_fen) for one in late] == [("1栋1单元2", 3, 10_000)]
    assert tried == (LateTrial(named=1, right=1, late=1), LateTrial(named=1, right=1, late=1))


async def test_water_of_three_times_the_usual_is_unusual(db: Database, scope: Scope):
    (one,) = await db.read(unusual_bills, scope, NOVEMBER, limit=9)

    assert (one.unit_label, one.item_name, one.fen, one.usual_fen) == (
        "1栋1单元1",
        "水费",
        9_000,
        900,
    )
    assert await db.read(unusual_bills, scope, NOVEMBER.plus(-1), limit=9) == ()


def test_a_day_brings_the_mean_of_the_same_day_of_three_months():
    came = {date(2026, 8, 31): 300, date(2026, 9, 30): 600, date(2026, 10, 31): 900}
    known = date(2026, 11, 24)

    assert expected_on(date(2026, 12, 31), came, known) == 600
    assert expected_on(date(2026, 12, 30), came, known) == 200
    flows = cash_flow(came, known)
    assert (flows[0].first_on, flows[-1].last_on) == (date(2026, 11, 25), date(2027, 1, 23))
    assert sum(one.fen for one in flows) == 200 + 600 + 200
    assert try_flow(came, date(2026, 11, 29))[0] == 900
