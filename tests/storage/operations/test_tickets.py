"""A ticket goes its way once, every step is kept, and nobody touches what is not hers."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from storage.counter_errors import ReasonMissing
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.late_fees import holds
from storage.models.messages import outbox
from storage.models.operating import audit_records
from storage.models.ratings import ratings
from storage.models.tickets import ticket_steps, tickets
from storage.operations.disputes import dispute, end_dispute
from storage.operations.ratings import add_words, rate
from storage.operations.ticket_deadlines import is_any_near, warn_of_deadlines
from storage.operations.ticket_wishes import (
    add_picture,
    reopen_ticket,
    urge_ticket,
    withdraw_ticket,
)
from storage.operations.tickets import (
    NewTicket,
    answer_ticket,
    assign_ticket,
    close_ticket,
    note_on_ticket,
    open_ticket,
)
from storage.queries.holds import dunned_bills_of_unit
from storage.queries.residents import Staff, person_of, staff_member
from storage.queries.tickets import (
    colleague_named,
    live_tickets,
    steps_of,
    ticket_of_resident,
    ticket_of_staff,
    tickets_of_resident,
)
from storage.ticket_errors import (
    ReopenTooLate,
    TicketStateWrong,
    UnknownColleague,
    UnknownTicket,
    UrgedLately,
)
from storage.ticket_kinds import Priority, RatingTopic, TicketAct, TicketKind, TicketState
from tests import factories
from tests.factories import NOW, World

NUMBER = "G26110001"
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """The small world, with its office, another community's steward, and two residents."""

    world: World
    li: int
    wang: int
    steward: Staff
    manager: Staff
    stranger: Staff

    def repair(self, **other) -> NewTicket:
        new = NewTicket(
            TicketKind.REPAIR,
            self.world.community_id,
            self.li,
            "厨房水管漏水",
            "demo|m-1",
            unit_id=self.world.unit_id,
        )
        return replace(new, **other)


@pytest.fixture
async def place(db: Database) -> Place:
    def set_up(tx: Connection) -> Place:
        world = factories.build(tx)
        factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
        factories.add_binding(tx, "o-wang", world.next_door_id, world.wang_id)
        elsewhere = factories.add_community(tx, "听涛苑")
        roles = (StaffRole.STEWARD, StaffRole.MANAGER)
        people = [
            factories.add_staff(tx, world.community_id, "小陈", roles[0], "o-chen"),
            factories.add_staff(tx, world.community_id, "王经理", roles[1], "o-boss"),
            factories.add_staff(tx, elsewhere, "外人", roles[0], "o-out"),
        ]
        offices = [found for one in people if (found := staff_member(tx, one)) is not None]
        return Place(world, factories.meet(tx, "o-li"), factories.meet(tx, "o-wang"), *offices)

    return await db.write(set_up)


async def rows(db: Database, table) -> list:
    return await db.read(lambda tx: list(tx.execute(select(table)).all()))


async def told(db: Database, recipient: str) -> list[tuple[str, str]]:
    """Return (event, topic or change) of what somebody is told, the first first."""
    found = await db.read(
        lambda tx: list(
            tx.execute(
                select(outbox.c.event, outbox.c.facts)
                .where(outbox.c.recipient == recipient)
                .order_by(outbox.c.id)
            )
        )
    )
    facts = [(event, json.loads(kept)) for event, kept in found]
    return [(event, one.get("topic") or one.get("change")) for event, one in facts]


async def acts(db: Database) -> list[str]:
    return await db.read(
        lambda tx: list(
            tx.execute(select(ticket_steps.c.act).order_by(ticket_steps.c.id)).scalars()
        )
    )


async def test_a_ticket_goes_from_resident_to_steward_and_back_and_every_step_is_kept(db, place):
    opened = await db.write(open_ticket, place.repair(), now=NOW)
    await db.write(add_picture, NUMBER, "media-2", identity_id=place.li, now=NOW)
    steward = {"by": place.steward, "now": NOW + HOUR}
    await db.write(assign_ticket, NUMBER, to_staff_id=place.steward.staff_id, **steward)
    await db.write(note_on_ticket, NUMBER, "阀门锈死了", **steward)
    await db.write(answer_ticket, NUMBER, "师傅三点到", **steward)
    closed = await db.write(
        close_ticket, NUMBER, "水管已换好", by=place.steward, now=NOW + 3 * HOUR
    )

    assert (opened.ticket.ticket_no, opened.heard) == (NUMBER, 1)
    assert opened.ticket.due_at == datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert (closed.state, closed.outcome) == (TicketState.CLOSED, "水管已换好")
    assert await acts(db) == ["opened", "pictured", "assigned", "noted", "answered", "closed"]
    assert await told(db, "o-chen") == [("StaffTask", "ticket")]
    assert await told(db, "o-li") == [
        ("TicketMoved", "assigned"),
        ("TicketMoved", "answered"),
        ("TicketMoved", "closed"),
    ]
    kept = [(one.act, one.reference) for one in await rows(db, audit_records)]
    assert kept == [(act, NUMBER) for act in ("open", *(await acts(db))[1:])]


