"""Paying ahead (预存): a sum, or months of a fee; looked at once more, then the link to pay."""

from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlencode

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.turn import Intent, Turn
from handlers.understanding.amounts import parse_yuan
from handlers.understanding.numerals import parse_numeral
from storage.kinds import OccupancyRole
from storage.lazy import regex
from storage.operations.prepay_orders import MOST_MONTHS, Aside, AsideView, check_aside
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import open_bills
from storage.queries.months_ahead import MonthsAhead, Offer, months_ahead
from storage.queries.prepayments import Choice, items_to_prepay
from storage.rules.figures import figure

PROPERTY_FEE: Final = "property_fee"
CHOICES: Final = ("一年", "半年", "一个季度", "三个月")
OWNERS_ONLY: Final = (
    "{label} 的预存款记在房屋名下，由业主办理。\n出了账单您可以直接缴，回复“账单”查看。"
)
_YEARS: Final = regex(r"([0-9]{1,2}|[一两二三全整])(?:整)?年|明年|下一年|a year")
_MONTHS: Final = regex(r"([0-9]{1,2}|[一二两三四五六七八九十]{1,2})个月")
_QUARTERS: Final = regex(r"([0-9]|[一二两三四])?个?季度?")
_NUMBERS: Final = regex(
    r"(?<![0-9a-z.-])([0-9]{1,9}(?:\.[0-9]{1,2})?)(?![0-9.a-z-]| ?[个年月季号栋单日天期度吨])"
)
_NEXT: Final = regex(r"下个?月|来月")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Begin: take the sum or the months that were said, or ask for them."""
    if turn.home.role is OccupancyRole.TENANT:
        return OutgoingMessage("prepay", OWNERS_ONLY.format(label=turn.home.label))
    items = await deps.db.read(items_to_prepay, turn.home.community_id)
    code = turn.understood.slots.fee_item
    if code is not None and not any(one.item_code == code for one in items):
        text = "这个收费项目现在不能预存。\n回复“预存”可以存不限项目的，以后出账自动抵扣。"
        return OutgoingMessage("prepay", text)
    known: dict[str, Any] = {} if code is None else {"code": code}
    return await _take(turn, deps, known, items)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the sum that was asked for, or the yes; on 确认 give the link."""
    facts = turn.memory.facts
    items = await deps.db.read(items_to_prepay, turn.home.community_id)
    is_yes = says_yes(turn) and facts.get("asks") == "last_look"
    if is_yes and facts.get("unit_id") == turn.home.unit_id:
        return await _link(turn, deps)
    known = {"code": facts["code"]} if "code" in facts else {}
    said = turn.understood.slots.fee_item
    if any(one.item_code == said for one in items):
        known["code"] = said
    return await _take(turn, deps, known, items)


async def _take(
    turn: Turn, deps: HandlerDeps, known: dict[str, Any], items: list[Choice]
) -> OutgoingMessage:
    fen, months = _sum_said(turn), _months_said(turn.understood.normal)
    item = next((one for one in items if one.item_code == known.get("code")), None)
    if fen is None and months:
        item = item or next((one for one in items if one.item_code == PROPERTY_FEE), None)
        ahead = None if item is None else await _reckon(turn, deps, item, months)
        if ahead is None:
            return _ask(turn, known, "还没有这个项目的账单，算不出一个月多少。")
        aside = Aside(ahead.amount_fen, ahead.fee_item_id, ahead.months)
        return await _last_look(turn, deps, known, aside, ahead)
    if fen is None:
        return _ask(turn, known, "")
    aside = Aside(fen, None if item is None else item.fee_item_id)
    return await _last_look(turn, deps, known, aside, None)


def _sum_said(turn: Turn) -> int | None:
    """Return the fen that were said, by the only number in a text that can be a sum."""
    slots, normal = turn.understood.slots, turn.understood.normal
    if slots.amount_fen is not None or slots.unit or slots.period:
        return slots.amount_fen
    found = _NUMBERS.findall(normal)
    if len(found) == 1:
        return parse_yuan(found[0])
    yuan = parse_numeral(normal.strip("元块钱 ")) if turn.memory.expecting == "prepay" else None
    return None if yuan is None else yuan * 100


def _months_said(normal: str) -> int:
    """Return how many months are meant, 0 where none are said: 一年, 半年, 三个月, 下个月."""
    if "半年" in normal:
        return 6
    for pattern, worth in ((_YEARS, 12), (_MONTHS, 1), (_QUARTERS, 3)):
        match = pattern.search(normal)
        if match is not None:
            number = parse_numeral((match[1] or "一").replace("全", "一").replace("整", "一"))
            months = (number or 0) * worth
            return months if months <= MOST_MONTHS else 0
    return 1 if _NEXT.search(normal) else 0


