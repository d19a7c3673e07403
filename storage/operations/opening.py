"""Beginning with a community (期初): debts brought along, and the opening sheet that is signed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import NotAllowed, OpeningSheetDisagrees, UnknownAudience
from storage.frozen import dataclass
from storage.kinds import Account, OccupancyRole, StaffRole
from storage.models.bills import HISTORY, OPENING, bills, fee_items
from storage.models.estate import buildings, communities, units
from storage.models.people import residents
from storage.money import yuan
from storage.operations.bills import NewBill, book_bills
from storage.operations.tariffs import fee_item_ids
from storage.periods import BillingPeriod
from storage.queries.estate import Unit, all_communities, liable_parties, units_of
from storage.queries.residents import staff_member
from storage.rules.explanations import Explanation

DUE_DAY: Final = 25
MOST_PILOTS: Final = 10


class Reason(StrEnum):
    """Why a row of an opening sheet cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    UNKNOWN_UNIT = "unknown_unit"
    REPEATED = "repeated"
    NAME_DIFFERS = "name_differs"
    NO_TENANT = "no_tenant"
    AMOUNT_DIFFERS = "amount_differs"
    WAS_VOIDED = "was_voided"
    STILL_OPEN = "still_open"


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One debt of the old books, or (`is_paid`) one that was paid there."""

    community: str
    code: str
    fee_item: str
    fee_code: str
    period: BillingPeriod
    amount_fen: int
    explanation: Explanation
    due_on: date | None = None
    owner_name: str = ""
    liable_role: OccupancyRole = OccupancyRole.OWNER
    is_paid: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `detail` is what the books say instead."""

    index: int
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpeningPlan:
    """What the rows would do: indexes of new bills and of those there before, and objections."""

    new: tuple[int, ...]
    unchanged: tuple[int, ...]
    objections: tuple[Objection, ...]
    new_fee_items: tuple[str, ...]


class _Books:
    """What a community's books hold, by the names that sheets use."""

    def __init__(self, tx: Connection, community_id: int) -> None:
        self._tx, self.community_id = tx, community_id
        self.units: dict[str, Unit] = {one.code: one for one in units_of(tx, community_id)}
        self.items = fee_item_ids(tx, community_id, {})
        self.names: dict[int, str] = {
            row.id: row.name
            for row in tx.execute(
                select(residents.c.id, residents.c.name).where(
                    residents.c.community_id == community_id
                )
            )
        }
        self.bills: dict[tuple[int, int, str], Row[Any]] = {}
        found: Iterable[Row[Any]] = tx.execute(
            select(
                bills.c.unit_id,
                bills.c.fee_item_id,
                bills.c.period,
                bills.c.revision,
                bills.c.liable_id,
                bills.c.amount_fen,
                bills.c.paid_fen,
                bills.c.waived_fen,
                bills.c.written_off_fen,
                bills.c.voided_at,
            )
            .where(bills.c.community_id == community_id)
            .order_by(bills.c.voided_at.is_(None), bills.c.revision)
        )
        for row in found:
            self.bills[row.unit_id, row.fee_item_id, row.period] = row
        self._liable: dict[tuple[BillingPeriod, str], dict[int, int]] = {}

    def liable_id(self, unit_id: int, period: BillingPeriod, role: str) -> int | None:
        """Return who owes a unit's bill of a period."""
        key = (period, role)
        if key not in self._liable:
            self._liable[key] = liable_parties(self._tx, self.community_id, period, role)
        return self._liable[key].get(unit_id)

    def last_bill(self, unit_id: int, row: OpeningRow) -> Row[Any] | None:
        """Return the newest revision of the bill that a row is about."""
        item_id = self.items.get(row.fee_item, 0)
        return self.bills.get((unit_id, item_id, str(row.period)))


def plan_opening(tx: Connection, rows: Sequence[OpeningRow]) -> OpeningPlan:
    """Return what importing the rows would do; changes nothing."""
    return _plan(_books_of(tx, rows), rows)


