"""Late fees: each late day is charged once, to who was late, and never by running again."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.audit import CLOCK
from storage.charge_errors import ClauseMissing, TariffOverlaps, WaiverTooMuch
from storage.database import Database
from storage.errors import NotAllowed, SelfApproval, UnknownBill
from storage.kinds import LateFeeMode, LateFeeStart, OccupancyRole, StaffRole
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.estate import communities
from storage.models.late_fees import holds, late_fee_policies, waivers
from storage.models.messages import outbox
from storage.models.operating import discrepancies
from storage.models.tariffs import period_closes
from storage.operations.bills import void_bill
from storage.operations.late_fee_corrections import correct_late_fees, waive_late_fee
from storage.operations.late_fee_terms import set_late_fee
from storage.operations.late_fees import Charged, bill_late_fees
from storage.operations.payments import settle_payment
from storage.periods import BillingPeriod
from storage.ports.payments import PaymentFact, PaymentState
from storage.queries.income import income_of
from storage.queries.late_fees import Terms, late_fee_of_unit
from storage.queries.proofs import prove
from storage.rules.explanations import recompute
from storage.rules.late_fees import LateFeePolicy
from tests import factories
from tests.factories import Owed, World

NOVEMBER, DECEMBER = BillingPeriod(2026, 11), BillingPeriod(2026, 12)
FIRST_OF_DECEMBER = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)
"""Half past one in Shanghai, when the job runs."""
FIRST_OF_JANUARY = FIRST_OF_DECEMBER + timedelta(days=31)
DUE_ON = date(2026, 11, 25)
CLAUSE = "前期物业服务合同第十二条"
FIVE_DAYS = 63


def at(day: date, clock: str = "10:00:00") -> datetime:
    """Return an instant of a Shanghai day."""
    return datetime.fromisoformat(f"{day}T{clock}+08:00")


def terms(**more) -> Terms:
    known: dict[str, Any] = {
        "effective_on": date(2020, 1, 1),
        "mode": LateFeeMode.CHARGED,
        "rate_ppm": 500,
    }
    return Terms(LateFeePolicy(**(known | more)), CLAUSE)


def owing(tx: Connection, *, policy: Terms | None = None) -> World:
    """Ms Li owes November, 250.60 yuan, due on Wednesday the 25th; October is paid."""
    world = factories.build(tx)
    factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
    factories.pay(tx, world.unit_id, (world.october_id,))
    chosen = policy or terms()
    set_late_fee(tx, chosen, community_id=world.community_id, actor=CLOCK, now=factories.NOW)
    return world


def units_of(world: World) -> list[int]:
    return [world.unit_id]


async def charge(
    db: Database,
    world: World,
    period: BillingPeriod = NOVEMBER,
    now: datetime | None = None,
    unit_ids: list[int] | None = None,
) -> Charged:
    """Run a month's late fees as the job does on the first of the next month."""
    return await db.write(
        bill_late_fees,
        community_id=world.community_id,
        period=period,
        unit_ids=unit_ids or units_of(world),
        now=now or at(period.plus(1).first_on, "01:30:00"),
    )


async def correct(db: Database, world: World, now: datetime = FIRST_OF_JANUARY) -> int:
    return await db.write(
        correct_late_fees, community_id=world.community_id, unit_ids=units_of(world), now=now
    )


def late_fee_rows(tx: Connection) -> list:
    return list(
        tx.execute(
            select(bills)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .where(fee_items.c.code == "late_fee")
            .order_by(bills.c.id)
        )
    )


async def charged(db: Database) -> list[tuple[str, int]]:
    """Return (month, fen) of the late-fee bills that stand."""
    rows = await db.read(late_fee_rows)
    assert await db.read(prove) == []
    return [(row.period, row.amount_fen) for row in rows if row.voided_at is None]


async def pay(db: Database, bill_id: int, *, paid_at: datetime, heard_at: datetime) -> None:
    """Pay a bill at one instant and hear of it at another."""

    def both(tx: Connection) -> None:
        unit_id = tx.execute(select(bills.c.unit_id).where(bills.c.id == bill_id)).scalar_one()
        order = factories.begin_to_pay(tx, unit_id, (bill_id,), at=paid_at)
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
        assert settle_payment(tx, fact, heard_at=heard_at).outcome == "settled"

    await db.write(both)


async def test_the_days_of_a_month_are_charged_when_it_is_over(db: Database):
    world = await db.write(owing)

    done = await charge(db, world)

    assert done == Charged(issued=1, told=1, total_fen=FIVE_DAYS)
    assert await charged(db) == [("2026-11", FIVE_DAYS)]


