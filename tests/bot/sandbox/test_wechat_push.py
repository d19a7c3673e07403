"""The platform calls the bot as WeChat does: sealed, signed, five seconds, three deliveries."""

import asyncio

import aiohttp
import pytest

from bot.sandbox.wechat_crypto import SafeMode
from bot.sandbox.wechat_push import APOLOGY
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Bot, Control
from tests.bot.sandbox.conftest import OPENID


def say(text: str, **more: object) -> dict[str, object]:
    return {"openid": OPENID, "text": text} | more


async def test_words_reach_the_bot_and_its_reply_reaches_the_inbox(
    control: Control, bot: Bot
) -> None:
    bot.say = lambda message: bot.codec.text_reply(message["FromUserName"], "您好]]>")
    told = await control.call("POST", "wechat/messages", say("  账单]]>  "))

    assert (told["reply"], told["attempts"]) == ("您好]]>", 1)
    assert bot.heard[0]["MsgType"] == "text"
    assert bot.heard[0]["ToUserName"] == bot.codec.original_id
    assert bot.heard[0]["MsgId"].isdecimal()
    inbox = await control.call("GET", f"wechat/inbox/{OPENID}")
    assert [(m["route"], m["text"]) for m in inbox] == [("passive", "您好]]>")]
    both = await control.call("GET", f"wechat/chat/{OPENID}")
    assert [m["side"] for m in both] == ["me", "account"]


@pytest.mark.parametrize("body", ["success", ""])
async def test_success_and_nothing_show_nothing(control: Control, bot: Bot, body: str) -> None:
    bot.say = lambda _: body
    told = await control.call("POST", "wechat/messages", say("账单"))

    assert (told["reply"], told["attempts"]) == (None, 1)
    assert await control.call("GET", f"wechat/inbox/{OPENID}") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"ToUserName": "oOther"},
        {"FromUserName": "gh_other"},
        {"CreateTime": "soon"},
        {"MsgType": "smell"},
        {"Content": ""},
        {"Content": "物" * 683},
    ],
)
async def test_a_reply_that_wechat_cannot_show_is_an_apology(
    control: Control, bot: Bot, wrong: dict[str, str]
) -> None:
    bot.say = lambda message: bot.codec.text_reply(message["FromUserName"], "好", **wrong)
    told = await control.call("POST", "wechat/messages", say("账单"))

    assert (told["reply"], told["attempts"]) == (APOLOGY, 1)
    assert (await control.call("GET", f"wechat/inbox/{OPENID}"))[-1]["text"] == APOLOGY


@pytest.mark.parametrize("body", ["Error 500", "<xml><Content>hi</Content></xml>", "<!DOCTYPE x>"])
async def test_an_unsealed_reply_is_an_apology(control: Control, bot: Bot, body: str) -> None:
    bot.say = lambda _: body

    assert (await control.call("POST", "wechat/messages", say("账单")))["reply"] == APOLOGY


async def test_a_reply_with_a_wrong_signature_is_an_apology(control: Control, bot: Bot) -> None:
    bot.say = lambda message: bot.codec.text_reply(OPENID, "好").replace(
        "<MsgSignature><![CDATA[", "<MsgSignature><![CDATA[0"
    )

    assert (await control.call("POST", "wechat/messages", say("账单")))["reply"] == APOLOGY


async def test_a_slow_bot_gets_the_same_message_three_times(
    control: Control, bot: Bot, world: World
) -> None:
    world.push.deadline_seconds = 0.1

    async def slowly() -> str:
        await asyncio.sleep(0.2)
        return "success"

    bot.say = lambda _: slowly()
    told = await control.call("POST", "wechat/messages", say("账单"))

    assert (told["attempts"], told["reply"]) == (3, APOLOGY)
    assert len({message["MsgId"] for message in bot.heard}) == 1
    assert len(bot.heard) == 3