def import_opening(
    tx: Connection, rows: Sequence[OpeningRow], *, actor: Actor, now: datetime
) -> OpeningPlan:
    """Book the rows, all or (where one is objected to) none; the same rows again do nothing.

    Open debts are booked against the opening account; paid ones are kept as history only.
    """
    books = _books_of(tx, rows)
    plan = _plan(books, rows)
    if plan.objections:
        return plan
    for name, of_one in books.items():
        wanted = {rows[i].fee_item: rows[i].fee_code for i in plan.new if rows[i].community == name}
        items = fee_item_ids(tx, of_one.community_id, wanted)
        new = [_new_bill(of_one, rows[i], items) for i in plan.new if rows[i].community == name]
        book_bills(tx, new, community_id=of_one.community_id, against=Account.OPENING, now=now)
        if new:
            total = sum(bill.amount_fen for bill in new if bill.kind == OPENING)
            detail = f"{len(new)} bills, {total} fen open"
            audit.note(
                tx, actor, "import", "opening", str(of_one.community_id), at=now, detail=detail
            )
    return plan


def _books_of(tx: Connection, rows: Sequence[OpeningRow]) -> dict[str, _Books]:
    wanted = {row.community for row in rows}
    return {
        one.name: _Books(tx, one.community_id) for one in all_communities(tx) if one.name in wanted
    }


def _plan(books: Mapping[str, _Books], rows: Sequence[OpeningRow]) -> OpeningPlan:
    new: list[int] = []
    unchanged: list[int] = []
    objections: list[Objection] = []
    first_at: dict[tuple[str, str, str, BillingPeriod], int] = {}
    items: dict[str, None] = {}
    for index, row in enumerate(rows):
        of_one = books.get(row.community)
        if of_one is None:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY, row.community))
            continue
        first = first_at.setdefault((row.community, row.code, row.fee_item, row.period), index)
        verdict = (
            _judged(of_one, index, row)
            if first == index
            else Objection(index, Reason.REPEATED, str(first))
        )
        if isinstance(verdict, Objection):
            objections.append(verdict)
        else:
            (new if verdict else unchanged).append(index)
        if row.fee_item not in of_one.items:
            items[row.fee_item] = None
    return OpeningPlan(tuple(new), tuple(unchanged), tuple(objections), tuple(items))


def _judged(books: _Books, index: int, row: OpeningRow) -> Objection | bool:
    """Return an objection, or whether the row is a new bill."""
    unit = books.units.get(row.code)
    if unit is None:
        return Objection(index, Reason.UNKNOWN_UNIT, row.code)
    owner_id = books.liable_id(unit.unit_id, row.period, OccupancyRole.OWNER)
    owner = books.names.get(owner_id or 0)
    if row.owner_name and owner is not None and row.owner_name != owner:
        return Objection(index, Reason.NAME_DIFFERS)
    bill = books.last_bill(unit.unit_id, row)
    is_known = bill is not None and bill.liable_id not in (None, owner_id)
    is_tenants = row.liable_role is not OccupancyRole.OWNER and not is_known
    if is_tenants and books.liable_id(unit.unit_id, row.period, row.liable_role) is None:
        return Objection(index, Reason.NO_TENANT)
    if bill is None:
        return True
    charged_fen = bill.amount_fen + bill.written_off_fen
    is_same = row.amount_fen in (charged_fen, charged_fen + bill.waived_fen)
    if bill.voided_at is not None:
        return Objection(index, Reason.WAS_VOIDED, yuan(bill.amount_fen)) if is_same else True
    if not is_same:
        return Objection(index, Reason.AMOUNT_DIFFERS, yuan(bill.amount_fen))
    if row.is_paid and bill.paid_fen < bill.amount_fen:
        return Objection(index, Reason.STILL_OPEN)
    return False


def _new_bill(books: _Books, row: OpeningRow, items: Mapping[str, int]) -> NewBill:
    unit = books.units[row.code]
    last = books.last_bill(unit.unit_id, row)
    return NewBill(
        unit_id=unit.unit_id,
        fee_item_id=items[row.fee_item],
        item_name=row.fee_item,
        period=row.period,
        amount_fen=row.amount_fen,
        due_on=row.due_on or row.period.day(DUE_DAY),
        explanation=row.explanation,
        liable_id=books.liable_id(unit.unit_id, row.period, row.liable_role),
        revision=0 if last is None else last.revision + 1,
        kind=HISTORY if row.is_paid else OPENING,
    )


