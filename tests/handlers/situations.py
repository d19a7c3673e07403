"""Fixed situations that conversations begin in: each builds a world and returns who speaks."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from storage.audit import CLOCK
from storage.kinds import Basis, DiscountReason, OccupancyRole, Payer, ShareMethod, StaffRole
from storage.models.bills import fee_items, tariffs
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.models.payments import refunds
from storage.models.tariffs import discounts
from storage.operations.meters import MeterFact, install_meter
from storage.operations.prepay_orders import Aside
from storage.operations.readings import ReadingFact, note_reading
from storage.operations.tax_codes import set_tax_code
from storage.periods import BillingPeriod, DaySpan, months_after, shanghai_day
from storage.rules.charging import charge_days
from storage.rules.discounts import percent_off, take_off
from storage.rules.meters import Meter, Reading, usage
from storage.rules.pricing import frozen, parted
from storage.rules.sharing import Sharer, share_cost
from storage.rules.tariffs import Tariff, Tier, UnitFacts
from tests import factories
from tests.factories import NOW, Owed


def stranger(tx: Connection) -> str:
    """Nobody has bound anything yet."""
    factories.build(tx)
    return "o-li"


def needs_code(tx: Connection) -> str:
    """The community asks for the code on the paper bill."""
    world = factories.build(tx, bind_needs_code=1)
    factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "o-chen")
    return "o-li"


def two_communities(tx: Connection) -> str:
    """Ms Li owns a flat of the same number in two communities."""
    factories.build(tx)
    other = factories.add_community(tx, "海棠苑")
    unit_id = factories.add_unit(tx, other, "3-2-1201")
    factories.move_in(tx, factories.add_resident(tx, other, "李秀英", "13800001234"), unit_id)
    return "o-li"


def owing(tx: Connection) -> str:
    """Ms Li has bound her flat and owes two months; a steward works here."""
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "o-chen")
    return "o-li"


def owing_long(tx: Connection) -> str:
    """Ms Li owes since spring, more than a list shows."""
    world = factories.build(tx)
    for month in range(1, 10):
        bill = Owed(world.unit_id, world.fee_item_id, f"2026-{month:02d}", liable_id=world.li_id)
        factories.add_bill(tx, bill)
    water_id = factories.add_fee_item(tx, world.community_id, "水费", "water")
    for month in range(8, 12):
        bill = Owed(
            world.unit_id, water_id, f"2026-{month:02d}", 1_000 * month, "水费", world.li_id
        )
        bill.explanation["sum"] = f"{month * 2}吨 × 5.00元 = {month * 10}.00元"
        factories.add_bill(tx, bill)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    return "o-li"


def explained(tx: Connection) -> str:
    """Ms Li has bills of many kinds; in December her flat's price and her use have risen."""
    world = factories.build(tx)
    items = {
        name: factories.add_fee_item(tx, world.community_id, name, code)
        for name, code in (("电费", "electricity"), ("电梯公摊", "shared_utilities"))
    }
    items["物业费"] = world.fee_item_id
    made = {("电费", 11): _power(11, 200), ("电费", 12): _power(12, 260)}
    made |= {("电梯公摊", 11): _lift(300_000), ("电梯公摊", 12): _lift(412_345)}
    made["物业费", 12] = _flat_fee()
    for (name, month), explanation in made.items():
        period = f"2026-{month:02d}"
        fen = explanation["amount_fen"]
        owed = Owed(world.unit_id, items[name], period, fen, name, world.li_id)
        factories.add_bill(tx, replace(owed, explanation=explanation))
    late_id = factories.add_fee_item(tx, world.community_id, "违约金", "late_fee")
    late = Owed(world.unit_id, late_id, "2026-12", 251, "违约金", world.li_id)
    told = {"sum": "250.60元 × 0.05% × 20天 = 2.51元", "basis": "late_fee"}
    factories.add_bill(tx, replace(late, explanation=told))
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    return "o-li"