async def test_a_note_never_reaches_the_resident(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)

    await db.write(note_on_ticket, NUMBER, "业主脾气大", by=place.steward, now=NOW)

    assert await told(db, "o-li") == []
    assert not any("脾气" in one.facts for one in await rows(db, outbox))


async def test_one_message_heard_twice_and_the_same_words_again_are_one_ticket(db, place):
    again = [
        await db.write(open_ticket, new, now=NOW)
        for new in (
            place.repair(),
            place.repair(),
            place.repair(request_key="demo|m-2"),
            place.repair(said="换了说法", request_key="demo|m-1"),
        )
    ]

    assert {one.ticket.ticket_no for one in again} == {NUMBER}
    assert len(await rows(db, tickets)) == 1
    assert await told(db, "o-chen") == [("StaffTask", "ticket")]


async def test_who_takes_a_ticket_is_told_to_the_resident_once_and_to_a_colleague_given_it(
    db, place
):
    await db.write(open_ticket, place.repair(), now=NOW)
    for to in (place.steward, place.steward, place.manager):
        await db.write(assign_ticket, NUMBER, to_staff_id=to.staff_id, by=place.steward, now=NOW)

    assert await told(db, "o-li") == [("TicketMoved", "assigned")]
    assert await told(db, "o-boss") == [("StaffTask", "ticket_assigned")]
    assert await acts(db) == ["opened", "assigned", "assigned"]
    [ticket] = await rows(db, tickets)
    assert (ticket.assignee_id, ticket.state) == (place.manager.staff_id, "assigned")


async def test_nobody_of_another_community_can_be_given_a_ticket(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)

    with pytest.raises(UnknownColleague):
        await db.write(
            assign_ticket, NUMBER, to_staff_id=place.stranger.staff_id, by=place.manager, now=NOW
        )
    named = await db.read(colleague_named, "外人", community_id=place.world.community_id)

    assert named is None
    assert await told(db, "o-out") == []