async def test_the_bill_keeps_how_it_came_about_and_recomputes(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    await charge(db, world, DECEMBER)

    first, second = await db.read(late_fee_rows)

    kept = json.loads(first.explanation)
    assert (kept["basis"], kept["clause"]) == ("late_fee", CLAUSE)
    assert kept["sum"] == "2026年11月物业费：250.60元 × 0.05% × 5天 = 0.63元"
    then = json.loads(second.explanation)
    assert then["sum"] == "2026年11月物业费：250.60元 × 0.05% × 36天 − 0.63元 = 3.88元"
    for row in (first, second):
        told = json.loads(row.explanation)
        assert recompute(told) == row.amount_fen
        for step in told["steps"]:
            derived, of = recompute(step["derived"]), step["of"]
            assert step["fen"] == derived - of["before_fen"] - of["waived_fen"]
    assert (first.begins_on, first.last_on) == (date(2026, 11, 1), date(2026, 11, 30))
    assert first.due_on == date(2026, 12, 25)


async def test_each_principal_has_its_line(db: Database):
    def more(tx: Connection) -> World:
        world = owing(tx)
        water = factories.add_fee_item(tx, world.community_id, "水费", "water")
        owed = Owed(world.unit_id, water, "2026-11", 4_000, "水费", world.li_id)
        factories.add_bill(tx, owed)
        return world

    world = await db.write(more)
    await charge(db, world)

    lines = await db.read(
        lambda tx: tx.execute(
            select(bill_lines.c.label, bill_lines.c.kind, bill_lines.c.amount_fen).where(
                bill_lines.c.kind == "late_fee"
            )
        ).all()
    )
    assert [tuple(one) for one in lines] == [
        ("2026年11月物业费", "late_fee", 63),
        ("2026年11月水费", "late_fee", 10),
    ]
    assert await charged(db) == [("2026-11", 73)]


async def test_charging_again_charges_nothing_again(db: Database):
    world = await db.write(owing)
    await charge(db, world)

    again = await charge(db, world, now=FIRST_OF_DECEMBER + timedelta(days=9))

    assert again == Charged()
    assert await charged(db) == [("2026-11", FIVE_DAYS)]


async def test_a_month_has_one_bill_and_what_is_learnt_later_is_on_the_next(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    due_on = date(2026, 11, 23)
    await db.write(lambda tx: tx.execute(update(bills).values(due_on=due_on)) and None)

    assert await charge(db, world) == Charged()
    await charge(db, world, DECEMBER)

    assert await charged(db) == [("2026-11", 63), ("2026-12", 413)]


async def test_after_an_outage_and_out_of_order_the_same_days_are_charged_once(db: Database):
    world = await db.write(owing)

    await charge(db, world, DECEMBER)
    await charge(db, world, NOVEMBER, now=FIRST_OF_JANUARY)

    assert await charged(db) == [("2026-12", 451)]


async def test_a_month_that_is_not_over_cannot_be_charged(db: Database):
    world = await db.write(owing)

    with pytest.raises(ValueError, match="not over"):
        await charge(db, world, now=at(date(2026, 11, 30), "23:59:59"))


async def test_f10_who_paid_at_23_59_58_of_the_due_day_pays_none(db: Database):
    world = await db.write(owing)
    late_word = at(date(2026, 11, 26), "00:05:00")
    await pay(db, world.november_id, paid_at=at(DUE_ON, "23:59:58"), heard_at=late_word)

    await charge(db, world)

    assert await charged(db) == []


async def test_f10_heard_of_after_it_was_charged_the_fee_is_taken_back(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    heard_at = FIRST_OF_DECEMBER + timedelta(hours=9)
    await pay(db, world.november_id, paid_at=at(DUE_ON, "23:59:58"), heard_at=heard_at)

    assert await correct(db, world, FIRST_OF_DECEMBER + timedelta(days=1)) == 1
    assert await correct(db, world, FIRST_OF_DECEMBER + timedelta(days=2)) == 0

    assert await charged(db) == []
    (voided,) = await db.read(late_fee_rows)
    assert voided.void_reason == "按实际重算"
    assert await charge(db, world, DECEMBER) == Charged()


async def test_who_paid_a_day_late_pays_one_day(db: Database):
    world = await db.write(owing)
    next_day = at(DUE_ON + timedelta(days=1), "00:00:00")
    await pay(db, world.november_id, paid_at=next_day, heard_at=next_day)

    await charge(db, world)

    assert await charged(db) == [("2026-11", 13)]


async def test_a_transfer_counts_by_the_banks_day_however_late_it_was_entered(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    entered_at = at(date(2026, 12, 20))
    await pay(db, world.november_id, paid_at=at(date(2026, 11, 27)), heard_at=entered_at)

    await correct(db, world, entered_at)
    await charge(db, world, DECEMBER)

    assert await charged(db) == [("2026-11", 25)]
    first, second = await db.read(late_fee_rows)
    assert (second.corrects_id, second.revision) == (first.id, 1)
    assert json.loads(second.explanation)["sum"].endswith("250.60元 × 0.05% × 2天 = 0.25元")


async def test_a_refund_makes_the_principal_bear_again(stage):
    db, world = stage.db, stage.world
    await db.write(
        set_late_fee, terms(), community_id=world.community_id, actor=CLOCK, now=stage.now
    )
    payment_id = await stage.paid(stage.both)
    stage.clock.advance(days=5)
    refund = await stage.request(payment_id, 25_060)
    await stage.given_back(refund.refund_no)

    await charge(db, world)

    # Given back on Saturday the 28th, the newest month first: the 29th and the 30th bear.
    assert await charged(db) == [("2026-11", 25)]


def imported(tx: Connection, world: World) -> None:
    tx.execute(update(bills).where(bills.c.id == world.november_id).values(is_imported=1))


def of_class(fee_class: str):
    def change(tx: Connection, world: World) -> None:
        tx.execute(update(fee_items).values(fee_class=fee_class))

    change.__name__ = fee_class
    return change


@pytest.mark.parametrize(
    "change", [imported, of_class("agency"), of_class("deposit"), of_class("renewal")]
)
async def test_no_fee_on_what_is_not_our_own_debt_of_our_own_time(db: Database, change):
    world = await db.write(owing)
    await db.write(lambda tx: change(tx, world))

    assert await charge(db, world) == Charged()


async def test_no_fee_on_late_fees(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    await pay(
        db,
        world.november_id,
        paid_at=at(date(2026, 12, 1)),
        heard_at=at(date(2026, 12, 1)),
    )

    for month in (1, 2, 3):
        await charge(db, world, DECEMBER.plus(month - 1))

    assert await charged(db) == [("2026-11", 63), ("2026-12", 12)]


async def test_days_bear_only_from_the_day_after_the_bill_was_issued(db: Database):
    world = await db.write(owing)
    due_on = date(2026, 10, 25)
    await db.write(lambda tx: tx.execute(update(bills).values(due_on=due_on)) and None)

    await charge(db, world)

    # Issued on the 23rd.
    assert await charged(db) == [("2026-11", 88)]


async def test_a_holiday_due_day_moves_to_the_next_working_day(db: Database):
    world = await db.write(owing)
    saturday = date(2026, 11, 28)
    await db.write(lambda tx: tx.execute(update(bills).values(due_on=saturday)) and None)

    await charge(db, world)
    await charge(db, world, DECEMBER)

    # Due on Monday the 30th; 31 days of December.
    assert await charged(db) == [("2026-12", 388)]


async def test_a_disputed_bill_bears_nothing_while_it_is_disputed(db: Database):
    world = await db.write(owing)
    await db.write(
        lambda tx: (
            tx.execute(
                insert(holds).values(
                    unit_id=world.unit_id,
                    bill_id=world.november_id,
                    kind="dispute",
                    amount_fen=20_060,
                    from_on=date(2026, 11, 28),
                    until_on=date(2026, 12, 1),
                    made_at=factories.NOW,
                )
            )
            and None
        )
    )

    await charge(db, world)

    # Two days on 250.60, three on 50.00.
    assert await charged(db) == [("2026-11", 33)]


async def test_other_holds_freeze_no_fee(db: Database):
    world = await db.write(owing)
    await db.write(
        lambda tx: (
            tx.execute(
                insert(holds).values(
                    unit_id=world.unit_id,
                    kind="promise",
                    from_on=date(2026, 11, 20),
                    made_at=factories.NOW,
                )
            )
            and None
        )
    )

    await charge(db, world)

    assert await charged(db) == [("2026-11", FIVE_DAYS)]


async def test_the_debts_of_two_parties_are_on_two_bills(db: Database):
    def let(tx: Connection) -> World:
        world = owing(tx)
        tenant = factories.add_resident(tx, world.community_id, "赵租客", "13700000000")
        factories.move_in(tx, tenant, world.unit_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "oTenant", world.unit_id, tenant, OccupancyRole.TENANT)
        water = factories.add_fee_item(tx, world.community_id, "水费", "water")
        owed = Owed(world.unit_id, water, "2026-11", 40_000, "水费", tenant)
        factories.add_bill(tx, owed)
        return world

    world = await db.write(let)
    assert (await charge(db, world)).issued == 2
    assert await charge(db, world) == Charged()

    rows = await db.read(late_fee_rows)
    assert [(row.liable_id == world.li_id, row.amount_fen) for row in rows] == [
        (True, 63),
        (False, 100),
    ]
    told = await db.read(
        lambda tx: tx.execute(
            select(outbox.c.recipient, outbox.c.facts).where(outbox.c.event == "BillsIssued")
        ).all()
    )
    assert {(row.recipient, json.loads(row.facts)["total_fen"]) for row in told} == {
        ("oLi", 63),
        ("oTenant", 100),
    }


@pytest.mark.parametrize("mode", [LateFeeMode.OFF, LateFeeMode.CALCULATED])
async def test_terms_that_are_off_or_only_calculated_charge_nothing(db: Database, mode):
    world = await db.write(owing, policy=terms(mode=mode))

    assert await charge(db, world) == Charged()
    seen = await db.read(late_fee_of_unit, world.unit_id, as_of=date(2026, 11, 30))
    if mode is LateFeeMode.OFF:
        assert seen is None
    else:
        assert seen is not None
        assert (seen.calculated_fen, seen.owed_fen) == (FIVE_DAYS, 0)


async def test_staff_see_what_it_comes_to_today_and_what_is_on_bills(db: Database):
    world = await db.write(owing)
    await charge(db, world)

    seen = await db.read(late_fee_of_unit, world.unit_id, as_of=date(2026, 12, 10))

    assert seen is not None
    assert (seen.owed_fen, seen.charged_fen) == (188, 63)


async def test_a_silent_community_charges_and_tells_nobody(db: Database):
    world = await db.write(owing)
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)

    assert await charge(db, world) == Charged(issued=1, told=0, total_fen=FIVE_DAYS)


async def test_a_late_fee_that_a_person_took_back_is_not_charged_again(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    (row,) = await db.read(late_fee_rows)
    await db.write(
        void_bill, bill_id=row.id, reason="业主有异议", actor=CLOCK, now=FIRST_OF_DECEMBER
    )

    await charge(db, world)
    await charge(db, world, DECEMBER)

    assert await charged(db) == [("2026-12", 451 - 63)]


async def test_the_late_fee_of_a_voided_bill_goes_with_it(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    await db.write(
        void_bill,
        bill_id=world.november_id,
        reason="面积错了",
        actor=CLOCK,
        now=FIRST_OF_DECEMBER,
    )

    assert await correct(db, world) == 1
    assert await charged(db) == []


async def test_what_was_paid_too_much_is_put_before_an_operator_once(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    (row,) = await db.read(late_fee_rows)
    paid_at = FIRST_OF_DECEMBER + timedelta(hours=8)
    await pay(db, row.id, paid_at=paid_at, heard_at=paid_at)
    await pay(db, world.november_id, paid_at=at(DUE_ON), heard_at=paid_at)

    for _ in range(2):
        assert await correct(db, world) == 0

    found = await db.read(
        lambda tx: tx.execute(
            select(discrepancies.c.kind, discrepancies.c.reference, discrepancies.c.detail)
        ).all()
    )
    assert [tuple(one) for one in found] == [("late_fee_too_much", row.bill_no, "63")]


def close(tx: Connection, world: World, period: str = "2026-11") -> None:
    tx.execute(
        insert(period_closes).values(
            community_id=world.community_id, period=period, closed_at=factories.NOW
        )
    )


async def test_what_a_closed_month_charged_too_much_is_taken_back_in_the_open_one(db: Database):
    world = await db.write(owing)
    await charge(db, world)
    await db.write(close, world)
    entered_at = at(date(2026, 12, 20))
    await pay(db, world.november_id, paid_at=at(date(2026, 11, 27)), heard_at=entered_at)

    before = await db.read(income_of, world.community_id, NOVEMBER)
    corrected = [await correct(db, world), await correct(db, world)]
    await charge(db, world, DECEMBER)

    assert corrected == [1, 0]
    assert await charged(db) == [("2026-11", 25)]
    assert await db.read(income_of, world.community_id, NOVEMBER) == before
    found = await db.read(lambda tx: tx.execute(select(discrepancies.c.detail)).scalars().all())
    assert list(found) == []


async def test_a_month_closed_before_its_late_fee_leaves_it_to_the_next(db: Database):
    world = await db.write(owing)
    await db.write(close, world)
    paid_at = at(date(2026, 11, 30), "20:00:00")
    await pay(db, world.november_id, paid_at=paid_at, heard_at=paid_at)

    assert await charge(db, world) == Charged()
    await charge(db, world, DECEMBER)

    assert await charged(db) == [("2026-12", 63)]


def with_staff(tx: Connection) -> tuple[World, int, int]:
    world = owing(tx)
    asks = factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "s-chen")
    agrees = factories.add_staff(tx, world.community_id, "王经理", StaffRole.MANAGER, "s-wang")
    return world, asks, agrees


async def bill_no_of(db: Database, bill_id: int) -> str:
    return str(
        await db.read(
            lambda tx: tx.execute(select(bills.c.bill_no).where(bills.c.id == bill_id)).scalar_one()
        )
    )


async def test_a_waiver_takes_back_what_was_charged_and_is_never_charged_again(db: Database):
    world, asks, agrees = await db.write(with_staff)
    await charge(db, world)
    (row,) = await db.read(late_fee_rows)

    waived = await db.write(
        waive_late_fee,
        bill_no=row.bill_no,
        amount_fen=50,
        reason="住院",
        asked_by=asks,
        approved_by=agrees,
        now=FIRST_OF_DECEMBER,
    )

    assert waived == 50
    assert await charged(db) == [("2026-11", 13)]
    await charge(db, world, DECEMBER)
    assert await charged(db) == [("2026-11", 13), ("2026-12", 388)]
    _, second, third = await db.read(late_fee_rows)
    assert "0.63" not in json.loads(second.explanation)["sum"]
    assert json.loads(third.explanation)["sum"].endswith(
        "250.60元 × 0.05% × 36天 − 0.50元 − 0.13元 = 3.88元"
    )
    (kept,) = await db.read(lambda tx: tx.execute(select(waivers)).all())
    assert (kept.bill_id, kept.amount_fen, kept.reason) == (world.november_id, 50, "住院")


async def test_a_waiver_needs_a_second_person_who_is_a_manager(db: Database):
    world, asks, agrees = await db.write(with_staff)
    await charge(db, world)
    bill_no = await bill_no_of(db, world.november_id)

    def ask(amount_fen: int, first: int, second: int, number: str = bill_no):
        return db.write(
            waive_late_fee,
            bill_no=number,
            amount_fen=amount_fen,
            reason="协商",
            asked_by=first,
            approved_by=second,
            now=FIRST_OF_DECEMBER,
        )

    with pytest.raises(SelfApproval):
        await ask(10, agrees, agrees)
    with pytest.raises(NotAllowed):
        await ask(10, agrees, asks)
    with pytest.raises(UnknownBill):
        await ask(10, asks, agrees, "B2026-11-999999")
    for amount_fen in (0, -1, 76):
        with pytest.raises(WaiverTooMuch) as told:
            await ask(amount_fen, asks, agrees)
        # Five days of November and the first of December.
        assert told.value.left_fen == 75
    assert await db.read(lambda tx: tx.execute(select(waivers)).all()) == []
    assert await charged(db) == [("2026-11", FIVE_DAYS)]


async def test_terms_are_set_from_a_day_on_that_was_not_charged(db: Database):
    world = await db.write(owing)
    await charge(db, world)

    def again(**more):
        return db.write(
            set_late_fee,
            terms(**more),
            community_id=world.community_id,
            actor=CLOCK,
            now=FIRST_OF_DECEMBER,
        )

    with pytest.raises(TariffOverlaps):
        await again(effective_on=date(2026, 11, 30))
    await again(
        effective_on=date(2026, 12, 1),
        rate_ppm=300,
        cap_percent=Decimal("20.5"),
        start=LateFeeStart.AFTER_DUE,
    )
    await again(effective_on=date(2026, 12, 1), rate_ppm=200)

    kept = await db.read(
        lambda tx: tx.execute(
            select(late_fee_policies).order_by(late_fee_policies.c.effective_on)
        ).all()
    )
    assert [(row.rate_ppm, row.cap_percent_e2) for row in kept] == [(500, None), (200, None)]


async def test_charging_needs_its_clause(db: Database):
    world = await db.write(factories.build)

    with pytest.raises(ClauseMissing):
        await db.write(
            set_late_fee,
            Terms(terms().policy, "  "),
            community_id=world.community_id,
            actor=CLOCK,
            now=factories.NOW,
        )