def billed_later(tx: Connection) -> str:
    """Ms Li's water and lift are billed a month later than her flat; light is shared by tariff."""
    world = factories.build(tx)
    water_id = factories.add_fee_item(tx, world.community_id, "水费", "water")
    lift_id = factories.add_fee_item(tx, world.community_id, "电梯费公摊", "elevator")
    light_id = factories.add_fee_item(tx, world.community_id, "楼道照明", "")
    factories.add_tariff(tx, world.community_id, light_id, 0)
    shared = update(tariffs).where(tariffs.c.fee_item_id == light_id)
    tx.execute(shared.values(basis=Basis.SHARED))
    told = {month: {"sum": f"{month * 2}吨 × 5.00元 = {month * 10}.00元"} for month in (9, 10)}
    made = [(water_id, "水费", month, how, month * 1_000) for month, how in told.items()]
    for month, total_fen in ((9, 300_000), (10, 412_345)):
        lift = _lift(total_fen)
        made.append((lift_id, "电梯费公摊", month, lift, lift["amount_fen"]))
    made.append((light_id, "楼道照明", 8, {"sum": "96.00元 / 48户 = 2.00元"}, 200))
    for item_id, name, month, how, fen in made:
        owed = Owed(world.unit_id, item_id, f"2026-{month:02d}", fen, name, world.li_id)
        factories.add_bill(tx, replace(owed, explanation=how))
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    return "o-li"


def bought_in_mid_month(tx: Connection) -> str:
    """Ms Li has her flat since 15 December; its fee of that month is shared with who sold it."""
    world = factories.build(tx)
    month = DaySpan.of(BillingPeriod(2026, 12))
    price = Tariff(Basis.BY_AREA, 28_000, date(2020, 1, 1), name="2020-01-01")
    made = charge_days([price], UnitFacts(floor_area_m2=Decimal("89.50")), month)
    sold, bought = parted(
        frozen("物业费", made), month.cut([date(2026, 12, 15)]), [Payer.OWNER] * 2
    )
    fee_id = factories.add_fee_item(tx, world.community_id, "物业管理费", "property_fee")
    before = replace(month, begins_on=date(2026, 11, 1), ends_on=month.begins_on)
    earlier = frozen("", charge_days([price], UnitFacts(floor_area_m2=Decimal("89.50")), before))
    for period, part in (("2026-11", earlier), ("2026-12", bought)):
        owed = Owed(world.unit_id, fee_id, period, part.amount_fen, "物业管理费", world.li_id)
        factories.add_bill(tx, replace(owed, explanation=json.loads(part.explanation)))
    assert sold.amount_fen + bought.amount_fen == made.amount_fen
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    return "o-li"


def _flat_fee() -> dict:
    """Charge December, in which the price rises on the 11th, with something off."""
    rise = date(2026, 12, 11)
    prices = [
        Tariff(Basis.BY_AREA, 28_000, date(2020, 1, 1), rise, name="2020-01-01"),
        Tariff(Basis.BY_AREA, 30_000, rise, name="2026-12-11"),
    ]
    flat = UnitFacts(floor_area_m2=Decimal("89.50"))
    made = charge_days(prices, flat, DaySpan.of(BillingPeriod(2026, 12)))
    off = percent_off(DiscountReason.PERSON_GROUP, "八十岁以上老人", made.amount_fen, Decimal(10))
    return take_off(made, [off]).explanation


def _power(month: int, used: int) -> dict:
    steps = (Tier(5_283, Decimal(230)), Tier(5_783, Decimal(400)), Tier(8_283))
    tariff = Tariff(Basis.TIERED, 0, date(2020, 1, 1), use_unit="度", tiers=steps)
    days = DaySpan.of(BillingPeriod(2026, month))
    readings = [
        Reading(days.begins_on, Decimal(1200), meter_no="A"),
        Reading(days.ends_on, Decimal(1200) + used, meter_no="A"),
    ]
    read = usage(readings, meters={"A": Meter()})
    return charge_days([tariff], UnitFacts(usage=read), days).explanation


