"""Saying when one will pay (承诺缴费): 我15号交, 月底一起交, 先交一半; a yes writes it down."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.turn import Intent, Turn
from handlers.understanding.days import DAY, day_in
from storage.audit import Actor
from storage.errors import NothingToPay
from storage.lazy import regex
from storage.operations.holds import promise
from storage.ports.chat import OutgoingMessage
from storage.queries.holds import DunnedBill, bills_to_promise, may_promise

NAME: Final = "promise"
MOST_DAYS: Final = 60
"""Nobody agrees by chat to wait longer; the office may."""
FIRST_PART_DAYS: Final = 3
"""Who pays a half first pays it within so many days."""

_I: Final = r"(?:我们?|咱们?|家里)?(?:承诺|保证|答应|说好|打算|准备|争取|一定|肯定|会|要|想|能|就)*"
_PAY: Final = (
    r"(?:之?前|以前|左右|那天)?(?:我?(?:再|才|就|会|能|可以|一定|肯定|保证|一起|一次性?|全部|都|来|去|给你们)"
    r")*(?:交|缴|付|还)(?:清|齐|完|上|费|钱|款|物业费)*"
)
_POLITE: Final = r"(?:的|吧|啊|呀|哈|哦|行吗|行不行|可以吗|可不可以|好吗|好不好|谢谢)*"
_WHOLE: Final = regex(
    rf"{_I}(?:在|到|等到?)?(?:{DAY})(?:发(?:了?工资|薪)(?:后|了)?)?{_PAY}{_POLITE}"
)
_HALF: Final = regex(
    rf"{_I}(?:先|只)(?:能)?(?:交|缴|付)(?:一半|一部分){_POLITE}"
    rf"|{_I}(?:想|可以|能)?(?:分(?:两|2|二)(?:次|期|笔)|分期)(?:交|缴|付)?(?:清|费|钱)*{_POLITE}"
)
_DATE_ONLY: Final = regex(rf"(?:那就|就|改成|改到|换成)?(?:{DAY})(?:之?前)?(?:{_PAY})?{_POLITE}")
_BLANKS: Final = re.compile(r"[\s,.!?~:;，。！？、]+")

TOO_FAR: Final = (
    "最多可以约到{latest}，再晚请回复“人工”，请物业帮您安排。\n请换一个日子，例如“{day}”。"
)
TOO_FAR_PLAINLY: Final = "最晚可以约到{latest}。\n再晚，回复“人工”。\n早一点的，说日子就行。"
ASK_OFFICE: Final = (
    "这几笔之前约过日子，再要改，请回复“人工”，请物业帮您安排。\n现在就想缴，点下面的链接。"
)
WHICH_DAY: Final = "打算哪天缴？请回复日期，例如“15号”或者“月底”。\n不约了，回复“算了”。"

WHICH_DAY_PLAINLY: Final = "您哪天缴？\n例如：15号，或者月底。\n不约了，回复“算了”。"


def speaks_of_it(text: str) -> bool:
    """Tell whether a whole text says when its speaker will pay, or that she pays a half first."""
    said = _plain(text)
    return _WHOLE.fullmatch(said) is not None or _HALF.fullmatch(said) is not None


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the day that was said and ask for a yes. Raises NothingToPay where nothing is open."""
    await _owed(turn, deps)
    if not await deps.db.read(may_promise, turn.home.unit_id, now=turn.now):
        return OutgoingMessage(NAME, ASK_OFFICE, url=pay_url(turn, deps))
    said = _plain(turn.understood.text)
    if _HALF.fullmatch(said):
        turn.memory.ask(NAME, asks="day", parts=2)
        return OutgoingMessage(NAME, await _ask_rest(turn, deps))
    return await _take_day(turn, deps, _WHOLE.fullmatch(said), parts=1)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the day, or the yes to what was said back."""
    facts = turn.memory.facts
    parts = int(facts.get("parts", 1))
    match = _DATE_ONLY.fullmatch(_plain(turn.understood.text))
    if facts.get("asks") == "yes" and match is None:
        if says_yes(turn):
            return await _write(turn, deps, date.fromisoformat(str(facts["day"])), parts)
        return await _say_back(turn, deps, date.fromisoformat(str(facts["day"])), parts)
    return await _take_day(turn, deps, match, parts=parts)


async def _take_day(
    turn: Turn, deps: HandlerDeps, match: re.Match[str] | None, *, parts: int
) -> OutgoingMessage:
    day = None if match is None else day_in(match, turn.today)
    if day is None:
        turn.memory.ask(NAME, asks="day", parts=parts)
        return OutgoingMessage(NAME, WHICH_DAY_PLAINLY if turn.is_plain else WHICH_DAY)
    latest = turn.today + timedelta(days=MOST_DAYS)
    if not turn.today <= day <= latest:
        turn.memory.ask(NAME, asks="day", parts=parts)
        far = TOO_FAR_PLAINLY if turn.is_plain else TOO_FAR
        told = far.format(latest=words.day(latest), day=words.day(latest))
        return OutgoingMessage(NAME, told)
    return await _say_back(turn, deps, day, parts)


async def _say_back(turn: Turn, deps: HandlerDeps, day: date, parts: int) -> OutgoingMessage:
    turn.memory.ask(NAME, asks="yes", day=day.isoformat(), parts=parts)
    plan = _parts(turn, await _owed(turn, deps), day, parts)
    told = "，".join(f"{words.day(on)}前缴 {words.money(fen)}" for on, fen in plan)
    if turn.is_plain:
        plainly = words.lines(
            f"{told}，对吗？", "对，回复“确认”。", "换日子，说日子就行。", "不约了，回复“算了”。"
        )
        return OutgoingMessage(NAME, plainly)
    text = words.lines(
        f"{turn.home.label} {told}，这样记下可以吗？",
        f"{words.day(plan[-1][0])}以前不再提醒您缴这几笔。",
        "回复“确认”记下；换个日子请直接回复日期；不约了回复“算了”。",
    )
    return OutgoingMessage(NAME, text)


async def _ask_rest(turn: Turn, deps: HandlerDeps) -> str:
    owed = await _owed(turn, deps)
    first_on, first_fen = _parts(turn, owed, turn.today + timedelta(days=MOST_DAYS), 2)[0]
    rest_fen = sum(one.open_fen for one in owed) - first_fen
    if turn.is_plain:
        return words.lines(
            f"{words.day(first_on)}前先缴：",
            words.money(first_fen),
            f"还剩 {words.money(rest_fen)}，哪天缴？",
            "例如：15号，或者月底。",
        )
    return words.lines(
        f"{turn.home.label} 可以分两次缴：{words.day(first_on)}前先缴 {words.money(first_fen)}。",
        f"剩下的 {words.money(rest_fen)} 哪天缴？请回复日期，例如“15号”或者“月底”。",
    )


async def _owed(turn: Turn, deps: HandlerDeps) -> list[DunnedBill]:
    home = turn.home
    found = await deps.db.read(bills_to_promise, home.binding_id, home.unit_id, turn.today)
    if not found:
        raise NothingToPay(home.label)
    return found


def _parts(turn: Turn, owed: Sequence[DunnedBill], day: date, parts: int) -> list[tuple[date, int]]:
    total_fen = sum(one.open_fen for one in owed)
    first_fen = (total_fen + 1) // 2
    if parts == 1 or total_fen == first_fen:
        return [(day, total_fen)]
    first_on = min(turn.today + timedelta(days=FIRST_PART_DAYS), day)
    return [(first_on, first_fen), (day, total_fen - first_fen)]


async def _write(turn: Turn, deps: HandlerDeps, day: date, parts: int) -> OutgoingMessage:
    turn.memory.settle()
    plan = _parts(turn, await _owed(turn, deps), day, parts)
    await deps.db.write(
        promise,
        unit_id=turn.home.unit_id,
        parts=tuple(plan),
        actor=Actor(identity_id=turn.person.identity_id),
        now=turn.now,
    )
    told = "，".join(f"{words.day(on)}前缴 {words.money(fen)}" for on, fen in plan)
    if turn.is_plain:
        plainly = words.lines(f"记好了：\n{told}。", "那天以前不催您。", words.TAP)
        return OutgoingMessage(NAME, plainly, url=pay_url(turn, deps))
    text = words.lines(
        f"记好了：{turn.home.label} {told}。",
        f"{words.day(plan[-1][0])}以前不再提醒；现在就想缴，点下面的链接。",
        "日子有变化，再告诉我就行，例如“我20号交”。",
    )
    return OutgoingMessage(NAME, text, url=pay_url(turn, deps))


def _plain(text: str) -> str:
    return _BLANKS.sub("", text)


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_like=speaks_of_it)
