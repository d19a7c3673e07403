"""A human answers (转人工): at her wish, at anger, or where the bot twice did not understand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from handlers import edges, english, own_words, tickets, words
from handlers.deps import HandlerDeps
from handlers.intents.contact import told, told_in_english
from handlers.turn import Intent, Turn
from storage.frozen import dataclass
from storage.kinds import OwnText
from storage.lazy import regex
from storage.operations.talks import TalkAsk, begin_talk, leave_talk, say_in_talk
from storage.operations.tickets import NewTicket, open_ticket
from storage.ports.chat import IncomingKind, OutgoingMessage
from storage.queries.faqs import own_texts_of
from storage.queries.households import Office, offices
from storage.queries.policies import policy_on
from storage.queries.residents import Contact, contact
from storage.queries.talks import last_words
from storage.rules.duty import Duty
from storage.ticket_kinds import TalkReason, TicketKind

NAME: Final = "human"
MISSES: Final = 2
LAST: Final = 3
SILENT: Final = OutgoingMessage(NAME, "")
"""A person answers; the bot says nothing."""

_ANGER: Final = regex(
    r"他妈|妈的|傻[逼比叉]|混蛋|王八蛋|不要脸|去死|滚蛋|骗子公司|骗钱|气死我?了?"
    r"|忍无可忍|太过分了|欺人太甚|欺负人|什么破物业|垃圾物业"
)
_BACK: Final = regex(
    r"(?:结束|退出|取消|不要|不用)(?:人工|转人工)(?:了|吧|服务)*|end(?: chat| talk)?"
)
_MEDIA: Final = {
    IncomingKind.IMAGE: "（发来一张图片）",
    IncomingKind.VOICE: "（发来一段语音）",
    IncomingKind.LOCATION: "（发来一个位置）",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What is said about a hand-over, in one language."""

    leads: Mapping[TalkReason, str]
    begun: str
    ring: str
    later: str
    nobody: str
    nobody_rings: str
    hours: str
    which_office: str
    then_here: str
    passed_on: str
    back: str
    moment: Callable[[datetime], str]
    duty: Callable[[Duty], str]
    told: Callable[[Contact], str]


CHINESE: Final = Words(
    leads={
        TalkReason.WISH: "已经转给管家。",
        TalkReason.MISSED: "抱歉，我还是没听明白，已经转给管家。",
        TalkReason.ANGER: "让您生气了，对不起。已经转给管家。",
    },
    begun="请直接说您的事，管家会在这里回复您；不等了，回复“结束人工”。",
    ring="急事请打电话 {phone}。",
    later="现在是下班时间，管家{when}上班。\n已记下工单 {ticket_no}，上班后会答复您。",
    nobody="现在没有管家在线，没有转过去。\n请到物业前台找工作人员。",
    nobody_rings="现在没有管家在线，没有转过去。\n请打电话 {phone} 联系物业{hours}。",
    hours="（上班时间 {hours}）",
    which_office="还不知道您是哪个小区的，请直接联系物业：",
    then_here="绑定房屋后，可以在这里请管家回复。",
    passed_on="已转告管家，请稍等，管家会在这里回复您。\n不等了，回复“结束人工”。",
    back="好的，又由我来回答您。\n还需要什么，直接告诉我就行。",
    moment=words.moment,
    duty=words.duty,
    told=told,
)
PLAIN: Final = replace(
    CHINESE,
    leads={
        TalkReason.WISH: "好，已经去叫管家。",
        TalkReason.MISSED: "我没听懂，已经去叫管家。",
        TalkReason.ANGER: "对不起，已经去叫管家。",
    },
    begun="您有什么事，直接说。\n不等了，回复“结束人工”。",
    ring="急的话打电话：\n{phone}",
    later="管家下班了，{when}来。\n记下了，来了就答复您。",
    nobody="现在没有管家。\n请到物业前台。",
    nobody_rings="现在没有管家，请打：\n{phone}{hours}",
    passed_on="告诉管家了，请等一等。",
    back="我回来了。\n要办事，回复“帮助”。",
)
ENGLISH: Final = Words(
    leads={
        TalkReason.WISH: "A steward will answer you here.",
        TalkReason.MISSED: "Sorry, I still do not understand. A steward will answer you here.",
        TalkReason.ANGER: "We are sorry. A steward will answer you here.",
    },
    begun="Please say what it is about. To come back to me, type: end",
    ring="Urgent? Call {phone}.",
    later="The office is closed now and opens {when}.\n"
    "We wrote it down as {ticket_no} and will answer then.",
    nobody="Nobody is there now. Please ask at the property office.",
    nobody_rings="Nobody is there now. Please call {phone}{hours}.",
    hours=" ({hours})",
    which_office="We do not know your community yet. Please call the office:",
    then_here="Once your flat is registered, a steward can answer you here.",
    passed_on="We told the steward. Please wait for the answer here, or type: end",
    back="I am back. What can I do for you?",
    moment=english.moment,
    duty=english.duty,
    told=told_in_english,
)


