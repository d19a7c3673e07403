"""Late fees are charged once a month is over, whatever was missed, and corrected every night."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from scheduler.jobs import accrue_late_fees
from scheduler.registry import JOBS
from storage import crashpoints
from storage.audit import CLOCK
from storage.kinds import LateFeeMode
from storage.models.bills import bills, fee_items
from storage.models.estate import communities
from storage.operations.late_fee_terms import set_late_fee
from storage.queries.late_fees import Terms
from storage.queries.proofs import prove
from storage.rules.late_fees import LateFeePolicy
from tests import factories, town
from tests.desk import job_deps
from tests.factories import Owed

DECEMBER = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)
"""The first of December, half past one in Shanghai."""
NOTHING = {"issued": 0, "told": 0, "corrected": 0}


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


def late_town(tx, mode=LateFeeMode.CHARGED):
    """Build the town, where three flats are late since autumn, with terms that charge."""
    place = town.build(tx)
    for code in ("3-1-102", "3-1-103"):
        factories.add_bill(tx, Owed(place.unit_ids[code], place.fee_item_id, "2026-10"))
    policy = LateFeePolicy(date(2026, 1, 1), mode, 500)
    set_late_fee(
        tx,
        Terms(policy, "第十二条"),
        community_id=place.community_id,
        actor=CLOCK,
        now=factories.NOW,
    )
    return place


async def charged(db):
    """Return month → fen of the late-fee bills that stand; the books hold."""
    asked = (
        select(bills.c.period, bills.c.amount_fen)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(fee_items.c.code == "late_fee", bills.c.voided_at.is_(None))
        .order_by(bills.c.period, bills.c.id)
    )
    rows = await db.read(lambda tx: [tuple(row) for row in tx.execute(asked)])
    assert await db.read(prove) == []
    return rows


async def test_a_month_is_charged_once_it_is_over_and_only_once(db):
    await db.write(late_town)
    deps = job_deps(db)

    before = await accrue_late_fees.run(deps, DECEMBER - timedelta(hours=3))
    first = await accrue_late_fees.run(deps, DECEMBER)
    again = await accrue_late_fees.run(deps, DECEMBER + timedelta(days=1))

    assert before == NOTHING
    assert first["issued"] == len(await charged(db)) > 0
    assert again == NOTHING


async def test_months_missed_by_an_outage_are_charged_in_order(db):
    await db.write(late_town)
    deps = job_deps(db)
    await accrue_late_fees.run(deps, DECEMBER)
    on_time = await charged(db)

    report = await accrue_late_fees.run(deps, DECEMBER + timedelta(days=65))

    found = await charged(db)
    assert found[: len(on_time)] == on_time
    assert {period for period, _ in found} == {"2026-11", "2026-12", "2027-01"}
    assert report["issued"] == 2 * len(on_time)


async def test_a_community_that_charges_nothing_or_is_not_signed_is_left_alone(db):
    place = await db.write(late_town, LateFeeMode.CALCULATED)
    deps = job_deps(db)

    assert await accrue_late_fees.run(deps, DECEMBER) == NOTHING

    policy = LateFeePolicy(date(2026, 1, 1), LateFeeMode.CHARGED, 500)
    await db.write(
        set_late_fee,
        Terms(policy, "第十二条"),
        community_id=place.community_id,
        actor=CLOCK,
        now=factories.NOW,
    )
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)
    assert await accrue_late_fees.run(deps, DECEMBER) == NOTHING


async def test_what_turns_out_too_much_is_taken_back_the_next_night(db):
    await db.write(late_town)
    deps = job_deps(db)
    await accrue_late_fees.run(deps, DECEMBER)
    later = date(2026, 12, 25)
    await db.write(lambda tx: tx.execute(update(bills).values(due_on=later)) and None)

    report = await accrue_late_fees.run(deps, DECEMBER + timedelta(days=1))

    assert report["corrected"] > 0
    assert await charged(db) == []


@pytest.mark.parametrize("kill_after", [1, 2])
async def test_broken_off_between_parts_the_run_ends_with_the_same_bills(
    db, monkeypatch, kill_after
):
    await db.write(late_town)
    deps = job_deps(db)
    monkeypatch.setattr(accrue_late_fees, "PART", 1)
    passes = iter(range(1, 100))

    def kill(name):
        if name == "late_fees.after_chunk" and next(passes) == kill_after:
            raise Killed

    monkeypatch.setattr(crashpoints, "reach", kill)
    with pytest.raises(Killed):
        await accrue_late_fees.run(deps, DECEMBER)
    after_the_kill = await charged(db)
    await accrue_late_fees.run(deps, DECEMBER)
    found = await charged(db)

    assert found[: len(after_the_kill)] == after_the_kill
    assert len(after_the_kill) == kill_after
    assert len(found) == 3


def test_the_job_is_registered():
    assert accrue_late_fees.JOB in JOBS
