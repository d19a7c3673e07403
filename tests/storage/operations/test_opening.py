"""Debts that are brought along, and the signature that ends the silence."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, select

from storage import ledger
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import NotAllowed, OpeningSheetDisagrees, UnknownAudience
from storage.kinds import Account, OccupancyRole, StaffRole, UnitKind
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import residents
from storage.operations.bills import void_bill
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.opening import (
    OpeningPlan,
    OpeningRow,
    Reason,
    import_opening,
    opening_totals,
    plan_opening,
    sign_opening,
    widen,
)
from storage.operations.staff import add_staff
from storage.periods import BillingPeriod
from storage.queries.opening import spoken_to
from tests.factories import NOW

OCTOBER = BillingPeriod(2026, 10)


def debt(code: str = "3-2-1201", fen: int = 25_060, **facts) -> OpeningRow:
    known: dict[str, Any] = {
        "period": OCTOBER,
        "explanation": {"sum": "期初"},
        "fee_code": "property_fee",
    }
    return OpeningRow("翡翠湾", code, "物业费", amount_fen=fen, **(known | facts))


@pytest.fixture(autouse=True)
async def estate(db: Database) -> None:
    """Give a silent community with one flat and one shop."""
    flat = EstateRow(
        "翡翠湾", "3-2-1201", "3栋2单元1201", UnitKind.HOME, "3栋", "2单元", Decimal(89),
        "李秀英", "13800001234",
    )  # fmt: skip
    shop = EstateRow("翡翠湾", "S1", "商铺S1", UnitKind.SHOP)
    await db.write(import_estate, [flat, shop], actor=CLOCK, now=NOW)


async def bring(db: Database, *rows: OpeningRow) -> OpeningPlan:
    return await db.write(import_opening, rows, actor=CLOCK, now=NOW)


def reasons(plan: OpeningPlan) -> list[Reason]:
    return [one.reason for one in plan.objections]


def all_bills(tx: Connection) -> list[Any]:
    return list(tx.execute(select(bills).order_by(bills.c.id)))


async def test_a_debt_is_booked_once_against_the_opening_account(db: Database):
    first = await bring(db, debt())
    again = await bring(db, debt())

    (bill,) = await db.read(all_bills)
    assert (first.new, first.new_fee_items, again.new, again.unchanged) == (
        (0,),
        ("物业费",),
        (),
        (0,),
    )
    assert (bill.bill_no, bill.due_on, bill.is_imported) == (
        "B2026-10-000001",
        date(2026, 10, 25),
        1,
    )
    assert await db.read(ledger.balance, Account.OPENING) == -25_060
    assert await db.read(ledger.unit_balance, Account.RECEIVABLE, bill.unit_id) == 25_060


async def test_what_was_paid_before_is_history_and_booked_nowhere(db: Database):
    await bring(db, debt(is_paid=True))

    (bill,) = await db.read(all_bills)
    assert (bill.paid_fen, bill.is_imported) == (25_060, 2)
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 0


async def test_one_bad_row_keeps_all_money_out(db: Database):
    plan = await bring(db, debt(), debt("9-9-999"))

    assert reasons(plan) == [Reason.UNKNOWN_UNIT]
    assert await db.read(all_bills) == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (debt(fen=25_061), Reason.AMOUNT_DIFFERS),
        (debt(is_paid=True), Reason.STILL_OPEN),
        (debt(owner_name="别人"), Reason.NAME_DIFFERS),
        (debt(liable_role=OccupancyRole.TENANT), Reason.NO_TENANT),
    ],
)
async def test_a_row_that_denies_the_books_is_refused(
    db: Database, row: OpeningRow, reason: Reason
):
    await bring(db, debt())

    assert reasons(await db.read(plan_opening, [row])) == [reason]


async def test_a_row_twice_in_a_sheet_names_the_first(db: Database):
    (objection,) = (await bring(db, debt(), debt(fen=1))).objections

    assert (objection.index, objection.reason, objection.detail) == (1, Reason.REPEATED, "0")


async def test_another_community_is_not_made_by_a_debt(db: Database):
    row = OpeningRow("没有的小区", "3-2-1201", "物业费", "", OCTOBER, 100, {})

    assert reasons(await bring(db, row)) == [Reason.UNKNOWN_COMMUNITY]


async def test_a_voided_debt_is_replaced_only_by_another_amount(db: Database):
    await bring(db, debt())
    await db.write(void_bill, bill_id=1, reason="金额有误", actor=CLOCK, now=NOW)

    same = await bring(db, debt())
    corrected = await bring(db, debt(fen=20_000))

    assert reasons(same) == [Reason.WAS_VOIDED]
    assert corrected.new == (0,)
    assert [bill.revision for bill in await db.read(all_bills)] == [0, 1]
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 20_000


async def test_a_tenants_debt_is_hers(db: Database):
    tenant = EstateRow(
        "翡翠湾", "3-2-1201", "3栋2单元1201", UnitKind.HOME, "3栋", "2单元",
        name="王租客", phone="13900000001", role=OccupancyRole.TENANT,
    )  # fmt: skip
    await db.write(import_estate, [tenant], actor=CLOCK, now=NOW)

    await bring(db, debt(liable_role=OccupancyRole.TENANT))

    (bill,) = await db.read(all_bills)
    names = dict(
        await db.read(lambda tx: tx.execute(select(residents.c.id, residents.c.name)).all())
    )
    assert names[bill.liable_id] == "王租客"


async def manager(db: Database, role: StaffRole = StaffRole.MANAGER) -> Actor:
    made = await db.write(
        add_staff, name="周明远", phone="13900000009", role=role, community_ids=[1], now=NOW
    )
    return Actor(staff_id=made)


async def test_a_manager_signs_totals_that_equal_the_books_once(db: Database):
    await bring(db, debt(), debt("S1", 9_900))
    totals = {("3栋", "物业费"): 25_060, ("", "物业费"): 9_900}
    actor = await manager(db)

    signed = [
        await db.write(sign_opening, community_id=1, totals=totals, actor=actor, now=NOW)
        for _ in range(2)
    ]

    opened_at = await db.read(lambda tx: tx.execute(select(communities.c.opened_at)).scalar_one())
    assert await db.read(opening_totals, 1) == totals
    assert (signed, opened_at) == ([True, False], NOW)


async def test_totals_that_differ_are_named_and_nothing_is_signed(db: Database):
    await bring(db, debt())
    totals = {("3栋", "物业费"): 25_061, ("3栋", "水费"): 100}

    with pytest.raises(OpeningSheetDisagrees) as refused:
        await db.write(
            sign_opening, community_id=1, totals=totals, actor=await manager(db), now=NOW
        )

    assert refused.value.rows == ("3栋 水费 1.00≠0.00", "3栋 物业费 250.61≠250.60")


async def test_only_a_manager_of_the_community_signs(db: Database):
    cashier = await manager(db, StaffRole.CASHIER)

    for actor in (cashier, CLOCK):
        with pytest.raises(NotAllowed):
            await db.write(sign_opening, community_id=1, totals={}, actor=actor, now=NOW)


def heard(tx: Connection) -> list[str]:
    return list(tx.execute(select(units.c.code).where(spoken_to(tx, 1))).scalars())


async def test_the_first_batch_goes_to_the_chosen_households_until_a_manager_widens_it(
    db: Database,
):
    actor = await manager(db)
    spoken = [await db.read(heard)]
    await db.write(
        sign_opening, community_id=1, totals={}, actor=actor, now=NOW, pilot_codes=["3-2-1201"]
    )
    spoken.append(await db.read(heard))

    widened = [await db.write(widen, community_id=1, actor=actor, now=NOW) for _ in range(2)]

    spoken.append(sorted(await db.read(heard)))
    assert spoken == [[], ["3-2-1201"], ["3-2-1201", "S1"]]
    assert widened == [True, False]


@pytest.mark.parametrize("codes", [["3-2-9999"], [f"3-2-{n}" for n in range(11)]])
async def test_unknown_pilots_or_more_than_ten_are_refused_and_nothing_is_signed(
    db: Database, codes: list[str]
):
    actor = await manager(db)

    with pytest.raises(UnknownAudience):
        await db.write(
            sign_opening, community_id=1, totals={}, actor=actor, now=NOW, pilot_codes=codes
        )

    assert await db.read(heard) == []


async def test_a_steward_cannot_widen(db: Database):
    steward = await manager(db, StaffRole.STEWARD)

    with pytest.raises(NotAllowed):
        await db.write(widen, community_id=1, actor=steward, now=NOW)
