"""A unit changes hands (过户、更名、退租) in one act: read, settle, decide, close, open, see off.

Debt follows the person: what is not taken over with the newcomer's consent stays with who leaves.
What is billed from now on is billed to each party for her days. A bill that was issued before
stays whole with whom it names, unless it is taken over, or parted by days where it is unpaid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import UnknownMeter
from storage.errors import HandoverRefused, NotAllowed, SelfApproval
from storage.events import HandedOver
from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole, ReadingState, Urgency
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.payments import payments
from storage.models.people import occupancies, residents
from storage.models.prepayments import deposits
from storage.operations.bindings import tell_applicant
from storage.operations.corrections import correct_bill
from storage.operations.gifts import refundable
from storage.operations.issuing import issue_bills, lock_billing
from storage.operations.leaving import HOUSEHOLD, bindings_of, end, end_links
from storage.operations.readings import ReadingFact, note_reading
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.outbox import Addressee, enqueue
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.clearances import ToBill, open_of, to_bill, unbilled_of
from storage.queries.handovers import (
    MAIN,
    HandoverKind,
    Matter,
    Noun,
    Party,
    items_of,
    leaving_of,
    spaces_of,
)
from storage.queries.meters import unit_meters
from storage.queries.residents import owners_on, staff_member
from storage.queries.staff import is_manager
from storage.sql import insert_once

BACK: Final = "asked"
"""The cause of the refund by which a prepayment goes back to who leaves."""


class Decision(StrEnum):
    """What becomes of a debt, of money or of a space."""

    STAYS = "stays"
    """With who leaves: she owes it, gets it back, or keeps it."""
    TAKEN_OVER = "taken_over"
    """By who comes, with a consent that is written down."""
    PARTED = "parted"
    """Each owes for her own days: a bill of days before and after is corrected so."""


@dataclass(frozen=True, slots=True)
class Successor:
    """Who comes; she is written into the register where she is not in it."""

    name: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class HandoverAsk:
    """What is to happen; `handed_on` is the first Shanghai day of who comes.

    `decisions`: reference → decision, for each item on the table. `consent` names the paper on
    which it was agreed. `readings`: meter number → what it showed on that day.
    """

    unit_id: int
    kind: HandoverKind
    handed_on: date
    successor: Successor | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    consent: str = ""
    readings: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandoverPlan:
    """What lies on the table: who leaves, what has to be decided, what will be billed before."""

    community_id: int
    unit_label: str
    unit_ids: tuple[int, ...]
    parties: tuple[Party, ...]
    items: tuple[Matter, ...]
    left: ToBill
    meters: tuple[str, ...]
    """Numbers of the meters that run there and that nobody has read for this."""


@dataclass(frozen=True, slots=True)
class HandedOverUnit:
    """What was done. `clear`: the residents to whom a letter of clearance may be given."""

    plan: HandoverPlan
    issued: int
    refund_nos: tuple[str, ...]
    ended_bindings: int
    open_fen: int
    unbilled: tuple[str, ...]
    clear: tuple[int, ...]


def plan_handover(tx: Connection, ask: HandoverAsk, *, now: datetime) -> HandoverPlan:
    """Return what lies on the table; changes nothing.

    Raises HandoverRefused where nobody leaves, the day is no good, or a decision names nothing.
    """
    today = shanghai_day(now)
    if ask.handed_on > today:
        raise HandoverRefused("day", (ask.handed_on.isoformat(),))
    unit = tx.execute(select(units).where(units.c.id == ask.unit_id)).one()
    parties = leaving_of(tx, ask.unit_id, ask.kind)
    if not any(one.is_main for one in parties):
        raise HandoverRefused("nobody", (unit.label,))
    spaces = spaces_of(tx, ask.unit_id, parties, ask.kind)
    taken = [one.key for one in spaces if _decided(ask, one) is Decision.TAKEN_OVER]
    unit_ids = (ask.unit_id, *taken)
    parties += [one for key in taken for one in leaving_of(tx, key, ask.kind)]
    if any(one.from_on >= ask.handed_on for one in parties):
        raise HandoverRefused("day", (ask.handed_on.isoformat(),))
    if ask.successor is not None and ask.successor.name in {one.name for one in parties}:
        raise HandoverRefused("same_person", (unit.label,))
    items = [*spaces, *items_of(tx, unit_ids, parties, ask.kind, handed_on=ask.handed_on)]
    strange = ask.decisions.keys() - {one.reference for one in items}
    if strange:
        raise HandoverRefused("unknown", tuple(sorted(strange)))
    left = to_bill(tx, unit.community_id, unit_ids, handed_on=ask.handed_on, today=today)
    running = [one.meter.meter_no for key in unit_ids for one in unit_meters(tx, key)]
    return HandoverPlan(
        unit.community_id,
        unit.label,
        unit_ids,
        tuple(parties),
        tuple(items),
        left,
        tuple(one for one in running if one not in ask.readings),
    )


def _decided(ask: HandoverAsk, item: Matter) -> Decision | None:
    return ask.decisions.get(item.reference)


def hand_over(
    tx: Connection, ask: HandoverAsk, *, actor: Actor, approver_id: int, now: datetime
) -> HandedOverUnit:
    """Do all of it, or nothing: one member of staff asks, a manager of the community agrees.

    Once it is done, asking again finds nobody who leaves. Raises NotAllowed, SelfApproval,
    HandoverRefused, and what readings and refunds raise.
    """
    unit = select(units.c.community_id).where(units.c.id == ask.unit_id).with_for_update()
    lock_billing(tx, tx.execute(unit).scalar_one())  # before looking: a space may be sold alone
    plan = plan_handover(tx, ask, now=now)
    _check(tx, ask, plan, actor, approver_id)
    for meter_no, value in ask.readings.items():
        _read(tx, plan, meter_no, value, ask.handed_on, actor, now)
    taker_id = _change_parties(tx, ask, plan)
    report = issue_bills(
        tx,
        community_id=plan.community_id,
        period=BillingPeriod.of(ask.handed_on),
        now=now,
        unit_ids=plan.unit_ids,
    )
    act = _Act(tx, ask, plan, taker_id, actor, now)
    refund_nos = [one for item in plan.items for one in act.settle(item)]
    gone = [one.resident_id for one in plan.parties]
    open_fen = open_of(tx, plan.unit_ids, gone)
    unbilled = unbilled_of(
        tx, plan.community_id, plan.unit_ids, gone, handed_on=ask.handed_on, now=now
    )
    is_clear = not open_fen and not unbilled
    ended = [
        one
        for unit_id in plan.unit_ids
        for one in act.see_off(unit_id, open_fen, is_clear=is_clear)
    ]
    detail = f"{ask.kind} {ask.handed_on} approved by staff {approver_id}; {ask.consent}"
    for unit_id in plan.unit_ids:
        audit.note(tx, actor, "hand_over", "unit", str(unit_id), at=now, detail=detail)
    main = dict.fromkeys(one.resident_id for one in plan.parties if one.is_main)
    return HandedOverUnit(
        plan,
        report.issued,
        tuple(refund_nos),
        len(ended),
        open_fen,
        unbilled,
        tuple(main) if is_clear else (),
    )


def _check(
    tx: Connection, ask: HandoverAsk, plan: HandoverPlan, actor: Actor, approver_id: int
) -> None:
    """Raise where the act may not be done like this."""
    who = None if actor.staff_id is None else staff_member(tx, actor.staff_id)
    serves = who is not None and plan.community_id in who.community_ids
    if not serves or not is_manager(tx, approver_id, plan.community_id):
        raise NotAllowed
    if approver_id == actor.staff_id:
        raise SelfApproval
    if ask.successor is None and ask.kind is not HandoverKind.MOVE_OUT:
        raise HandoverRefused("successor", (plan.unit_label,))
    whole = tuple(
        one.reference
        for one in plan.items
        if _decided(ask, one) is Decision.PARTED and not one.is_across
    )
    if whole:
        raise HandoverRefused("parted", whole)
    undecided = tuple(one.reference for one in plan.items if _decided(ask, one) is None)
    if undecided:
        raise HandoverRefused("undecided", undecided)
    taken = tuple(one.reference for one in plan.items if _decided(ask, one) is Decision.TAKEN_OVER)
    if taken and not ask.consent.strip():
        raise HandoverRefused("consent", taken)


def _read(
    tx: Connection,
    plan: HandoverPlan,
    meter_no: str,
    value: Decimal,
    on: date,
    actor: Actor,
    now: datetime,
) -> None:
    """Note what a meter of the units showed. Raises UnknownMeter; HandoverRefused if it is odd."""
    found = [
        one.meter.meter_id
        for unit_id in plan.unit_ids
        for one in unit_meters(tx, unit_id)
        if one.meter.meter_no == meter_no
    ]
    if not found:
        raise UnknownMeter(meter_no)
    noted = note_reading(tx, ReadingFact(found[0], on, value), actor=actor, now=now)
    if noted.state != ReadingState.ACCEPTED:
        raise HandoverRefused("reading", (meter_no,))


def _change_parties(tx: Connection, ask: HandoverAsk, plan: HandoverPlan) -> int | None:
    """End the old stays, begin the new one; return who takes over, if anybody can.

    Where a tenant leaves and none follows, the owner of the day takes over.
    """
    for one in plan.parties:
        tx.execute(
            update(occupancies)
            .where(occupancies.c.id == one.occupancy_id)
            .values(until_on=ask.handed_on)
        )
    if ask.successor is None:
        owners = owners_on(tx, ask.unit_id, ask.handed_on)
        return owners[0] if owners else None
    named = {
        "community_id": plan.community_id,
        "name": ask.successor.name,
        "phone": ask.successor.phone,
    }
    resident_id = insert_once(tx, residents, named)
    if resident_id is None:
        resident_id = int(tx.execute(select(residents.c.id).filter_by(**named)).scalar_one())
    for unit_id in plan.unit_ids:
        lives = {
            "resident_id": resident_id,
            "unit_id": unit_id,
            "role": MAIN[ask.kind],
            "from_on": ask.handed_on,
        }
        insert_once(tx, occupancies, lives)
    return resident_id


class _Act:
    """What is done to each item, and to each binding."""

    def __init__(
        self,
        tx: Connection,
        ask: HandoverAsk,
        plan: HandoverPlan,
        taker_id: int | None,
        actor: Actor,
        now: datetime,
    ) -> None:
        self._tx, self._ask, self._plan = tx, ask, plan
        self._taker_id, self._actor, self._now = taker_id, actor, now
        self._first_id = next(one.resident_id for one in plan.parties if one.is_main)

    def settle(self, item: Matter) -> Sequence[str]:
        """Do what was decided about an item; return the number of a refund that it led to."""
        decision = _decided(self._ask, item)
        if decision is Decision.PARTED:
            why, actor = "交接，按天分给双方", self._actor
            correct_bill(self._tx, bill_id=item.key, reason=why, actor=actor, now=self._now)
            return self._note("part", item)
        is_taken = decision is Decision.TAKEN_OVER
        if is_taken and self._taker_id is None:
            raise HandoverRefused("successor", (item.reference,))
        if item.noun is Noun.ARREAR:
            self._name(bills.c.liable_id, item, is_taken=is_taken)
            if not is_taken:
                self._note("keep", item)
        elif item.noun is Noun.DEPOSIT:
            self._name(deposits.c.resident_id, item, is_taken=is_taken)
        elif item.noun is Noun.PREPAYMENT and not is_taken:
            return self._pay_back(item)
        if is_taken:
            self._note("take_over", item)
        return []

    def _note(self, act: str, item: Matter) -> Sequence[str]:
        detail = f"{item.amount_fen} fen; {self._ask.consent}"
        noun, on = item.noun, item.reference
        audit.note(self._tx, self._actor, act, noun, on, at=self._now, detail=detail)
        return []

    def _name(self, column: Any, item: Matter, *, is_taken: bool) -> None:  # noqa: ANN401
        """Write down whose it is; what named nobody until now stays with who leaves."""
        table = column.table
        row = update(table).where(table.c.id == item.key)
        if is_taken:
            self._tx.execute(row.values({column: self._taker_id}))
        else:
            self._tx.execute(row.where(column.is_(None)).values({column: self._first_id}))

    def _pay_back(self, item: Matter) -> Sequence[str]:
        """Ask for a prepayment to go back the way it came; return the refund's number.

        What a gift has used up of it does not go back, and there may be nothing left then.
        """
        payment: Row[Any] = self._tx.execute(
            select(payments).where(payments.c.id == item.key)
        ).one()
        back_fen = min(refundable(self._tx, payment), item.amount_fen)
        if back_fen <= 0:
            return []
        key = f"handover:{item.unit_id}:{self._ask.handed_on}:{item.key}"
        asked = RefundAskedFor(item.key, back_fen, BACK, "退还预存", key)
        return [request_refund(self._tx, asked, actor=self._actor, now=self._now).refund_no]

    def see_off(self, unit_id: int, open_fen: int, *, is_clear: bool) -> list[Row[Any]]:
        """End the bindings and links of a unit, and tell those who were bound."""
        mains = {one.resident_id for one in self._plan.parties if one.is_main}
        gone = [one.resident_id for one in self._plan.parties]
        roles = HOUSEHOLD if self._ask.kind is HandoverKind.SALE else ()
        staying = () if self._taker_id is None else (self._taker_id,)
        found = bindings_of(self._tx, unit_id, gone, roles=roles, staying=staying)
        end(self._tx, found, actor=self._actor, now=self._now)
        end_links(self._tx, unit_id)
        label = self._tx.execute(select(units.c.label).where(units.c.id == unit_id)).scalar_one()
        for row in found:
            if row.state != BindingState.ACTIVE:
                continue
            if row.resident_id not in mains or row.role == OccupancyRole.FAMILY:
                tell_applicant(self._tx, row.id, "left", now=self._now)
                continue
            event = HandedOver(
                unit_id,
                row.resident_id,
                label,
                self._ask.kind,
                self._ask.handed_on.isoformat(),
                open_fen,
                is_clear,
            )
            enqueue(
                self._tx,
                event,
                Addressee(row.account, row.openid, row.identity_id),
                key=f"handover:{row.id}",
                urgency=Urgency.RECEIPT,
                now=self._now,
                community_id=self._plan.community_id,
            )
        return found
