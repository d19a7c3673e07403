"""The counter's page: a flat found, money taken once, a code shown, a day closed; hers alone."""

import re
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, insert, select, update

from storage import ledger
from storage.kinds import Account, StaffRole
from storage.models.estate import units
from storage.models.offline import cashier_days, vouchers
from storage.models.payments import payment_orders, payments
from storage.models.people import staff, staff_communities
from storage.models.policies import policies
from storage.operations.offline import take_money
from storage.paying_kinds import CashMethod
from storage.queries.counter import CounterAsk
from storage.queries.proofs import prove
from storage.queries.residents import staff_member
from tests import factories
from tests.bot.web.town import NOW, PHONES, TODAY, Town

MONTH = 25_060


async def employ(
    town: Town, name: str = "周出纳", role=StaffRole.CASHIER, phone="13900000001"
) -> int:
    def add(tx: Connection) -> int:
        key: int = tx.execute(
            insert(staff).values(name=name, phone=phone, role=role).returning(staff.c.id)
        ).scalar_one()
        community_id = tx.execute(select(units.c.community_id).limit(1)).scalar_one()
        tx.execute(insert(staff_communities).values(staff_id=key, community_id=community_id))
        return key

    return await town.db.write(add)


@pytest.fixture
async def page(town: Town) -> str:
    """Give the address of a cashier's counter."""
    return path(town, await employ(town))


def path(town: Town, staff_id: int, day=TODAY) -> str:
    return "/counter/" + town.links.counter_url(staff_id, day=day).rpartition("/")[2]


async def text(door: TestClient, where: str, status: int = 200, **query: str) -> str:
    answer = await door.get(where, params=query, allow_redirects=False)
    assert answer.status == status
    return await answer.text()


def press_of(html: str) -> str:
    found = re.search(r'name="press" value="([^"]+)"', html)
    assert found
    return found[1]


def ticks(html: str) -> list[str]:
    return re.findall(r'name="bill" value="([0-9]+-[0-9]+)"[^>]* checked', html)


async def flat(door: TestClient, town: Town, page: str) -> str:
    return await text(door, page, unit=str(town.first.unit_id))