def opening_totals(tx: Connection, community_id: int) -> dict[tuple[str, str], int]:
    """Return (building label, fee item name) → fen brought along as debts; "" stands in none."""
    rows = tx.execute(
        select(
            func.coalesce(buildings.c.label, "").label("building_label"),
            fee_items.c.name,
            func.sum(bills.c.amount_fen).label("total_fen"),
        )
        .select_from(
            bills.join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .join(units, units.c.id == bills.c.unit_id)
            .outerjoin(buildings, buildings.c.id == units.c.building_id)
        )
        .where(
            bills.c.community_id == community_id,
            bills.c.is_imported == OPENING,
            bills.c.voided_at.is_(None),
        )
        .group_by(buildings.c.label, fee_items.c.name)
    )
    return {(row.building_label, row.name): int(row.total_fen) for row in rows}


def sign_opening(
    tx: Connection,
    *,
    community_id: int,
    totals: Mapping[tuple[str, str], int],
    actor: Actor,
    now: datetime,
    pilot_codes: Collection[str] = (),
) -> bool:
    """Take a manager's word that the old books' totals are ours; from now on we may speak.

    `totals`: (building label, fee item name) → fen. With `pilot_codes` (at most ten units) only
    these are spoken to unasked until `widen`. Returns False where it was signed before. Raises
    NotAllowed, UnknownAudience, and OpeningSheetDisagrees with each total that differs.
    """
    _check_manager(tx, community_id, actor)
    ours = opening_totals(tx, community_id)
    theirs = {place: fen for place, fen in totals.items() if fen}
    differing = sorted(
        place for place in ours.keys() | theirs.keys() if ours.get(place) != theirs.get(place)
    )
    if differing:
        raise OpeningSheetDisagrees(
            tuple(
                f"{' '.join(place).strip()} {yuan(theirs.get(place, 0))}≠{yuan(ours.get(place, 0))}"
                for place in differing
            )
        )
    signed = tx.execute(
        update(communities)
        .where(communities.c.id == community_id, communities.c.opened_at.is_(None))
        .values(opened_at=now, widened_at=None if pilot_codes else now)
    ).rowcount
    if signed:
        _choose_pilots(tx, community_id, pilot_codes)
        total = sum(ours.values())
        audit.note(tx, actor, "sign", "opening", str(community_id), at=now, detail=f"{total} fen")
    return bool(signed)


def widen(tx: Connection, *, community_id: int, actor: Actor, now: datetime) -> bool:
    """Speak to every household from now on, not only to the pilots. Raises NotAllowed.

    Returns False where the community is not signed, or was widened before.
    """
    _check_manager(tx, community_id, actor)
    widened = tx.execute(
        update(communities)
        .where(
            communities.c.id == community_id,
            communities.c.opened_at.is_not(None),
            communities.c.widened_at.is_(None),
        )
        .values(widened_at=now)
    ).rowcount
    if widened:
        audit.note(tx, actor, "widen", "opening", str(community_id), at=now)
    return bool(widened)


def _check_manager(tx: Connection, community_id: int, actor: Actor) -> None:
    signer = None if actor.staff_id is None else staff_member(tx, actor.staff_id)
    if (
        signer is None
        or signer.role is not StaffRole.MANAGER
        or community_id not in signer.community_ids
    ):
        raise NotAllowed


def _choose_pilots(tx: Connection, community_id: int, codes: Collection[str]) -> None:
    if len(codes) > MOST_PILOTS:
        raise UnknownAudience(f"{len(codes)}>{MOST_PILOTS}")
    for code in codes:
        chosen = tx.execute(
            update(units)
            .where(units.c.community_id == community_id, units.c.code == code)
            .values(is_pilot=1)
        ).rowcount
        if not chosen:
            raise UnknownAudience(code)
