"""A period whose days are several parties' is billed to each of them, by days, to the fen."""

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.audit import CLOCK, Actor, note
from storage.charge_errors import CannotReissue
from storage.database import Database
from storage.errors import BillAlreadyPaid
from storage.kinds import (
    Account,
    Basis,
    CycleLength,
    CycleTiming,
    DiscountReason,
    OccupancyRole,
    Payer,
    TierSpan,
)
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.estate import units
from storage.models.people import occupancies
from storage.operations.assignments import assign, grant_discount
from storage.operations.bills import void_bill
from storage.operations.corrections import Correction, correct_bill
from storage.operations.issuing import IssueReport, issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.billing_runs import assigned_late
from storage.queries.corrections import revisions_of
from storage.queries.discounts import DiscountFact
from storage.queries.dues import bills_due
from storage.queries.pricing import SkipReason
from storage.queries.proofs import prove
from storage.queries.tariffs import TariffTerms
from storage.rules.billing import Assignment
from storage.rules.explanations import recompute
from storage.rules.tiers import Tier
from tests.factories import NOW, add_community, add_resident, add_unit, move_in, pay
from tests.storage.operations.test_issuing import BY_AREA, HOME, SINCE, Office, read_meter

NOVEMBER = BillingPeriod(2026, 11)
HANDED_ON = date(2026, 11, 15)
Part = tuple[int | None, date | None, date | None, int]


class Flat:
    """A flat of 89.50 ㎡ that Ms Li owns; 250.60 yuan a month."""

    def __init__(self, db: Database, community_id: int, unit_id: int, li_id: int) -> None:
        self.db, self.community_id, self.unit_id, self.li_id = db, community_id, unit_id, li_id

    async def comes(
        self,
        name: str,
        from_on: date = HANDED_ON,
        *,
        role: OccupancyRole = OccupancyRole.OWNER,
    ) -> int:
        def come(tx: Connection) -> int:
            found = add_resident(tx, self.community_id, name, "13900000009")
            move_in(tx, found, self.unit_id, role, from_on=from_on)
            return found

        return await self.db.write(come)

    async def leaves(self, resident_id: int, until_on: date | None = HANDED_ON) -> None:
        gone = update(occupancies).where(occupancies.c.resident_id == resident_id)
        await self.db.write(lambda tx: tx.execute(gone.values(until_on=until_on)) and None)

    async def sold(self, on: date = HANDED_ON) -> int:
        """Write down that Ms Li sold the flat; return who bought it."""
        await self.leaves(self.li_id, on)
        return await self.comes("陈新主", on)

    async def paid_by(self, payer: Payer, from_on: date = SINCE) -> None:
        item_id = await self.item_id()
        said = Assignment(payer=payer, from_on=from_on)
        await self.db.write(
            assign, said, unit_id=self.unit_id, fee_item_id=item_id, actor=CLOCK, now=NOW
        )

    async def item_id(self) -> int:
        return await self.db.read(lambda tx: tx.execute(select(fee_items.c.id)).scalar_one())

    async def issue(self, period: BillingPeriod = NOVEMBER, *, now: datetime = NOW) -> IssueReport:
        return await self.db.write(
            issue_bills, community_id=self.community_id, period=period, now=now
        )

    async def correct(self, bill_id: int) -> Correction:
        return await self.db.write(
            correct_bill, bill_id=bill_id, reason="换了业主", actor=CLOCK, now=NOW
        )

    async def bills(self) -> list[Row]:
        chosen = select(bills).order_by(bills.c.voided_at.is_not(None), bills.c.begins_on)
        return await self.db.read(lambda tx: list(tx.execute(chosen)))

    async def parts(self) -> list[Part]:
        """Return whose which days are and for how much, of the bills that stand."""
        return [
            (one.liable_id, one.begins_on, one.last_on, one.amount_fen)
            for one in await self.bills()
            if one.voided_at is None
        ]

    async def sound(self) -> bool:
        """Say whether the books are right and each explanation gives its bill's amount."""
        for one in await self.bills():
            assert recompute(json.loads(one.explanation)) == one.amount_fen
        return await self.db.read(prove) == []


@pytest.fixture
async def flat(db: Database) -> Flat:
    def stand_up(tx: Connection) -> tuple[int, int, int]:
        community_id = add_community(tx)
        unit_id = add_unit(tx, community_id, "3-2-1201")
        li_id = add_resident(tx, community_id, "李女士", "13800001201")
        move_in(tx, li_id, unit_id)
        tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
        set_tariff(tx, BY_AREA, community_id=community_id, actor=CLOCK, now=NOW)
        return community_id, unit_id, li_id

    return Flat(db, *await db.write(stand_up))