async def book(door: TestClient, town: Town, page: str, html: str, **typed: str):
    form = {"press": press_of(html), "method": "cash", "bill": ticks(html)} | typed
    pairs = [
        (name, one)
        for name, value in form.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return await door.post(
        page, params={"unit": str(town.first.unit_id)}, data=pairs, allow_redirects=False
    )


async def rows(town: Town, table) -> list:
    return await town.db.read(lambda tx: list(tx.execute(select(table).order_by(table.c.id))))


async def total_fen(town: Town, html: str) -> int:
    return sum(int(one.partition("-")[2]) for one in ticks(html))


async def choose(town: Town, **values) -> None:
    """Let the community choose otherwise."""

    def change(tx: Connection) -> None:
        community_id = tx.execute(select(units.c.community_id).limit(1)).scalar_one()
        known = tx.execute(update(policies).values(**values)).rowcount
        if not known:
            tx.execute(
                insert(policies).values(
                    community_id=community_id, effective_on=TODAY - timedelta(days=99), **values
                )
            )

    await town.db.write(change)


@pytest.mark.parametrize(
    "said", ["3-2-501", "3栋2单元501", "2-501", "501", PHONES["3-2-501"], "0501"]
)
async def test_one_field_finds_a_flat_by_room_or_phone(door, town: Town, page: str, said: str):
    answer = await door.get(page, params={"q": said}, allow_redirects=False)

    assert answer.status == 303
    assert answer.headers["Location"].endswith(f"?unit={town.first.unit_id}")


async def test_several_flats_are_listed_with_the_number_that_picks_each(door, town, page):
    found = await text(door, page, q="2")
    nobody = await text(door, page, q="99-9-999")

    assert "data-pick" not in found
    assert "没有找到" in nobody
    listed = await text(door, page, q="50")
    assert "没有找到" in listed


async def test_cash_for_what_is_ticked_is_booked_and_its_slip_is_shown(door, town, page):
    html = await flat(door, town, page)
    fen = await total_fen(town, html)

    answer = await book(door, town, page, html, amount=f"{fen / 100:.2f}")
    slip = await (await door.get(answer.headers["Location"])).text()

    assert answer.status == 303
    [paid] = await rows(town, payments)
    assert (paid.gateway, paid.amount_fen) == ("cash", fen)
    assert await town.db.read(ledger.balance, Account.CASH) == fen
    assert "收款收据" in slip
    assert "slipwide" in slip
    assert await town.db.read(prove) == []


async def test_b19_a_double_submit_is_one_payment(door, town, page):
    html = await flat(door, town, page)
    fen = await total_fen(town, html)
    typed = {"amount": f"{fen / 100:.2f}"}

    first = await book(door, town, page, html, **typed)
    again = await book(door, town, page, html, **typed)
    other = await book(door, town, page, html, amount="1.00")

    assert first.headers["Location"] == again.headers["Location"]
    assert other.status == 409
    assert len(await rows(town, vouchers)) == 1


async def test_j02_a_form_that_was_given_to_nobody_here_books_nothing(door, town, page):
    html = await flat(door, town, page)
    mate = path(town, await employ(town, "吴出纳", phone="13900000002"))
    hers = press_of(await flat(door, town, mate))

    for typed in ({"press": ""}, {"press": "a.1.b"}, {"press": hers}):
        assert (await book(door, town, page, html, amount="1.00", **typed)).status == 403
    foreign = {"Origin": "https://evil.example"}
    data = {"press": press_of(html), "method": "cash", "amount": "1.00"}
    where = {"unit": str(town.first.unit_id)}
    sent = await door.post(page, params=where, data=data, headers=foreign)
    assert sent.status == 403
    assert (await door.get(page, params=where | data)).status == 200
    assert await rows(town, vouchers) == []


async def test_a_refusal_is_said_and_what_was_typed_stays(door, town, page):
    html = await flat(door, town, page)

    answer = await book(door, town, page, html, amount="0.50", reference="A-77")
    again = await answer.text()

    assert answer.status == 409
    assert "不收账单的一部分" in again
    assert 'value="0.50"' in again
    assert 'value="A-77"' in again
    assert await rows(town, vouchers) == []


@pytest.mark.parametrize("amount", ["", "-1", "1e3", "一百", "0"])
async def test_what_is_no_sum_is_said_and_booked_nowhere(door, town, page, amount: str):
    html = await flat(door, town, page)

    answer = await book(door, town, page, html, amount=amount)

    assert answer.status == 409
    assert await rows(town, vouchers) == []


async def test_fen_are_dropped_within_the_limit_and_the_true_day_is_kept(door, town, page):
    await choose(town, rounding_limit_fen=100)
    html = await flat(door, town, page)
    fen = await total_fen(town, html)
    day = (TODAY - timedelta(days=2)).isoformat()

    typed = {"amount": f"{(fen - 60) / 100:.2f}", "rounding": "0.60", "day": day}
    answer = await book(door, town, page, html, **typed)

    assert answer.status == 303
    [voucher] = await rows(town, vouchers)
    assert (voucher.amount_fen, voucher.day_on.isoformat()) == (fen - 60, day)
    assert await town.db.read(ledger.balance, Account.WAIVER) == 60
    assert await town.db.read(prove) == []


async def test_a_code_is_shown_for_what_is_ticked_and_the_page_says_when_it_is_paid(
    door, town, page
):
    html = await flat(door, town, page)

    answer = await book(door, town, page, html, method="code", amount="1")
    where = answer.headers["Location"]
    code = await (await door.get(where)).text()
    [order_no] = town.till.asks
    town.till.pay(order_no)
    town.clock.advance(seconds=4)
    paid = await (await door.get(where)).text()

    assert "data:image/svg+xml" in code
    assert "data-state-url" in code
    assert "已收到" in paid
    assert await town.db.read(prove) == []


async def test_a_code_drops_no_fen(door, town, page):
    html = await flat(door, town, page)

    answer = await book(door, town, page, html, method="code", amount="1", rounding="0.41")

    assert "不能抹零" in await answer.text()
    assert town.till.asks == {}


async def test_cash_ends_what_was_open_at_a_platform(door, town, page):
    html = await flat(door, town, page)
    await book(door, town, page, html, method="code", amount="1")
    fen = await total_fen(town, html)

    await book(door, town, page, await flat(door, town, page), amount=f"{fen / 100:.2f}")

    assert [one.state for one in await rows(town, payment_orders)] == ["closed", "paid"]


async def test_the_papers_width_is_remembered(door, town, page):
    html = await flat(door, town, page)
    fen = await total_fen(town, html)
    where = (await book(door, town, page, html, amount=f"{fen / 100:.2f}")).headers["Location"]

    narrow = await (await door.get(where, params=None)).text()
    await door.get(f"{where}&paper=80")
    again = await (await door.get(where)).text()

    assert ("slipwide" in narrow, "slipnarrow" in again) == (True, True)


async def test_a_voucher_is_voided_at_the_page_before_the_close(door, town, page):
    html = await flat(door, town, page)
    fen = await total_fen(town, html)
    where = (await book(door, town, page, html, amount=f"{fen / 100:.2f}")).headers["Location"]
    slip = await (await door.get(where)).text()
    [voucher] = await rows(town, vouchers)
    query = {"voucher": voucher.voucher_no}

    form = {"press": press_of(slip), "reason": "输错"}
    done = await door.post(f"{page}/void", params=query, data=form, allow_redirects=False)
    after = await (await door.get(where)).text()

    assert done.status == 303
    assert "已冲正" in after
    assert await town.db.read(ledger.balance, Account.CASH) == 0
    assert await town.db.read(prove) == []


async def test_the_day_is_closed_at_the_page_and_received_by_a_colleague(door, town, page):
    html = await flat(door, town, page)
    fen = await total_fen(town, html)
    where = (await book(door, town, page, html, amount=f"{fen / 100:.2f}")).headers["Location"]
    day = await text(door, f"{page}/day")
    [voucher] = await rows(town, vouchers)

    form = {"press": press_of(day), "handed_in": f"{fen / 100:.2f}", "slip": "ICBC1"}
    query = {"community": str(voucher.community_id)}
    closed = await door.post(f"{page}/day", params=query, data=form, allow_redirects=False)
    again = await door.post(f"{page}/day", params=query, data=form, allow_redirects=False)
    sheet = await (await door.get(closed.headers["Location"])).text()
    late = await (await door.get(where)).text()
    mate = path(town, await employ(town, "吴出纳", phone="13900000002"))
    theirs = await text(door, f"{mate}/day")
    number = {"sheet": (await rows(town, cashier_days))[0].sheet_no}
    got = await door.post(
        f"{mate}/receive", params=number, data={"press": press_of(theirs)}, allow_redirects=False
    )

    assert (closed.status, again.status, got.status) == (303, 409, 303)
    assert "交款单" in sheet
    assert "冲正这笔" not in late
    [row] = await rows(town, cashier_days)
    assert (row.cash_due_fen, row.handed_in_fen, row.received_by is not None) == (fen, fen, True)
    assert await town.db.read(ledger.balance, Account.BANK) == fen
    assert await town.db.read(prove) == []


async def test_i02_a_link_is_one_cashiers_and_one_days(door, town, page):
    yesterday = TODAY - timedelta(days=1)
    left = await employ(town, "走了的", phone="13900000003")
    steward = await employ(town, "管家", StaffRole.STEWARD, "13900000004")
    gone = update(staff).where(staff.c.id == left).values(is_active=False)
    await town.change(gone)

    for where in (
        path(town, 1, yesterday),
        path(town, left),
        path(town, steward),
        page[:-1] + ("A" if page[-1] != "A" else "B"),
        "/counter/" + town.token(town.first),
    ):
        assert (await door.get(where)).status == 404
    assert NOW.tzinfo is not None


async def test_i01_a_flat_voucher_or_sheet_of_nobody_is_not_found(door, town, page):
    for where, query in (
        (page, {"unit": "999999"}),
        (page, {"unit": "1;drop"}),
        (f"{page}/done", {"voucher": "V26112399999"}),
        (f"{page}/done", {"voucher": "../x"}),
        (f"{page}/day", {"sheet": "J2611239999"}),
        (f"{page}/order", {"unit": str(town.first.unit_id), "order": "W0000000001"}),
    ):
        answer = await door.get(where, params=query)
        assert answer.status in (404, 409), where


async def test_i01_what_is_another_offices_reads_like_what_is_not_there(door, town, page):
    def elsewhere(tx: Connection) -> tuple[int, str]:
        other = factories.add_community(tx, "望江府")
        unit_id = factories.add_unit(tx, other, "9-1-901")
        staff_id = factories.add_staff(tx, other, "别人", StaffRole.CASHIER, "oElse")
        by = staff_member(tx, staff_id)
        assert by is not None
        ask = CounterAsk(unit_id, CashMethod.CASH, 100, "k", keeps_surplus=True)
        return unit_id, take_money(tx, ask, by=by, now=town.clock.now()).voucher_no

    unit_id, voucher_no = await town.db.write(elsewhere)

    async def seen(where: str, **query: str) -> tuple[int, str]:
        answer = await door.get(where, params=query, allow_redirects=False)
        return answer.status, await answer.text()

    assert await seen(page, unit=str(unit_id)) == await seen(page, unit="999999")
    theirs = await seen(f"{page}/done", voucher=voucher_no)
    nobodys = await seen(f"{page}/done", voucher="V26112399999")
    assert theirs[1].replace(voucher_no, "") == nobodys[1].replace("V26112399999", "")
    assert "没有找到" in (await seen(page, q="9-1-901"))[1]
    form = {"press": press_of(await flat(door, town, page)), "method": "cash", "amount": "1"}
    sent = await door.post(page, params={"unit": str(unit_id)}, data=form)
    assert sent.status == 403


async def test_the_pages_carry_the_houses_policy(door, town, page):
    for where in (page, f"{page}/day", f"{page}?unit={town.first.unit_id}"):
        answer = await door.get(where)
        html = await answer.text()
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script>|style=|onclick", html)
