"""The console: one comes in once, sees her own communities, and a form acts once."""

import asyncio
import re

import pytest
from aiohttp.test_utils import TestClient
from markupsafe import escape
from sqlalchemy import select, update

from bot.passwords import LONGEST, hashed, proves
from bot.web import console_sign_in
from bot.web.console_sign_in import WRONG
from storage.audit import CLOCK
from storage.kinds import StaffRole
from storage.models.console import console_sessions, sign_in_tries
from storage.models.messages import outbox
from storage.models.operating import audit_records
from storage.models.people import residents
from storage.models.tickets import ticket_steps, tickets
from storage.operations.console_sessions import (
    TRIES_BY_ADDRESS,
    issue_console_pass,
    set_password,
)
from storage.operations.staff import dismiss
from storage.queries.tickets import ticket_of_staff
from tests.bot.web.conftest import Open
from tests.bot.web.console import MANAGER, Desk, field, furnish, page, press, sign_in
from tests.bot.web.town import NOW, Town

PASSWORD = "correct horse 电池"


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def test_a_link_that_is_only_looked_at_is_not_used_up(
    door: TestClient, town: Town, desk: Desk
):
    secret = await town.db.write(issue_console_pass, desk.ours[StaffRole.STEWARD], now=NOW)

    for _ in range(2):
        assert "data-enter" in await page(door, f"/console/enter/{secret}")
    assert await town.db.read(lambda tx: tx.execute(select(console_sessions)).all()) == []
    answer = await door.post(f"/console/enter/{secret}", data={}, allow_redirects=False)
    again = await door.post(f"/console/enter/{secret}", data={}, allow_redirects=False)

    assert (answer.status, again.status) == (303, 404)
    assert "再发一次“后台”" in await page(door, "/console/enter/" + "a" * 32, status=404)


async def test_j03_the_cookie_is_for_the_browser_alone_and_for_https_only_where_there_is_https(
    town: Town, desk: Desk, open_doors: Open
):
    plain = await open_doors(town.parts())
    safe = await open_doors(town.parts(base_url="https://pay.test"))

    told = [
        (await sign_in(one, town, desk.ours[StaffRole.MANAGER])).headers["Set-Cookie"]
        for one in (plain, safe)
    ]

    assert all("HttpOnly" in one and "SameSite=Lax" in one and "Path=/" in one for one in told)
    assert "Secure" not in told[0]
    assert told[1].startswith("__Host-console=")
    assert "Secure" in told[1]


async def test_who_signs_out_is_out_with_the_old_cookie_too(inside: TestClient, town: Town):
    html = await page(inside, "/console/")
    cookie = {one.key: one.value for one in inside.session.cookie_jar}
    form = {"press": field(html, "press")}
    answer = await inside.post("/console/sign-out", data=form, allow_redirects=False)

    assert answer.headers["Location"] == "/console/sign-in"
    inside.session.cookie_jar.update_cookies(cookie)
    assert (await inside.get("/console/", allow_redirects=False)).status == 303


async def test_i11_who_is_dismissed_is_out_with_her_next_page(inside: TestClient, town: Town):
    await town.db.write(dismiss, MANAGER, now=NOW)

    assert (await inside.get("/console/", allow_redirects=False)).status == 303


async def test_an_open_inbox_alone_keeps_nobody_signed_in(inside: TestClient, town: Town):
    for _ in range(4):
        town.clock.advance(minutes=10)
        answer = await inside.get("/console/tickets/state")

    assert answer.status == 401


async def password_is(town: Town, desk: Desk) -> None:
    staff_id = desk.ours[StaffRole.MANAGER]
    await town.db.write(set_password, staff_id, hashed(PASSWORD), actor=CLOCK, now=NOW)