def _lift(total_fen: int) -> dict:
    sharers = [Sharer(f"3-2-{one}", Decimal("89.50") + one) for one in range(48)]
    proof = share_cost(total_fen, sharers, method=ShareMethod.BY_AREA)
    return proof.explain(proof.shares[0])


def two_flats(tx: Connection) -> str:
    """Ms Li has bound two flats and chosen none."""
    world = factories.build(tx)
    factories.move_in(tx, world.li_id, world.next_door_id)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    factories.add_binding(tx, "o-li", world.next_door_id, world.li_id)
    return "o-li"


def registered_twice(tx: Connection) -> str:
    """Ms Li owns two flats and has bound none."""
    world = factories.build(tx)
    factories.move_in(tx, world.li_id, world.next_door_id)
    return "o-li"


def tenant(tx: Connection) -> str:
    """A tenant of Ms Li's flat speaks."""
    world = factories.build(tx)
    zhao_id = factories.add_resident(tx, world.community_id, "赵敏", "13700000000")
    factories.move_in(tx, zhao_id, world.unit_id, OccupancyRole.TENANT)
    factories.add_binding(tx, "o-zhao", world.unit_id, zhao_id, OccupancyRole.TENANT)
    return "o-zhao"


def sharing(tx: Connection) -> str:
    """Ms Li shares her flat in chat with a tenant."""
    tenant(tx)
    world_unit, li_id = 1, 1
    factories.add_binding(tx, "o-li", world_unit, li_id)
    return "o-li"


def sharing_with_two(tx: Connection) -> str:
    """Ms Li shares her flat in chat with a tenant and with her husband."""
    openid = sharing(tx)
    qian_id = factories.add_resident(tx, 1, "钱大明", "13600000000")
    factories.move_in(tx, qian_id, 1, OccupancyRole.FAMILY)
    factories.add_binding(tx, "o-qian", 1, qian_id, OccupancyRole.FAMILY)
    return openid


def paid(tx: Connection) -> str:
    """Ms Li paid both months an hour ago."""
    return _paid(tx, together=True)


def paid_taxed(tx: Connection) -> str:
    """Ms Li paid both months an hour ago; her fee has a tax code."""
    openid = paid(tx)
    day = shanghai_day(NOW).replace(year=2020)
    for item_id in tx.execute(select(fee_items.c.id)).scalars().all():
        set_tax_code(tx, item_id, "3040502020200000000", 600, effective_on=day, now=NOW)
    return openid


def paid_twice(tx: Connection) -> str:
    """Ms Li paid the two months one by one."""
    return _paid(tx, together=False)


def paid_strict(tx: Connection) -> str:
    """Ms Li paid, and every refund needs a manager."""
    return _paid(tx, together=True, refund_automatic_fen=0)


def _paid(tx: Connection, *, together: bool, **choices) -> str:
    world = factories.build(tx, **choices)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    who = factories.meet(tx, "o-li")
    months = (world.october_id, world.november_id)
    for number, bill_ids in enumerate([months] if together else [months[:1], months[1:]]):
        paid_at = NOW - timedelta(hours=2 - number)
        factories.pay(tx, world.unit_id, bill_ids, identity_id=who, paid_at=paid_at)
    return "o-li"


def paying(tx: Connection) -> str:
    """Ms Li pressed pay five minutes ago and nobody has reported anything."""
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    factories.begin_to_pay(
        tx,
        world.unit_id,
        (world.october_id,),
        identity_id=factories.meet(tx, "o-li"),
        at=NOW - timedelta(minutes=5),
    )
    return "o-li"


def saving(tx: Connection) -> str:
    """Ms Li owes nothing and has put aside 300 for the property fee and 700 for any."""
    paid(tx)
    who = factories.meet(tx, "o-li")
    factories.put_aside(tx, 1, Aside(30_000, 1), identity_id=who)
    factories.put_aside(tx, 1, Aside(70_000), identity_id=who)
    return "o-li"