FIRST, LAST, BEFORE = date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 14)


async def test_a_sale_in_mid_month_bills_each_owner_her_days(flat: Flat):
    chen_id = await flat.sold()

    report = await flat.issue()

    assert report.issued == 2
    assert await flat.parts() == [
        (flat.li_id, FIRST, BEFORE, 11_695),
        (chen_id, HANDED_ON, LAST, 13_365),
    ]
    told = [json.loads(one.explanation)["sum"] for one in await flat.bills()]
    whole = "89.50㎡ × 2.80元 × 1个月 = 250.60元"
    assert told == [
        f"{whole}；其中 11月1日–11月14日 14/30天 = 116.95元",
        f"{whole}；其中 11月15日–11月30日 16/30天 = 133.65元",
    ]
    assert await flat.db.read(ledger.balance, Account.RECEIVABLE) == 25_060
    assert await flat.sound()


async def test_the_developer_pays_until_he_hands_over(flat: Flat):
    await flat.leaves(flat.li_id, None)
    await flat.paid_by(Payer.DEVELOPER)
    await flat.paid_by(Payer.OWNER, HANDED_ON)

    await flat.issue()

    first, second = await flat.bills()
    assert await flat.parts() == [
        (None, FIRST, BEFORE, 11_695),
        (flat.li_id, HANDED_ON, LAST, 13_365),
    ]
    payers = [json.loads(one.explanation).get("payer") for one in (first, second)]
    whose = [json.loads(one.explanation)["part"]["whose"] for one in (first, second)]
    assert (payers, whose) == (["developer", None], ["developer", "owner"])
    assert await flat.sound()


async def test_a_buyer_who_is_not_in_the_register_yet_leaves_the_developers_days_his(flat: Flat):
    await flat.db.write(lambda tx: tx.execute(occupancies.delete()) and None)
    await flat.paid_by(Payer.DEVELOPER)
    await flat.paid_by(Payer.OWNER, HANDED_ON)

    await flat.issue()

    assert [part[1:] for part in await flat.parts()] == [
        (FIRST, BEFORE, 11_695),
        (HANDED_ON, LAST, 13_365),
    ]


async def test_a_tenant_who_comes_and_goes_owes_her_days_and_the_owner_the_others(flat: Flat):
    await flat.paid_by(Payer.TENANT)
    tenant_id = await flat.comes("租客", date(2026, 11, 11), role=OccupancyRole.TENANT)
    await flat.leaves(tenant_id, date(2026, 11, 21))

    await flat.issue()

    assert await flat.parts() == [
        (flat.li_id, FIRST, date(2026, 11, 10), 8_354),
        (tenant_id, date(2026, 11, 11), date(2026, 11, 20), 8_353),
        (flat.li_id, date(2026, 11, 21), LAST, 8_353),
    ]
    assert await flat.sound()


async def test_days_between_two_owners_are_the_first_ones(flat: Flat):
    await flat.leaves(flat.li_id, date(2026, 11, 11))
    chen_id = await flat.comes("陈新主", date(2026, 11, 21))

    await flat.issue()

    assert [part[:3] for part in await flat.parts()] == [
        (flat.li_id, FIRST, date(2026, 11, 20)),
        (chen_id, date(2026, 11, 21), LAST),
    ]


async def test_days_before_the_first_and_after_the_last_party_are_nobodys(flat: Flat):
    await flat.db.write(
        lambda tx: tx.execute(update(occupancies).values(from_on=date(2026, 11, 6))) and None
    )
    chen_id = await flat.sold()
    await flat.leaves(chen_id, date(2026, 11, 25))

    await flat.issue()

    parts = await flat.parts()
    assert [part[1:3] for part in parts] == [
        (date(2026, 11, 6), BEFORE),
        (HANDED_ON, date(2026, 11, 24)),
    ]
    assert sum(part[3] for part in parts) == 15_871  # 89.50 × 2.80 × 19/30


async def test_who_joins_the_owner_changes_nothing(flat: Flat):
    await flat.comes("配偶")

    await flat.issue()

    assert await flat.parts() == [(flat.li_id, FIRST, LAST, 25_060)]
    assert "part" not in json.loads((await flat.bills())[0].explanation)


async def test_run_again_the_set_is_the_same(flat: Flat):
    await flat.sold()
    await flat.issue()

    again = await flat.issue()

    assert (again.issued, again.repeated, again.missing) == (0, 2, ())


