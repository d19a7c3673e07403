"""Staff hear of a ticket that is due soon, once, however often the clock ticks."""

from datetime import timedelta

from sqlalchemy import func, select

from scheduler.jobs import warn_of_deadlines
from storage.kinds import StaffRole
from storage.models.messages import outbox
from storage.operations.tickets import NewTicket, open_ticket
from storage.ticket_kinds import TicketKind
from tests import factories
from tests.desk import job_deps
from tests.factories import NOW
from tests.fakes import FakeChannel


async def test_a_ticket_that_is_due_soon_is_told_once(db):
    def set_up(tx):
        world = factories.build(tx)
        factories.add_staff(tx, world.community_id, "王经理", StaffRole.MANAGER, "o-boss")
        identity_id = factories.meet(tx, "o-li")
        new = NewTicket(TicketKind.REPAIR, world.community_id, identity_id, "漏水", "demo|1")
        return open_ticket(tx, new, now=NOW).ticket.due_at

    due, deps = await db.write(set_up), job_deps(db, FakeChannel())
    spans = (timedelta(hours=-5), timedelta(hours=-1), timedelta(hours=-1))

    reports = [await warn_of_deadlines.run(deps, due + span) for span in spans]

    count = select(func.count()).where(outbox.c.facts.contains("ticket_near"))
    assert reports == [{}, {"near": 1, "over": 0}, {"near": 0, "over": 0}]
    assert await db.read(lambda tx: tx.execute(count).scalar_one()) == 1
