"""A resident's main job in chat: bind, ask, get the link, ask money back."""

from sqlalchemy import select

from storage.models.payments import refunds
from tests import factories


async def test_who_binds_in_one_message_may_ask_what_she_owes(db, talk):
    await db.write(factories.build)
    li = talk("o-li")

    bound = await li.say("绑定 3栋2单元1201 李秀英 13800001234")
    owed = await li.hear("我欠多少")

    assert "绑定成功：3栋2单元1201" in bound
    assert "确认" not in bound
    assert "2026年10月 物业费 250.60元" in owed.text
    assert "合计 501.20元" in owed.text
    assert owed.url.startswith("https://wuye.example/pay/")


async def test_a_refund_is_asked_step_by_step_and_accepted(db, talk):
    world = await db.write(factories.build)
    li = talk("o-li")
    await li.say("绑定 3栋2单元1201 李秀英 13800001234")
    identity_id = await db.write(factories.meet, "o-li")
    bill_ids = (world.october_id, world.november_id)
    payment_id = await db.write(factories.pay, world.unit_id, bill_ids, identity_id=identity_id)

    asked = await li.say("我要退款")
    summary = await li.say("重复缴费")
    accepted = await li.say("确认")

    assert "原因" in asked
    assert "确认" in summary
    assert "原因" not in summary
    assert "已受理" in accepted
    assert "重新缴" in accepted
    rows = await db.read(lambda tx: tx.execute(select(refunds)).all())
    assert [(row.payment_id, row.amount_fen, row.state) for row in rows] == [
        (payment_id, 50_120, "approved")
    ]