async def _reckon(turn: Turn, deps: HandlerDeps, item: Choice, months: int) -> MonthsAhead | None:
    return await deps.db.read(
        months_ahead, unit_id=turn.home.unit_id, item=item, months=months, at=turn.now
    )


def _ask(turn: Turn, known: dict[str, Any], why: str) -> OutgoingMessage:
    turn.memory.ask("prepay", **known, asks="sum", choices=list(CHOICES))
    if turn.is_plain:
        told = words.lines(why, "要存多少钱？", "写数字就行，例如 1000。")
        return OutgoingMessage("prepay", told)
    return OutgoingMessage(
        "prepay",
        words.lines(why, "请问要预存多少元？", "写金额就行，例如“1000”；也可以写“物业费一年”。"),
    )


async def _last_look(
    turn: Turn,
    deps: HandlerDeps,
    known: dict[str, Any],
    aside: Aside,
    ahead: MonthsAhead | None,
) -> OutgoingMessage:
    """Say what will be put aside, for what, and on what terms; remember it for her yes."""
    view = await deps.db.read(check_aside, turn.home.unit_id, aside, now=turn.now)
    turn.memory.ask(
        "prepay",
        **known,
        asks="last_look",
        choices=list(CHOICES),
        unit_id=turn.home.unit_id,
        what=aside.text,
    )
    owed = await deps.db.read(open_bills, turn.home.binding_id)
    owed_fen = sum(one.open_fen for one in owed if _may_pay(view, one.item_name))
    if turn.is_plain:
        plainly = _last_look_plainly(aside, view, ahead, owed_fen)
        return OutgoingMessage("prepay", plainly)
    text = words.lines(
        f"{turn.home.label} 预存 {words.money(aside.amount_fen)}，请核对：",
        f"用途：只抵{view.item_name}。" if view.item_name else "用途：不限项目，出账后自动抵扣。",
        _span(ahead),
        _gift(ahead),
        f"现在待缴的 {words.money(owed_fen)} 会先从里面抵。" if owed_fen else "",
        "没用完的可以申请退回。",
        "回复“确认”去付款；不存了回复“算了”。",
    )
    return OutgoingMessage("prepay", text)


def _last_look_plainly(
    aside: Aside, view: AsideView, ahead: MonthsAhead | None, owed_fen: int
) -> str:
    return words.lines(
        "预存：",
        words.money(aside.amount_fen),
        f"只缴{view.item_name}。" if view.item_name else "以后出了账单，自动从里面缴。",
        "" if ahead is None else f"大约够 {ahead.months} 个月。",
        _gift(ahead),
        f"现在要缴的 {words.money(owed_fen)}，先从里面缴。" if owed_fen else "",
        "用不完可以退。",
        "要存，回复“确认”。",
        "不存了，回复“算了”。",
    )


def _may_pay(view: AsideView, item_name: str) -> bool:
    return view.item_name in ("", item_name)


def _span(ahead: MonthsAhead | None) -> str:
    if ahead is None:
        return ""
    last = ahead.first.plus(ahead.months - 1)
    return (
        f"按最近一期的标准算 {ahead.months} 个月，可抵{words.period(ahead.first)}到"
        f"{words.period(last)}；调价的话以出账为准。"
    )


def _gift(ahead: MonthsAhead | None) -> str:
    if ahead is None or ahead.offer is None:
        return ""
    month = words.period(ahead.first.plus(ahead.months))
    off = "不收" if ahead.offer.percent_e2 == 10_000 else f"优惠{_percent(ahead.offer)}%"
    return f"{ahead.offer.name}：{month}的{ahead.item_name}{off}；提前退回的话，这项优惠收回。"


def _percent(offer: Offer) -> str:
    return figure(Fraction(offer.percent_e2, 100))


async def _link(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    what = str(turn.memory.facts["what"])
    turn.memory.settle()
    await deps.db.read(check_aside, turn.home.unit_id, Aside.parse(what), now=turn.now)
    text = "请点下面的链接付款，链接7天内有效。\n付好后收据会发到这里，钱记在预存款里。"
    if turn.is_plain:
        text = "要付款，点下面蓝色的字。\n付好了，这里告诉您。"
    url = f"{pay_url(turn, deps)}/prepay?{urlencode({'what': what})}"
    return OutgoingMessage("prepay", text, url=url)


INTENT = Intent(name="prepay", answer=answer, go_on=go_on)
