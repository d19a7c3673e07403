"""The control plane's people: follow, speak, tap, read what arrived."""

from typing import Any

from aiohttp import web

from bot.sandbox.clock import iso
from bot.sandbox.control import Handler, after, asked, controlled
from bot.sandbox.official_account import Person
from bot.sandbox.wechat_push import Delivery, NotAFollower
from bot.sandbox.world import CONTROL, World


def person_told(person: Person) -> dict[str, Any]:
    """Return a person as the control plane tells it."""
    return {
        "openid": person.openid,
        "nickname": person.nickname,
        "follows": person.follows,
        "blocked": person.blocked,
        "avatar": person.avatar,
        "followed_at": iso(person.followed_at) if person.followed_at else None,
    }


def _delivered(delivery: Delivery) -> dict[str, Any]:
    told = {"reply": delivery.reply, "attempts": delivery.attempts, "seconds": delivery.seconds}
    return told | {"trouble": delivery.trouble} if delivery.trouble else told


def _person(world: World, openid: str) -> Person:
    person = world.account.person(openid)
    if person is None:
        raise LookupError(openid)
    return person


async def add_user(world: World, request: web.Request) -> dict[str, Any]:
    """POST wechat/users {nickname?}: a new follower, and the follow event."""
    body = await asked(request)
    person = world.account.add_person(str(body.get("nickname") or "微信用户"), body.get("openid"))
    delivery = await world.push.event(person.openid, "subscribe", str(body.get("event_key", "")))
    return {"openid": person.openid, **_delivered(delivery)}


async def change_user(world: World, request: web.Request) -> dict[str, Any]:
    """POST wechat/users/{openid} {messages: "on"|"off"}: mute the account, or hear it again."""
    person, body = _person(world, request.match_info["openid"]), await asked(request)
    world.account.block(person.openid, str(body["messages"]))
    return person_told(_person(world, person.openid))


async def people(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET people."""
    return [person_told(person) for person in world.account.people()]


async def add_people(world: World, request: web.Request) -> list[dict[str, Any]]:
    """POST people {people: [{nickname, openid?}]}: seed followers without telling the bot."""
    body = await asked(request)
    seeds = [(str(one["nickname"]), one.get("openid")) for one in body["people"]]
    return [person_told(person) for person in world.account.add_people(seeds)]


async def say(world: World, request: web.Request) -> dict[str, Any]:
    """POST wechat/messages: the person acts, the platform delivers; what came back."""
    body = await asked(request)
    openid = str(body["openid"])
    _person(world, openid)
    try:
        return _delivered(await _act(world, openid, body))
    except NotAFollower as wrong:
        raise ValueError(f"{wrong} does not follow the account") from wrong


async def _act(world: World, openid: str, body: dict[str, Any]) -> Delivery:
    if "text" in body:
        return await world.push.text(openid, str(body["text"]))
    if "event" in body:
        extra = body.get("extra") or {}
        return await world.push.event(
            openid, str(body["event"]), str(body.get("event_key") or ""), extra
        )
    if "image" in body:
        return await world.push.image(openid, str(body["image"]))
    if "voice" in body:
        return await world.push.voice(openid, str(body["voice"]))
    place = body["location"]
    return await world.push.location(openid, place if isinstance(place, dict) else {"label": place})


async def subscribe_notice(world: World, request: web.Request) -> dict[str, Any]:
    """POST wechat/subscriptions {openid, template_id, action}: accept or reject a notice."""
    body = await asked(request)
    openid, template_id = str(body["openid"]), str(body["template_id"])
    action = str(body.get("action", "accept"))
    _person(world, openid)
    world.account.grant(openid, template_id, 1 if action == "accept" else 0)
    listed = (
        f"<List><TemplateId><![CDATA[{template_id}]]></TemplateId><SubscribeStatusString>"
        f"<![CDATA[{action}]]></SubscribeStatusString><PopupScene>1</PopupScene></List>"
    )
    extra = {"SubscribeMsgPopupEvent": listed}
    return _delivered(await world.push.event(openid, "subscribe_msg_popup_event", "", extra))


async def inbox(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET wechat/inbox/{openid}?after=N."""
    return world.account.inbox(request.match_info["openid"], after(request))


async def conversation(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET wechat/chat/{openid}?after=N: both sides."""
    return world.account.conversation(request.match_info["openid"], after(request))


async def menu(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET menu."""
    return world.account.menu()


async def templates(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET wechat/templates."""
    return [dict(row) for row in world.account.book.rows("SELECT * FROM templates")]


def routes(world: World) -> list[web.RouteDef]:
    """Return the control plane's addresses about people."""
    gets: dict[str, Handler] = {
        "/people": people,
        "/menu": menu,
        "/wechat/inbox/{openid}": inbox,
        "/wechat/chat/{openid}": conversation,
        "/wechat/templates": templates,
    }
    posts: dict[str, Handler] = {
        "/people": add_people,
        "/wechat/users": add_user,
        "/wechat/users/{openid}": change_user,
        "/wechat/messages": say,
        "/wechat/subscriptions": subscribe_notice,
    }
    return [web.get(CONTROL + path, controlled(world, one)) for path, one in gets.items()] + [
        web.post(CONTROL + path, controlled(world, one)) for path, one in posts.items()
    ]