async def test_a_bot_that_is_back_at_the_second_delivery_is_heard(
    control: Control, bot: Bot, world: World, http: aiohttp.ClientSession
) -> None:
    world.push.deadline_seconds = 0.1
    url = world.account.callback_url
    world.account.set_callback("http://127.0.0.1:9/wechat/demo")
    bot.say = lambda message: bot.codec.text_reply(message["FromUserName"], "回来了")
    saying = asyncio.ensure_future(control.call("POST", "wechat/messages", say("账单")))
    await asyncio.sleep(0.05)
    world.account.set_callback(url or "")

    told = await saying
    assert told["reply"] == "回来了"
    assert told["attempts"] in (2, 3)


async def test_a_new_follower_is_announced(control: Control, bot: Bot, world: World) -> None:
    made = await control.call("POST", "wechat/users", {"nickname": "王先生"})

    assert (bot.heard[0]["Event"], bot.heard[0]["FromUserName"]) == ("subscribe", made["openid"])
    person = world.account.person(made["openid"])
    assert person is not None
    assert person.nickname == "王先生"


@pytest.mark.parametrize(
    ("acted", "heard"),
    [
        ({"event": "CLICK", "event_key": "BILLS"}, {"Event": "CLICK", "EventKey": "BILLS"}),
        ({"event": "SCAN", "event_key": "unit:1"}, {"Event": "SCAN", "EventKey": "unit:1"}),
        ({"event": "unsubscribe"}, {"Event": "unsubscribe"}),
        ({"image": "https://x.test/a.jpg"}, {"MsgType": "image", "PicUrl": "https://x.test/a.jpg"}),
        ({"voice": "我欠多少"}, {"MsgType": "voice", "Recognition": "我欠多少"}),
        ({"location": {"x": "1", "label": "3栋"}}, {"MsgType": "location", "Label": "3栋"}),
    ],
)
async def test_every_kind_of_act_is_pushed(
    control: Control, bot: Bot, acted: dict[str, object], heard: dict[str, str]
) -> None:
    await control.call("POST", "wechat/messages", {"openid": OPENID} | acted)

    assert heard.items() <= bot.heard[-1].items()


async def test_who_does_not_follow_cannot_speak(control: Control, world: World) -> None:
    world.account.unfollow(OPENID)

    assert await control.refused("POST", "wechat/messages", say("账单")) == 400
    assert await control.refused("POST", "wechat/messages", say("a", openid="oNobody")) == 404


async def test_ordered_troubles_befall_the_next_push(
    control: Control, bot: Bot, world: World
) -> None:
    world.push.attempts = 1
    await control.call("POST", "wechat/faults", {"kind": "duplicate"})
    await control.call("POST", "wechat/messages", say("一"))
    twice = [message["MsgId"] for message in bot.heard]
    await control.call("POST", "wechat/faults", {"kind": "wrong_signature", "on": "notice"})
    await control.call("POST", "wechat/messages", say("二"))
    await control.call("POST", "wechat/faults", {"kind": "drop", "on": "notice"})
    dropped = await control.call("POST", "wechat/messages", say("三"))

    assert len(twice) == 2
    assert len(set(twice)) == 1
    assert bot.refused == ["msg_signature"]
    assert dropped["attempts"] == 0


async def test_a_reordered_push_comes_after_the_next(control: Control, bot: Bot) -> None:
    await control.call("POST", "wechat/faults", {"kind": "reorder", "seconds": 5})
    first = asyncio.ensure_future(control.call("POST", "wechat/messages", say("一")))
    await asyncio.sleep(0.1)
    await control.call("POST", "wechat/messages", say("二"))
    await first

    assert [message["Content"] for message in bot.heard] == ["二", "一"]


def test_sealing_agrees_with_the_published_example() -> None:
    """The published pair of Tencent's own sample: key, random and both texts."""
    safe = SafeMode("pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6")
    sealed = safe.encrypt("我是中文abcd123", b"aaaabbbbccccdddd")

    assert sealed == (
        "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
    )
    assert safe.decrypt(sealed) == "我是中文abcd123"
    assert safe.signature("1", "2") == safe.signature("2", "1")
