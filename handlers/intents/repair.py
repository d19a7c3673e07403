"""A repair (报修): words, a picture, or danger, which is told whom to ring before anything else."""

from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.ticket_wishes import add_picture
from storage.operations.tickets import NewTicket, Opened, open_ticket
from storage.ports.chat import IncomingKind, OutgoingMessage
from storage.queries.households import offices
from storage.queries.residents import contact
from storage.queries.tickets import tickets_of_resident
from storage.ticket_kinds import Priority, TicketKind

NAME: Final = "repair"

_DANGERS: Final = (
    (
        regex(r"(?:燃气|煤气|天然气|瓦斯)[^,，。]{0,6}(?:漏|泄|味|臭|爆)|漏(?:燃气|煤气|天然气)"),
        "燃气泄漏很危险：请关阀门、开窗，不要开关电器，人到室外打119。",
    ),
    (
        regex(r"(?:着火|起火|失火|冒烟|火灾)"),
        "请先离开到安全的地方，马上打119，不要坐电梯。",
    ),
    (
        regex(r"(?:电梯|梯).{0,8}(?:困|关)(?:了|着|在|住|人)|(?:困|关)在.{0,4}(?:电梯|梯)里"),
        "请按电梯里的紧急按钮，不要扒门；联系不上就打119。",
    ),
    (regex(r"触电|电到人|高空坠物砸"), "请先断电、不要用手拉人，马上打120。"),
)
"""What is said → what to do at once."""
_NO_DANGER: Final = regex(
    r"没有?(?:着火|起火|漏|冒烟|人被?困)|演习|演练|[吗?？]$|怎么(?:办理|预防)"
)
_VAGUE: Final = regex(
    r"(?:我|我们|家里|这边)?(?:要|想|需要|申请|来)?(?:个|一个|一下)?"
    r"(?:报修|维修|修理|修东西|保修|报个修|repair)(?:一下|东西|服务)?"
    r"|(?:找|派|叫)(?:个|一个)?(?:人|师傅)(?:来|上门)?(?:修|维修|修理)?(?:一下)?"
)
WHAT: Final = "哪里坏了？请用一句话说地方和情况，例如“厨房水管漏水”。\n也可以先发一张照片。"
WHAT_PLAINLY: Final = "哪里坏了？\n说一句，比如：厨房漏水。"
PICTURED: Final = "照片收到了。\n请再用一句话说地方和情况，例如“厨房水管漏水”。"


def is_danger(text: str) -> bool:
    """Tell whether somebody speaks of danger to people now."""
    return _advice(text) != ""


def _advice(text: str) -> str:
    if _NO_DANGER.search(text):
        return ""
    return next((advice for said, advice in _DANGERS if said.search(text)), "")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Open a repair's ticket, or ask what is broken. Raises NotBound, UnitNotChosen."""
    text = turn.understood.text
    advice = _advice(text)
    if advice:
        return await _in_danger(turn, deps, advice)
    home = turn.home
    if _VAGUE.fullmatch(turn.understood.normal):
        turn.memory.ask(NAME, media_id="")
        return OutgoingMessage(NAME, WHAT_PLAINLY if turn.is_plain else WHAT)
    opened = await _open(turn, deps, home.community_id, "")
    return OutgoingMessage(NAME, _told(turn, opened))


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take what is broken, or the picture that comes before the words."""
    if _VAGUE.fullmatch(turn.understood.normal) or not turn.understood.text.strip():
        return OutgoingMessage(NAME, WHAT)
    media_id = str(turn.memory.facts.get("media_id", ""))
    turn.memory.settle()
    opened = await _open(turn, deps, turn.home.community_id, media_id)
    return OutgoingMessage(NAME, _told(turn, opened))


async def on_photo(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Keep a picture with the ticket it belongs to, or until the words come."""
    if turn.memory.expecting == NAME or turn.message.kind is not IncomingKind.IMAGE:
        turn.memory.ask(NAME, media_id=turn.message.media_id)
        return OutgoingMessage(NAME, PICTURED)
    identity_id = turn.person.identity_id
    found = await deps.db.read(tickets_of_resident, identity_id, limit=1)
    if not found or not found[0].is_live:
        turn.memory.ask(NAME, media_id=turn.message.media_id)
        return OutgoingMessage(NAME, PICTURED)
    one = await deps.db.write(
        add_picture,
        found[0].ticket_no,
        turn.message.media_id,
        identity_id=identity_id,
        now=turn.now,
    )
    text = f"照片已放进工单 {one.ticket_no}，处理的人能看到。\n还有照片可以接着发。"
    return OutgoingMessage(NAME, text)


async def _in_danger(turn: Turn, deps: HandlerDeps, advice: str) -> OutgoingMessage:
    """Say whom to ring first; where we know who it is, staff hear of it at once."""
    home = turn.person.home or next(iter(turn.person.homes), None)
    if home is None:
        found = await deps.db.read(offices, limit=2)
        phones = [f"{one.contact.community_name} {one.contact.phone}" for one in found]
        return OutgoingMessage(NAME, words.lines(advice, f"物业电话：{'；'.join(phones)}。"))
    opened = await _open(turn, deps, home.community_id, "", Priority.URGENT)
    phone = (await deps.db.read(contact, home.community_id)).phone
    told = "已经通知管家" if opened.heard else "已经记下"
    text = words.lines(
        advice,
        f"{told}，紧急工单 {opened.ticket.ticket_no}。",
        f"同时请打物业电话 {phone}。" if phone else "",
    )
    return OutgoingMessage(NAME, text)


async def _open(
    turn: Turn,
    deps: HandlerDeps,
    community_id: int,
    media_id: str,
    priority: Priority = Priority.NORMAL,
) -> Opened:
    home = turn.person.home or next(iter(turn.person.homes), None)
    new = NewTicket(
        TicketKind.REPAIR,
        community_id,
        turn.person.identity_id,
        turn.understood.text,
        tickets.request_key(turn),
        unit_id=None if home is None else home.unit_id,
        priority=priority,
        media_id=media_id,
    )
    return await deps.db.write(open_ticket, new, now=turn.now)


def _told(turn: Turn, opened: Opened) -> str:
    one = opened.ticket
    if turn.is_plain:
        return words.lines(
            "报修记下了：",
            f"{words.shorten(one.said)}。",
            f"{tickets.before(one.due_at)}来处理。",
            "急的话，回复“催一下”。",
        )
    return words.lines(
        f"已登记报修 {one.ticket_no}：{words.shorten(one.said, 40)}。",
        f"物业会在{tickets.before(one.due_at)}处理，有进展会告诉您；可以接着发照片。",
        "看进度回复“我的工单”，着急回复“催一下”。",
    )


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, on_photo=on_photo, said_like=is_danger)
