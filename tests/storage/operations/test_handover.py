"""A unit changes hands in one act: what stays, what is taken over, who sees and owes what then."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.audit import Actor
from storage.errors import HandoverRefused, LinkExpired, NotAllowed, Refusal, SelfApproval
from storage.kinds import BindingState, FeeClass, OccupancyRole, StaffRole, UnitKind
from storage.links import PayLink
from storage.models.bills import bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.meters import readings
from storage.models.operating import audit_records
from storage.models.payments import refunds
from storage.models.people import bindings, occupancies, residents
from storage.models.prepayments import deposits
from storage.operations import handover
from storage.operations.deposit_asks import DepositAsk, ask_for_deposit
from storage.operations.handover import (
    Decision,
    HandedOverUnit,
    HandoverAsk,
    Successor,
    hand_over,
    plan_handover,
)
from storage.operations.issuing import issue_bills, lock_billing
from storage.operations.meters import MeterFact, install_meter
from storage.operations.reminders import plan_reminders
from storage.periods import BillingPeriod
from storage.queries.bills import open_bills
from storage.queries.clearances import clearance_of
from storage.queries.dues import bills_due
from storage.queries.handovers import HandoverKind, Noun
from storage.queries.orders import open_bills_for, payer_of
from storage.queries.pricing import SkipReason
from storage.queries.proofs import prove
from tests import factories
from tests.factories import NOW, Owed
from tests.storage.operations.purse import put_aside
from tests.storage.operations.stage import Stage

TODAY = NOW.date()
PAPER = "过户表第12号"
NEW = Successor("陈新主", "13700000001")
STAYS, TAKEN = Decision.STAYS, Decision.TAKEN_OVER


class Desk:
    """The counter: a cashier who asks, a manager who agrees."""

    def __init__(self, stage: Stage, cashier_id: int, manager_id: int) -> None:
        self.stage, self.cashier_id, self.manager_id = stage, cashier_id, manager_id
        self.db, self.world = stage.db, stage.world

    def ask(self, kind: HandoverKind = HandoverKind.SALE, **facts) -> HandoverAsk:
        known: dict[str, Any] = {"handed_on": TODAY, "successor": NEW, "consent": PAPER}
        return HandoverAsk(self.world.unit_id, kind, **(known | facts))

    async def numbers(self) -> list[str]:
        """Return the numbers of her two open bills."""
        rows = await self.stage.rows(bills)
        return [row.bill_no for row in rows if row.unit_id == self.world.unit_id]

    async def look(self, ask: HandoverAsk):
        return await self.db.read(plan_handover, ask, now=NOW)

    async def do(self, ask: HandoverAsk, **others) -> HandedOverUnit:
        known: dict[str, Any] = {
            "actor": Actor(self.cashier_id),
            "approver_id": self.manager_id,
            "now": NOW,
        }
        return await self.db.write(hand_over, ask, **(known | others))

    async def decided(self, decision: Decision, **facts) -> HandoverAsk:
        """Return an ask in which all that lies on the table is decided alike."""
        ask = self.ask(**facts)
        plan = await self.look(ask)
        return replace(ask, decisions={one.reference: decision for one in plan.items})

    async def told(self) -> list[tuple[str, str]]:
        """Return (event, openid) of what waits to be told."""
        found = await self.db.read(
            lambda tx: tx.exec_driver_sql("SELECT event, recipient FROM outbox ORDER BY id").all()
        )
        return [tuple(row) for row in found]

    async def newcomer(self) -> int:
        """Return who came."""
        chosen = select(residents.c.id).where(residents.c.name == NEW.name)
        return await self.db.read(lambda tx: tx.execute(chosen).scalar_one())

    async def bind_new(self) -> int:
        """Bind the newcomer; return her binding."""
        resident_id = await self.newcomer()

        def bind(tx: Connection) -> int:
            return factories.add_binding(tx, "oNew", self.world.unit_id, resident_id)

        return await self.db.write(bind)


@pytest.fixture
async def desk(stage: Stage) -> Desk:
    """Give the counter of Ms Li's community; her flat has no price, so nothing else is due."""

    def set_up(tx: Connection) -> tuple[int, int]:
        tx.execute(update(tariffs).values(ends_on=date(2025, 6, 1)))
        one = stage.world.community_id
        return (
            factories.add_staff(tx, one, "王出纳", StaffRole.CASHIER, "1001"),
            factories.add_staff(tx, one, "赵经理", StaffRole.MANAGER, "1002"),
        )

    return Desk(stage, *await stage.db.write(set_up))


