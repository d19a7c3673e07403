"""The way into the console is said in chat: to who works here, for one browser, for minutes."""

import pytest

from storage.models.console import console_passes
from storage.operations.console_sessions import sign_in_by_pass
from storage.queries.console_sessions import session_of
from tests import town
from tests.factories import NOW


@pytest.fixture
async def place(db):
    return await db.write(town.build)


async def test_a_member_of_staff_is_sent_a_link_that_signs_her_in(db, place, talk):
    reply = await talk("s-steward").hear("后台")

    assert "10分钟内用一次" in reply.text
    secret = reply.url.rpartition("/console/enter/")[2]
    cookie = await db.write(sign_in_by_pass, secret, now=NOW)
    session = await db.read(session_of, cookie, now=NOW)
    assert session is not None
    assert session.staff.role == "steward"


async def test_i08_a_resident_who_says_the_same_gets_no_link(db, place, talk):
    reply = await talk("o-1").hear("后台")

    assert "/console/" not in f"{reply.text} {reply.url}"
    assert await db.read(lambda tx: tx.execute(console_passes.select()).all()) == []
