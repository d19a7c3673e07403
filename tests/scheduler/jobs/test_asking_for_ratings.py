"""Who has paid is asked how it was in the same message: seldom, and never at a bad moment."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from scheduler.jobs import deliver_outbox
from storage.kinds import StaffRole
from storage.models.people import identities
from storage.models.policies import policies
from storage.models.ratings import ratings
from storage.operations.conversations import remember
from storage.operations.talks import TalkAsk, answer_in_talk, begin_talk, end_talk
from storage.operations.tickets import NewTicket, open_ticket
from storage.ports.chat import Verdict
from storage.queries.residents import Staff, person_of, staff_member
from storage.ticket_kinds import TalkReason, TicketKind
from tests import factories
from tests.scheduler.conftest import Hall


async def deliver(hall: Hall) -> None:
    await deliver_outbox.run(hall.deps, hall.now)


async def asked(hall: Hall) -> list[tuple[str, int | None]]:
    return [(row.topic, row.unit_id) for row in await hall.stage.rows(ratings)]


async def steward(hall: Hall) -> Staff:
    def hire(tx: Connection) -> Staff:
        community_id = hall.stage.world.community_id
        role = StaffRole.STEWARD
        found = staff_member(tx, factories.add_staff(tx, community_id, "小陈", role, "oChen"))
        assert found is not None
        return found

    return await hall.db.write(hire)


async def talk(hall: Hall, reason: TalkReason) -> tuple[Staff, int]:
    by = await steward(hall)
    world = hall.stage.world
    ask = TalkAsk(hall.stage.identity_id, world.community_id, world.unit_id, reason, "灯坏了")
    begun = await hall.db.write(begin_talk, ask, now=hall.now)
    return by, begun.talk_id


async def test_who_paid_is_asked_once_and_her_next_number_is_taken_for_three_days(hall: Hall):
    await hall.stage.paid(hall.stage.both[:1])
    await deliver(hall)
    li = await hall.db.read(person_of, hall.stage.identity_id, now=hall.now)
    late = await hall.db.read(person_of, hall.stage.identity_id, now=hall.now + timedelta(days=3))

    assert await asked(hall) == [("payment", hall.stage.world.unit_id)]
    assert (li.rating_id, late.rating_id) == (1, None)


async def test_nobody_is_asked_twice_in_thirty_days_whatever_it_is_about(hall: Hall):
    payment_id = await hall.stage.paid(hall.stage.both[:1])
    await deliver(hall)
    refund = await hall.stage.request(payment_id, 100)
    await hall.stage.given_back(refund.refund_no)
    await hall.stage.paid(hall.stage.both[1:])
    await deliver(hall)

    assert await asked(hall) == [("payment", hall.stage.world.unit_id)]


async def test_who_has_her_money_back_is_asked_about_the_refund(hall: Hall):
    payment_id = await hall.stage.paid(hall.stage.both)
    refund = await hall.stage.request(payment_id, 100)
    await deliver(hall)
    waiting = await asked(hall)
    await hall.stage.given_back(refund.refund_no)
    await deliver(hall)

    assert waiting == []
    assert await asked(hall) == [("refund", hall.stage.world.unit_id)]


async def test_a_message_that_is_tried_again_asks_again_and_counts_once(hall: Hall):
    hall.channel.will_say("oLi", Verdict.LATER)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)
    hall.later(hours=1)
    await deliver(hall)

    assert len(await asked(hall)) == 1


@pytest.mark.parametrize(
    "change",
    [
        update(identities).values(window_left=0),
        update(policies).values(rating_days=0),
    ],
    ids=["no window, so a template without room", "the community asks nobody"],
)
async def test_who_could_not_read_it_or_should_not_is_not_asked(hall: Hall, change):
    await hall.db.write(lambda tx: tx.execute(change) and None)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)

    assert await asked(hall) == []


@pytest.mark.parametrize("kind", [one for one in TicketKind if one is not TicketKind.PAYMENT])
async def test_who_disputes_complains_or_waits_for_an_answer_is_not_asked(hall: Hall, kind):
    world = hall.stage.world
    new = NewTicket(
        kind, world.community_id, hall.stage.identity_id, "不对", "m-1", unit_id=world.unit_id
    )
    await hall.db.write(open_ticket, new, now=hall.now)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)

    is_content = kind in (TicketKind.REPAIR, TicketKind.SUGGESTION)
    assert bool(await asked(hall)) is is_content


async def test_while_another_question_waits_for_its_number_nobody_is_asked(hall: Hall):
    memory = '{"expecting":"refund_request"}'
    await hall.db.write(remember, hall.stage.identity_id, memory, now=hall.now)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)

    assert await asked(hall) == []


async def test_a_question_of_an_hour_ago_is_no_hindrance(hall: Hall):
    memory = '{"expecting":"refund_request"}'
    await hall.db.write(remember, hall.stage.identity_id, memory, now=hall.now)
    hall.later(hours=1)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)

    assert len(await asked(hall)) == 1


async def test_who_talks_with_a_person_is_asked_about_that_when_it_has_ended(hall: Hall):
    by, talk_id = await talk(hall, TalkReason.WISH)
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)
    before = await asked(hall)
    await hall.db.write(answer_in_talk, talk_id, "这就来", by=by, key="a", now=hall.now)
    await hall.db.write(end_talk, talk_id, by=by, now=hall.now)
    await deliver(hall)

    assert before == []
    assert await asked(hall) == [("person", hall.stage.world.unit_id)]


@pytest.mark.parametrize(("days", "count"), [(6, 0), (8, 1)])
async def test_who_came_in_anger_is_left_in_peace_for_a_week(hall: Hall, days, count):
    by, talk_id = await talk(hall, TalkReason.ANGER)
    await hall.db.write(answer_in_talk, talk_id, "对不起", by=by, key="a", now=hall.now)
    await hall.db.write(end_talk, talk_id, by=by, now=hall.now)
    await deliver(hall)
    hall.later(days=days)
    await hall.db.write(
        lambda tx: (
            tx.execute(update(identities).values(window_until=hall.now + timedelta(hours=1)))
            and None
        )
    )
    await hall.stage.paid(hall.stage.both)
    await deliver(hall)

    assert len(await asked(hall)) == count
    assert (
        await hall.db.read(lambda tx: tx.execute(select(ratings.c.stars)).all())
        == [(None,)] * count
    )
