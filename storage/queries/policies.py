"""What a community has chosen, as of a day."""

from datetime import date, time

from sqlalchemy import Connection, bindparam, select

from storage.frozen import dataclass
from storage.models.policies import policies
from storage.rules.duty import Duty


@dataclass(frozen=True, slots=True)
class Policy:
    """A community's choices in force on a day."""

    refund_window_days: int = 30
    refund_automatic_fen: int = 0
    refund_any_cause: bool = False
    reminder_days: tuple[int, ...] = (-3, 0, 3, 10, 20)
    weekly_cap: int = 2
    quiet_from: time = time(21, 0)
    quiet_until: time = time(8, 30)
    broadcast_approval_over: int = 200
    issue_day: int = 1
    bind_needs_code: bool = True
    collection_closed: str = ""
    sharing_basis: str = ""
    """The clause or decision by which costs may be shared (公摊), "" where none does."""
    closed_gateways: str = ""
    """Gateways that take no money now, and why: "alipay=维护到周五; unionpay=…"."""
    takes_parts: bool = False
    """A part of a bill may be paid."""
    rounding_limit_fen: int = 0
    """The most that a cashier may drop at the counter (抹零)."""
    waiver_second_over_fen: int = 100_000
    """A waiver over this needs a second approver."""
    duty_from: time = time(8, 30)
    duty_until: time = time(17, 30)
    duty_days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """Days of the week on which somebody is at the office; 1 is Monday."""
    ticket_hours: str = ""
    """Duty hours that a ticket of a kind may take: "repair=9; question=4", "" for the usual."""
    rating_days: int = 30
    """Nobody is asked for a rating twice in so many days; 0 asks nobody."""

    @property
    def duty(self) -> Duty:
        """When somebody is at the office."""
        return Duty(self.duty_from, self.duty_until, self.duty_days)

    def why_closed(self, gateway: str) -> str:
        """Return why a gateway takes no money of this community now, "" where it does."""
        return self.collection_closed or named_reasons(self.closed_gateways).get(gateway, "")


def named_reasons(text: str) -> dict[str, str]:
    """Read "name=reason; name=reason". Raises ValueError for what is not in that shape."""
    found = {}
    for one in filter(None, map(str.strip, text.replace("；", ";").split(";"))):
        name, equals, reason = (part.strip() for part in one.partition("="))
        if not (name and equals and reason):
            raise ValueError(one)
        found[name] = reason
    return found


_LATEST = (
    select(policies)
    .where(
        policies.c.community_id == bindparam("community_id"),
        policies.c.effective_on <= bindparam("day"),
    )
    .order_by(policies.c.effective_on.desc())
    .limit(1)
)


def policy_on(tx: Connection, community_id: int, day: date = date.max) -> Policy:
    """Return the choices in force on a Shanghai day (default: the newest)."""
    row = tx.execute(_LATEST, {"community_id": community_id, "day": day}).one_or_none()
    if row is None:
        return Policy()
    return Policy(
        refund_window_days=row.refund_window_days,
        refund_automatic_fen=row.refund_automatic_fen,
        refund_any_cause=bool(row.refund_any_cause),
        reminder_days=tuple(int(one) for one in row.reminder_days.split(",") if one.strip()),
        weekly_cap=row.weekly_cap,
        quiet_from=time.fromisoformat(row.quiet_from),
        quiet_until=time.fromisoformat(row.quiet_until),
        broadcast_approval_over=row.broadcast_approval_over,
        issue_day=row.issue_day,
        bind_needs_code=bool(row.bind_needs_code),
        collection_closed=row.collection_closed,
        sharing_basis=row.sharing_basis,
        closed_gateways=row.closed_gateways,
        takes_parts=bool(row.takes_parts),
        rounding_limit_fen=row.rounding_limit_fen,
        waiver_second_over_fen=row.waiver_second_over_fen,
        duty_from=time.fromisoformat(row.duty_from),
        duty_until=time.fromisoformat(row.duty_until),
        duty_days=tuple(int(one) for one in row.duty_days.split(",") if one.strip()),
        ticket_hours=row.ticket_hours,
        rating_days=row.rating_days,
    )
