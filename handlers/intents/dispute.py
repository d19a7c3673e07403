"""A bill that seems wrong (账单有异议): upon a yes it rests, and staff check it by a day."""

from collections.abc import Sequence
from typing import Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.tickets import request_key
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.disputes import dispute
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import OpenBill
from storage.queries.disputes import (
    DisputableBill,
    DisputeState,
    answer_day,
    disputable_bills,
)
from storage.queries.residents import contact

NAME: Final = "dispute"
SHOWN: Final = 9
NAMED: Final = 3
SAID_CHARS: Final = 60

_ALL: Final = regex(r"(?:全|全部|每一?笔|这些|几笔)?都(?:不对|有问题|有误|错|算错|不认|不同意|要)")
_CHARGED: Final = regex(r"扣(?:款|了|我)")
"""She speaks of money that was taken, which goes back as a refund."""

TAKEN: Final = (
    "多扣的钱可以原路退回，回复“我要退款”办理。\n账单上的金额不对，请说是哪一笔，例如“物业费不对”。"
)
NOTHING_OPEN: Final = (
    "{label} 没有待缴账单。\n已经缴的觉得不对，请回复“明细”看怎么算的，或者回复“人工”请物业核对。"
)
NOT_FOUND: Final = "{label} 没有您说的待缴账单。\n回复“账单”可以查看待缴的每一笔。"
CHECKED_NOW: Final = (
    "{label} {bills}已经在核对，{day}前答复您。\n答复以前不提醒您缴，违约金也不算。"
)
ANSWERED: Final = "{label} {bills}物业已经核对过。\n还有疑问，请回复“人工”，请物业再说明。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Find the bills that are meant; ask which, or say them back and ask for a yes."""
    if _CHARGED.search(turn.understood.normal):
        return OutgoingMessage(NAME, TAKEN)
    return _take(turn, await _open(turn, deps), turn.understood.text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take which bills are meant, or the yes to what was said back."""
    facts = turn.memory.facts
    said = str(facts["said"])
    if turn.understood.intent == NAME:
        return await answer(turn, deps)
    asked = [one for one in await _open(turn, deps) if one.bill.bill_id in facts["bill_ids"]]
    if facts.get("asks") != "yes":
        is_one = bool(_meant(turn, asked)) or not asked
        return _take(turn, asked, said) if is_one else _ask_which(turn, asked, said)
    meant = [one.bill for one in asked]
    if says_yes(turn):
        return await _write(turn, deps, meant, said)
    return _say_back(turn, meant, said)


async def _open(turn: Turn, deps: HandlerDeps) -> list[DisputableBill]:
    home = turn.home
    return await deps.db.read(disputable_bills, home.binding_id, home.unit_id, turn.today)


def _take(turn: Turn, found: Sequence[DisputableBill], said: str) -> OutgoingMessage:
    label = turn.home.label
    if not found:
        return _settled(turn, NOTHING_OPEN.format(label=label))
    meant = _meant(turn, found)
    if not meant:
        return _settled(turn, NOT_FOUND.format(label=label))
    free = [one.bill for one in meant if one.state is DisputeState.FREE]
    if not free:
        return _settled(turn, _told_before(label, meant))
    if len(free) == 1 or turn.understood.slots.is_all or _ALL.search(turn.understood.normal):
        return _say_back(turn, free, said)
    return _ask_which(turn, meant, said)


def _ask_which(turn: Turn, among: Sequence[DisputableBill], said: str) -> OutgoingMessage:
    turn.memory.ask(NAME, asks="which", said=said, bill_ids=[one.bill.bill_id for one in among])
    if turn.is_plain:
        listed = words.numbered([_told(one.bill) for one in among[:SHOWN]])
        plainly = words.lines("哪一笔不对？回复数字：", listed, "都不对，回复“全部”。")
        return OutgoingMessage(NAME, plainly)
    text = words.lines(
        f"{turn.home.label} 哪一笔不对？回复序号，都不对就回复“全部”：",
        words.numbered([_told(one.bill) for one in among[:SHOWN]]),
        f"还有 {len(among) - SHOWN} 笔，请说月份和项目，例如“10月水费不对”。"
        if len(among) > SHOWN
        else "",
    )
    return OutgoingMessage(NAME, text)


def _settled(turn: Turn, text: str) -> OutgoingMessage:
    turn.memory.settle()
    return OutgoingMessage(NAME, text)


def _meant(turn: Turn, found: Sequence[DisputableBill]) -> list[DisputableBill]:
    """Return the bills that were named by number, fee item or month; all where none was."""
    slots = turn.understood.slots
    if slots.ordinal is not None:
        return list(found[slots.ordinal - 1 : slots.ordinal])
    meant = list(found)
    if slots.fee_item is not None:
        meant = [one for one in meant if one.bill.item_code == slots.fee_item]
    if slots.period is not None:
        first, last = slots.period.first, slots.period.last
        meant = [
            one for one in meant if first <= (one.bill.period.year, one.bill.period.month) <= last
        ]
    return meant


def _told_before(label: str, meant: Sequence[DisputableBill]) -> str:
    checked = [one for one in meant if one.answer_on is not None]
    if not checked:
        return ANSWERED.format(label=label, bills=_named([one.bill for one in meant]))
    day = max(one.answer_on for one in checked if one.answer_on is not None)
    bills = _named([one.bill for one in checked])
    return CHECKED_NOW.format(label=label, bills=bills, day=words.day(day))


def _say_back(turn: Turn, meant: Sequence[OpenBill], said: str) -> OutgoingMessage:
    ids = [one.bill_id for one in meant]
    month = f"{meant[0].period.month}月" if len(meant) == 1 else ""
    turn.memory.ask(NAME, asks="yes", said=said, bill_ids=ids)
    if turn.is_plain:
        plainly = words.lines(
            f"{_named(meant)}，\n请物业核对，好吗？",
            f"{words.day(answer_day(turn.today))}前答复您。",
            "答复以前不催您缴。",
            "好，回复“确认”。",
            "不提了，回复“算了”。",
        )
        return OutgoingMessage(NAME, plainly)
    text = words.lines(
        f"{turn.home.label} {_named(meant)}，请物业核对，可以吗？",
        f"物业会在{words.day(answer_day(turn.today))}前答复您；答复以前不提醒您缴，违约金也不算。",
        f"回复“确认”提交；先看怎么算的，回复“{month}明细”；不提了，回复“算了”。",
    )
    return OutgoingMessage(NAME, text)


async def _write(
    turn: Turn, deps: HandlerDeps, meant: Sequence[OpenBill], said: str
) -> OutgoingMessage:
    turn.memory.settle()
    home, by = turn.home, words.day(answer_day(turn.today))
    made = await deps.db.write(
        dispute,
        binding_id=home.binding_id,
        unit_id=home.unit_id,
        bill_ids=[one.bill_id for one in meant],
        said=said,
        note=f"{_named(meant)}；住户说“{words.shorten(said, SAID_CHARS)}”；请在{by}前答复",
        request_key=request_key(turn),
        identity_id=turn.person.identity_id,
        now=turn.now,
    )
    if not made.bill_ids:
        ids = {one.bill_id for one in meant}
        now = [one for one in await _open(turn, deps) if one.bill.bill_id in ids]
        text = _told_before(home.label, now) if now else NOTHING_OPEN.format(label=home.label)
        return OutgoingMessage(NAME, text)
    phone = (await deps.db.read(contact, home.community_id)).phone
    ring = f"现在没有管家在线，也请打电话 {phone} 说一声。" if phone else "也请到物业前台说一声。"
    if turn.is_plain:
        plainly = words.lines(
            "请物业核对了。",
            f"{by}前答复您。",
            "答复以前不催您缴，\n也不算违约金。",
            "" if made.heard else ring,
        )
        return OutgoingMessage(NAME, plainly)
    text = words.lines(
        f"已提交核对：{home.label} {_named(meant)}，工单 {made.ticket_no}。",
        f"物业会在{by}前答复您；答复以前不提醒您缴，违约金也不算。",
        "" if made.heard else ring,
    )
    return OutgoingMessage(NAME, text)


def _named(bills: Sequence[OpenBill]) -> str:
    """Name up to three bills and say what is open of all."""
    named = "、".join(f"{words.period(one.period)}{one.item_name}" for one in bills[:NAMED])
    rest = f"等{len(bills)}笔" if len(bills) > NAMED else ""
    return f"{named}{rest} {words.money(sum(one.open_fen for one in bills))}"


def _told(bill: OpenBill) -> str:
    return f"{words.period(bill.period)} {bill.item_name} {words.money(bill.open_fen)}"


INTENT = Intent(name=NAME, answer=answer, go_on=go_on)
