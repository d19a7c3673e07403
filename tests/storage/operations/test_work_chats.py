"""Staff hear of their tasks once: in the work chat if they are bound there, else elsewhere."""

import pytest
from sqlalchemy import select, update

from storage import outbox
from storage.events import StaffTask
from storage.kinds import OutboxState, StaffRole, Urgency
from storage.models.messages import outbox as messages
from storage.models.people import identities, staff
from storage.operations.hearers import tell_office
from storage.operations.staff import bind_staff
from storage.operations.work_chats import know_work_chats
from storage.outbox import Addressee
from storage.queries.residents import staff_identities
from storage.queries.work_chats import group_accounts, staff_not_at
from tests import town
from tests.factories import NOW

ROLES = tuple(StaffRole)


@pytest.fixture
async def place(db):
    found = await db.write(town.build)
    await db.write(know_work_chats, ["office"], {"工程群": "office"})
    return found


async def bound_at_work(db, openid="zhou", *, account="office"):
    """Let the steward, known as s-steward in the official account, bind a work chat too."""

    def meet(tx):
        phone = tx.execute(select(staff.c.phone).where(staff.c.name == "小周")).scalar_one()
        values = {"account": account, "openid": openid, "first_seen_at": NOW}
        key = tx.execute(identities.insert().values(values).returning(identities.c.id)).scalar_one()
        bind_staff(tx, identity_id=key, phone=phone, is_proved=True, now=NOW)

    await db.write(meet)


async def heard_by(db, place):
    found = await db.read(staff_identities, place.community_id, ROLES)
    return {(account, openid) for _, _, account, openid in found}


async def test_one_who_is_bound_at_work_hears_there_and_only_there(db, place):
    others = {("demo", "s-manager"), ("demo", "s-cashier")}
    before = await heard_by(db, place)
    await bound_at_work(db)
    bound = await heard_by(db, place)
    apart = await db.read(staff_not_at, ["office"])

    def leave(tx):
        tx.execute(
            update(identities).where(identities.c.openid == "zhou").values(is_following=False)
        )

    await db.write(leave)
    left = await heard_by(db, place)

    assert before == others | {("demo", "s-steward")}
    assert bound == others | {("office", "zhou")}
    assert apart == ["陈经理", "小吴"]
    assert left == before, "who lost the app hears in the official account again"


async def test_a_configuration_without_the_work_chat_goes_back_to_the_old_way(db, place):
    await bound_at_work(db)

    changed = [await db.write(know_work_chats, [], {}) for _ in range(2)]

    assert changed == [True, False]
    assert ("demo", "s-steward") in await heard_by(db, place)
    assert await db.read(group_accounts) == {}


async def test_what_waited_for_her_next_word_goes_out_when_she_binds_at_work(db, place):
    task = StaffTask("ticket", "G1", "3栋", 0, "漏水")

    def told_and_held(tx):
        tell_office(tx, task, community_id=place.community_id, key="ticket:G1", now=NOW)
        tx.execute(update(messages).values(state=OutboxState.HELD))
        hers = tx.execute(select(identities.c.id).where(identities.c.openid == "o-1")).scalar_one()
        to = Addressee("demo", "o-1", hers)
        outbox.enqueue(tx, task, to, key="other", urgency=Urgency.RECEIPT, now=NOW)
        tx.execute(
            update(messages).where(messages.c.message_key == "other").values(state=OutboxState.HELD)
        )

    await db.write(told_and_held)
    await bound_at_work(db, "elsewhere", account="demo")
    still = await db.read(lambda tx: tx.execute(select(messages.c.state)).scalars().all())
    await bound_at_work(db)

    rows = await db.read(
        lambda tx: tx.execute(
            select(messages.c.account, messages.c.recipient, messages.c.state)
        ).all()
    )
    assert set(still) == {"held"}
    assert sorted(rows) == [("demo", "o-1", "held"), ("office", "zhou", "waiting")]