async def test_a_part_that_failed_half_way_is_not_there(flat: Flat):
    await flat.sold()

    def fail(tx: Connection) -> None:
        issue_bills(tx, community_id=flat.community_id, period=NOVEMBER, now=NOW)
        raise KeyError

    with pytest.raises(KeyError):
        await flat.db.write(fail)

    assert await flat.bills() == []


async def test_the_same_part_twice_is_refused_by_the_books_themselves(flat: Flat):
    await flat.sold()
    await flat.issue()
    second = (await flat.bills())[1]
    twin = {**second._mapping, "bill_no": "B2026-11-999999", "begins_on": date(2026, 11, 14)}
    del twin["id"]

    with pytest.raises(IntegrityError):
        await flat.db.write(lambda tx: tx.execute(insert(bills).values(twin)) and None)


async def test_a_preview_shows_the_parts_that_are_issued(flat: Flat):
    chen_id = await flat.sold()

    due = await flat.db.read(
        bills_due, community_id=flat.community_id, period=NOVEMBER, today=NOW.date()
    )

    assert [(one.liable_id, one.priced.amount_fen, one.part) for one in due.new] == [
        (flat.li_id, 11_695, 0),
        (chen_id, 13_365, 1),
    ]


async def test_a_fen_is_one_partys_and_the_other_gets_no_bill(flat: Flat):
    await flat.db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=None)) and None)
    await flat.db.write(
        set_tariff,
        TariffFact("一分钱", HOME, Basis.FIXED, 100, SINCE),
        community_id=flat.community_id,
        actor=CLOCK,
        now=NOW,
    )
    chen_id = await flat.sold()

    for _ in range(2):
        await flat.issue()

    assert await flat.parts() == [(chen_id, HANDED_ON, LAST, 1)]
    assert await flat.sound()


async def test_what_is_taken_off_is_shared_too_and_is_used_up_once(flat: Flat):
    item_id = await flat.item_id()
    coupon = DiscountReason.COUPON
    fact = DiscountFact(coupon, "开业券", SINCE, amount_fen=1_000, fee_item_id=item_id, uses_left=2)
    await flat.db.write(grant_discount, fact, community_id=flat.community_id, actor=CLOCK, now=NOW)
    await flat.sold()

    await flat.issue()
    await flat.issue(NOVEMBER.plus(1))
    await flat.issue(NOVEMBER.plus(2))

    amounts = [one.amount_fen for one in await flat.bills()]
    assert amounts == [11_228, 12_832, 24_060, 25_060]
    rows = await flat.db.read(lambda tx: tx.execute(select(bill_lines)).all())
    off = [row.amount_fen for row in rows if row.kind == "discount"]
    assert sorted(off) == [-1_000, -533, -467]
    assert await flat.sound()


async def test_a_hand_over_that_is_entered_late_changes_no_bill_and_is_named(flat: Flat):
    await flat.issue()
    before = await flat.bills()
    await flat.sold()

    report = await flat.issue()

    assert await flat.bills() == before
    [missing] = report.missing
    assert (missing.reason, missing.detail) == (SkipReason.PARTY_CHANGED, before[0].bill_no)


async def test_the_nightly_run_hears_of_a_hand_over_that_is_entered_late(flat: Flat):
    await flat.issue()

    async def late() -> frozenset[int]:
        return await flat.db.read(
            assigned_late, flat.community_id, NOVEMBER, since=NOVEMBER, today=NOW.date()
        )

    assert not await late()

    await flat.sold()

    assert await late() == {flat.unit_id}


async def test_a_bill_that_was_decided_about_is_not_named_again(flat: Flat):
    await flat.issue()
    [bill] = await flat.bills()
    await flat.sold()
    await flat.db.write(note, Actor(), "keep", "arrear", bill.bill_no, at=NOW)

    assert (await flat.issue()).missing == ()


async def test_correcting_a_whole_bill_bills_each_party_her_part(flat: Flat):
    await flat.issue()
    [old] = await flat.bills()
    chen_id = await flat.sold()

    made = await flat.correct(old.id)

    assert await flat.parts() == [
        (flat.li_id, FIRST, BEFORE, 11_695),
        (chen_id, HANDED_ON, LAST, 13_365),
    ]
    first, second, _ = await flat.bills()
    assert (made.new_no, made.others) == (first.bill_no, ((second.bill_no, 13_365),))
    assert {first.corrects_id, second.corrects_id} == {old.id}
    assert [one.bill_id for one in await flat.db.read(revisions_of, first.id)] == [
        old.id,
        first.id,
    ]
    assert await flat.db.read(ledger.balance, Account.RECEIVABLE) == 25_060
    assert (await flat.issue()).issued == 0
    assert await flat.sound()