async def days_of(desk: Desk, item_name: str) -> list[tuple[int | None, date, int]]:
    """Return who owes for a fee up to which day, and how many fen."""
    chosen = select(bills.c.liable_id, bills.c.last_on, bills.c.amount_fen).join(fee_items)
    stands = chosen.where(fee_items.c.name == item_name, bills.c.voided_at.is_(None))
    found = stands.order_by(bills.c.begins_on)
    return await desk.db.read(lambda tx: [tuple(row) for row in tx.execute(found)])


async def liable(desk: Desk) -> list[int | None]:
    rows = await desk.stage.rows(bills)
    return [row.liable_id for row in rows if row.unit_id == desk.world.unit_id]


async def test_what_stays_is_owed_by_who_leaves_and_seen_by_nobody_else(desk: Desk):
    done = await desk.do(await desk.decided(STAYS))
    new_binding = await desk.bind_new()

    assert (done.open_fen, done.clear, done.issued) == (50_120, (), 0)
    assert await liable(desk) == [desk.world.li_id] * 2
    assert await desk.db.read(open_bills, new_binding) == []
    paper = await desk.db.read(
        lambda tx: open_bills_for(
            tx, payer_of(tx, PayLink(desk.world.unit_id, 0, 1, TODAY)), today=TODAY
        )
    )
    assert paper == []
    assert await desk.db.read(prove) == []


async def reminded(desk: Desk) -> set[str]:
    """Plan the reminders of the due day; return who will read one."""
    due_day = NOW + timedelta(days=2)
    await desk.db.write(plan_reminders, community_id=desk.world.community_id, now=due_day)
    return {openid for event, openid in await desk.told() if event == "ReminderDue"}


async def test_without_the_act_the_old_owner_is_reminded(desk: Desk):
    assert await reminded(desk) == {"oLi"}


async def test_the_new_owner_sees_and_is_reminded_only_of_what_is_hers(desk: Desk):
    await desk.do(await desk.decided(STAYS))
    new_binding = await desk.bind_new()

    def new_bill(tx: Connection) -> int:
        resident_id = tx.execute(
            select(residents.c.id).where(residents.c.name == NEW.name)
        ).scalar_one()
        item_id = factories.add_fee_item(tx, desk.world.community_id, "水费", "water")
        owed = Owed(desk.world.unit_id, item_id, "2026-11", 3_000, "水费", resident_id)
        return factories.add_bill(tx, owed)

    assert await reminded(desk) == set()
    bill_id = await desk.db.write(new_bill)

    assert await reminded(desk) == {"oNew"}
    seen = await desk.db.read(open_bills, new_binding)
    assert [(one.bill_id, one.open_fen) for one in seen] == [(bill_id, 3_000)]


async def test_what_is_taken_over_with_consent_is_the_newcomers(desk: Desk):
    done = await desk.do(await desk.decided(TAKEN))
    new_binding = await desk.bind_new()

    seen = await desk.db.read(open_bills, new_binding)
    notes = [row for row in await desk.stage.rows(audit_records) if row.act == "take_over"]
    assert [one.bill_no for one in seen] == await desk.numbers()
    assert (done.open_fen, done.clear) == (0, (desk.world.li_id,))
    assert [PAPER in row.detail for row in notes] == [True, True]


async def test_i06_her_binding_and_links_end_and_she_is_told(desk: Desk):
    def family(tx: Connection) -> None:
        factories.add_binding(tx, "oSon", desk.world.unit_id, None, OccupancyRole.FAMILY)
        tenant_id = factories.add_resident(tx, desk.world.community_id, "周租客", "13700000009")
        factories.move_in(tx, tenant_id, desk.world.unit_id, OccupancyRole.TENANT)
        factories.add_binding(tx, "oTenant", desk.world.unit_id, tenant_id, OccupancyRole.TENANT)

    await desk.db.write(family)
    done = await desk.do(await desk.decided(STAYS))

    live = [row for row in await desk.stage.rows(bindings) if row.state == BindingState.ACTIVE]
    (flat, _) = (await desk.stage.rows(units))[:2]
    assert (done.ended_bindings, len(live), live[0].role) == (2, 1, OccupancyRole.TENANT)
    assert flat.link_epoch == 1
    assert await desk.told() == [("HandedOver", "oLi"), ("BindingChanged", "oSon")]
    with pytest.raises(LinkExpired):
        await desk.db.read(payer_of, PayLink(desk.world.unit_id, 0, 0, TODAY))


