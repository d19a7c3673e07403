"""A community says things in its own words: questions with answers (常见问题), and texts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import NotAllowed, PhrasingTaken, UnknownFaq
from storage.frozen import dataclass
from storage.kinds import OwnText, StaffRole
from storage.models.estate import communities
from storage.models.owners_words import faq_phrasings, faqs, own_texts
from storage.queries.faqs import Faq, faqs_of
from storage.queries.residents import Staff
from storage.sql import insert

MOST_PHRASING_CHARS: Final = 60
MOST_ANSWER_CHARS: Final = 600
MOST_TEXT_CHARS: Final = 300
MOST_PHRASINGS: Final = 20
MOST_FAQS: Final = 300


@dataclass(frozen=True, slots=True)
class FaqDraft:
    """A question as the office writes it; `phrasings` are (as written, as it is read)."""

    phrasings: tuple[tuple[str, str], ...]
    answer: str = field(repr=False)
    from_on: date
    last_on: date | None = None


def write_faq(
    tx: Connection, draft: FaqDraft, *, community_id: int, by: Staff, now: datetime
) -> int:
    """Write a question with its answer down; return its number. The very same again is that one.

    Raises NotAllowed, PhrasingTaken where another that is said on one of these days claims a
    phrasing, ValueError for what is empty, too long, or ends before it begins.
    """
    _may_write(by, community_id)
    _check(draft)
    known = _others(tx, community_id)
    for one in known:
        if one.is_enabled and (one.phrasings, one.answer, one.from_on, one.last_on) == (
            draft.phrasings,
            draft.answer,
            draft.from_on,
            draft.last_on,
        ):
            return one.faq_id
    if len(known) >= MOST_FAQS:
        raise ValueError("faqs")
    _check_claims(draft, known)
    values = {"community_id": community_id, **_values(draft, by, now)}
    faq_id: int = tx.execute(faqs.insert().values(values).returning(faqs.c.id)).scalar_one()
    _write_phrasings(tx, faq_id, draft)
    _note(tx, by, "write", faq_id, now, f"{draft.from_on} {draft.last_on or ''}")
    return faq_id


def change_faq(
    tx: Connection, faq_id: int, draft: FaqDraft, *, community_id: int, by: Staff, now: datetime
) -> None:
    """Write a question anew under its number. Raises UnknownFaq, and what `write_faq` raises."""
    _may_write(by, community_id)
    _check(draft)
    known = _others(tx, community_id)
    if faq_id not in {one.faq_id for one in known}:
        raise UnknownFaq(str(faq_id))
    _check_claims(draft, [one for one in known if one.faq_id != faq_id])
    tx.execute(update(faqs).where(faqs.c.id == faq_id).values(**_values(draft, by, now)))
    tx.execute(delete(faq_phrasings).where(faq_phrasings.c.faq_id == faq_id))
    _write_phrasings(tx, faq_id, draft)
    _note(tx, by, "change", faq_id, now, f"{draft.from_on} {draft.last_on or ''}")


@dataclass(frozen=True, slots=True)
class FaqRow:
    """A question of a sheet: under the number of one that is known, or None for a new one."""

    number: int | None
    draft: FaqDraft


class FaqReason(StrEnum):
    """Why a row of a sheet cannot be written down."""

    UNKNOWN = "unknown"
    TWICE = "twice"
    TAKEN = "taken"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class FaqObjection:
    """What stands against the row with this index; `detail` names the phrasing or the field."""

    index: int
    reason: FaqReason
    detail: str


@dataclass(frozen=True, slots=True)
class FaqPlan:
    """What a sheet would write anew and change, by the index of its rows, and the objections."""

    new: tuple[int, ...]
    changed: tuple[int, ...]
    objections: tuple[FaqObjection, ...]


def plan_faqs(tx: Connection, rows: Sequence[FaqRow], *, community_id: int) -> FaqPlan:
    """Tell what `import_faqs` would do; a row that says what is known changes nothing."""
    known = {one.faq_id: one for one in faqs_of(tx, community_id)}
    numbers = Counter(row.number for row in rows if row.number is not None)
    found: list[FaqObjection] = []
    for at, row in enumerate(rows):
        if row.number is not None and row.number not in known:
            found.append(FaqObjection(at, FaqReason.UNKNOWN, str(row.number)))
        elif row.number is not None and numbers[row.number] > 1:
            found.append(FaqObjection(at, FaqReason.TWICE, str(row.number)))
        elif unfit := _unfit(row.draft):
            found.append(FaqObjection(at, FaqReason.UNFIT, unfit))
    said = {_said(one) for one in known.values() if one.is_enabled}
    is_same = [
        _said(row.draft) in said
        if row.number is None
        else row.number in known and _says(known[row.number], row.draft)
        for row in rows
    ]
    asked = [at for at, same in enumerate(is_same) if not same]
    new = tuple(at for at in asked if rows[at].number is None)
    if len(known) + len(new) > MOST_FAQS:
        found.append(FaqObjection(new[-1], FaqReason.UNFIT, "faqs"))
    anew = {rows[at].number for at in asked}
    stays = [one for one in known.values() if one.faq_id not in anew]
    found += _claimed_twice([(at, rows[at].draft) for at in asked], stays)
    changed = tuple(at for at in asked if rows[at].number is not None)
    return FaqPlan(new, changed, tuple(sorted(found, key=lambda one: one.index)))


def import_faqs(
    tx: Connection, rows: Sequence[FaqRow], *, community_id: int, by: Staff, now: datetime
) -> FaqPlan:
    """Write a sheet of questions down, all of it, or, where anything stands against it, nothing.

    Questions that the sheet does not name stay. Raises NotAllowed.
    """
    _may_write(by, community_id)
    _others(tx, community_id)
    plan = plan_faqs(tx, rows, community_id=community_id)
    if plan.objections:
        return plan
    gone = [rows[at].number for at in plan.changed]
    tx.execute(delete(faq_phrasings).where(faq_phrasings.c.faq_id.in_(gone)))
    for at in (*plan.changed, *plan.new):
        draft, faq_id = rows[at].draft, rows[at].number
        values = _values(draft, by, now)
        act = "write" if faq_id is None else "change"
        if faq_id is None:
            made = faqs.insert().values(community_id=community_id, **values).returning(faqs.c.id)
            faq_id = int(tx.execute(made).scalar_one())
        else:
            tx.execute(update(faqs).where(faqs.c.id == faq_id).values(**values))
        _write_phrasings(tx, faq_id, draft)
        _note(tx, by, act, faq_id, now, f"{draft.from_on} {draft.last_on or ''}")
    return plan


def _claimed_twice(
    asked: Sequence[tuple[int, FaqDraft]], stays: Sequence[Faq]
) -> list[FaqObjection]:
    """Object to phrasings that an entry which stays, or a row above, claims on the same days."""
    found, others = [], list(stays)
    for at, draft in asked:
        try:
            _check_claims(draft, others)
        except PhrasingTaken as taken:
            found.append(FaqObjection(at, FaqReason.TAKEN, taken.phrasing))
        days = (draft.from_on, draft.last_on)
        others.append(Faq(0, 0, draft.answer, *days, is_enabled=True, phrasings=draft.phrasings))
    return found


def _said(one: Faq | FaqDraft) -> tuple[object, ...]:
    return one.phrasings, one.answer, one.from_on, one.last_on


def _says(known: Faq, draft: FaqDraft) -> bool:
    return known.is_enabled and _said(known) == _said(draft)


def _unfit(draft: FaqDraft) -> str:
    try:
        _check(draft)
    except ValueError as unfit:
        return str(unfit)
    return ""


def switch_off_faq(
    tx: Connection, faq_id: int, *, community_id: int, by: Staff, now: datetime
) -> None:
    """Answer a question no more; it stays written down. Raises NotAllowed, UnknownFaq."""
    _may_write(by, community_id)
    mine = (faqs.c.id == faq_id, faqs.c.community_id == community_id)
    if not tx.execute(update(faqs).where(*mine).values(is_enabled=0)).rowcount:
        raise UnknownFaq(str(faq_id))
    _note(tx, by, "switch_off", faq_id, now, "")


def write_text(
    tx: Connection, kind: OwnText, words: str, *, community_id: int, by: Staff, now: datetime
) -> None:
    """Say something in a community's own words from now on; "" takes them back.

    Raises NotAllowed, and ValueError for words that are too long.
    """
    _may_write(by, community_id)
    if len(words) > MOST_TEXT_CHARS:
        raise ValueError("words")
    changed = {"words": words, "staff_id": by.staff_id, "written_at": now}
    tx.execute(
        insert(tx, own_texts)
        .values(community_id=community_id, kind=kind, **changed)
        .on_conflict_do_update(index_elements=["community_id", "kind"], set_=changed)
    )
    audit.note(
        tx, Actor(by.staff_id), "write", "own_text", f"{community_id} {kind}", at=now, detail=words
    )


def _may_write(by: Staff, community_id: int) -> None:
    if by.role is not StaffRole.MANAGER or community_id not in by.community_ids:
        raise NotAllowed


def _check(draft: FaqDraft) -> None:
    said, normal = ({one[at] for one in draft.phrasings} for at in (0, 1))
    fitting = {
        "phrasings": 0 < len(draft.phrasings) <= MOST_PHRASINGS
        and all(0 < len(one) <= MOST_PHRASING_CHARS for one in said | normal),
        "answer": 0 < len(draft.answer.strip()) <= MOST_ANSWER_CHARS,
        "last_on": draft.last_on is None or draft.last_on >= draft.from_on,
    }
    if broken := [name for name, fits in fitting.items() if not fits]:
        raise ValueError(broken[0])
    if len(normal) < len(draft.phrasings):
        raise ValueError("phrasings")


def _others(tx: Connection, community_id: int) -> list[Faq]:
    """Return what a community has written; who writes beside us waits until we are done."""
    tx.execute(select(communities.c.id).where(communities.c.id == community_id).with_for_update())
    return faqs_of(tx, community_id)


def _check_claims(draft: FaqDraft, others: Iterable[Faq]) -> None:
    """Refuse a phrasing that another entry claims on one of the same days."""
    last_on = draft.last_on or date.max
    for one in others:
        is_apart = one.from_on > last_on or (one.last_on or date.max) < draft.from_on
        if not one.is_enabled or is_apart:
            continue
        taken = {normal for _, normal in one.phrasings}
        for said, normal in draft.phrasings:
            if normal in taken:
                raise PhrasingTaken(said, str(one.faq_id))


def _values(draft: FaqDraft, by: Staff, now: datetime) -> dict[str, object]:
    return {
        "answer": draft.answer,
        "from_on": draft.from_on,
        "last_on": draft.last_on,
        "is_enabled": 1,
        "staff_id": by.staff_id,
        "written_at": now,
    }


def _write_phrasings(tx: Connection, faq_id: int, draft: FaqDraft) -> None:
    rows = [{"faq_id": faq_id, "said": said, "normal": one} for said, one in draft.phrasings]
    tx.execute(faq_phrasings.insert(), rows)


def _note(tx: Connection, by: Staff, act: str, faq_id: int, now: datetime, detail: str) -> None:
    audit.note(tx, Actor(by.staff_id), act, "faq", str(faq_id), at=now, detail=detail.strip())
