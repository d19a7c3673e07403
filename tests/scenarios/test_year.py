"""A year passes in 梧桐里: each bill is the model's, each sum can be typed in again."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.database import Database, open_database
from storage.kinds import Basis
from storage.models.operating import discrepancies
from storage.models.prepayments import deposits
from storage.queries.prepayments import purses
from storage.queries.proofs import prove
from storage.rules.tariffs import recompute
from tests.postgres import Postgres
from tests.scenarios import year, year_late_fees, year_sums
from tests.scenarios.year_model import Model
from tests.scenarios.year_office import Office

pytestmark = pytest.mark.timeout(600)

A_DAY = timedelta(days=1)
MORNINGS = ("02:30", "09:05")
IS_VOID = 6


async def walk(db: Database, folder: Path, ends_on: date) -> Office:
    """Walk day by day; at each month's end the books are proved and held against the model."""
    office, model, script = Office(db, folder), Model(), year.script()
    await office.open()
    day = year.OPENS_ON
    while day < ends_on:
        for at in MORNINGS if day.day == 1 else MORNINGS[1:]:
            await office.tick(day, at)
        year_late_fees.night(model, day)
        model.issue(day)
        model.draw(day)
        for event in script.get(day, ()):
            await office.play(event)
            model.play(event)
        day += A_DAY
        if day.day == 1 or day == ends_on:
            await hold_against(office, model, day)
    return office


async def hold_against(office: Office, model: Model, today: date) -> None:
    """Prove the books as `wuyebot audit` does, and compare every bill with the model's."""
    assert await office.db.read(prove) == []
    ours, theirs = await office.told(), {one.key: one.told(today) for one in model.bills}
    differing = [
        f"{key}\n  books {ours.get(key)}\n  model {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    assert not differing, f"{len(differing)} differ\n" + "\n".join(differing[:12])


async def explains_itself(office: Office, seed: int, count: int = 60) -> None:
    """Recompute the explanations of some bills, by the rules and by a pocket calculator."""
    bills = await office.explanations()
    for bill_no, amount_fen, explanation in random.Random(seed).sample(bills, count):
        why = f"seed {seed}, {bill_no}: {explanation['sum']}"
        assert recompute(explanation) == amount_fen, why
        year_sums.check(explanation, amount_fen)


async def test_a_year_of_every_kind_of_fee(sqlite_url: str, tmp_path: Path):
    seed = random.randrange(2**32)
    async with open_database(sqlite_url) as db:
        office = await walk(db, tmp_path, year.ENDS_ON)

        await explains_itself(office, seed)
        await has_seen_everything(office)


async def has_seen_everything(office: Office) -> None:
    """See that the year had what it is to prove: no kind of fee and no trouble was left out."""
    bills = await office.explanations()
    kinds = {explanation["basis"] for _, _, explanation in bills}
    assert kinds == {*Basis, "late_fee"}
    assert {"minimum", "maximum", "discounts", "usage", "part"} <= {
        name for *_, one in bills for name in one
    }
    books = await office.told()
    voided = sorted(key[:3] for key, told in books.items() if told[IS_VOID])
    assert voided == [
        (year.MISREAD, "违约金", "2026-10"),  # the platform told us late that she had paid
        (year.WIDER, year.PROPERTY, "2026-02"),  # the area was corrected
    ]
    assert all((*key, 1, 0) in books for key in voided)
    [deposit] = await office.rows(select(deposits))
    assert (deposit.deducted_fen, deposit.returned_fen) == (30_000, 170_000)
    assert await office.db.read(purses, office.units[year.PREPAYS]) == []
    asked = discrepancies.c.kind != "unanswered"  # the platform was deaf for a while
    assert await office.rows(select(discrepancies).where(asked)) == []
    heard = " ".join(office.channel.heard(f"o-{year.OWES}"))
    assert "待缴" in heard


@pytest.mark.postgresql
async def test_a_quarter_is_the_same_on_postgresql(migrated_postgres: Postgres, tmp_path: Path):
    url = migrated_postgres.copy()
    async with open_database(url) as db:
        office = await walk(db, tmp_path, date(2026, 4, 2))

        await explains_itself(office, seed=1)
    migrated_postgres.drop(url)


def test_the_pocket_calculator_notices_a_fen_too_much():
    kept = {"basis": "by_area", "rounding": ["fen", "half_up"]}
    kept["sum"] = "89.50㎡ × 2.80元 × 15/30个月 = 125.30元 − 12.53元 = 112.77元"
    year_sums.check(kept, 11_277)

    with pytest.raises(AssertionError):
        year_sums.check(kept, 11_278)
    kept["sum"] = "89.50㎡ × 2.80元 × 15/30个月 = 125.31元 − 12.54元 = 112.77元"
    with pytest.raises(AssertionError):
        year_sums.check(kept, 11_277)
