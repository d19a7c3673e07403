"""One statement for a payer with many units: by unit and in all, and together the ledger's."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.database import Database
from storage.errors import LinkExpired
from storage.kinds import Account, BindingState, OccupancyRole, Payer
from storage.links import PayLink
from storage.models.bills import bills
from storage.models.people import bindings
from storage.operations.assignments import assign
from storage.operations.bills import void_bill
from storage.operations.prepay_orders import Aside
from storage.periods import shanghai_day
from storage.queries.payer_statements import (
    PayerStatement,
    residents_called,
    statement_for_holder,
    statement_of_firm,
    statement_of_resident,
)
from storage.queries.proofs import prove
from storage.queries.statements import statement_of_unit
from storage.rules.billing import Assignment
from tests.factories import (
    NOW,
    Owed,
    add_bill,
    add_binding,
    add_community,
    add_fee_item,
    add_resident,
    add_unit,
    move_in,
    pay,
    put_aside,
)

TODAY = shanghai_day(NOW)
DAYS = {"first_on": date(2026, 1, 1), "last_on": TODAY + timedelta(days=1)}
SINCE = date(2026, 1, 1)
SHOPS = ("S-1-101", "S-1-102", "S-1-103")


@dataclass(frozen=True)
class Street:
    """Three shops of a firm, one let to a tenant who pays the water, and an unsold flat."""

    community_id: int
    firm_id: int
    tenant_id: int
    shops: tuple[int, ...]
    unsold: int
    fee: int


def build(tx: Connection) -> Street:
    community_id = add_community(tx)
    firm_id = add_resident(tx, community_id, "翡翠商业有限公司", "13900000001")
    tenant_id = add_resident(tx, community_id, "赵敏", "13700000000")
    fee = add_fee_item(tx, community_id, "物业费", "property_fee")
    water = add_fee_item(tx, community_id, "水费", "water")
    shops = tuple(add_unit(tx, community_id, code) for code in SHOPS)
    for unit_id in shops:
        move_in(tx, firm_id, unit_id)
        for period in ("2026-10", "2026-11"):
            add_bill(tx, Owed(unit_id, fee, period, 10_000 + unit_id, liable_id=firm_id))
    move_in(tx, tenant_id, shops[0], OccupancyRole.TENANT)
    add_bill(tx, Owed(shops[0], water, "2026-11", 4_300, "水费", liable_id=tenant_id))
    unsold = add_unit(tx, community_id, "3-2-1201")
    for payer, item in ((Payer.DEVELOPER, fee), (Payer.COMPANY, water)):
        assign(
            tx,
            Assignment(payer=payer, is_charged=False, from_on=SINCE),
            unit_id=unsold,
            fee_item_id=item,
            actor=CLOCK,
            now=NOW,
        )
    add_bill(tx, Owed(unsold, fee, "2026-11", 25_060))
    add_bill(tx, Owed(unsold, water, "2026-11", 700, "水费"))
    late_fee = add_fee_item(tx, community_id, "违约金", "late_fee")
    add_bill(tx, Owed(unsold, late_fee, "2026-11", 35, "违约金"))
    return Street(community_id, firm_id, tenant_id, shops, unsold, fee)


@pytest.fixture
async def street(db: Database) -> Street:
    return await db.write(build)


async def of_firm(db: Database, street: Street) -> PayerStatement:
    return await db.read(statement_of_resident, street.community_id, street.firm_id, **DAYS)


async def ids_of(db: Database, unit_id: int, item: int) -> tuple[int, ...]:
    mine = select(bills.c.id).where(bills.c.unit_id == unit_id, bills.c.fee_item_id == item)
    return tuple(await db.read(lambda tx: tx.execute(mine.order_by(bills.c.id)).scalars().all()))


async def test_all_units_are_summed_and_the_balance_runs_over_all_of_them(
    db: Database, street: Street
):
    first, second, third = street.shops
    paid = (await ids_of(db, second, street.fee))[:1]
    await db.write(pay, second, paid)

    found = await of_firm(db, street)

    assert [one.unit_label for one in found.parts] == ["S栋1单元101", "S栋1单元102", "S栋1单元103"]
    fen = {unit_id: 10_000 + unit_id for unit_id in street.shops}
    assert [one.open_fen for one in found.parts] == [2 * fen[first], fen[second], 2 * fen[third]]
    assert found.open_fen == 2 * sum(fen.values()) - fen[second]
    assert (found.billed_fen, found.settled_fen) == (2 * sum(fen.values()), fen[second])
    running = 0
    for one in found.rows:
        running += one.row.owed_fen
        assert one.row.open_fen == running
    assert (running, len(found.rows)) == (found.open_fen, 7)
    billed = [one for one in found.rows if one.row.owed_fen > 0]
    assert [one.row.number[:8] for one in billed] == ["B2026-10"] * 3 + ["B2026-11"] * 3
    assert [one.unit_label[-3:] for one in billed] == ["101", "102", "103"] * 2
    paid_rows = [(one.unit_label, one.row.owed_fen) for one in found.rows if one.row.owed_fen < 0]
    assert paid_rows == [("S栋1单元102", -fen[second])]


async def test_what_was_before_the_days_is_where_the_balance_begins(db: Database, street: Street):
    days = {"first_on": TODAY + timedelta(days=1), "last_on": TODAY + timedelta(days=1)}

    found = await db.read(statement_of_resident, street.community_id, street.firm_id, **days)

    assert found.rows == ()
    assert found.opening_open_fen == found.open_fen == (await of_firm(db, street)).open_fen > 0


async def test_each_bill_is_on_one_payers_statement_and_together_they_are_the_ledger(
    db: Database, street: Street
):
    [wrong, _] = await ids_of(db, street.shops[2], street.fee)
    await db.write(void_bill, bill_id=wrong, reason="重复", actor=CLOCK, now=NOW)
    sold = Owed(street.unsold, street.fee, "2026-10", 111, liable_id=street.tenant_id)
    await db.write(add_bill, sold)

    people = [
        await db.read(statement_of_resident, street.community_id, one, **DAYS)
        for one in (street.firm_id, street.tenant_id)
    ]
    firms = [
        await db.read(statement_of_firm, street.community_id, one, **DAYS)
        for one in (Payer.DEVELOPER, Payer.COMPANY)
    ]

    assert [one.open_fen for one in firms] == [25_060 + 35, 700]
    assert [len(one.parts) for one in (*people, *firms)] == [3, 2, 1, 1]
    owed = await db.read(ledger.balance, Account.RECEIVABLE)
    assert sum(one.open_fen for one in (*people, *firms)) == owed
    for unit_id in (*street.shops, street.unsold):
        whole = await db.read(statement_of_unit, unit_id, **DAYS)
        told = sum(
            part.open_fen
            for one in (*people, *firms)
            for part in one.parts
            if part.unit_label == whole.unit_label
        )
        assert told == whole.open_fen == await db.read(ledger.balance, Account.RECEIVABLE, unit_id)
    assert await db.read(prove) == []


async def test_a_firms_statement_holds_the_bills_of_the_days_on_which_it_paid(
    db: Database, street: Street
):
    def change(tx: Connection) -> None:
        for payer, from_on in ((Payer.DEVELOPER, SINCE), (Payer.COMPANY, date(2026, 11, 1))):
            assign(
                tx,
                Assignment(payer=payer, is_charged=False, from_on=from_on),
                unit_id=street.shops[1],
                fee_item_id=street.fee,
                actor=CLOCK,
                now=NOW,
            )
        mine = update(bills).where(bills.c.unit_id == street.shops[1])
        tx.execute(mine.values(liable_id=None))

    await db.write(change)

    told = {
        firm: [
            one.row.number[:8]
            for one in (await db.read(statement_of_firm, street.community_id, firm, **DAYS)).rows
            if one.unit_label == "S栋1单元102"
        ]
        for firm in (Payer.DEVELOPER, Payer.COMPANY)
    }
    assert told == {Payer.DEVELOPER: ["B2026-10"], Payer.COMPANY: ["B2026-11"]}


async def test_what_lies_in_advance_is_the_owners_and_never_her_tenants(
    db: Database, street: Street
):
    await db.write(put_aside, street.shops[0], Aside(5_000), paid_at=NOW)

    owner = await of_firm(db, street)
    tenant = await db.read(statement_of_resident, street.community_id, street.tenant_id, **DAYS)

    assert (owner.in_advance_fen, owner.parts[0].in_advance_fen) == (5_000, 5_000)
    assert owner.rows[-1].row.in_advance_fen == 5_000
    assert (tenant.has_prepayment, tenant.in_advance_fen) == (False, 0)


async def test_the_holder_of_a_link_sees_all_that_she_has_bound_in_the_community(
    db: Database, street: Street
):
    def bind(tx: Connection) -> PayLink:
        bound = [add_binding(tx, "oFirm", unit_id, street.firm_id) for unit_id in street.shops[:2]]
        elsewhere = add_unit(tx, add_community(tx, "海棠苑"), "1-1-101")
        add_binding(tx, "oFirm", elsewhere, None)
        return PayLink(street.shops[0], bound[0], 0, TODAY)

    link = await db.write(bind)

    found = await db.read(statement_for_holder, link, **DAYS)
    whole = await of_firm(db, street)

    assert [one.unit_label for one in found.parts] == ["S栋1单元101", "S栋1单元102"]
    assert [one.open_fen for one in found.parts] == [one.open_fen for one in whole.parts[:2]]
    other = update(bindings).where(bindings.c.unit_id == street.shops[1])
    await db.write(lambda tx: tx.execute(other.values(state=BindingState.REMOVED)) and None)
    assert len((await db.read(statement_for_holder, link, **DAYS)).parts) == 1
    for ended in (
        PayLink(link.unit_id, link.binding_id, 1, TODAY),
        PayLink(link.unit_id, 0, 0, TODAY),
    ):
        with pytest.raises(LinkExpired):
            await db.read(statement_for_holder, ended, **DAYS)


async def test_a_payer_is_found_by_name_or_phone_in_her_community_alone(
    db: Database, street: Street
):
    other = await db.write(add_community, "海棠苑")

    for said in ("翡翠商业有限公司", "13900000001"):
        found = await db.read(residents_called, street.community_id, said)
        assert found == [(street.firm_id, "翡翠商业有限公司", "13900000001")]
    assert await db.read(residents_called, other, "13900000001") == []