async def test_a_paid_bill_is_not_corrected_before_its_money_is_given_back(flat: Flat):
    await flat.issue()
    [old] = await flat.bills()
    await flat.db.write(lambda tx: pay(tx, flat.unit_id, (old.id,)) and None)
    await flat.sold()

    with pytest.raises(BillAlreadyPaid):
        await flat.correct(old.id)

    assert await flat.parts() == [(flat.li_id, FIRST, LAST, 25_060)]
    assert [one.reason for one in (await flat.issue()).missing] == [SkipReason.PARTY_CHANGED]


async def test_one_partys_part_is_corrected_and_the_others_stays(flat: Flat):
    chen_id = await flat.sold()
    await flat.issue()
    first, second = await flat.bills()
    await flat.db.write(lambda tx: pay(tx, flat.unit_id, (first.id,)) and None)
    await flat.db.write(
        lambda tx: tx.execute(update(units).values(floor_area_m2=Decimal("80.00"))) and None
    )

    await flat.correct(second.id)

    assert await flat.parts() == [
        (flat.li_id, FIRST, BEFORE, 11_695),
        (chen_id, HANDED_ON, LAST, 11_947),
    ]
    again = [one for one in await flat.bills() if one.corrects_id == second.id]
    assert [(one.part, one.revision) for one in again] == [(1, 1)]
    assert await flat.sound()


async def test_days_that_another_bill_stands_for_are_not_billed_twice(flat: Flat):
    await flat.sold()
    await flat.issue()
    first, second = await flat.bills()
    chosen = update(occupancies)
    await flat.db.write(
        lambda tx: (
            tx.execute(
                chosen.where(occupancies.c.resident_id == flat.li_id).values(
                    until_on=date(2026, 11, 10)
                )
            )
            and tx.execute(
                chosen.where(occupancies.c.resident_id != flat.li_id).values(
                    from_on=date(2026, 11, 10)
                )
            )
            and None
        )
    )

    with pytest.raises(CannotReissue):
        await flat.correct(second.id)
    await flat.correct(first.id)
    await flat.correct(second.id)

    assert [part[1:3] for part in await flat.parts()] == [
        (FIRST, date(2026, 11, 9)),
        (date(2026, 11, 10), LAST),
    ]
    assert sum(part[3] for part in await flat.parts()) == 25_060
    assert await flat.sound()


async def test_a_part_that_was_voided_is_not_made_again_by_the_run(flat: Flat):
    await flat.sold()
    await flat.issue()
    _, second = await flat.bills()
    await flat.db.write(void_bill, bill_id=second.id, reason="免收", actor=CLOCK, now=NOW)

    assert (await flat.issue()).issued == 0
    assert [part[2] for part in await flat.parts()] == [BEFORE]


async def test_who_follows_and_is_entered_late_is_billed_her_days_alone(flat: Flat):
    await flat.leaves(flat.li_id)
    await flat.issue()
    assert await flat.parts() == [(flat.li_id, FIRST, BEFORE, 11_695)]

    chen_id = await flat.comes("陈新主")
    report = await flat.issue()

    assert (report.issued, report.repeated, report.missing) == (1, 1, ())
    assert await flat.parts() == [
        (flat.li_id, FIRST, BEFORE, 11_695),
        (chen_id, HANDED_ON, LAST, 13_365),
    ]
    assert [one.part for one in await flat.bills()] == [0, 1]


async def test_who_follows_the_second_party_is_numbered_third(flat: Flat):
    chen_id = await flat.sold()
    await flat.leaves(chen_id, date(2026, 11, 25))
    await flat.issue()
    third_id = await flat.comes("赵新主", date(2026, 11, 25))

    await flat.issue()

    assert [(one.liable_id, one.part) for one in await flat.bills()] == [
        (flat.li_id, 0),
        (chen_id, 1),
        (third_id, 2),
    ]


async def test_who_was_there_before_and_is_entered_late_is_numbered_after(flat: Flat):
    await flat.leaves(flat.li_id, None)
    await flat.db.write(
        lambda tx: tx.execute(update(occupancies).values(from_on=HANDED_ON)) and None
    )
    await flat.issue()
    seller_id = await flat.comes("王旧主", SINCE)
    await flat.leaves(seller_id)

    await flat.issue()

    assert [(one.liable_id, one.part) for one in await flat.bills()] == [
        (seller_id, 1),
        (flat.li_id, 0),
    ]
    assert sum(part[3] for part in await flat.parts()) == 25_060