def is_angry(text: str) -> bool:
    """Tell whether somebody has had enough of us."""
    return _ANGER.search(text) is not None


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Hand the talk over; out of hours keep the question; else tell whom to call."""
    office, reason = await _office(turn, deps), _reason(turn)
    if office is None:
        if reason is TalkReason.MISSED:
            return edges.not_understood(turn, turn.memory.misses)
        return await _all_offices(turn, deps)
    policy = await deps.db.read(policy_on, office.community_id, turn.today)
    if not policy.duty.covers(turn.now):
        if reason is TalkReason.MISSED:
            return edges.not_understood(turn, turn.memory.misses)
        return await _ask_later(turn, deps, office, policy.duty.next_at(turn.now))
    home = turn.person.home
    said = await deps.db.read(last_words, turn.person.identity_id, limit=LAST)
    ask = TalkAsk(
        turn.person.identity_id,
        office.community_id,
        None if home is None else home.unit_id,
        reason,
        "；".join(words.shorten(one, 60) for one in said) or turn.understood.text,
    )
    begun = await deps.db.write(begin_talk, ask, now=turn.now)
    if not begun.heard:
        if reason is TalkReason.MISSED:
            return edges.not_understood(turn, turn.memory.misses)
        return _nobody(turn, office)
    turn.memory.misses = 0
    say = _words(turn)
    text = words.lines(say.leads[reason], say.begun, _ring(say, office))
    return OutgoingMessage(NAME, text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Carry what she says to the office; say nothing ourselves once a person talks with her."""
    talk_id, identity_id = turn.person.talk_id, turn.person.identity_id
    if _BACK.fullmatch(turn.understood.normal):
        await deps.db.write(leave_talk, identity_id=identity_id, now=turn.now)
        return OutgoingMessage(NAME, _words(turn).back)
    said = turn.message.text.strip() or _MEDIA.get(turn.message.kind, "（发来一条消息）")
    is_taken = await deps.db.write(
        say_in_talk,
        talk_id or 0,
        said,
        identity_id=identity_id,
        key=f"said:{tickets.request_key(turn)}"[:140],
        now=turn.now,
    )
    if is_taken is None:  # it ended just now
        return await answer(turn, deps)
    return SILENT if is_taken else OutgoingMessage(NAME, _words(turn).passed_on)


def _words(turn: Turn) -> Words:
    if turn.is_english:
        return ENGLISH
    return PLAIN if turn.is_plain else CHINESE


def _ring(say: Words, office: Office) -> str:
    phone = office.contact.phone
    return say.ring.format(phone=phone) if phone else ""


def _reason(turn: Turn) -> TalkReason:
    if turn.memory.misses >= MISSES:
        return TalkReason.MISSED
    return TalkReason.ANGER if is_angry(turn.understood.text) else TalkReason.WISH


async def _ask_later(
    turn: Turn, deps: HandlerDeps, office: Office, there_at: datetime
) -> OutgoingMessage:
    """Keep the question until somebody is there."""
    home = turn.person.home
    new = NewTicket(
        TicketKind.QUESTION,
        office.community_id,
        turn.person.identity_id,
        turn.understood.text or "找人工",
        tickets.request_key(turn),
        unit_id=None if home is None else home.unit_id,
    )
    one = (await deps.db.write(open_ticket, new, now=turn.now)).ticket
    say = _words(turn)
    own = (await deps.db.read(own_texts_of, office.community_id)).get(OwnText.OFF_DUTY, "")
    text = words.lines(
        say.later.format(when=say.moment(there_at), ticket_no=one.ticket_no),
        own_words.fill(own, office.contact),
        _ring(say, office),
    )
    return OutgoingMessage(NAME, text)


def _nobody(turn: Turn, office: Office) -> OutgoingMessage:
    say, phone = _words(turn), office.contact.phone
    if not phone:
        return OutgoingMessage(NAME, say.nobody)
    when = say.hours.format(hours=say.duty(office.contact.duty))
    return OutgoingMessage(NAME, say.nobody_rings.format(phone=phone, hours=when))


async def _all_offices(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    found = await deps.db.read(offices, limit=5, on=turn.today)
    say = _words(turn)
    text = words.lines(say.which_office, *(say.told(one.contact) for one in found), say.then_here)
    return OutgoingMessage(NAME, text)


async def _office(turn: Turn, deps: HandlerDeps) -> Office | None:
    home = turn.person.home or next(iter(turn.person.homes), None)
    if home is not None:
        return Office(
            home.community_id, await deps.db.read(contact, home.community_id, on=turn.today)
        )
    found = await deps.db.read(offices, limit=2, on=turn.today)
    return found[0] if len(found) == 1 else None


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_like=is_angry, in_english=answer)
