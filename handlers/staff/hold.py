"""Holding a flat's reminders (暂停催缴 3-2-1201 到12月1日 住院), ending it, what was done."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, SENDERS, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from handlers.understanding.days import DAY, day_in
from storage.audit import Actor
from storage.kinds import HoldKind
from storage.lazy import regex
from storage.operations.disputes import end_dispute
from storage.operations.holds import NewHold, place_hold
from storage.ports.chat import OutgoingMessage
from storage.queries.dunning import Act, acts_of
from storage.queries.holds import Hold, dunned_bills_of_unit, holds_on, promises_of
from storage.queries.households import UnitFound, units_named
from storage.queries.late_fees import late_fee_of_unit

NAME: Final = "staff_hold"
SAID_AS: Final = WORDS["hold"]
BEGIN, END, SHOW = SAID_AS
MOST_DAYS: Final = 366
SHOWN: Final = 8
CHECKED: Final = "物业已经核对完"
"""What a resident reads whose dispute ends this way."""
REASON_CHARS: Final = 60

KINDS: Final = {
    HoldKind.DISPUTE: "争议 异议 不认 算错 有误",
    HoldKind.HARDSHIP: "住院 生病 重病 病 去世 过世 逝世 离世 白事 丧 车祸 失业 困难 低保 手术",
}
"""Kind → words of a reason that speak of it; any other reason is the office's own."""
CALLED: Final = {
    HoldKind.DISPUTE: "有争议",
    HoldKind.PROMISE: "住户约了日子",
    HoldKind.INSTALMENT: "住户约了分次缴",
    HoldKind.HARDSHIP: "住户有困难",
    HoldKind.OFFICE: "物业暂停",
}
ACTS: Final = {
    "reminder": "发了缴费提醒",
    "task": "请管家联系",
    "letter_due": "催告函待批准",
    "letter": "批准了书面催告函",
    "letter_delivered": "催告函已送达",
    "hold": "暂停催缴",
    "hold_end": "恢复催缴",
    "promise": "住户约定缴费",
    "promise_kept": "按约定缴了",
    "promise_broken": "过了约定的日子没缴",
}

_UNTIL: Final = regex(rf"(?:到|至|直到)? ?(?:{DAY})(?:之?前|为止|止)?")
_WHICH: Final = "没有找到这一户。\n请写全房号，比如“{command} 3-2-1201”。"
_WHEN: Final = "暂停到哪天？最长一年。\n请这样说：“暂停催缴 3-2-1201 到12月1日 原因”。"
_WHY: Final = "为什么暂停？原因会留在记录里。\n请这样说：“暂停催缴 3-2-1201 到12月1日 住院”。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Hold, let go on, or tell what was done about the flat named."""
    said = turn.message.text.strip()
    command = next(one for one in SAID_AS if said.startswith(one))
    staff = office(turn, *(ANYBODY if command == SHOW else SENDERS))
    named = turn.understood.slots.unit or ""
    found: list[UnitFound] = await deps.db.read(units_named, named, said=turn.understood.text)
    units = [one for one in found if one.community_id in staff.community_ids]
    if len(units) != 1:
        return OutgoingMessage(NAME, _WHICH.format(command=command))
    act = {BEGIN: _begin, END: _end, SHOW: _show}[command]
    return OutgoingMessage(NAME, await act(turn, deps, units[0]))


async def _begin(turn: Turn, deps: HandlerDeps, unit: UnitFound) -> str:
    day, reason = read_hold(rest_of(turn, SAID_AS), unit.code, turn.today)
    if day is None or not turn.today <= day <= turn.today + timedelta(days=MOST_DAYS):
        return _WHEN
    if not reason:
        return _WHY
    kind = kind_of(reason)
    new = NewHold(unit.unit_id, kind, reason, day + timedelta(days=1))
    await deps.db.write(place_hold, new, actor=_actor(turn), now=turn.now)
    return words.lines(
        f"{unit.label} 已暂停催缴，到{words.day(day)}（含当天），原因：{reason}。",
        "有争议，这段时间的违约金也不算。" if kind is HoldKind.DISPUTE else "",
        f"提前恢复，回复“恢复催缴 {unit.code}”。",
    )


def read_hold(rest: str, code: str, today: date) -> tuple[date | None, str]:
    """Return the last day and the reason that a text names beside the flat; None for no day."""
    day, kept = None, []
    for token in unicodedata.normalize("NFKC", rest).split():
        match = _UNTIL.fullmatch(token)
        if match is not None and day is None:
            day = day_in(match, today)
        elif code.rsplit("-", 1)[-1] not in token:
            kept.append(token)
    reason = re.sub(r"^原因[:：]?", "", " ".join(kept))
    return day, words.shorten(reason.strip(" ,.。，"), REASON_CHARS)


def kind_of(reason: str) -> HoldKind:
    """Return why reminders are held, as far as a reason says it."""
    for kind, hints in KINDS.items():
        if any(hint in reason for hint in hints.split()):
            return kind
    return HoldKind.OFFICE


async def _end(turn: Turn, deps: HandlerDeps, unit: UnitFound) -> str:
    held = await deps.db.read(holds_on, unit.unit_id, turn.today)
    for one in held:
        await deps.db.write(
            end_dispute, one.hold_id, by=office(turn, *SENDERS), words=CHECKED, now=turn.now
        )
    if not held:
        return f"{unit.label} 没有暂停催缴，不用恢复。"
    return f"{unit.label} 已恢复催缴，从今天起按计划提醒。"


def _actor(turn: Turn) -> Actor:
    staff = office(turn, *SENDERS)
    return Actor(staff_id=staff.staff_id, identity_id=turn.person.identity_id)


async def _show(turn: Turn, deps: HandlerDeps, unit: UnitFound) -> str:
    owed = await deps.db.read(dunned_bills_of_unit, unit.unit_id, turn.today)
    late = [one for one in owed if one.bill.due_on < turn.today]
    held = await deps.db.read(holds_on, unit.unit_id, turn.today)
    agreed = await deps.db.read(promises_of, unit.unit_id)
    accrued = await deps.db.read(late_fee_of_unit, unit.unit_id, as_of=turn.today)
    acts = await deps.db.read(acts_of, unit.unit_id, limit=SHOWN)
    total_fen = sum(one.open_fen for one in late)
    return words.lines(
        f"{unit.label} 过了应缴日、可以催的 {len(late)} 笔，{words.money(total_fen)}。",
        f"截至今天的违约金 {words.money(accrued.calculated_fen)}，"
        f"应收 {words.money(accrued.owed_fen)}，已出账 {words.money(accrued.charged_fen)}。"
        if accrued is not None
        else "",
        *map(_hold, held),
        *(f"约定{words.day(one.due_on)}前缴 {words.money(one.amount_fen)}" for one in agreed),
        *_acts(acts),
    )


def _hold(one: Hold) -> str:
    until = "没有定结束日期"
    if one.until_on is not None:
        until = f"到{words.day(one.until_on - timedelta(days=1))}"
    reason = f"（{one.reason}）" if one.reason else ""
    return f"暂停催缴中：{CALLED[one.kind]}，{until}{reason}"


def _acts(acts: Sequence[Act]) -> list[str]:
    if not acts:
        return ["还没有催缴记录。"]
    return ["最近的记录：", *(f"{words.moment(one.done_at)} {_act(one)}" for one in acts)]


def _act(one: Act) -> str:
    told = ACTS.get(one.act, one.act)
    return f"{told} {words.money(one.amount_fen)}" if one.amount_fen else told


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