def year_offered(tx: Connection) -> str:
    """Ms Li owes nothing, and the community gives the thirteenth month for a year ahead."""
    paid(tx)
    tx.execute(
        insert(discounts).values(
            community_id=1,
            reason=DiscountReason.YEAR_AHEAD,
            name="交一年送一个月",
            percent_e2=833,
            from_on=date(2026, 1, 1),
        )
    )
    return "o-li"


def noticed(tx: Connection) -> str:
    """Ms Li was sent a notice yesterday."""
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    staff_id = factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "o-chen")
    at = NOW - timedelta(days=1)
    broadcast_id = tx.execute(
        insert(broadcasts)
        .values(
            broadcast_no="N1",
            community_id=world.community_id,
            created_by=staff_id,
            category="notice",
            text="明天9点到12点清洗水箱，请提前存水。",
            audience="{}",
            state="done",
            created_at=at,
        )
        .returning(broadcasts.c.id)
    ).scalar_one()
    tx.execute(
        insert(outbox).values(
            message_key="notice:1",
            event="NoticeSent",
            facts="{}",
            account=factories.ACCOUNT,
            recipient="o-li",
            identity_id=factories.meet(tx, "o-li"),
            broadcast_id=broadcast_id,
            urgency="notice",
            state="sent",
            created_at=at,
            not_before=at,
        )
    )
    return "o-li"


def refunding(state: str):
    """Give the situation of a refund that stands at a state."""

    def at_state(tx: Connection) -> str:
        paid(tx)
        factories.ask_back(tx, 1, identity_id=factories.meet(tx, "o-li"))
        later = {
            "decided_at": NOW + timedelta(minutes=5),
            "submitted_at": NOW + timedelta(minutes=6),
            "settled_at": NOW + timedelta(minutes=16),
        }
        reached = {
            "requested": (),
            "approved": ("decided_at",),
            "declined": ("decided_at",),
            "success": ("submitted_at", "settled_at"),
        }.get(state, ("submitted_at",))
        tx.execute(
            update(refunds).values(
                state=state,
                decline_reason="账单无误" if state == "declined" else "",
                **{name: later[name] for name in reached},
            )
        )
        return "o-li"

    at_state.__doc__ = f"Ms Li asked money back: {state}."
    return at_state


def metered(tx: Connection) -> str:
    """Ms Li's flat has a water meter that is read on the 23rd and uses ten a month."""
    return _metered(tx, start=1000)


def metered_near_the_end(tx: Connection) -> str:
    """Ms Li's water meter shows 99990 of its five digits."""
    return _metered(tx, start=99_870)


def metered_with_staff(tx: Connection) -> str:
    """Ms Li's flat has a water meter, and a steward works here."""
    openid = _metered(tx, start=1000)
    factories.add_staff(tx, 1, "小陈", StaffRole.STEWARD, "o-chen")
    return openid


def metered_twice(tx: Connection) -> str:
    """Ms Li's flat has a water meter and an electricity meter of 20 times."""
    openid = _metered(tx, start=1000)
    power_id = factories.add_fee_item(tx, 1, "电费", "electricity")
    fact = MeterFact("D1", date(2026, 10, 23), Decimal(500), 5, Decimal(20))
    install_meter(tx, 1, power_id, fact, actor=CLOCK, now=NOW)
    return openid


def _metered(tx: Connection, *, start: int) -> str:
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    water_id = factories.add_fee_item(tx, world.community_id, "水费", "water")
    fact = MeterFact("S1", date(2025, 10, 23), Decimal(start), digits=5)
    meter_id = install_meter(tx, world.unit_id, water_id, fact, actor=CLOCK, now=NOW)
    for number in range(1, 13):
        day = months_after(fact.installed_on, number)
        reading = ReadingFact(meter_id, day, Decimal(start + 10 * number))
        note_reading(tx, reading, actor=CLOCK, now=NOW)
    return "o-li"
