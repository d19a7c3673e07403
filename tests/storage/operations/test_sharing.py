"""A shared cost is drafted, published with its proof, and billed to the fen, once (M3, M11)."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.charge_errors import (
    InputMissing,
    InputRefused,
    NobodyShares,
    PeriodClosed,
    SharedCostStateWrong,
    SharedCostTaken,
    SharingNotAllowed,
    UnknownSharedCost,
)
from storage.database import open_database
from storage.kinds import (
    Account,
    FeeClass,
    OccupancyRole,
    Payer,
    SharedCostState,
    ShareMethod,
    ShareScope,
)
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.deferrals import deferrals
from storage.models.estate import buildings, entrances, units
from storage.models.messages import outbox
from storage.models.policies import policies
from storage.models.sharing import shared_costs, sharing_factors
from storage.models.tariffs import period_closes, unit_tariffs
from storage.operations.sharing import (
    CostFact,
    cancel_cost,
    draft_cost,
    issue_cost,
    preview,
    publish_cost,
    set_factor,
)
from storage.periods import BillingPeriod
from storage.queries.proofs import prove
from storage.queries.sharing import cost_of, costs_of, scope_named
from storage.rules.explanations import recompute
from storage.rules.sharing_proofs import check
from tests import factories
from tests.factories import NOW, Owed

DECEMBER = BillingPeriod(2026, 12)
BASIS = "前期物业服务合同第9条"
AREAS = ("89.50", "89.50", "120.00", "66.66", "45.30", "200.00")


class Tower:
    """A building of two entrances with three flats each; the fee is 电梯公摊."""

    def __init__(self, db, community_id: int, item_id: int, unit_ids: list[int]) -> None:
        self.db, self.community_id, self.item_id = db, community_id, item_id
        self.unit_ids = unit_ids

    async def fact(self, total_fen: int, words: str = "", **more) -> CostFact:
        scope = await self.db.read(scope_named, self.community_id, words)
        base: dict[str, Any] = {"method": ShareMethod.BY_AREA, "due_on": date(2026, 12, 25)}
        return CostFact(
            fee_item_id=self.item_id,
            period=DECEMBER,
            scope=scope,
            total_fen=total_fen,
            **(base | more),
        )

    async def draft(self, total_fen: int, words: str = "", **more) -> int:
        fact = await self.fact(total_fen, words, **more)
        cost_id: int = await self.act(draft_cost, fact, community_id=self.community_id)
        return cost_id

    async def act(self, operation, *args, **named):
        return await self.db.write(operation, *args, actor=CLOCK, now=NOW, **named)

    async def published(self, total_fen: int, words: str = "", **more) -> int:
        cost_id = await self.draft(total_fen, words, **more)
        assert await self.act(publish_cost, cost_id)
        return cost_id

    async def billed(self) -> dict[int, int]:
        wanted = select(bills.c.unit_id, bills.c.amount_fen).where(
            bills.c.fee_item_id == self.item_id
        )
        return dict(await self.db.read(lambda tx: tx.execute(wanted).all()))

    async def change(self, statement) -> None:
        await self.db.write(lambda tx: tx.execute(statement) and None)

    async def factor(self, which: int, percent: int) -> None:
        await self.act(
            set_factor, fee_item_id=self.item_id, unit_id=self.unit_ids[which], percent=percent
        )


def build(tx) -> tuple[int, int, list[int]]:
    community_id = factories.add_community(tx, sharing_basis=BASIS)
    building_id = tx.execute(
        insert(buildings).values(community_id=community_id, label="3栋").returning(buildings.c.id)
    ).scalar_one()
    unit_ids = []
    for number, area in enumerate(AREAS):
        number_of_door = 1 + number // 3
        door = f"{number_of_door}单元"
        entrance_id = (
            tx.execute(select(entrances.c.id).where(entrances.c.label == door)).scalar_one_or_none()
            or tx.execute(
                insert(entrances)
                .values(building_id=building_id, label=door)
                .returning(entrances.c.id)
            ).scalar_one()
        )
        unit_id = factories.add_unit(tx, community_id, f"3-{number_of_door}-{number % 3 + 1}01")
        tx.execute(
            update(units)
            .where(units.c.id == unit_id)
            .values(building_id=building_id, entrance_id=entrance_id, floor_area_m2=Decimal(area))
        )
        unit_ids.append(unit_id)
    item_id = factories.add_fee_item(tx, community_id, "电梯公摊", "shared_utilities")
    return community_id, item_id, unit_ids


@pytest.fixture
async def tower(db) -> Tower:
    return Tower(db, *await db.write(build))


async def test_a_cost_is_billed_as_it_was_published_and_sums_to_the_fen(tower: Tower):
    cost_id = await tower.published(123_457)

    made = await tower.act(issue_cost, cost_id)

    found = await tower.billed()
    assert (made, len(found), sum(found.values())) == (6, 6, 123_457)
    proof = json.loads((await tower.db.read(rows, shared_costs))[0].proof)
    check(proof)
    codes = dict(await tower.db.read(lambda tx: tx.execute(select(units.c.code, units.c.id)).all()))
    assert {codes[one["unit"]]: one["fen"] for one in proof["shares"]} == found
    assert (proof["total_fen"], proof["method"]) == (123_457, "by_area")
    assert await tower.db.read(prove) == []


def rows(tx, table):
    return tx.execute(select(table).order_by(table.c.id)).all()


async def test_each_bill_explains_itself_and_recomputes(tower: Tower):
    await tower.act(issue_cost, await tower.published(123_457))

    for row in await tower.db.read(rows, bills):
        explanation = json.loads(row.explanation)
        assert recompute(explanation) == row.amount_fen
        assert explanation["share"]["scope"] == ["community", "翡翠湾"]
        assert explanation["sum"].startswith("1234.57元 × ")
        assert (row.begins_on, row.last_on) == (date(2026, 12, 1), date(2026, 12, 31))
    lines = await tower.db.read(rows, bill_lines)
    assert {line.kind for line in lines} == {"share"}


@pytest.mark.parametrize("step", ["draft", "publish", "issue", "cancel"])
async def test_each_step_taken_twice_is_taken_once(tower: Tower, step):
    cost_id = await tower.draft(100_000)
    if step == "draft":
        with pytest.raises(SharedCostTaken):
            await tower.draft(100_000)
        return
    if step == "cancel":
        assert await tower.act(cancel_cost, cost_id, reason="算错了")
        assert not await tower.act(cancel_cost, cost_id, reason="算错了")
        return
    assert await tower.act(publish_cost, cost_id)
    assert not await tower.act(publish_cost, cost_id)
    if step == "issue":
        assert await tower.act(issue_cost, cost_id) == 6
        assert await tower.act(issue_cost, cost_id) == 0
        assert not await tower.act(publish_cost, cost_id)
    assert await tower.db.read(prove) == []


async def test_nothing_is_billed_that_was_not_published(tower: Tower):
    cost_id = await tower.draft(100_000)

    with pytest.raises(SharedCostStateWrong):
        await tower.act(issue_cost, cost_id)
    assert await tower.billed() == {}


async def test_a_cost_can_be_taken_back_only_before_it_is_billed(tower: Tower):
    gone = await tower.published(100_000)
    assert await tower.act(cancel_cost, gone, reason="算错了")
    with pytest.raises(SharedCostStateWrong):
        await tower.act(issue_cost, gone)
    with pytest.raises(SharedCostStateWrong):
        await tower.act(publish_cost, gone)

    again = await tower.published(90_000)
    await tower.act(issue_cost, again)

    with pytest.raises(SharedCostStateWrong):
        await tower.act(cancel_cost, again, reason="太晚了")
    assert sum((await tower.billed()).values()) == 90_000


async def test_a_community_without_a_basis_shares_nothing(tower: Tower):
    await tower.change(update(policies).values(sharing_basis=""))

    with pytest.raises(SharingNotAllowed):
        await tower.draft(100_000, legal_basis="我说的")
    assert await tower.db.read(rows, shared_costs) == []


async def test_a_cost_keeps_its_own_basis_or_the_communitys(tower: Tower):
    await tower.draft(100_000)
    await tower.draft(1_000, "3栋", legal_basis="业主大会2026年3月决议")

    kept = [row.legal_basis for row in await tower.db.read(rows, shared_costs)]
    assert kept == [BASIS, "业主大会2026年3月决议"]


async def test_only_the_units_of_an_entrance_share_its_cost(tower: Tower):
    await tower.act(issue_cost, await tower.published(100_000, "3栋2单元"))

    assert set(await tower.billed()) == set(tower.unit_ids[3:])
    cost = (await tower.db.read(costs_of, tower.community_id, limit=9))[0]
    assert (cost.scope, cost.scope_label) == (ShareScope.ENTRANCE, "3栋2单元")


@pytest.mark.parametrize("words", ["4栋", "3栋9单元", "花园", "4-1"])
async def test_a_building_that_is_not_there_is_named_in_the_refusal(tower: Tower, words):
    with pytest.raises(UnknownSharedCost):
        await tower.draft(100_000, words)


async def test_by_household_all_bear_alike_and_the_spare_fen_go_to_the_first(tower: Tower):
    cost_id = await tower.published(100_001, method=ShareMethod.BY_HOUSEHOLD)
    await tower.act(issue_cost, cost_id)

    assert sorted((await tower.billed()).values()) == [16_666] + [16_667] * 5


async def test_by_share_only_who_has_a_share_bears_one(tower: Tower):
    with pytest.raises(NobodyShares):
        await tower.draft(100_000, method=ShareMethod.BY_SHARE)
    for which, share in enumerate((50, 30, 20)):
        await tower.factor(which, share)

    cost_id = await tower.published(100_000, method=ShareMethod.BY_SHARE)
    await tower.act(issue_cost, cost_id)

    assert list((await tower.billed()).values()) == [50_000, 30_000, 20_000]


async def test_a_ground_floor_bears_nothing_of_the_lift_and_a_shop_more(tower: Tower):
    await tower.change(update(units).where(units.c.id == tower.unit_ids[1]).values(kind="shop"))
    await tower.factor(0, 0)
    await tower.factor(1, 150)
    cost_id = await tower.published(100_000, "3栋1单元", method=ShareMethod.BY_HOUSEHOLD)

    await tower.act(issue_cost, cost_id)

    assert await tower.billed() == {tower.unit_ids[1]: 60_000, tower.unit_ids[2]: 40_000}


async def test_a_parking_space_bears_a_part_only_where_it_was_said(tower: Tower):
    await tower.change(update(units).where(units.c.id == tower.unit_ids[0]).values(kind="parking"))
    first = await tower.draft(1_000, "3栋1单元")
    assert (await tower.db.read(preview, first)).shares[0].amount_fen == 0

    await tower.factor(0, 100)

    assert (await tower.db.read(preview, first)).shares[0].amount_fen > 0


async def test_an_unsold_flat_is_owed_for_by_nobody_we_could_remind(tower: Tower):
    owner = await tower.db.write(
        factories.add_resident, tower.community_id, "李秀英", "13800001234"
    )
    await tower.db.write(factories.move_in, owner, tower.unit_ids[0])
    await tower.act(issue_cost, await tower.published(100_000))

    liable = {row.unit_id: row.liable_id for row in await tower.db.read(rows, bills)}
    assert [liable[one] for one in tower.unit_ids] == [owner, None, None, None, None, None]


@pytest.mark.parametrize(
    ("seller_until", "buyer_from", "days"),
    [
        (date(2026, 12, 11), date(2026, 12, 11), [("seller", 10), ("buyer", 21)]),
        (date(2026, 12, 11), date(2026, 12, 20), [("seller", 19), ("buyer", 12)]),
        (None, date(2027, 1, 1), [("seller", 31)]),
        (date(2026, 12, 1), date(2026, 12, 31), [(None, 30), ("buyer", 1)]),
        (date(2026, 12, 11), date(2027, 1, 5), [("seller", 10), (None, 21)]),
    ],
)
async def test_a_share_of_a_month_in_which_a_flat_was_sold_is_borne_by_days(
    tower: Tower, seller_until: date | None, buyer_from: date, days: list[tuple[str | None, int]]
):
    def sell(tx) -> dict[int | None, str | None]:
        seller = factories.add_resident(tx, tower.community_id, "李秀英", "13800001234")
        buyer = factories.add_resident(tx, tower.community_id, "王建国", "13800001235")
        factories.move_in(tx, seller, tower.unit_ids[0], until_on=seller_until)
        factories.move_in(tx, buyer, tower.unit_ids[0], from_on=buyer_from)
        return {seller: "seller", buyer: "buyer", None: None}

    names = await tower.db.write(sell)
    cost_id = await tower.published(100_000)
    share_fen = (await tower.db.read(preview, cost_id)).shares[0].amount_fen
    await tower.act(issue_cost, cost_id)

    mine = [one for one in await tower.db.read(rows, bills) if one.unit_id == tower.unit_ids[0]]
    assert [(names[one.liable_id], (one.last_on - one.begins_on).days + 1) for one in mine] == days
    assert [one.part for one in mine] == list(range(len(mine)))
    assert sum(one.amount_fen for one in mine) == share_fen
    for one, (_, count) in zip(mine, days, strict=True):
        assert abs(one.amount_fen - share_fen * count / 31) < 1
        assert recompute(json.loads(one.explanation)) == one.amount_fen
    assert await tower.db.read(prove) == []


async def test_a_share_follows_who_is_to_bear_the_fee_from_a_day_on(tower: Tower):
    def let(tx) -> tuple[int, int]:
        owner = factories.add_resident(tx, tower.community_id, "李秀英", "13800001234")
        tenant = factories.add_resident(tx, tower.community_id, "赵敏", "13800001236")
        factories.move_in(tx, owner, tower.unit_ids[0])
        factories.move_in(tx, tenant, tower.unit_ids[0], OccupancyRole.TENANT)
        tx.execute(
            insert(unit_tariffs).values(
                unit_id=tower.unit_ids[0],
                fee_item_id=tower.item_id,
                payer=Payer.TENANT,
                from_on=date(2026, 12, 16),
            )
        )
        return owner, tenant

    owner, tenant = await tower.db.write(let)
    await tower.act(issue_cost, await tower.published(100_000))

    mine = [one for one in await tower.db.read(rows, bills) if one.unit_id == tower.unit_ids[0]]
    assert [(one.liable_id, one.begins_on.day) for one in mine] == [(owner, 1), (tenant, 16)]
    assert "15/31天" in json.loads(mine[0].explanation)["sum"]


async def test_a_flat_without_an_area_is_named_and_nothing_is_drafted(tower: Tower):
    await tower.change(
        update(units).where(units.c.id == tower.unit_ids[2]).values(floor_area_m2=None)
    )

    with pytest.raises(InputMissing) as refused:
        await tower.draft(100_000)
    assert refused.value.row == "3-1-301"
    assert await tower.db.read(rows, shared_costs) == []


@pytest.mark.parametrize("fen", [0, -1, 10**11])
async def test_a_sum_that_cannot_be_is_refused(tower: Tower, fen):
    with pytest.raises(InputRefused):
        await tower.draft(fen)


async def test_a_deposit_or_another_communitys_fee_is_not_shared(tower: Tower):
    other = await tower.db.write(factories.add_community, "海棠苑")
    foreign = await tower.db.write(factories.add_fee_item, other)
    mine, tower.item_id = tower.item_id, foreign
    with pytest.raises(UnknownSharedCost):
        await tower.draft(100_000)

    tower.item_id = mine
    await tower.change(update(fee_items).values(fee_class=FeeClass.DEPOSIT))
    with pytest.raises(UnknownSharedCost):
        await tower.draft(100_000)


async def test_a_share_of_nothing_makes_no_bill(tower: Tower):
    cost_id = await tower.published(2, method=ShareMethod.BY_HOUSEHOLD)

    assert await tower.act(issue_cost, cost_id) == 2
    assert sum((await tower.billed()).values()) == 2


async def test_two_costs_of_one_fee_and_month_over_the_same_flats_are_refused(tower: Tower):
    await tower.act(issue_cost, await tower.published(100_000))

    with pytest.raises(SharedCostTaken):
        await tower.draft(50_000, "3栋1单元")
    assert sum((await tower.billed()).values()) == 100_000


async def test_a_bill_that_came_between_stops_all_and_bills_nobody_half(tower: Tower):
    cost_id = await tower.published(100_000)
    owed = Owed(tower.unit_ids[0], tower.item_id, "2026-12", 500, "电梯公摊")
    await tower.db.write(factories.add_bill, owed)

    with pytest.raises(SharedCostTaken):
        await tower.act(issue_cost, cost_id)

    assert await tower.billed() == {tower.unit_ids[0]: 500}
    cost = await tower.db.read(cost_of, cost_id)
    assert cost.state is SharedCostState.PUBLISHED
    assert await tower.db.read(prove) == []


async def test_what_changes_after_publishing_does_not_change_the_bills(tower: Tower):
    cost_id = await tower.published(100_000)
    proof = json.loads((await tower.db.read(rows, shared_costs))[0].proof)
    await tower.change(update(units).values(floor_area_m2=Decimal("50.00")))
    await tower.factor(0, 0)

    await tower.act(issue_cost, cost_id)

    assert sorted((await tower.billed()).values()) == sorted(one["fen"] for one in proof["shares"])


async def test_a_proof_that_was_tampered_with_bills_nobody(tower: Tower):
    cost_id = await tower.published(100_000)
    proof = json.loads((await tower.db.read(rows, shared_costs))[0].proof)
    proof["shares"][0]["fen"] += 1
    await tower.change(update(shared_costs).values(proof=json.dumps(proof)))

    with pytest.raises(ValueError, match="sum to the whole"):
        await tower.act(issue_cost, cost_id)
    assert await tower.billed() == {}


async def test_a_closed_month_gets_no_shared_bill(tower: Tower):
    cost_id = await tower.published(100_000)
    closing = {"community_id": tower.community_id, "period": "2026-12", "closed_at": NOW}
    await tower.change(insert(period_closes).values(closing))

    with pytest.raises(PeriodClosed):
        await tower.act(issue_cost, cost_id)


async def test_what_is_collected_for_others_is_not_our_income(tower: Tower):
    agency = update(fee_items).where(fee_items.c.id == tower.item_id)
    await tower.change(agency.values(fee_class=FeeClass.AGENCY))
    await tower.act(issue_cost, await tower.published(100_000))

    assert await tower.db.read(ledger.balance, Account.AGENCY) == -100_000
    assert await tower.db.read(ledger.balance, Account.INCOME) == 0


async def test_the_households_are_told_once_with_the_share_in_the_months_bills(tower: Tower):
    li = await tower.db.write(factories.add_resident, tower.community_id, "李秀英", "13800001234")
    await tower.db.write(factories.move_in, li, tower.unit_ids[0])
    await tower.db.write(factories.add_binding, "oLi", tower.unit_ids[0], li)
    cost_id = await tower.published(100_000)

    await tower.act(issue_cost, cost_id)
    await tower.act(issue_cost, cost_id)

    [told] = await tower.db.read(rows, outbox)
    assert json.loads(told.facts)["lines"][0][0] == "电梯公摊"


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    total_fen=st.integers(1, 10**9),
    areas=st.lists(st.integers(1, 10**6), min_size=6, max_size=6),
    percents=st.lists(st.integers(0, 300), min_size=6, max_size=6).filter(any),
    method=st.sampled_from([ShareMethod.BY_AREA, ShareMethod.BY_HOUSEHOLD]),
)
def test_m03_whatever_the_weights_the_bills_sum_to_the_whole(
    tower_once, total_fen, areas, percents, method
):
    run, tower = tower_once

    async def story() -> None:
        for table in (bill_lines, deferrals, bills, shared_costs, sharing_factors):
            await tower.change(delete(table))
        for which, (area, percent) in enumerate(zip(areas, percents, strict=True)):
            changed = update(units).where(units.c.id == tower.unit_ids[which])
            await tower.change(changed.values(floor_area_m2=Decimal(area).scaleb(-2)))
            await tower.factor(which, percent)
        await tower.act(issue_cost, await tower.published(total_fen, method=method))
        found = await tower.billed()
        weights = [
            (area if method is ShareMethod.BY_AREA else 1) * percent
            for area, percent in zip(areas, percents, strict=True)
        ]
        assert sum(found.values()) == total_fen
        for unit_id, weight in zip(tower.unit_ids, weights, strict=True):
            fen = found.get(unit_id, 0)
            low = total_fen * weight // sum(weights)
            assert low <= fen <= low + 1
            assert weight or not fen

    run(story())


@pytest.fixture
def tower_once(sqlite_url):
    """Give a tower in a database that stays open for all examples, and what runs a story."""
    door = open_database(sqlite_url)
    with asyncio.Runner() as runner:
        db = runner.run(door.__aenter__())
        tower = Tower(db, *runner.run(db.write(build)))
        yield runner.run, tower
        runner.run(door.__aexit__(None, None, None))
