"""What the console's tests share: staff of two communities, a ticket, and signing in."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.kinds import Basis, StaffRole, UnitKind
from storage.models.bank import bank_rows
from storage.models.bills import fee_items, tariffs
from storage.models.estate import communities
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments
from storage.models.people import identities
from storage.operations.bank_rows import BankAccount, take_rows
from storage.operations.console_sessions import issue_console_pass
from storage.operations.differences import raise_difference
from storage.operations.meters import MeterFact, install_meter
from storage.operations.notices import Writing, confirm, draft
from storage.operations.staff import add_staff
from storage.operations.tariffs import TariffFact, set_tariff
from storage.operations.tax_codes import set_tax_code
from storage.operations.tax_invoices import Buyer, apply_for_tax_invoice
from storage.operations.tickets import NewTicket, open_ticket
from storage.operations.works import NewWork, ask_work
from storage.ports.bank import BankLine
from storage.queries.audiences import Audience
from storage.queries.residents import staff_member
from storage.ticket_kinds import TicketKind
from storage.work_kinds import WorkKind
from tests import factories
from tests.bot.web.town import NOW, Town

TICKET = "G26110001"
MANAGER = "13900000001"
LONG_AGO = date(2020, 1, 1)


@dataclass(frozen=True)
class Desk:
    """Who works where (role → key): in the town, and in another community."""

    ours: dict[StaffRole, int]
    theirs: dict[StaffRole, int]
    ticket_no: str
    foreign_unit_id: int
    broadcast_no: str
    tariff_id: int
    work_id: int


def _man(tx: Connection, community_id: int, first: int) -> dict[StaffRole, int]:
    return {
        role: add_staff(
            tx,
            name=f"员工{first + n}",
            phone=f"1390000{first + n:04d}",
            role=role,
            community_ids=[community_id],
            now=NOW,
        )
        for n, role in enumerate(StaffRole)
    }


def _price(tx: Connection, town: Town) -> int:
    """Let the town charge 2.80 yuan for a square metre; return the price's key."""
    tariff = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 28_000, date(2026, 1, 1))
    set_tariff(tx, tariff, community_id=town.community_id, actor=CLOCK, now=NOW)
    return int(tx.execute(select(tariffs.c.id)).scalar_one())


def _sheet(tx: Connection, town: Town, ours: dict[StaffRole, int]) -> int:
    """Let the manager have sent a sheet; return its number."""
    asked = {"sheet": "estate", "mode": "look"}
    new = NewWork(WorkKind.IMPORT, town.community_id, "房屋.xlsx", asked, b"no workbook")
    return ask_work(tx, new, staff_id=ours[StaffRole.MANAGER], now=NOW)


async def furnish(town: Town) -> Desk:
    """Employ staff here and elsewhere, and let a resident report a leak."""

    def run(tx: Connection) -> Desk:
        elsewhere = factories.add_community(tx, "别的小区")
        foreign = factories.add_unit(tx, elsewhere, "9-9-901")
        ours = _man(tx, town.community_id, 1)
        asked = select(identities.c.id).where(identities.c.openid == "openid-3-2-501")
        new = NewTicket(
            TicketKind.REPAIR,
            town.community_id,
            tx.execute(asked).scalar_one(),
            "厨房漏水，电话13812345678",
            "demo|m-1",
            unit_id=town.first.unit_id,
        )
        opened = open_ticket(tx, new, now=NOW)
        tx.execute(
            update(communities)
            .where(communities.c.id == town.community_id)
            .values(opened_at=NOW, widened_at=NOW)
        )
        writer = staff_member(tx, ours[StaffRole.STEWARD])
        assert writer
        writing = Writing(Audience(town.community_id), "全小区", "notice", "周六打药。")
        number = draft(tx, writing, by=writer, now=NOW).broadcast_no
        confirm(tx, number, by=writer, now=NOW, send_at=NOW + timedelta(days=1))
        return Desk(
            ours,
            _man(tx, elsewhere, 11),
            opened.ticket.ticket_no,
            foreign,
            number,
            _price(tx, town),
            _sheet(tx, town, ours),
        )

    return await town.db.write(run)


async def sign_in(door: TestClient, town: Town, staff_id: int) -> ClientResponse:
    """Come in by a link from chat."""
    secret = await town.db.write(issue_console_pass, staff_id, now=town.clock.now())
    answer = await door.post(f"/console/enter/{secret}", data={}, allow_redirects=False)
    assert answer.status == 303
    return answer


async def page(door: TestClient, where: str, status: int = 200) -> str:
    answer = await door.get(where, allow_redirects=False)
    assert answer.status == status, where
    return await answer.text()


def field(html: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', html)
    assert found
    return found[1]


async def press(
    door: TestClient, desk: Desk, html: str, act: str, words: str = ""
) -> ClientResponse:
    form = {"press": field(html, "press"), "seen": field(html, "seen"), "act": act, "words": words}
    return await door.post(f"/console/tickets/{desk.ticket_no}", data=form, allow_redirects=False)


def apply_for_invoice(tx: Connection, payment_id: int) -> str:
    """Give every fee a tax code and apply for an invoice of a payment; return its number."""
    for item_id in tx.execute(select(fee_items.c.id)).scalars().all():
        set_tax_code(tx, item_id, "3040502020200000000", 600, effective_on=LONG_AGO, now=NOW)
    made = apply_for_tax_invoice(tx, payment_id, Buyer("李秀英"), identity_id=None, now=NOW)
    return made.application_no


def a_difference(tx: Connection, payment_id: int) -> int:
    """Let a platform deny what our books say of a payment; return the difference's number."""
    asked = select(payment_orders.c.order_no).join(payments).where(payments.c.id == payment_id)
    order_no = tx.execute(asked).scalar_one()
    assert raise_difference(tx, "AmountMismatch", order_no, "平台报 1 分", at=NOW)
    return int(tx.execute(select(discrepancies.c.id)).scalar_one())


def a_transfer(tx: Connection, amount_fen: int, memo: str) -> int:
    """Let money come of which nobody knows for what; return its row."""
    line = BankLine("k1", NOW, amount_fen, None, "赵六", "6222", memo, "S1")
    take_rows(tx, [line], BankAccount("571900", "bank_transfer"), source="file", now=NOW)
    return int(tx.execute(select(bank_rows.c.id)).scalar_one())


def a_meter(tx: Connection, unit_id: int, meter_no: str) -> int:
    """Put a water meter into a flat on the first of September, showing 100; return its number."""
    item_id = tx.execute(select(fee_items.c.id).where(fee_items.c.name == "水费")).scalar_one()
    fact = MeterFact(meter_no, date(2026, 9, 1), Decimal(100), digits=5)
    return install_meter(tx, unit_id, item_id, fact, actor=CLOCK, now=NOW)
