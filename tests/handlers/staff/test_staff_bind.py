"""Who works here proves it in chat with the code of her own phone, and nobody else does."""

import pytest
from sqlalchemy import select, update

from storage.kinds import StaffRole
from storage.models.people import identities, staff
from storage.operations.staff import add_staff, dismiss
from tests import town
from tests.factories import NOW

PHONE = "13800000009"


@pytest.fixture
async def place(db):
    """Give a town that has taken on a manager who has never written."""
    found = await db.write(town.build)
    await db.write(
        add_staff,
        name="钱经理",
        phone=PHONE,
        role=StaffRole.MANAGER,
        community_ids=(found.community_id,),
        now=NOW,
    )
    return found


async def offices(db, openid):
    return await db.read(
        lambda tx: tx.execute(
            select(identities.c.staff_id).where(identities.c.openid == openid)
        ).scalar_one()
    )


async def test_the_code_of_her_own_phone_makes_her_known(db, place, talk):
    newcomer = talk("o-qian")
    code = newcomer.deps.links.staff_code(PHONE)

    said = await newcomer.say(f"员工绑定 {PHONE} {code}")

    assert "钱经理，您好，员工身份已绑定" in said
    assert "现在没有等着审批的事" in await newcomer.say("待审批")


@pytest.mark.parametrize("phone", [PHONE, "13811112222"])
async def test_a_wrong_code_teaches_nothing_and_makes_nobody_known(db, place, talk, phone):
    stranger = talk("o-x")
    others = stranger.deps.links.staff_code("13700000000")

    said = [await stranger.say(f"员工绑定 {phone} {code}") for code in (others, "00000000", "")]

    assert said[0] == said[1]
    assert "没对上" in said[0]
    assert "请按这个格式发送" in said[2]
    assert await offices(db, "o-x") is None


async def test_five_wrong_codes_shut_the_door_for_the_right_one_too(db, place, talk):
    stranger = talk("o-x")
    right = stranger.deps.links.staff_code(PHONE)

    await stranger.say(*[f"员工绑定 {PHONE} 00000000"] * 5)

    assert "核对次数太多" in await stranger.say(f"员工绑定 {PHONE} {right}")
    assert await offices(db, "o-x") is None


async def test_who_has_left_is_a_resident_like_any_other(db, place, talk):
    newcomer = talk("o-qian")
    words = f"员工绑定 {PHONE} {newcomer.deps.links.staff_code(PHONE)}"
    await newcomer.say(words)

    assert await db.write(dismiss, PHONE, now=NOW) == "钱经理"

    assert (await newcomer.hear("待审批")).kind != "staff_waiting"
    assert "没对上" in await newcomer.say(words)
    assert await db.write(dismiss, PHONE, now=NOW) is None


async def test_an_office_that_is_shut_in_the_books_is_shut_in_chat(db, place, talk):
    await db.write(
        lambda tx: (
            tx.execute(update(staff).where(staff.c.name == "小周").values(is_active=False)) and None
        )
    )

    assert (await talk("s-steward").hear("待审批")).kind != "staff_waiting"
