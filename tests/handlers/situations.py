"""Fixed situations that conversations begin in: each builds a world and returns who speaks."""

from datetime import timedelta

from sqlalchemy import Connection, insert, update

from storage.kinds import OccupancyRole, StaffRole
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.models.payments import refunds
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
        factories.add_bill(tx, bill)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    return "o-li"


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


def paid(tx: Connection) -> str:
    """Ms Li paid both months an hour ago."""
    return _paid(tx, together=True)


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
