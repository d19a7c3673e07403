"""A text for many as one person reads it: her name, her flats and what is late there, as of now."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from storage.events import NoticeSent
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.notices import broadcasts
from storage.models.people import bindings, residents
from storage.periods import shanghai_day
from storage.queries.audiences import Audience, hearing, hers_or_theirs, is_overdue
from storage.rules.audiences import Condition


def as_she_reads_it(
    tx: Connection, event: NoticeSent, identity_id: int, *, now: datetime
) -> NoticeSent | None:
    """Fill in what is hers; None where she is no longer one of the audience (has paid, has gone).

    `owed_fen` is what is late and open in her flats, of that only what she may know.
    """
    today = shanghai_day(now)
    audience = Audience.load(
        tx.execute(
            select(broadcasts.c.audience).where(broadcasts.c.broadcast_no == event.broadcast_no)
        ).scalar_one()
    )
    heard = hearing(tx, audience, event.category, today).subquery()
    homes = tx.execute(
        select(units.c.id, units.c.label, residents.c.name, bindings.c.said_name)
        .select_from(
            bindings.join(units, units.c.id == bindings.c.unit_id).outerjoin(
                residents, residents.c.id == bindings.c.resident_id
            )
        )
        .join(heard, (heard.c.id == bindings.c.identity_id) & (heard.c.unit_id == units.c.id))
        .where(bindings.c.identity_id == identity_id)
        .order_by(bindings.c.id)
    ).all()
    if not homes:
        return None
    owed = tx.execute(
        select(func.coalesce(func.sum(bills.c.amount_fen - bills.c.paid_fen), 0))
        .select_from(bills.join(bindings, bindings.c.unit_id == bills.c.unit_id))
        .where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id.in_([home.id for home in homes]),
            is_overdue(Condition(), today),
            or_(*hers_or_theirs()),
        )
    ).scalar_one()
    name = next((one for home in homes for one in (home.name, home.said_name) if one), "")
    rooms = tuple(dict.fromkeys(home.label for home in homes))
    return replace(event, name=name, rooms=rooms, owed_fen=int(owed))
