"""Fixed situations of talks about tickets: each builds a world and returns who speaks."""

from sqlalchemy import Connection

from storage.kinds import StaffRole
from storage.operations.ratings import RatingAsk, expect_rating
from storage.operations.tickets import NewTicket, answer_ticket, close_ticket, open_ticket
from storage.queries.residents import Staff, staff_member
from storage.ticket_kinds import RatingTopic, TicketKind
from tests import factories
from tests.factories import NOW

NUMBER = "G26110001"


def leaking(tx: Connection) -> str:
    """Ms Li's kitchen leaks: ticket G26110001 waits, and the steward has answered."""
    steward = _reported(tx, "厨房水管漏水")
    answer_ticket(tx, NUMBER, "师傅下午三点到", by=steward, now=NOW)
    return "o-li"


def leaking_twice(tx: Connection) -> str:
    """Ms Li has two tickets that wait."""
    _reported(tx, "厨房水管漏水")
    _open(tx, "楼道灯不亮", "demo|m-2")
    return "o-li"


def mended(tx: Connection) -> str:
    """Ms Li's ticket G26110001 was closed just now, and she was asked to rate it."""
    steward = _reported(tx, "厨房水管漏水")
    close_ticket(tx, NUMBER, "水管已换好", by=steward, now=NOW)
    return "o-li"


def _reported(tx: Connection, said: str) -> Staff:
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    role = StaffRole.STEWARD
    steward = staff_member(tx, factories.add_staff(tx, world.community_id, "小陈", role, "o-chen"))
    assert steward is not None
    _open(tx, said, "demo|m-1")
    return steward


def _open(tx: Connection, said: str, request_key: str) -> None:
    identity_id = factories.meet(tx, "o-li")
    new = NewTicket(TicketKind.REPAIR, 1, identity_id, said, request_key, unit_id=1)
    open_ticket(tx, new, now=NOW)


def asked_after_paying(tx: Connection) -> str:
    """Ms Li has paid, and was asked how it was."""
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    identity_id = factories.meet(tx, "o-li")
    topic = RatingTopic.PAYMENT
    ask = RatingAsk(identity_id, world.community_id, world.unit_id, topic, "R20260000001")
    expect_rating(tx, ask, now=NOW)
    return "o-li"
