"""The control plane's members of the corporation: who sees the WeCom app, speaks, reads."""

from typing import Any

from aiohttp import web

from bot.sandbox.control import Handler, after, asked, controlled
from bot.sandbox.wecom import RobotError
from bot.sandbox.wecom_push import NotAMember
from bot.sandbox.world import CONTROL, World


async def members(world: World, request: web.Request) -> list[dict[str, str]]:
    """GET wecom/members."""
    known = world.office.members().items()
    return [{"userid": userid, "name": name} for userid, name in known]


async def add_member(world: World, request: web.Request) -> dict[str, Any]:
    """POST wecom/members {userid, name}: she sees the app from now on."""
    body = await asked(request)
    world.office.add_member(str(body["userid"]), str(body["name"]))
    return {"userid": str(body["userid"])}


async def say(world: World, request: web.Request) -> dict[str, Any]:
    """POST wecom/messages {userid, text | event, event_key?}: a member acts; what came back."""
    body = await asked(request)
    userid = str(body["userid"])
    try:
        if "event" in body:
            key = str(body.get("event_key") or "")
            done = await world.office_push.event(userid, str(body["event"]), key)
        else:
            done = await world.office_push.text(userid, str(body["text"]))
    except NotAMember as wrong:
        raise ValueError(f"{wrong} does not see the app") from wrong
    told = {"reply": done.reply, "attempts": done.attempts, "seconds": done.seconds}
    return told | ({"trouble": done.trouble} if done.trouble else {})


async def inbox(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET wecom/inbox/{userid}?after=N."""
    return world.office.inbox(request.match_info["userid"], after(request))


async def customer_groups(world: World, request: web.Request) -> list[dict[str, str]]:
    """GET wecom/customer_groups."""
    return world.office.customers.groups()


async def add_customer_group(world: World, request: web.Request) -> dict[str, str]:
    """POST wecom/customer_groups {name, owner}: a member owns a group of residents."""
    body = await asked(request)
    return {"chat_id": world.office.customers.add_group(str(body["name"]), str(body["owner"]))}


async def tasks(world: World, request: web.Request) -> list[dict[str, str]]:
    """GET wecom/tasks: what owners of groups are asked to send, the oldest first."""
    return world.office.customers.tasks()


async def press(world: World, request: web.Request) -> dict[str, str]:
    """POST wecom/tasks/{msgid}: its owner presses send."""
    try:
        return {"state": world.office.customers.press(request.match_info["msgid"])}
    except RobotError as wrong:
        raise ValueError(wrong.text) from wrong


def routes(world: World) -> list[web.RouteDef]:
    """Return the control plane's addresses about members."""
    gets: dict[str, Handler] = {
        "/wecom/members": members,
        "/wecom/inbox/{userid}": inbox,
        "/wecom/customer_groups": customer_groups,
        "/wecom/tasks": tasks,
    }
    posts: dict[str, Handler] = {
        "/wecom/members": add_member,
        "/wecom/messages": say,
        "/wecom/customer_groups": add_customer_group,
        "/wecom/tasks/{msgid}": press,
    }
    return [web.get(CONTROL + path, controlled(world, one)) for path, one in gets.items()] + [
        web.post(CONTROL + path, controlled(world, one)) for path, one in posts.items()
    ]