async def test_i09_staff_of_another_community_neither_see_nor_change_a_ticket(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    by = {"by": place.stranger, "now": NOW}

    for call in (
        lambda: db.write(assign_ticket, NUMBER, to_staff_id=place.stranger.staff_id, **by),
        lambda: db.write(note_on_ticket, NUMBER, "偷看", **by),
        lambda: db.write(answer_ticket, NUMBER, "偷看", **by),
        lambda: db.write(close_ticket, NUMBER, "偷看", **by),
        lambda: db.read(ticket_of_staff, NUMBER, community_ids=place.stranger.community_ids),
    ):
        with pytest.raises(UnknownTicket):
            await call()
    listed = await db.read(live_tickets, community_ids=place.stranger.community_ids, limit=9)

    assert listed == []
    assert await acts(db) == ["opened"]


async def test_i01_another_resident_neither_reads_nor_moves_nor_rates_a_ticket(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    hers = {"identity_id": place.wang, "now": NOW}

    for call in (
        lambda: db.write(add_picture, NUMBER, "m", **hers),
        lambda: db.write(urge_ticket, NUMBER, **hers),
        lambda: db.write(withdraw_ticket, NUMBER, **hers),
        lambda: db.write(reopen_ticket, NUMBER, "", **hers),
        lambda: db.read(ticket_of_resident, NUMBER, identity_id=place.wang),
    ):
        with pytest.raises(UnknownTicket):
            await call()
    await db.write(close_ticket, NUMBER, "好了", by=place.steward, now=NOW)
    [ask] = await rows(db, ratings)
    rated = await db.write(rate, ask.id, identity_id=place.wang, stars=1, now=NOW)
    worded = await db.write(add_words, ask.id, "差", identity_id=place.wang)

    assert (rated, worded) == (None, False)
    [kept] = await rows(db, ratings)
    assert (kept.stars, kept.words) == (None, "")
    assert await db.read(tickets_of_resident, place.wang, limit=9) == []


async def test_a_closed_ticket_takes_no_step_but_a_note_until_it_is_reopened(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    await db.write(close_ticket, NUMBER, "好了", by=place.steward, now=NOW)
    by = {"by": place.steward, "now": NOW}

    for call in (
        lambda: db.write(assign_ticket, NUMBER, to_staff_id=place.steward.staff_id, **by),
        lambda: db.write(answer_ticket, NUMBER, "再说", **by),
        lambda: db.write(close_ticket, NUMBER, "再关", **by),
        lambda: db.write(urge_ticket, NUMBER, identity_id=place.li, now=NOW),
        lambda: db.write(withdraw_ticket, NUMBER, identity_id=place.li, now=NOW),
        lambda: db.write(add_picture, NUMBER, "m", identity_id=place.li, now=NOW),
    ):
        with pytest.raises(TicketStateWrong):
            await call()
    await db.write(note_on_ticket, NUMBER, "回访过", **by)
    again = await db.write(reopen_ticket, NUMBER, "还在漏", identity_id=place.li, now=NOW + HOUR)

    assert (again.state, again.outcome, again.closed_at) == (TicketState.REOPENED, "", None)
    assert again.due_at == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert await acts(db) == ["opened", "closed", "noted", "reopened"]
    assert (await told(db, "o-chen"))[-1] == ("StaffTask", "ticket_reopened")


async def test_closing_needs_words_and_reopening_has_seven_days(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    with pytest.raises(ReasonMissing):
        await db.write(close_ticket, NUMBER, " ", by=place.steward, now=NOW)
    with pytest.raises(TicketStateWrong):
        await db.write(reopen_ticket, NUMBER, "", identity_id=place.li, now=NOW)
    await db.write(close_ticket, NUMBER, "好了", by=place.steward, now=NOW)

    with pytest.raises(ReopenTooLate):
        await db.write(
            reopen_ticket, NUMBER, "", identity_id=place.li, now=NOW + timedelta(days=7, hours=1)
        )
    assert await acts(db) == ["opened", "closed"]


async def test_she_may_urge_once_in_four_hours(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    await db.write(urge_ticket, NUMBER, identity_id=place.li, now=NOW)
    with pytest.raises(UrgedLately):
        await db.write(urge_ticket, NUMBER, identity_id=place.li, now=NOW + 3 * HOUR)
    await db.write(urge_ticket, NUMBER, identity_id=place.li, now=NOW + 4 * HOUR)

    assert await acts(db) == ["opened", "urged", "urged"]
    assert (await told(db, "o-chen"))[1:] == [("StaffTask", "ticket_urged")] * 2


async def test_staff_are_warned_once_before_and_once_after_a_ticket_is_due(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    await db.write(
        assign_ticket, NUMBER, to_staff_id=place.steward.staff_id, by=place.steward, now=NOW
    )
    due = datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert not await db.read(is_any_near, now=due - 3 * HOUR)

    reports = [
        await db.write(warn_of_deadlines, now=due + span)
        for span in (-3 * HOUR, -HOUR, -HOUR, timedelta(0), HOUR, 99 * HOUR)
    ]

    assert [(one["near"], one["over"]) for one in reports] == [
        *((0, 0), (1, 0), (0, 0), (0, 1), (0, 0), (0, 0))
    ]
    warned = [("StaffTask", "ticket_near"), ("StaffTask", "ticket_over")]
    assert (await told(db, "o-chen"))[1:] == warned
    assert await told(db, "o-boss") == warned


async def test_a_closed_ticket_warns_nobody_and_danger_is_due_in_half_an_hour(db, place):
    new = place.repair(priority=Priority.URGENT)
    opened = await db.write(open_ticket, new, now=NOW)
    await db.write(close_ticket, NUMBER, "好了", by=place.steward, now=NOW)

    report = await db.write(warn_of_deadlines, now=NOW + 5 * HOUR)

    assert opened.ticket.due_at == NOW + timedelta(minutes=30)
    assert report == {"near": 0, "over": 0}
    assert await told(db, "o-chen") == [("StaffTask", "ticket_urgent")]


async def test_a_closed_ticket_is_rated_once_with_a_word(db, place):
    await db.write(open_ticket, place.repair(), now=NOW)
    await db.write(close_ticket, NUMBER, "好了", by=place.steward, now=NOW)
    li = await db.read(person_of, place.li, now=NOW)
    late = await db.read(person_of, place.li, now=NOW + timedelta(days=4))

    given = [
        await db.write(rate, li.rating_id, identity_id=place.li, stars=stars, now=NOW)
        for stars in (4, 1)
    ]
    await db.write(add_words, li.rating_id, "师傅 很快", identity_id=place.li)
    after = await db.read(person_of, place.li, now=NOW)

    assert given == [RatingTopic.REPAIR, None]
    [kept] = await rows(db, ratings)
    assert (kept.topic, kept.reference, kept.stars, kept.words) == (
        "repair",
        NUMBER,
        4,
        "师傅 很快",
    )
    assert (late.rating_id, after.rating_id) == (None, None)


async def test_nobody_is_asked_for_a_rating_twice_in_the_days_that_the_community_chose(db, place):
    for number, days in enumerate((0, 29, 31), start=1):
        new = place.repair(said=f"坏了{number}", request_key=f"demo|m-{number}")
        at = NOW + timedelta(days=days)
        opened = await db.write(open_ticket, new, now=at)
        await db.write(close_ticket, opened.ticket.ticket_no, "好了", by=place.steward, now=at)

    asked = [one.reference for one in await rows(db, ratings)]
    facts = [json.loads(one.facts) for one in await rows(db, outbox) if one.event == "TicketMoved"]
    assert asked == ["G26110001", "G26120002"]
    assert [one["asks_rating"] for one in facts] == [True, False, True]


async def disputed(db, place) -> None:
    await db.write(
        dispute,
        binding_id=1,
        unit_id=place.world.unit_id,
        bill_ids=(place.world.october_id, place.world.november_id),
        said="面积不对",
        note="两笔",
        request_key="demo|m-9",
        identity_id=place.li,
        now=NOW,
    )


async def asked_for(db, place) -> list[int]:
    found = await db.read(dunned_bills_of_unit, place.world.unit_id, date(2026, 11, 23))
    return [one.bill.bill_id for one in found]


async def test_a_dispute_holds_its_bills_while_its_ticket_is_open_and_no_longer(db, place):
    before = await asked_for(db, place)
    await disputed(db, place)
    resting = await asked_for(db, place)

    await db.write(close_ticket, NUMBER, "没有算错", by=place.steward, now=NOW)
    closed = await asked_for(db, place)
    await db.write(reopen_ticket, NUMBER, "就是错了", identity_id=place.li, now=NOW)
    again = await asked_for(db, place)
    await db.write(withdraw_ticket, NUMBER, identity_id=place.li, now=NOW)

    both = [place.world.october_id, place.world.november_id]
    assert (before, resting, closed, again) == (both, [], both, [])
    assert await asked_for(db, place) == both
    assert all(one.ended_at is not None for one in await rows(db, holds))
    assert await told(db, "o-li") == [("TicketMoved", "closed")]
    with pytest.raises(ReopenTooLate):
        await db.write(reopen_ticket, NUMBER, "又来", identity_id=place.li, now=NOW)
    assert await asked_for(db, place) == both


async def test_reminders_that_the_office_lets_go_on_close_the_disputes_ticket_with_a_message(
    db, place
):
    await disputed(db, place)
    held = [one.id for one in await rows(db, holds)]

    ended = [
        await db.write(end_dispute, one, by=place.steward, words="已核对", now=NOW) for one in held
    ]

    assert ended[0] is True
    [ticket] = await rows(db, tickets)
    assert (ticket.state, ticket.outcome) == ("closed", "已核对")
    assert await told(db, "o-li") == [("TicketMoved", "closed")]
    assert await asked_for(db, place) == [place.world.october_id, place.world.november_id]


async def test_the_story_is_told_in_order_with_who_did_it(db, place):
    opened = await db.write(open_ticket, place.repair(media_id="media-1"), now=NOW)
    await db.write(answer_ticket, NUMBER, "师傅三点到", by=place.steward, now=NOW)

    steps = await db.read(steps_of, opened.ticket.ticket_id)

    assert [(one.act, one.words, one.media_id, one.staff_name) for one in steps] == [
        (TicketAct.OPENED, "", "media-1", ""),
        (TicketAct.ANSWERED, "师傅三点到", "", "小陈"),
    ]
