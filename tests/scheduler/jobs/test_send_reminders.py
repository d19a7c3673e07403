"""A reminder is looked at again when it is sent: what was settled meanwhile is not said."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from scheduler.jobs import deliver_outbox, send_reminders
from storage.audit import CLOCK
from storage.kinds import HoldKind, OccupancyRole
from storage.models.bills import bills
from storage.models.messages import outbox
from storage.operations.holds import NewHold, place_hold, promise
from tests import factories
from tests.scheduler.conftest import Hall


@pytest.fixture
async def queued(hall: Hall) -> Hall:
    """Ms Li and her husband have both bound the flat; a reminder waits for each of them."""
    world = hall.stage.world

    def share(tx):
        zhao = factories.add_resident(tx, world.community_id, "赵先生", "13700000001")
        factories.move_in(tx, zhao, world.unit_id, OccupancyRole.FAMILY)
        factories.add_binding(tx, "oZhao", world.unit_id, zhao, OccupancyRole.FAMILY)
        factories.add_binding(tx, "oWang", world.next_door_id, world.wang_id)
        tx.execute(update(bills).values(due_on=factories.NOW.date()))

    await hall.db.write(share)
    report = await send_reminders.run(hall.deps, hall.now)
    assert report == {"planned": 3, "capped": 0, "at_desk": 0}
    return hall


async def deliver(hall: Hall) -> dict[str, str]:
    """Deliver what waits; return what became of each person's reminder."""
    await deliver_outbox.run(hall.deps, hall.now + timedelta(minutes=1))
    asked = select(outbox.c.recipient, outbox.c.state).where(outbox.c.event == "ReminderDue")
    return dict(await hall.db.read(lambda tx: [tuple(row) for row in tx.execute(asked)]))


ALL_SENT = {"oLi": "sent", "oZhao": "sent", "oWang": "sent"}
NONE_HERE = {"oLi": "suppressed", "oZhao": "suppressed", "oWang": "sent"}


async def test_both_are_reminded_while_the_flat_owes(queued: Hall):
    assert await deliver(queued) == ALL_SENT


async def test_when_one_pays_the_others_reminder_is_withdrawn(queued: Hall):
    await queued.stage.paid(queued.stage.both, payer="oZhao")

    assert await deliver(queued) == NONE_HERE


@pytest.mark.parametrize("kind", [HoldKind.DISPUTE, HoldKind.HARDSHIP])
async def test_what_was_held_after_it_was_queued_is_not_said(queued: Hall, kind):
    new = NewHold(queued.stage.world.unit_id, kind, "面积不对")
    await queued.db.write(place_hold, new, actor=CLOCK, now=queued.now)

    assert await deliver(queued) == NONE_HERE


async def test_what_was_promised_after_it_was_queued_is_not_said(queued: Hall):
    day = queued.now.date() + timedelta(days=9)
    await queued.db.write(
        promise,
        unit_id=queued.stage.world.unit_id,
        parts=((day, 50_120),),
        actor=CLOCK,
        now=queued.now,
    )

    assert await deliver(queued) == NONE_HERE
