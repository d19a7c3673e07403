"""A finding is a task once; what a person has closed stays closed, what healed may come back."""

from datetime import date

import pytest

from storage.models.operating import discrepancies
from storage.operations.differences import close_difference
from storage.operations.findings import close_finding, keep_finding
from storage.queries.agreement import Finding
from storage.rules.agreeing import HEALED, DifferenceKind
from tests.storage.operations.till import Till, tilled

FINDING = Finding(DifferenceKind.OURS_ONLY, "wechat_pay", date(2026, 11, 23), "W1", 25_060, None)


@pytest.fixture
async def till(db) -> Till:
    return await tilled(db)


async def keep(till: Till) -> str:
    return await till.db.write(keep_finding, FINDING, now=till.now)


async def test_what_a_person_has_closed_is_never_open_again(till: Till):
    first, second = await keep(till), await keep(till)
    [row] = await till.rows(discrepancies)
    who = till.cashier
    await till.db.write(
        close_difference,
        row.id,
        staff_id=who.staff_id,
        community_ids=who.community_ids,
        reason="已核实",
        now=till.now,
    )

    assert (first, second, await keep(till)) == ("new", "open", "handled")
    [row] = await till.rows(discrepancies)
    assert row.closed_at is not None


async def test_what_closed_by_itself_is_open_again_when_it_shows_again(till: Till):
    await till.db.write(close_finding, FINDING, HEALED, now=till.now)

    assert await keep(till) == "again"
    [row] = await till.rows(discrepancies)
    assert row.closed_at is None
