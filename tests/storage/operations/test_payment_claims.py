"""Money that she says she paid is looked for once, while her flat rests; then all goes on."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from storage import migrate
from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.estate import units
from storage.models.messages import outbox
from storage.models.ratings import ratings
from storage.models.tickets import ticket_steps, tickets
from storage.operations.holds import end_hold
from storage.operations.payment_claims import Claimed, PaymentClaim, claim_payment
from storage.operations.ticket_wishes import reopen_ticket, urge_ticket, withdraw_ticket
from storage.operations.tickets import close_ticket
from storage.queries.holds import dunned_bills_of_unit, holds_on
from storage.queries.proofs import prove
from storage.queries.residents import Staff, staff_member
from storage.ticket_errors import TicketStateWrong
from storage.ticket_kinds import TicketState
from tests import factories
from tests.factories import NOW, World

NUMBER = "G26110001"
TODAY = date(2026, 11, 23)
"""A Monday."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """Ms Li and her husband owe two months of one flat; a cashier and a steward work here."""

    world: World
    li: int
    husband: int
    cashier: Staff

    def claim(self, key: str = "demo|m-1", **other) -> PaymentClaim:
        return replace(PaymentClaim(self.world.unit_id, self.li, "我转账了", key), **other)


@pytest.fixture
async def place(db: Database) -> Place:
    def set_up(tx: Connection) -> Place:
        world = factories.build(tx)
        for openid in ("o-li", "o-zhang"):
            factories.add_binding(tx, openid, world.unit_id, world.li_id)
        factories.add_staff(tx, world.community_id, "小陈", StaffRole.STEWARD, "o-chen")
        one = factories.add_staff(tx, world.community_id, "小钱", StaffRole.CASHIER, "o-cash")
        cashier = staff_member(tx, one)
        assert cashier is not None
        return Place(world, factories.meet(tx, "o-li"), factories.meet(tx, "o-zhang"), cashier)

    return await db.write(set_up)


async def say(db: Database, claim: PaymentClaim, now: datetime = NOW) -> Claimed:
    return await db.write(claim_payment, claim, now=now)


async def rows(db: Database, table) -> list:
    return await db.read(lambda tx: list(tx.execute(select(table)).all()))


async def asked_for(db: Database, place: Place, day: date = TODAY) -> int:
    return len(await db.read(dunned_bills_of_unit, place.world.unit_id, day))


async def pays(db: Database, place: Place, *bill_ids: int, at: datetime = NOW, **who) -> None:
    await db.write(
        lambda tx: factories.pay(tx, place.world.unit_id, bill_ids, paid_at=at, **who) and None
    )


async def told(db: Database, recipient: str, event: str) -> list[str]:
    found = [one for one in await rows(db, outbox) if one.recipient == recipient]
    return [one.facts for one in found if one.event == event]


async def test_a_claim_is_a_ticket_of_the_cashier_with_its_picture_and_the_flat_rests(db, place):
    claimed = await say(db, place.claim(media_id="media-1"))

    [ticket] = await rows(db, tickets)
    assert (ticket.ticket_no, ticket.kind, ticket.state) == (NUMBER, "payment", "open")
    assert [one.media_id for one in await rows(db, ticket_steps)] == ["media-1"]
    [card] = await told(db, "o-cash", "StaffTask")
    assert '"payment_claim"' in card
    assert "50120" in card
    assert await told(db, "o-chen", "StaffTask") == []
    assert claimed.quiet_through_on == date(2026, 11, 26)
    assert [await asked_for(db, place, TODAY + count * DAY) for count in range(5)] == [
        *(0, 0, 0, 0),
        2,
    ]


@pytest.mark.parametrize(
    ("said_on", "through"),
    [
        (date(2026, 11, 27), date(2026, 12, 2)),  # a Friday: the weekend does not count
        (date(2026, 9, 30), date(2026, 10, 10)),  # the holidays do not, 10 October is worked
        (date(2026, 2, 13), date(2026, 2, 25)),  # nor do those of the lunar new year
    ],
)
async def test_the_three_days_are_worked_ones(db, place, said_on, through):
    at = datetime(said_on.year, said_on.month, said_on.day, 4, tzinfo=UTC)

    claimed = await say(db, place.claim(), at)

    assert claimed.quiet_through_on == through


async def test_saying_it_again_opens_no_second_task_whoever_of_the_flat_says_it(db, place):
    await say(db, place.claim())
    again = await say(db, place.claim("demo|m-2", said="真的付了", media_id="media-2"))
    his = await say(db, place.claim("demo|m-3", identity_id=place.husband))

    assert [one.ticket_no for one in await rows(db, tickets)] == [NUMBER]
    assert {again.ticket.ticket_no, his.ticket.ticket_no} == {NUMBER}
    assert again.quiet_through_on == his.quiet_through_on == date(2026, 11, 26)
    assert [one.media_id for one in await rows(db, ticket_steps)] == ["", "media-2"]
    assert len(await db.read(holds_on, place.world.unit_id, TODAY)) == 1
    assert len(await told(db, "o-cash", "StaffTask")) == 1


async def test_the_schema_itself_keeps_a_second_open_claim_of_a_flat_out(db, place):
    await say(db, place.claim())

    def copy(tx: Connection) -> None:
        row = dict(tx.execute(select(tickets)).mappings().one())
        del row["id"]
        changed = row | {"ticket_no": "G26110002", "request_key": "other"}
        tx.execute(tickets.insert().values(changed))

    with pytest.raises(IntegrityError):
        await db.write(copy)


async def test_money_that_is_found_closes_the_task_and_lets_reminders_go_on(db, place):
    await say(db, place.claim())
    await pays(db, place, place.world.october_id, at=NOW - DAY, identity_id=place.li)

    [ticket] = await rows(db, tickets)
    assert (ticket.state, ticket.closed_at, ticket.outcome) == (TicketState.CLOSED, NOW - DAY, "")
    assert await asked_for(db, place) == 1
    assert len(await told(db, "o-li", "PaymentSettled")) == 1
    assert await told(db, "o-li", "TicketMoved") == []
    assert await db.read(prove) == []


async def test_who_is_not_told_of_the_money_hears_that_it_was_found(db, place):
    await say(db, place.claim())
    await pays(db, place, place.world.october_id, identity_id=place.husband)

    [found] = await told(db, "o-li", "TicketMoved")
    assert '"found"' in found
    assert len(await told(db, "o-zhang", "PaymentSettled")) == 1
    assert await told(db, "o-zhang", "TicketMoved") == []


async def test_money_of_a_later_day_is_not_what_she_meant_unless_nothing_is_left(db, place):
    await say(db, place.claim())
    await pays(db, place, place.world.october_id, at=NOW + DAY)
    [before] = await rows(db, tickets)
    await pays(db, place, place.world.november_id, at=NOW + DAY)

    [after] = await rows(db, tickets)
    assert (before.state, after.state) == ("open", "closed")


async def test_another_flats_money_closes_nothing(db, place):
    def of_next_door(tx: Connection) -> None:
        bill_id = factories.add_bill(
            tx, factories.Owed(place.world.next_door_id, place.world.fee_item_id, "2026-11")
        )
        factories.pay(tx, place.world.next_door_id, (bill_id,))

    await say(db, place.claim())
    await db.write(of_next_door)

    assert [one.state for one in await rows(db, tickets)] == ["open"]


async def test_what_was_not_found_ends_with_words_and_is_asked_for_again_without_a_rating(
    db, place
):
    await say(db, place.claim())
    await db.write(close_ticket, NUMBER, "银行没有这笔钱", by=place.cashier, now=NOW + DAY)

    [moved] = await told(db, "o-li", "TicketMoved")
    assert "银行没有这笔钱" in moved
    assert '"asks_rating":false' in moved
    assert await rows(db, ratings) == []
    assert await asked_for(db, place, TODAY + DAY) == 2


async def test_after_money_was_not_found_saying_it_again_is_looked_for_but_pauses_nothing(
    db, place
):
    await say(db, place.claim())
    await db.write(close_ticket, NUMBER, "银行没有这笔钱", by=place.cashier, now=NOW + DAY)

    again = await say(db, place.claim("demo|m-2"), NOW + 2 * DAY)
    later = NOW + 40 * DAY
    await db.write(
        close_ticket, again.ticket.ticket_no, "还是没有", by=place.cashier, now=NOW + 3 * DAY
    )
    fresh = await say(db, place.claim("demo|m-3"), later)

    assert again.quiet_through_on is None
    assert again.ticket.ticket_no != NUMBER
    assert await asked_for(db, place, TODAY + 2 * DAY) == 2
    assert fresh.quiet_through_on is not None


async def test_she_may_urge_withdraw_and_reopen_it_but_it_rests_only_once(db, place):
    hers = {"identity_id": place.li}
    await say(db, place.claim())
    await db.write(urge_ticket, NUMBER, now=NOW, **hers)
    await db.write(withdraw_ticket, NUMBER, now=NOW, **hers)
    withdrawn = await asked_for(db, place)
    await db.write(reopen_ticket, NUMBER, "还没有到", now=NOW + DAY, **hers)

    assert withdrawn == 2
    assert await asked_for(db, place, TODAY + DAY) == 2
    assert len(await told(db, "o-cash", "StaffTask")) == 4
    assert await told(db, "o-chen", "StaffTask") == []


async def test_an_old_claim_is_not_reopened_beside_a_new_one(db, place):
    hers = {"identity_id": place.li}
    await say(db, place.claim())
    await db.write(withdraw_ticket, NUMBER, now=NOW, **hers)
    await say(db, place.claim("demo|m-2"))

    with pytest.raises(TicketStateWrong):
        await db.write(reopen_ticket, NUMBER, "还没有到", now=NOW, **hers)


async def test_a_pause_that_the_office_ended_is_not_said_to_go_on(db, place):
    await say(db, place.claim())
    [hold] = await db.read(holds_on, place.world.unit_id, TODAY)
    await db.write(end_hold, hold.hold_id, actor=CLOCK, now=NOW)

    assert (await say(db, place.claim("demo|m-2"))).quiet_through_on is None


async def test_where_no_cashier_works_the_steward_hears_of_it(db, place):
    def next_door(tx: Connection) -> int:
        other = factories.add_community(tx, "听涛苑")
        unit_id = factories.add_unit(tx, other, "1-1-101")
        factories.add_staff(tx, other, "小周", StaffRole.STEWARD, "o-zhou")
        assert tx.execute(select(units.c.id).where(units.c.id == unit_id)).scalar_one() == unit_id
        return unit_id

    unit_id = await db.write(next_door)
    await say(db, place.claim(unit_id=unit_id))

    assert len(await told(db, "o-zhou", "StaffTask")) == 1


async def test_a_step_down_and_up_keeps_claims_as_questions_and_loses_no_ticket(
    db, database_url, place
):
    await say(db, place.claim())

    await asyncio.to_thread(migrate.downgrade, database_url, "0008")
    [below] = await db.read(lambda tx: list(tx.execute(text("SELECT kind FROM tickets")).scalars()))
    await asyncio.to_thread(migrate.upgrade, database_url)

    [ticket] = await rows(db, tickets)
    assert (below, ticket.kind, ticket.ticket_no) == ("question", "question", NUMBER)
    assert len(await rows(db, ticket_steps)) == 1
