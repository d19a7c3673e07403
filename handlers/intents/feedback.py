"""Complaints, suggestions and praise (投诉建议): each becomes a ticket that somebody answers."""

from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.intents import repair
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.tickets import NewTicket, open_ticket
from storage.ports.chat import OutgoingMessage
from storage.queries.residents import Home
from storage.ticket_kinds import TicketKind

NAME: Final = "feedback"
_VAGUE: Final = regex(
    r"(?:我|我们)?(?:要|想|有|来)?(?:提|反映|反馈)?(?:个|一个|点|些|一点)?"
    r"(?:投诉|建议|意见|意见反馈|问题|举报|反馈|complaint|suggestion|iwanttocomplain"
    r"|i want to complain)(?:一下|物业)?"
)
_SUGGESTS: Final = regex(r"建议|希望|能不能|可不可以|最好|多装|多设|表扬|点赞|感谢|很好|suggest")
WHAT_PLAINLY: Final = "是什么事？\n说一句就行。"
WHAT: Final = "请用一句话告诉我是什么事，例如“楼道太脏没人打扫”。\n您说的只给处理的同事看。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Open a ticket, or ask what it is about. Raises NotBound, UnitNotChosen."""
    home = turn.home
    if _VAGUE.fullmatch(turn.understood.normal):
        turn.memory.ask(NAME, said=turn.understood.text, takes="any")
        return OutgoingMessage(NAME, WHAT_PLAINLY if turn.is_plain else WHAT)
    return await _open(turn, deps, home, turn.understood.text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take what it is about."""
    if _VAGUE.fullmatch(turn.understood.normal):
        return OutgoingMessage(NAME, WHAT)
    lead = str(turn.memory.facts.get("said", ""))
    turn.memory.settle()
    return await _open(turn, deps, turn.home, turn.understood.text, lead)


async def _open(
    turn: Turn, deps: HandlerDeps, home: Home, said: str, lead: str = ""
) -> OutgoingMessage:
    suggests = _SUGGESTS.search(lead + said) and "投诉" not in lead + said
    new = NewTicket(
        TicketKind.SUGGESTION if suggests else TicketKind.COMPLAINT,
        home.community_id,
        turn.person.identity_id,
        said,
        tickets.request_key(turn),
        unit_id=home.unit_id,
    )
    one = (await deps.db.write(open_ticket, new, now=turn.now)).ticket
    if turn.is_plain:
        text = words.lines(
            f"谢谢您，{tickets.KINDS[one.kind]}记下了。", f"{tickets.before(one.due_at)}答复您。"
        )
        return OutgoingMessage(NAME, text)
    text = words.lines(
        f"谢谢您告诉我们，已登记{tickets.KINDS[one.kind]} {one.ticket_no}。",
        f"物业会在{tickets.before(one.due_at)}答复您；可以接着发照片。",
        "看进度回复“我的工单”；急事回复“电话”。",
    )
    return OutgoingMessage(NAME, text)


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, on_photo=repair.on_photo)