async def try_password(door: TestClient, phone: str, password: str) -> tuple[int, str]:
    form = {"phone": phone, "password": password}
    answer = await door.post("/console/sign-in", data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def test_a_phone_and_its_password_sign_in(door: TestClient, town: Town, desk: Desk):
    await password_is(town, desk)

    status, _ = await try_password(door, MANAGER, PASSWORD)

    assert status == 303
    assert "员工1" in await page(door, "/console/")


async def test_j04_a_wrong_name_a_wrong_password_and_a_lock_read_alike(
    door: TestClient, town: Town, desk: Desk
):
    await password_is(town, desk)

    said = [await try_password(door, "13999999999", PASSWORD)]
    said += [await try_password(door, MANAGER, "wrong") for _ in range(5)]
    said.append(await try_password(door, MANAGER, PASSWORD))

    assert len(set(said)) == 1
    assert said[0][0] == 403
    assert WRONG in said[0][1]
    town.clock.advance(minutes=15, seconds=1)
    assert (await try_password(door, MANAGER, PASSWORD))[0] == 303

    def acts(tx):
        asked = select(audit_records.c.act).where(audit_records.c.noun == "console")
        return list(tx.execute(asked.order_by(audit_records.c.id)).scalars())

    failed = ["sign_in_failed"] * 6
    assert await town.db.read(acts) == [*failed, "sign_in_locked", "sign_in"]


async def test_j02_another_site_signs_nobody_in(door: TestClient, town: Town, desk: Desk):
    await password_is(town, desk)
    secret = await town.db.write(issue_console_pass, desk.ours[StaffRole.STEWARD], now=NOW)
    evil = {"Origin": "https://evil.test"}

    for where, form in (
        (f"/console/enter/{secret}", {}),
        ("/console/sign-in", {"phone": MANAGER, "password": PASSWORD}),
    ):
        answer = await door.post(where, data=form, headers=evil, allow_redirects=False)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    assert "data-enter" in await page(door, f"/console/enter/{secret}")


async def test_who_works_here_and_has_no_password_is_not_let_in_by_any(
    door: TestClient, desk: Desk
):
    assert (await try_password(door, MANAGER, ""))[0] == 403


async def test_today_counts_what_is_open_and_each_number_leads_to_its_rows(
    inside: TestClient, town: Town
):
    html = await page(inside, "/console/")

    assert "¥844.41" in html
    assert "厨房漏水，电话138****5678" in html
    links = re.findall(r'<p class="figure"[^>]*><a href="(/[^"]+)"', html)
    assert len(links) == 4
    for one in links:
        await page(inside, one.replace("&amp;", "&"))


async def test_a_steward_sees_no_room_of_the_counter(door: TestClient, town: Town, desk: Desk):
    await sign_in(door, town, desk.ours[StaffRole.STEWARD])

    html = await page(door, "/console/")

    assert "/console/money" not in html
    assert "/console/refunds" not in html
    await page(door, "/console/money", status=404)


@pytest.mark.parametrize(
    "said", ["501", "3栋2单元501", "3-2-501", "李", "0501", "秀英", "２单元501"]
)
async def test_a_flat_is_found_by_any_fragment(inside: TestClient, said: str):
    html = await page(inside, f"/console/units?q={said}")

    assert 'data-unit="3-2-501"' in html


@pytest.mark.parametrize("said", ["%", "_", "\\", "' OR 1=1--", "<script>alert(1)</script>", "🏠"])
async def test_j08_a_strange_fragment_finds_nothing_and_runs_nothing(inside: TestClient, said: str):
    answer = await inside.get("/console/units", params={"q": said})
    html = await answer.text()

    assert answer.status == 200
    assert "data-unit" not in html
    assert "<script>alert" not in html


async def test_the_list_goes_on_where_the_page_before_ended(
    inside: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.web.console_units.ON_A_PAGE", 1)

    first = await page(inside, "/console/units?q=3栋")
    after = re.findall(r'<a href="([^"]+)" rel="next"', first)[0].replace("&amp;", "&")
    second = await page(inside, after)

    assert re.findall('data-unit="([^"]+)"', first) == ["3-2-501"]
    assert re.findall('data-unit="([^"]+)"', second) == ["3-2-502"]
    assert 'rel="next"' not in second


@pytest.mark.parametrize(
    ("role", "name", "phone"),
    [
        (StaffRole.MANAGER, "李秀英", "13800000501"),
        (StaffRole.CASHIER, "李**", "138****0501"),
        (StaffRole.STEWARD, "李**", "138****0501"),
    ],
)
async def test_a_unit_shows_who_lives_there_whole_to_the_manager_only(
    door: TestClient, town: Town, desk: Desk, role: StaffRole, name: str, phone: str
):
    await sign_in(door, town, desk.ours[role])

    html = await page(door, f"/console/units/{town.first.unit_id}")

    assert name in html
    assert phone in html
    assert ("李秀英" in html) == (role is StaffRole.MANAGER)
    assert f'data-open-fen="{sum(town.first.open_fen)}"' in html
    assert desk.ticket_no in html


async def test_the_statement_of_a_unit_is_the_whole_one(inside: TestClient, town: Town):
    html = await page(inside, f"/console/statements/{town.first.unit_id}")
    sheet = await inside.get(f"/console/statements/{town.first.unit_id}/statement.xlsx")

    assert "544.41" in html
    assert sheet.status == 200


async def steps(town: Town) -> list[str]:
    asked = select(ticket_steps.c.act).order_by(ticket_steps.c.id)
    return await town.db.read(lambda tx: list(tx.execute(asked).scalars()))


async def test_a_ticket_is_taken_noted_answered_and_closed_and_the_resident_hears(
    inside: TestClient, town: Town, desk: Desk
):
    where = f"/console/tickets/{desk.ticket_no}"
    for act, words in (
        ("take", ""),
        ("note", "找张师傅"),
        ("answer", "三点到"),
        ("close", "修好了"),
    ):
        answer = await press(inside, desk, await page(inside, where), act, words)
        assert answer.status == 303

    assert await steps(town) == ["opened", "assigned", "noted", "answered", "closed"]
    one = await town.db.read(ticket_of_staff, desk.ticket_no, community_ids=[town.community_id])
    assert (one.is_live, one.outcome, one.assignee_name) == (False, "修好了", "员工1")
    asked = select(outbox.c.facts).where(outbox.c.event == "TicketMoved")
    told = await town.db.read(lambda tx: list(tx.execute(asked).scalars()))
    assert len(told) == 3
    assert not any("张师傅" in one for one in told)
    assert 'value="close"' not in await page(inside, where)


@pytest.mark.parametrize(
    "said", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "</title>"]
)
async def test_j01_what_residents_and_colleagues_write_stays_words_on_every_page(
    inside: TestClient, town: Town, desk: Desk, said: str
):
    where = f"/console/tickets/{desk.ticket_no}"
    await press(inside, desk, await page(inside, where), "note", said)
    await town.change(update(tickets).values(said=said))
    await town.change(update(residents).values(name=said))

    unit = f"/console/units/{town.first.unit_id}"
    for shown in (where, "/console/", "/console/tickets", unit, "/console/units"):
        html = await page(inside, shown)
        assert str(escape(said)) in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert html.count("</title>") == 1


async def test_the_same_form_sent_twice_acts_once_and_says_so(
    inside: TestClient, town: Town, desk: Desk
):
    html = await page(inside, f"/console/tickets/{desk.ticket_no}")

    first = await press(inside, desk, html, "answer", "三点到")
    second = await press(inside, desk, html, "answer", "三点到")

    assert (first.status, second.status) == (303, 409)
    assert "已经有人动过" in await second.text()
    assert await steps(town) == ["opened", "answered"]


async def test_an_answer_without_words_is_refused_in_words(
    inside: TestClient, town: Town, desk: Desk
):
    html = await page(inside, f"/console/tickets/{desk.ticket_no}")

    answer = await press(inside, desk, html, "close", "  ")

    assert answer.status == 409
    assert await steps(town) == ["opened"]


async def test_j02_a_form_without_the_sessions_own_token_or_from_elsewhere_does_nothing(
    inside: TestClient, town: Town, desk: Desk, open_doors: Open
):
    where = f"/console/tickets/{desk.ticket_no}"
    other = await open_doors(town.parts())
    await sign_in(other, town, desk.ours[StaffRole.STEWARD])
    theirs = field(await page(other, where), "press")
    html = await page(inside, where)
    form = {"press": field(html, "press"), "seen": field(html, "seen"), "act": "take"}

    for press_, headers in (
        ("", {}),
        (theirs, {}),
        (form["press"], {"Origin": "https://evil.test"}),
        (form["press"], {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = await inside.post(
            where, data=form | {"press": press_}, headers=headers, allow_redirects=False
        )
        assert answer.status == 403
    assert await steps(town) == ["opened"]


async def test_the_state_of_the_inbox_changes_when_a_ticket_moves(
    inside: TestClient, town: Town, desk: Desk
):
    before = await (await inside.get("/console/tickets/state")).json()
    html = await page(inside, f"/console/tickets/{desk.ticket_no}")
    await press(inside, desk, html, "take")

    after = await (await inside.get("/console/tickets/state")).json()

    assert before != after
    assert f'data-live="{after["state"]}"' in await page(inside, "/console/tickets")


async def test_j05_every_page_forbids_scripts_of_others_and_copies(inside: TestClient, desk: Desk):
    for where in (
        "/console/",
        "/console/units",
        f"/console/tickets/{desk.ticket_no}",
        "/console/bills",
        "/console/bills/B2026-10-000001",
        "/console/bills/issue",
        "/console/payments",
        "/console/refunds",
        "/console/invoices",
        "/console/reconciliation",
        "/console/suspense",
        "/console/dunning",
        "/console/dunning/plan",
        "/console/x",
    ):
        answer = await inside.get(where)
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        html = await answer.text()
        assert not re.search(r"<script(?! src=)|\son[a-z]+=|\sstyle=", html)


async def test_a_letter_that_no_database_keeps_is_refused_and_breaks_nothing(
    door: TestClient, town: Town, desk: Desk
):
    stranger = {"phone": "1390000\0", "password": "x"}
    asked = await door.post("/console/sign-in", data=stranger, allow_redirects=False)
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    before = await page(door, f"/console/tickets/{desk.ticket_no}")

    noted = await press(door, desk, before, "note", "a\0b")

    assert (asked.status, noted.status) == (400, 400)
    assert "data-unit" in await page(door, "/console/units?q=%00")
    assert "a\0b" not in await page(door, f"/console/tickets/{desk.ticket_no}")


async def test_a_page_that_is_none_speaks_to_staff_of_their_own_rooms(
    door: TestClient, town: Town, desk: Desk
):
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])

    for where in (f"/console/units/{desk.foreign_unit_id}", "/console/nothing"):
        html = await page(door, where, status=404)
        assert "回到后台首页" in html
        assert "从菜单里" not in html
    assert "回到后台首页" not in await page(door, "/nothing", status=404)


async def test_a_whole_network_of_ipv6_has_the_tries_of_one_address(
    town: Town, desk: Desk, open_doors: Open
):
    door = await open_doors(town.parts(address_header="X-Real-IP"))

    for nth in range(25):
        await door.post(
            "/console/sign-in",
            data={"phone": f"1370000{nth:04d}", "password": "x"},
            headers={"X-Real-IP": f"2001:db8:1:2::{nth + 1:x}"},
        )

    counted = await town.db.read(
        lambda tx: tx.execute(
            select(sign_in_tries.c.subject).where(sign_in_tries.c.subject.like("address:%"))
        ).all()
    )
    assert len(counted) == TRIES_BY_ADDRESS
    assert len(set(counted)) == 1


async def test_n07_a_house_that_was_just_set_up_lets_nobody_in_by_a_usual_password(
    door: TestClient, town: Town
):
    for name in ("admin", "root", "13800000000", ""):
        for password in ("admin", "123456", "wuyebot", ""):
            assert (await try_password(door, name, password))[0] == 403
            town.clock.advance(minutes=16)


@pytest.mark.parametrize("letters", ["０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"])
async def test_m04_a_phone_in_digits_that_only_look_alike_is_the_same_person_or_nobody(
    door: TestClient, town: Town, desk: Desk, letters: str
):
    await password_is(town, desk)
    alike = MANAGER.translate(str.maketrans("0123456789", letters))

    status, _ = await try_password(door, alike, PASSWORD)
    wrong = [(await try_password(door, alike, "wrong"))[0] for _ in range(5)]

    assert status in (303, 403)
    assert wrong == [403] * 5
    last = (await try_password(door, MANAGER, PASSWORD))[0]
    assert last == (303 if status == 403 else 403), "spelled otherwise she has no more tries"


async def test_l07_a_password_without_end_is_read_in_part_and_no_more_than_two_at_once_are_proved(
    door: TestClient, town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    under_way, most, longest = [0], [0], [0]

    def watched(password: str, phc: str | None) -> bool:
        under_way[0] += 1
        most[0], longest[0] = max(most[0], under_way[0]), max(longest[0], len(password))
        right = proves(password, phc)
        under_way[0] -= 1
        return right

    monkeypatch.setattr(console_sign_in, "proves", watched)
    await password_is(town, desk)

    found = await asyncio.gather(
        *(try_password(door, f"1390000{one:04d}", "x" * 20_000) for one in range(12))
    )
    endless = await try_password(door, MANAGER, "x" * 600_000)

    assert {status for status, _ in found} == {403}
    assert endless[0] in (403, 413)
    assert most[0] <= 2
    assert 0 < longest[0] <= LONGEST
