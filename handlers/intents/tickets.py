"""One's own tickets (我的工单): how they stand, urging, taking back, taking up again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.ticket_wishes import reopen_ticket, urge_ticket, withdraw_ticket
from storage.ports.chat import OutgoingMessage
from storage.queries.tickets import TicketView, steps_of, tickets_of_resident
from storage.ticket_errors import UnknownTicket
from storage.ticket_kinds import TicketAct

NAME: Final = "tickets"
SHOWN: Final = 5

_THING: Final = r"(?:工单|报修|投诉|建议|维修|反映的(?:事情?|问题))"
_HOW: Final = (
    r"(?:的?(?:进度|进展|情况|记录|结果)(?:怎么样了?)?|到哪(?:里|儿|一步)?了?|怎么样了"
    r"|处理(?:得|的)?(?:怎么样|好|完)?了?(?:吗|没有?)?|修好了?(?:吗|没有?)|有(?:结果|进展)(?:了|吗)*)"
)
_NO: Final = r"[ ,]*(?:[Gg] ?[0-9]{8,10})?"
_LOOK: Final = (
    r"(?:查一下|查查|查|看一下|看看|看|问一下)?"
    rf"(?:我的{_THING}{_HOW}?|工单{_HOW}?|{_THING}{_HOW}|修好了?[吗没])"
)
_URGE: Final = rf"(?:帮我|请|麻烦|再)*(?:催一下|催催|催一催|催办|催单)(?:{_THING}|师傅)?"
_BACK: Final = rf"(?:撤销|取消|撤回){_THING}|不用修了|自己修好了"
_AGAIN: Final = r"没有?(?:解决|修好|弄好)|重新处理|重开工单|问题还在"
_ENDS: Final = r"(?:了|啊|呀|呢|吧|[?？!！。.~ ])*"
_ANY: Final = regex(
    rf"(?:(?P<look>{_LOOK})|(?P<urge>{_URGE})|(?P<back>{_BACK})){_NO}{_ENDS}"
    rf"|(?P<again>{_AGAIN}){_NO}{_ENDS}(?:[ ,，。:：](?P<words>.*))?",
)

NONE: Final = (
    "您还没有报修、投诉或者提问。\n家里或者楼里有东西坏了，直接告诉我，例如“厨房水管漏水”。"
)
NONE_OPEN: Final = "您现在没有等着办的工单。\n有事直接告诉我，例如“厨房水管漏水”。"
NONE_CLOSED: Final = (
    "没有找到刚办结的工单。\n回复“我的工单”看进度；有东西坏了，直接告诉我，例如“厨房水管漏水”。"
)

Act = Callable[[Turn, HandlerDeps, TicketView], Awaitable[str]]


def speaks_of_them(text: str) -> bool:
    """Tell whether a whole text asks about one's own tickets."""
    return _ANY.fullmatch(text.strip()) is not None


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show, urge, withdraw or reopen. Raises UnknownTicket for one that is not hers."""
    text = turn.understood.text.strip()
    match = _ANY.fullmatch(text)
    mine: list[TicketView] = await deps.db.read(
        tickets_of_resident, turn.person.identity_id, limit=SHOWN
    )
    named = tickets.ticket_no(text)
    if match is None or match["look"]:
        return OutgoingMessage(NAME, await _look(turn, deps, mine, named))
    if match["urge"]:
        return OutgoingMessage(NAME, await _one_open(turn, deps, mine, named, "催一下", _urge))
    if match["back"]:
        return OutgoingMessage(NAME, await _one_open(turn, deps, mine, named, "撤销工单", _back))
    return OutgoingMessage(NAME, await _again(turn, deps, mine, named, match["words"] or ""))


async def _look(turn: Turn, deps: HandlerDeps, mine: Sequence[TicketView], named: str) -> str:
    if named:
        mine = [_named(mine, named)]
    if not mine:
        return NONE
    if len(mine) > 1:
        return words.lines(
            "您的工单：",
            *map(tickets.own_line, mine),
            f"看一件回复“工单 {mine[0].ticket_no}”，着急回复“催一下 {mine[0].ticket_no}”。",
        )
    one = mine[0]
    said = [
        f"{words.moment(step.done_at)} 物业：{words.shorten(step.words, 60)}"
        for step in await deps.db.read(steps_of, one.ticket_id)
        if step.act in (TicketAct.ANSWERED, TicketAct.CLOSED) and step.words
    ]
    ends = "着急回复“催一下”，不用办了回复“撤销工单”。" if one.is_live else ""
    again = "" if one.is_live else "没解决，回复“没解决”和原因。"
    return words.lines(tickets.own_line(one), *said, ends, again)


def _named(mine: Sequence[TicketView], named: str) -> TicketView:
    for one in mine:
        if one.ticket_no == named:
            return one
    raise UnknownTicket


async def _one_open(
    turn: Turn,
    deps: HandlerDeps,
    mine: Sequence[TicketView],
    named: str,
    asked: str,
    act: Act,
) -> str:
    live = [_named(mine, named)] if named else [one for one in mine if one.is_live]
    if not live:
        return NONE_OPEN
    if len(live) > 1:
        return tickets.which(asked, live)
    return await act(turn, deps, live[0])


async def _urge(turn: Turn, deps: HandlerDeps, one: TicketView) -> str:
    await deps.db.write(
        urge_ticket, one.ticket_no, identity_id=turn.person.identity_id, now=turn.now
    )
    return f"已帮您催工单 {one.ticket_no}，处理的人收到了。\n说好{tickets.before(one.due_at)}办好。"


async def _back(turn: Turn, deps: HandlerDeps, one: TicketView) -> str:
    await deps.db.write(
        withdraw_ticket, one.ticket_no, identity_id=turn.person.identity_id, now=turn.now
    )
    bills = "有异议的账单恢复正常提醒。" if one.kind == "dispute" else ""
    return words.lines(
        f"工单 {one.ticket_no} 已撤销。{bills}", "又要办了，七天内回复“重新处理”就行。"
    )


async def _again(
    turn: Turn, deps: HandlerDeps, mine: Sequence[TicketView], named: str, said: str
) -> str:
    closed = [_named(mine, named)] if named else [one for one in mine if not one.is_live][:1]
    if not closed:
        return NONE_CLOSED
    one = await deps.db.write(
        reopen_ticket,
        closed[0].ticket_no,
        said,
        identity_id=turn.person.identity_id,
        now=turn.now,
    )
    bills = "，这期间不提醒您缴，违约金也不算" if one.kind == "dispute" else ""
    return words.lines(
        f"对不起，没有办好。工单 {one.ticket_no} 已重新处理{bills}。",
        f"物业会在{tickets.before(one.due_at)}办好，有进展会告诉您。",
    )


INTENT = Intent(name=NAME, answer=answer, said_like=speaks_of_them)