async def test_days_of_the_two_meet_and_do_not_overlap(desk: Desk):
    await desk.do(await desk.decided(STAYS, handed_on=date(2026, 11, 20)))

    stays = [row for row in await desk.stage.rows(occupancies) if row.unit_id == desk.world.unit_id]
    assert [(row.from_on, row.until_on) for row in stays] == [
        (date(2020, 1, 1), date(2026, 11, 20)),
        (date(2026, 11, 20), None),
    ]


async def test_looking_changes_nothing_and_lists_all(desk: Desk):
    plan = await desk.look(desk.ask())

    assert [(one.noun, one.amount_fen, one.is_after) for one in plan.items] == [
        (Noun.ARREAR, 25_060, False),
        (Noun.ARREAR, 25_060, False),
    ]
    assert len(await desk.stage.rows(occupancies)) == 2
    assert await desk.told() == []


async def test_doing_it_twice_is_once(desk: Desk):
    ask = await desk.decided(STAYS)
    await desk.do(ask)

    with pytest.raises(HandoverRefused) as refused:
        await desk.do(replace(ask, decisions={}))

    assert refused.value.why == "day"
    assert len(await desk.stage.rows(occupancies)) == 3


async def test_of_two_at_once_one_is_done(desk: Desk):
    ask = await desk.decided(STAYS)

    ended = await desk.stage.at_once(desk.do(ask), desk.do(ask))

    assert sum(isinstance(one, HandedOverUnit) for one in ended) == 1
    assert len(await desk.stage.rows(occupancies)) == 3
    assert [event for event, _ in await desk.told()] == ["HandedOver"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"handed_on": TODAY + timedelta(days=1)}, "day"),
        ({"handed_on": date(2019, 12, 31)}, "day"),
        ({"handed_on": date(2020, 1, 1)}, "day"),
        ({"successor": Successor("李秀英", "1")}, "same_person"),
        ({"successor": None}, "successor"),
        ({"decisions": {}}, "undecided"),
        ({"decisions": {"B2020-01-000001": STAYS}}, "unknown"),
        ({"kind": HandoverKind.MOVE_OUT}, "nobody"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_nothing_is_half_done(
    desk: Desk, facts: dict, why: str
):
    ask = replace(await desk.decided(STAYS), **facts)

    with pytest.raises(HandoverRefused) as refused:
        await desk.do(ask)

    assert refused.value.why == why
    await untouched(desk)


async def untouched(desk: Desk) -> None:
    assert [row.until_on for row in await desk.stage.rows(occupancies)] == [None, None]
    assert len(await desk.stage.rows(residents)) == 2
    assert await desk.told() == []
    assert {row.state for row in await desk.stage.rows(bindings)} == {BindingState.ACTIVE}


async def test_nothing_is_taken_over_without_consent(desk: Desk):
    ask = await desk.decided(TAKEN, consent=" ")

    with pytest.raises(HandoverRefused) as refused:
        await desk.do(ask)

    assert (refused.value.why, list(refused.value.references)) == (
        "consent",
        await desk.numbers(),
    )
    await untouched(desk)


async def test_a_second_person_who_manages_there_has_to_agree(desk: Desk):
    ask = await desk.decided(STAYS)
    tries: list[tuple[type[Refusal], dict]] = [
        (SelfApproval, {"actor": Actor(desk.manager_id)}),
        (NotAllowed, {"approver_id": desk.cashier_id, "actor": Actor(desk.manager_id)}),
        (NotAllowed, {"actor": Actor(identity_id=desk.stage.identity_id)}),
    ]

    for kind, who in tries:
        with pytest.raises(kind):
            await desk.do(ask, **who)

    await untouched(desk)


async def deposit(desk: Desk, resident_id: int | None) -> str:
    """Have 1,000 yuan of deposit held."""

    def ask(tx: Connection) -> str | None:
        item_id = tx.execute(
            insert(fee_items)
            .values(
                community_id=desk.world.community_id,
                code="",
                name="装修押金",
                fee_class=FeeClass.DEPOSIT,
            )
            .returning(fee_items.c.id)
        ).scalar_one()
        wanted = DepositAsk(desk.world.unit_id, item_id, 100_000, TODAY, "装修", resident_id)
        return ask_for_deposit(tx, wanted, actor=Actor(desk.cashier_id), now=NOW)

    bill_no = await desk.db.write(ask)
    assert bill_no is not None
    rows = await desk.stage.rows(bills)
    await desk.stage.paid([row.id for row in rows if row.bill_no == bill_no])
    return bill_no


@pytest.mark.parametrize(("decision", "is_hers"), [(STAYS, True), (TAKEN, False)])
async def test_a_deposit_is_whose_it_was_decided_to_be(
    desk: Desk, decision: Decision, is_hers: bool
):
    await desk.stage.paid(desk.stage.both)
    bill_no = await deposit(desk, None)

    plan = await desk.look(desk.ask())
    await desk.do(await desk.decided(decision))

    (held,) = await desk.stage.rows(deposits)
    assert [(one.noun, one.reference, one.amount_fen) for one in plan.items] == [
        (Noun.DEPOSIT, bill_no, 100_000)
    ]
    assert (held.resident_id == desk.world.li_id) is is_hers
    await desk.stage.books_hold()


async def test_she_who_owes_nothing_is_clear_and_told_so(desk: Desk):
    await desk.stage.paid(desk.stage.both)

    done = await desk.do(await desk.decided(STAYS))

    found = await desk.db.read(clearance_of, desk.world.unit_id, desk.world.li_id, now=NOW)
    assert found is not None
    assert (done.clear, found.is_clear, found.until_on) == ((desk.world.li_id,), True, TODAY)


async def test_a_bill_that_comes_back_takes_the_clearance_back(desk: Desk):
    payment_id = await desk.stage.paid(desk.stage.both)
    await desk.do(await desk.decided(STAYS))

    refund = await desk.stage.request(payment_id, 25_060)
    await desk.stage.given_back(refund.refund_no)

    found = await desk.db.read(clearance_of, desk.world.unit_id, desk.world.li_id, now=NOW)
    assert found is not None
    assert (found.is_clear, found.open_fen) == (False, 25_060)


async def test_nobody_is_cleared_who_still_lives_there(desk: Desk):
    await desk.stage.paid(desk.stage.both)

    assert await desk.db.read(clearance_of, desk.world.unit_id, desk.world.li_id, now=NOW) is None


async def test_what_is_due_is_billed_first_and_names_who_leaves(desk: Desk):
    await desk.stage.paid(desk.stage.both)

    def price(tx: Connection) -> None:
        item_id = factories.add_fee_item(tx, desk.world.community_id, "垃圾费", "")
        tx.execute(
            insert(tariffs).values(
                community_id=desk.world.community_id,
                fee_item_id=item_id,
                unit_kind=UnitKind.HOME,
                basis="fixed",
                price_e4=100_000,
                effective_on=date(2026, 11, 1),
            )
        )

    await desk.db.write(price)
    plan = await desk.look(desk.ask())
    done = await desk.do(await desk.decided(STAYS))

    assert [one.scheme.item_name for one in plan.left.new] == ["垃圾费"]
    assert (done.issued, done.open_fen, done.clear) == (2, 733, ())
    assert await days_of(desk, "垃圾费") == [
        (desk.world.li_id, date(2026, 11, 22), 733),
        (await desk.newcomer(), date(2026, 11, 30), 267),
    ]


async def test_a_fee_that_cannot_be_billed_yet_keeps_the_letter_back(desk: Desk):
    await desk.stage.paid(desk.stage.both)

    def price(tx: Connection) -> None:
        item_id = factories.add_fee_item(tx, desk.world.community_id, "水费", "water")
        tx.execute(
            insert(tariffs).values(
                community_id=desk.world.community_id,
                fee_item_id=item_id,
                unit_kind=UnitKind.HOME,
                basis="by_meter",
                timing="in_arrears",
                price_e4=29_000,
                effective_on=date(2026, 11, 1),
            )
        )
        fact = MeterFact("W001", date(2026, 11, 1), Decimal(100))
        actor = Actor(desk.cashier_id)
        install_meter(tx, desk.world.unit_id, item_id, fact, actor=actor, now=NOW)

    await desk.db.write(price)
    plan = await desk.look(desk.ask())
    done = await desk.do(await desk.decided(STAYS, readings={"W001": Decimal("110.5")}))

    noted = [row.value_e3 for row in await desk.stage.rows(readings)]
    assert (plan.meters, noted) == (("W001",), [100_000, 110_500])
    assert (done.unbilled, done.clear) == (("水费",), ())


async def test_a_tenant_moves_out_and_the_owner_stays(desk: Desk):
    def let(tx: Connection) -> int:
        tenant_id = factories.add_resident(tx, desk.world.community_id, "周租客", "13700000009")
        factories.move_in(
            tx, tenant_id, desk.world.unit_id, OccupancyRole.TENANT, from_on=date(2026, 1, 1)
        )
        factories.add_binding(tx, "oTenant", desk.world.unit_id, tenant_id, OccupancyRole.TENANT)
        item_id = factories.add_fee_item(tx, desk.world.community_id, "水费", "water")
        owed = Owed(desk.world.unit_id, item_id, "2026-10", 8_000, "水费", tenant_id)
        factories.add_bill(tx, owed)
        return tenant_id

    tenant_id = await desk.db.write(let)
    ask = await desk.decided(TAKEN, kind=HandoverKind.MOVE_OUT, successor=None)
    done = await desk.do(ask)

    live = [row for row in await desk.stage.rows(bindings) if row.state == BindingState.ACTIVE]
    assert len(ask.decisions) == 1
    assert (done.clear, (await liable(desk))[-1]) == ((tenant_id,), desk.world.li_id)
    assert [row.role for row in live] == [OccupancyRole.OWNER]
    assert await desk.told() == [("HandedOver", "oTenant")]


async def test_her_parking_space_goes_along_or_stays(desk: Desk):
    def space(tx: Connection) -> int:
        key = factories.add_unit(tx, desk.world.community_id, "9-1-101")
        factories.move_in(tx, desk.world.li_id, key)
        owed = Owed(key, desk.world.fee_item_id, "2026-10", 30_000, liable_id=desk.world.li_id)
        factories.add_bill(tx, owed)
        return key

    space_id = await desk.db.write(space)
    alone = await desk.look(desk.ask())
    along = await desk.look(desk.ask(decisions={"9-1-101": TAKEN}))
    ask = desk.ask(decisions={one.reference: TAKEN for one in along.items})
    done = await desk.do(ask)

    assert [one.noun for one in alone.items] == [Noun.SPACE, Noun.ARREAR, Noun.ARREAR]
    assert [one.amount_fen for one in along.items] == [0, 25_060, 25_060, 30_000]
    assert done.plan.unit_ids == (desk.world.unit_id, space_id)
    of_space = [row for row in await desk.stage.rows(occupancies) if row.unit_id == space_id]
    assert [row.until_on for row in of_space] == [TODAY, None]


async def test_a_space_that_went_along_while_its_own_sale_waited_has_one_new_owner(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    def space(tx: Connection) -> int:
        key = factories.add_unit(tx, desk.world.community_id, "9-1-101")
        factories.move_in(tx, desk.world.li_id, key)
        return key

    space_id = await desk.db.write(space)
    along = await desk.look(desk.ask(decisions={"9-1-101": TAKEN}))
    whole = desk.ask(decisions={one.reference: TAKEN for one in along.items})
    alone = replace(desk.ask(successor=Successor("孙旁人", "13700000002")), unit_id=space_id)
    plan = await desk.look(alone)
    alone = replace(alone, decisions={one.reference: STAYS for one in plan.items})

    said: dict[str, Any] = {
        "actor": Actor(desk.cashier_id),
        "approver_id": desk.manager_id,
        "now": NOW,
    }

    def wait(tx: Connection, community_id: int) -> None:
        monkeypatch.undo()
        hand_over(tx, whole, **said)
        lock_billing(tx, community_id)

    def sell(tx: Connection) -> None:
        with pytest.raises(HandoverRefused):
            hand_over(tx, alone, **said)

    monkeypatch.setattr(handover, "lock_billing", wait)
    await desk.db.write(sell)

    of_space = [row for row in await desk.stage.rows(occupancies) if row.unit_id == space_id]
    assert [row.until_on for row in of_space] == [TODAY, None]


async def test_a_bill_that_names_nobody_stays_with_who_leaves(desk: Desk):
    await desk.db.write(lambda tx: tx.execute(update(bills).values(liable_id=None)).rowcount)

    await desk.do(await desk.decided(STAYS))

    assert await liable(desk) == [desk.world.li_id] * 2
    assert await desk.db.read(open_bills, await desk.bind_new()) == []


@pytest.mark.parametrize(("decision", "asked"), [(STAYS, [30_000]), (TAKEN, [])])
async def test_a_prepayment_goes_back_or_stays_with_the_flat(
    desk: Desk, decision: Decision, asked: list[int]
):
    await desk.stage.paid(desk.stage.both)
    await put_aside(desk.stage, 30_000)

    plan = await desk.look(desk.ask())
    done = await desk.do(await desk.decided(decision))

    rows = await desk.stage.rows(refunds)
    assert [(one.noun, one.amount_fen) for one in plan.items] == [(Noun.PREPAYMENT, 30_000)]
    assert [row.amount_fen for row in rows] == asked
    assert list(done.refund_nos) == [row.refund_no for row in rows]
    await desk.stage.books_hold()


async def across(desk: Desk) -> str:
    """Bill a fee of 10 yuan for all of November; return the bill's number."""
    await desk.stage.paid(desk.stage.both)

    def bill(tx: Connection) -> str:
        item_id = factories.add_fee_item(tx, desk.world.community_id, "垃圾费", "")
        tx.execute(
            insert(tariffs).values(
                community_id=desk.world.community_id,
                fee_item_id=item_id,
                unit_kind=UnitKind.HOME,
                basis="fixed",
                price_e4=100_000,
                effective_on=date(2026, 11, 1),
            )
        )
        issue_bills(
            tx,
            community_id=desk.world.community_id,
            period=BillingPeriod(2026, 11),
            now=NOW,
            unit_ids=[desk.world.unit_id],
        )
        chosen = select(bills.c.bill_no).where(bills.c.fee_item_id == item_id)
        return str(tx.execute(chosen).scalar_one())

    return await desk.db.write(bill)


async def test_a_bill_across_the_day_is_parted_by_days(desk: Desk):
    bill_no = await across(desk)
    parted = desk.ask(decisions={bill_no: Decision.PARTED}, consent="")

    done = await desk.do(parted)

    assert await days_of(desk, "垃圾费") == [
        (desk.world.li_id, date(2026, 11, 22), 733),
        (await desk.newcomer(), date(2026, 11, 30), 267),
    ]
    [old] = [row for row in await desk.stage.rows(bills) if row.bill_no == bill_no]
    assert (old.voided_at is not None, done.open_fen) == (True, 733)
    assert await desk.db.read(prove) == []


@pytest.mark.parametrize("decision", [STAYS, TAKEN])
async def test_a_bill_across_the_day_stays_whole_where_that_was_decided(
    desk: Desk, decision: Decision
):
    await across(desk)
    await desk.do(await desk.decided(decision))

    report = await desk.db.write(
        issue_bills,
        community_id=desk.world.community_id,
        period=BillingPeriod(2026, 11),
        now=NOW,
        unit_ids=[desk.world.unit_id],
    )

    assert (report.issued, report.missing) == (0, ())


async def test_a_bill_of_other_days_is_not_parted(desk: Desk):
    first, second = await desk.numbers()
    ask = desk.ask(decisions={first: STAYS, second: Decision.PARTED})

    with pytest.raises(HandoverRefused) as refused:
        await desk.do(ask)

    assert (refused.value.why, refused.value.references) == ("parted", (second,))


async def test_a_bill_that_was_paid_for_days_after_keeps_no_letter_back_and_is_named(desk: Desk):
    bill_no = await across(desk)
    [bill] = [row for row in await desk.stage.rows(bills) if row.bill_no == bill_no]
    await desk.stage.paid((bill.id,))

    done = await desk.do(desk.ask())

    assert (done.open_fen, done.unbilled, done.clear) == (0, (), (desk.world.li_id,))
    due = await desk.db.read(
        bills_due,
        community_id=desk.world.community_id,
        period=BillingPeriod(2026, 11),
        today=TODAY,
        unit_ids=[desk.world.unit_id],
    )
    assert [(one.reason, one.bill_no) for one in due.missing] == [
        (SkipReason.PARTY_CHANGED, bill_no)
    ]