async def test_a_year_that_is_billed_late_is_shared_by_its_days(flat: Flat):
    await flat.db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=None)) and None)
    cycle, timing = CycleLength.YEARLY, CycleTiming.IN_ARREARS
    since = date(2025, 1, 1)
    fact = TariffFact("车位费", HOME, Basis.FIXED, 365_000, since, cycle=cycle, timing=timing)
    await flat.db.write(set_tariff, fact, community_id=flat.community_id, actor=CLOCK, now=NOW)
    chen_id = await flat.sold(date(2025, 3, 1))

    await flat.issue(BillingPeriod(2026, 1))

    assert await flat.parts() == [
        (flat.li_id, date(2025, 1, 1), date(2025, 2, 28), 59 * 120),
        (chen_id, date(2025, 3, 1), date(2025, 12, 31), 306 * 120),
    ]
    assert await flat.sound()


async def metered(flat: Flat, tariff: TariffFact, *values: tuple[date, int]) -> int:
    """Charge by meter in arrears instead of by area, and read the meter; return who bought."""
    await flat.db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=None)) and None)
    await flat.db.write(set_tariff, tariff, community_id=flat.community_id, actor=CLOCK, now=NOW)
    named = select(fee_items.c.id).where(fee_items.c.name == tariff.fee_item)
    item_id = await flat.db.read(lambda tx: tx.execute(named).scalar_one())
    office = Office(flat.db, flat.community_id, [flat.unit_id, flat.unit_id])
    await read_meter(office, item_id, *values)
    return await flat.sold(date(2026, 10, 11))


WATER = TariffFact(
    *("水费", HOME, Basis.BY_METER, 30_000, SINCE),
    timing=CycleTiming.IN_ARREARS,
    terms=TariffTerms(use_unit="吨"),
)
OCTOBER_1, OCTOBER_11, NOVEMBER_1 = date(2026, 10, 1), date(2026, 10, 11), FIRST


async def test_what_a_meter_counted_is_shared_at_the_reading_of_the_day(flat: Flat):
    chen_id = await metered(flat, WATER, (OCTOBER_1, 100), (OCTOBER_11, 107), (NOVEMBER_1, 110))

    await flat.issue()

    assert [(part[0], part[3]) for part in await flat.parts()] == [
        (flat.li_id, 2_100),
        (chen_id, 900),
    ]
    told = [json.loads(one.explanation)["sum"] for one in await flat.bills()]
    assert told[0] == "10吨 × 3.00元 = 30.00元；其中 10月1日–10月10日 7/10吨 = 21.00元"
    assert await flat.sound()


async def test_without_a_reading_of_the_day_use_is_shared_by_days(flat: Flat):
    chen_id = await metered(flat, WATER, (OCTOBER_1, 100), (NOVEMBER_1, 110))

    await flat.issue()

    assert [(part[0], part[3]) for part in await flat.parts()] == [
        (flat.li_id, 968),
        (chen_id, 2_032),
    ]
    assert await flat.sound()


async def test_who_used_nothing_before_the_reading_gets_no_bill(flat: Flat):
    chen_id = await metered(flat, WATER, (OCTOBER_1, 100), (OCTOBER_11, 100), (NOVEMBER_1, 110))

    for _ in range(2):
        await flat.issue()

    assert [(part[0], part[3]) for part in await flat.parts()] == [(chen_id, 3_000)]


async def test_what_was_used_in_parts_counts_once_for_the_steps_of_the_year(flat: Flat):
    steps = TariffTerms(
        use_unit="度", tiers=(Tier(5_000, Decimal(100)), Tier(10_000)), tier_span=TierSpan.YEAR
    )
    power = replace(WATER, fee_item="电费", basis=Basis.TIERED, price_e4=0, terms=steps)
    values = ((date(2026, 9, 1), 0), (OCTOBER_1, 0), (OCTOBER_11, 40), (NOVEMBER_1, 60))
    await metered(flat, power, *values, (date(2026, 12, 1), 80))

    await flat.issue()
    await flat.issue(NOVEMBER.plus(1), now=datetime.fromisoformat("2026-12-02T02:00Z"))

    assert [part[3] for part in await flat.parts()] == [2_000, 1_000, 1_000]
    assert await flat.sound()
