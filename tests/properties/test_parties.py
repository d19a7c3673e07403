"""Whoever owns, rents or pays for a flat in a year: each day is one party's, each fen billed."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from storage.audit import CLOCK
from storage.database import Database, open_database
from storage.kinds import Basis, OccupancyRole, Payer, UnitKind
from storage.models.bills import bills, fee_items
from storage.models.people import occupancies, residents
from storage.operations.assignments import assign
from storage.operations.issuing import issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.queries.proofs import prove
from storage.rules.billing import Assignment
from storage.rules.explanations import recompute
from tests.factories import add_community, add_resident, add_unit
from tests.properties.test_billing import SINCE, STEP, THEN, YEAR, Fee, fees, span_begins
from tests.storage.rules import model

A_DAY = timedelta(days=1)
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
Bill = tuple[str, date, date, int]
"""Who owes, the first and the last day, and how many fen."""


@dataclass(frozen=True)
class Stay:
    """Somebody's days in the flat, from the first to the one before `until_on`."""

    role: OccupancyRole
    from_on: date
    until_on: date | None

    def is_there(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day < self.until_on)


@dataclass(frozen=True)
class Said:
    """Who is to pay from the beginning, and from a later day on."""

    first: Payer
    later: Payer
    from_on: date


days_of_year = st.dates(FIRST, LAST)
stays = st.builds(
    lambda role, begins, days: Stay(role, begins, None if days is None else begins + days * A_DAY),
    st.sampled_from([OccupancyRole.OWNER, OccupancyRole.OWNER, OccupancyRole.TENANT]),
    st.just(SINCE) | days_of_year,
    st.none() | st.integers(1, 500),
)
said = st.builds(Said, st.sampled_from(Payer), st.sampled_from(Payer), days_of_year)


def party(found: Sequence[Stay], payers: Said, day: date) -> str:
    """Say who pays for a day: a firm, the number of a stay, or "" for nobody."""
    payer = payers.first if day < payers.from_on else payers.later
    if payer in (Payer.DEVELOPER, Payer.COMPANY):
        return str(payer)
    wanted = [OccupancyRole.OWNER]
    if payer == Payer.TENANT:
        wanted.insert(0, OccupancyRole.TENANT)
    for role in wanted:
        there = [(one.from_on, at) for at, one in enumerate(found) if one.role == role]
        for from_on, at in sorted(there):
            if from_on <= day and found[at].is_there(day):
                return str(at)
    return ""


def parted(whole_fen: int, counts: Sequence[int]) -> list[int]:
    """Deal out fen one by one, each to who is furthest below her due; the earlier of equals."""
    due = [Fraction(whole_fen * count, sum(counts)) for count in counts]
    dealt = [int(one) for one in due]
    for _ in range(whole_fen - sum(dealt)):
        short = [one - given for one, given in zip(due, dealt, strict=True)]
        dealt[short.index(max(short))] += 1
    return dealt


def bills_of_span(days: list[date], fee: Fee, found: Sequence[Stay], payers: Said) -> list[Bill]:
    """Say who owes what of one span, looking at it day by day."""
    who = [(day, party(found, payers, day)) for day in days]
    if any(one.isdecimal() for _, one in who):
        while not who[0][1]:
            who.pop(0)
        while not who[-1][1]:
            who.pop()
        for at, (day, one) in enumerate(who):
            who[at] = (day, one or who[at - 1][1])
    quantity = Fraction(1)
    exact = model.by_month(quantity, fee.price_on, who[0][0], who[-1][0] + A_DAY, 1)
    groups = [(one, [day for day, _ in of]) for one, of in groupby(who, key=lambda two: two[1])]
    amounts = parted(model.rounded(exact), [len(of) for _, of in groups])
    return [
        (one.replace("developer", "").replace("company", ""), of[0], of[-1], fen)
        for (one, of), fen in zip(groups, amounts, strict=True)
        if fen
    ]


def expected(fee: Fee, found: Sequence[Stay], payers: Said) -> list[Bill]:
    """Say which bills the runs of a year make."""
    spans: dict[date, list[date]] = {}
    for day in model.days(SINCE, date(2028, 1, 1)):
        begins = span_begins(day, date(2000, 1, 1), STEP[fee.cycle])
        spans.setdefault(begins, []).append(day)
    made: list[Bill] = []
    for days in spans.values():
        charged_on = days[-1] + A_DAY if fee.timing == "in_arrears" else days[0]
        if FIRST <= charged_on <= LAST:
            made += bills_of_span(days, fee, found, payers)
    return made


def build(tx: Connection, name: str, fee: Fee, found: Sequence[Stay], payers: Said) -> int:
    community_id = add_community(tx, name)
    unit_id = add_unit(tx, community_id, "1-1-1")
    for at, one in enumerate(found):
        resident_id = add_resident(tx, community_id, str(at), f"138{at:08d}")
        lives = {"resident_id": resident_id, "unit_id": unit_id, "role": one.role}
        days = {"from_on": one.from_on, "until_on": one.until_on}
        tx.execute(insert(occupancies).values(**lives, **days))
    for since, price_e4 in fee.prices:
        fact = TariffFact(
            *("费用", UnitKind.HOME, Basis.FIXED, price_e4, since),
            cycle=fee.cycle,
            timing=fee.timing,
        )
        set_tariff(tx, fact, community_id=community_id, actor=CLOCK, now=THEN)
    item_id = tx.execute(
        select(fee_items.c.id).where(fee_items.c.community_id == community_id)
    ).scalar_one()
    for payer, from_on in ((payers.first, SINCE), (payers.later, payers.from_on)):
        told = Assignment(payer=payer, from_on=from_on)
        assign(tx, told, unit_id=unit_id, fee_item_id=item_id, actor=CLOCK, now=THEN)
    return community_id


def of_community(tx: Connection, community_id: int) -> list[Bill]:
    rows = tx.execute(
        select(bills, residents.c.name)
        .outerjoin(residents, residents.c.id == bills.c.liable_id)
        .where(bills.c.community_id == community_id)
        .order_by(bills.c.begins_on)
    ).all()
    for row in rows:
        assert recompute(json.loads(row.explanation)) == row.amount_fen
    return [(row.name or "", row.begins_on, row.last_on, row.amount_fen) for row in rows]


async def a_year(db: Database, name: str, fee: Fee, found: Sequence[Stay], payers: Said) -> None:
    community_id = await db.write(build, name, fee, found, payers)
    now = datetime.fromisoformat("2027-02-01T00:00Z")
    for month in YEAR:
        for _ in range(2):
            report = await db.write(issue_bills, community_id=community_id, period=month, now=now)
            assert report.missing == () or {str(one.reason) for one in report.missing} == {
                "amount_zero"
            }

    made = await db.read(of_community, community_id)
    assert made == expected(fee, found, payers)
    assert len({(first, last) for _, first, last, _ in made}) == len(made)


def test_a_year_of_parties_is_what_a_day_by_day_model_says(database_url: str):
    with asyncio.Runner() as runner:
        opened = open_database(database_url)
        db = runner.run(opened.__aenter__())
        names = iter(range(10_000))

        @settings(
            max_examples=30,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(fees, st.lists(stays, max_size=4), said)
        def holds(fee: Fee, found: list[Stay], payers: Said) -> None:
            runner.run(a_year(db, f"第{next(names)}小区", fee, found, payers))

        try:
            holds()
            assert runner.run(db.read(prove)) == []
        finally:
            runner.run(opened.__aexit__(None, None, None))
