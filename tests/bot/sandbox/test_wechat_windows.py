"""Who may be written to when: the windows and counts of customer-service and mass messages."""

import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.clients import Api, Bot, Control
from tests.bot.sandbox.conftest import OPENID

TEXT = {"touser": OPENID, "msgtype": "text", "text": {"content": "您好"}}
CUSTOM, TYPING = "/cgi-bin/message/custom/send", "/cgi-bin/message/custom/typing"


async def send(api: Api, times: int = 1) -> list[int]:
    return [(await api.post(CUSTOM, TEXT))["errcode"] for _ in range(times)]


async def test_five_messages_may_follow_a_word_within_48_hours(
    api: Api, control: Control, world: World
) -> None:
    await world.push.text(OPENID, "在吗")
    first = await send(api, 6)
    await world.push.text(OPENID, "在吗")
    await control.advance(48 * 3600 - 5)
    await api.log_in()
    late = await send(api)
    await control.advance(6)
    over = await send(api)

    assert first == [0, 0, 0, 0, 0, 45047]
    assert (late, over) == ([0], [45015])


async def test_three_messages_may_follow_a_click_within_a_minute(
    api: Api, control: Control, world: World
) -> None:
    await world.push.event(OPENID, "CLICK", "BILLS")
    first = await send(api, 4)
    await world.push.event(OPENID, "CLICK", "BILLS")
    await control.advance(61)
    over = await send(api)

    assert first == [0, 0, 0, 45047]
    assert over == [45015]


async def test_looking_at_a_page_opens_nothing(api: Api, world: World) -> None:
    await world.push.event(OPENID, "VIEW", "https://x.test")

    assert await send(api) == [45015]


async def test_a_click_inside_the_window_neither_adds_nor_shortens(
    api: Api, control: Control, world: World
) -> None:
    await world.push.text(OPENID, "在吗")
    used = await send(api, 4)
    await world.push.event(OPENID, "CLICK", "BILLS")
    await control.advance(3600)
    left = await send(api, 4)

    assert used == [0] * 4
    assert left == [0, 0, 0, 45047]


async def test_who_left_is_out_of_the_window(api: Api, world: World) -> None:
    await world.push.text(OPENID, "在吗")
    await world.push.event(OPENID, "unsubscribe")

    assert await send(api) == [45015]


async def test_typing_needs_a_word_in_the_last_half_minute(
    api: Api, control: Control, world: World
) -> None:
    typing = {"touser": OPENID, "command": "Typing"}
    await world.push.text(OPENID, "在吗")
    codes = [(await api.post(TYPING, typing))["errcode"] for _ in range(2)]
    await control.advance(31)
    codes.append((await api.post(TYPING, typing))["errcode"])

    assert codes == [0, 45081, 45080]


def everyone(n: int, **more: object) -> dict[str, object]:
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": f"公告{n}"}}
    return body | more


async def test_a_mass_message_arrives_after_a_while_and_the_bot_is_told(
    api: Api, control: Control, world: World, bot: Bot
) -> None:
    sent = await api.post("/cgi-bin/message/mass/sendall", everyone(1))
    before = await api.post("/cgi-bin/message/mass/get", {"msg_id": sent["msg_id"]})
    await control.advance(60)
    after = await api.post("/cgi-bin/message/mass/get", {"msg_id": sent["msg_id"]})

    assert sent["errmsg"] == "send job submission success"
    assert (before["msg_status"], after["msg_status"]) == ("SENDING", "SEND_SUCCESS")
    assert [m["text"] for m in world.account.inbox(OPENID)] == ["公告1"]
    told = bot.heard[-1]
    assert (told["Event"], told["SentCount"]) == ("MASSSENDJOBFINISH", "1")


async def test_four_mass_messages_a_month_are_the_most(
    api: Api, control: Control, world: World
) -> None:
    codes = []
    for n in range(5):
        codes.append((await api.post("/cgi-bin/message/mass/sendall", everyone(n)))["errcode"])
        await control.advance(60)
    await control.call("POST", "clock", {"set": "2026-12-01T09:00:00+08:00"})
    await api.log_in()
    codes.append((await api.post("/cgi-bin/message/mass/sendall", everyone(9)))["errcode"])

    assert codes == [0, 0, 0, 0, 45028, 0]
    assert len(world.account.inbox(OPENID)) == 4


async def test_the_same_clientmsgid_is_told_as_known(api: Api, control: Control) -> None:
    body = everyone(1, clientmsgid="N1")
    first = await api.post("/cgi-bin/message/mass/sendall", body)
    soon = await api.post("/cgi-bin/message/mass/sendall", body)
    await control.advance(61)
    later = await api.post("/cgi-bin/message/mass/sendall", body)

    assert (soon["errcode"], later["errcode"]) == (45066, 45065)
    assert later["msg_id"] == first["msg_id"]


@pytest.mark.parametrize(("turned", "told"), [("on", "success"), ("off", "failed:user block")])
async def test_the_end_of_a_template_message_is_told(
    api: Api, control: Control, world: World, bot: Bot, turned: str, told: str
) -> None:
    world.account.add_template("TM1", "通知", "房屋：{{thing1.DATA}}")
    await control.call("POST", f"wechat/users/{OPENID}", {"messages": turned})
    body = {"touser": OPENID, "template_id": "TM1", "data": {"thing1": {"value": "1201"}}}
    sent = await api.post("/cgi-bin/message/template/send", body)
    await control.advance(5)

    event = bot.heard[-1]
    assert (event["Event"], event["Status"]) == ("TEMPLATESENDJOBFINISH", told)
    assert event["MsgID"] == str(sent["msgid"])
    assert len(world.account.inbox(OPENID)) == (1 if turned == "on" else 0)
