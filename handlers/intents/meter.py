"""A meter reading (报读数): taken step by step or at once; an odd one asks one short question."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from handlers import edges, words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.readings import number_said
from handlers.turn import Intent, Turn
from handlers.understanding.fee_items import metered_item
from handlers.understanding.normaliser import fold
from storage.audit import Actor
from storage.errors import NotBound
from storage.kinds import ReadingState, ReadingVerdict
from storage.lazy import regex
from storage.operations.readings import (
    Noted,
    ReadingFact,
    confirm_reading,
    keep_photo,
    leave_to_staff,
    note_reading,
)
from storage.ports.chat import IncomingKind, OutgoingMessage
from storage.queries.meter_stories import LastUse, last_use
from storage.queries.meters import UnitMeter, unit_meters
from storage.queries.residents import Home
from storage.rules.figures import figure
from storage.rules.meters import MeterUsage

METERS: Final = {"water": "水表", "electricity": "电表", "gas": "燃气表", "heating": "热量表"}
UNITS: Final = {"water": "吨", "electricity": "度", "gas": "方"}

CHOICES: Final = (
    *("转了一圈", "转一圈", "归零", "归零了", "转满了", "转满归零", "表转满归零了"),
    *("换表", "换表了", "换了表", "换了新表", "换新表", "换新表了", "新表", "是新表"),
)
_TURNED: Final = regex(r"(?!.*[没不]).*(?:一圈|归零|转满|翻零|转过).*")
_REPLACED: Final = regex(r"(?!.*[没不]).*(?:换.{0,3}表|新表|换了).*")
_SURE: Final = "sure"
_LOWER: Final = "lower"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Begin: find the meter that is meant, and take its reading or ask for it."""
    home = turn.home
    found = await deps.db.read(unit_meters, home.unit_id)
    code = metered_item(turn.understood.normal)
    meant = [one for one in found if code is None or one.item_code == code]
    if not meant:
        return OutgoingMessage("meter", _no_meter(home, found, code))
    facts: dict[str, Any] = {"unit_id": home.unit_id}
    if len(meant) > 1:
        return _which(turn, facts, meant)
    return await _take(turn, deps, facts, meant[0])


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the answer to the last question. Raises NotBound where the flat is not hers any more."""
    facts = dict(turn.memory.facts)
    home = _home(turn, facts["unit_id"])
    found = await deps.db.read(unit_meters, home.unit_id)
    one = next((one for one in found if one.meter.meter_id == facts.get("meter_id")), None)
    code = metered_item(turn.understood.normal)
    if one is None or code not in (None, one.item_code):
        meant = _picked(turn, found, code)
        if meant is None:
            return _which(turn, facts, found)
        return await _take(turn, deps, {**_begun(facts), **_told_already(facts)}, meant)
    if facts.get("asks") in (_SURE, _LOWER):
        return await _confirmed(turn, deps, facts, one)
    return await _take(turn, deps, facts, one)


async def on_photo(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Keep a picture beside the reading that the talk is about; none is looked at."""
    photo, memory = turn.message.media_id, turn.memory
    if memory.expecting != "meter":
        is_kept = photo and await _keep_photo(turn, deps, turn.home.unit_id)
        text = "照片收到了，和刚才的读数放在一起。\n表上的数字以您发的为准。"
        return OutgoingMessage("meter", text if is_kept else edges.UNSPOKEN[IncomingKind.IMAGE])
    memory.ask("meter", **{**memory.facts, "photo": photo})
    if "reading_id" in memory.facts:
        await _keep_photo(turn, deps, memory.facts["unit_id"])
        return OutgoingMessage("meter", "照片收到了，和读数放在一起。\n刚才的问题，请回复一下。")
    return OutgoingMessage("meter", "照片收到了，会和读数放在一起。\n请再发一下表上的数字。")


async def _keep_photo(turn: Turn, deps: HandlerDeps, unit_id: int) -> bool:
    return await deps.db.write(
        keep_photo,
        unit_id=unit_id,
        identity_id=turn.person.identity_id,
        read_on=turn.today,
        photo=turn.message.media_id,
    )


def _heard(turn: Turn) -> str:
    """Return what was typed, half-width and in small letters, with its signs."""
    return fold(turn.understood.text)


def _home(turn: Turn, unit_id: int) -> Home:
    home = next((one for one in turn.person.homes if one.unit_id == unit_id), None)
    if home is None:
        turn.memory.settle()
        raise NotBound
    return home


def _picked(turn: Turn, found: Sequence[UnitMeter], code: str | None) -> UnitMeter | None:
    """Return the meter that was named, or whose number of the list was."""
    if code is not None:
        return next((one for one in found if one.item_code == code), None)
    ordinal = turn.understood.slots.ordinal or 0
    return found[ordinal - 1] if 1 <= ordinal <= len(found) else None


def _begun(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("unit_id", "photo") if name in facts}


def _told_already(facts: dict[str, Any]) -> dict[str, Any]:
    return {"said": facts["said"]} if facts.get("said") else {}


def _which(turn: Turn, facts: dict[str, Any], found: Sequence[UnitMeter]) -> OutgoingMessage:
    labels = [_label(one) for one in found]
    value = number_said(_heard(turn), facts.get("said", "")) if "choices" not in facts else None
    said = facts.get("said", "") if value is None else str(value)
    begun = _begun(facts) | ({"said": said} if said else {})
    turn.memory.ask("meter", **begun, choices=labels)
    return OutgoingMessage("meter", f"请问是哪一块表？回复序号：\n{words.numbered(labels)}")


async def _take(
    turn: Turn, deps: HandlerDeps, facts: dict[str, Any], one: UnitMeter
) -> OutgoingMessage:
    """Note the number that was said, or ask for it. A number refused leaves the question open."""
    begun = _begun(facts) | {"meter_id": one.meter.meter_id}
    is_choice = "meter_id" not in facts and bool(turn.memory.facts.get("choices"))
    value = number_said("" if is_choice else _heard(turn), facts.get("said", ""))
    turn.memory.ask("meter", **begun)
    if value is None:
        last = await deps.db.read(last_use, one.meter, today=turn.today)
        if turn.is_plain:
            return OutgoingMessage("meter", _question_plainly(one, last))
        return OutgoingMessage("meter", _question(_home(turn, facts["unit_id"]), one, last))
    fact = ReadingFact(one.meter.meter_id, turn.today, value, photo=facts.get("photo", ""))
    noted = await deps.db.write(note_reading, fact, actor=_actor(turn), now=turn.now)
    return _answered(turn, begun, one, noted)


async def _confirmed(
    turn: Turn, deps: HandlerDeps, facts: dict[str, Any], one: UnitMeter
) -> OutgoingMessage:
    """Take what she says of an odd reading: it is right, the dial turned, the meter is new."""
    said, actor = turn.understood.normal, _actor(turn)
    reading_id = facts["reading_id"]
    is_lower = facts["asks"] == _LOWER
    if is_lower and _REPLACED.fullmatch(said):
        heard = await deps.db.write(
            leave_to_staff, reading_id, note="replaced", actor=actor, now=turn.now
        )
        turn.memory.settle()
        return OutgoingMessage("meter", _new_meter(heard))
    has_turned = is_lower and _TURNED.fullmatch(said) is not None
    if has_turned or (not is_lower and says_yes(turn)):
        noted = await deps.db.write(
            confirm_reading, reading_id, turns=int(has_turned), actor=actor, now=turn.now
        )
        turn.memory.settle()
        if noted.state == ReadingState.ASKED:
            return OutgoingMessage("meter", _too_much(one, noted))
        return OutgoingMessage("meter", _accepted(turn, facts["unit_id"], one, noted))
    if number_said(_heard(turn)) is not None:
        return await _take(turn, deps, facts, one)
    return OutgoingMessage("meter", facts["question"])


def _answered(turn: Turn, begun: dict[str, Any], one: UnitMeter, noted: Noted) -> OutgoingMessage:
    _home(turn, begun["unit_id"])
    if noted.state == ReadingState.ACCEPTED:
        turn.memory.settle()
        return OutgoingMessage("meter", _accepted(turn, begun["unit_id"], one, noted))
    is_lower = noted.verdict == ReadingVerdict.LOWER
    if turn.is_plain:
        text = (_lower_plainly if is_lower else _high_plainly)(one, noted)
    else:
        text = _lower(one, noted) if is_lower else _high(one, noted)
    turn.memory.ask(
        "meter",
        **begun,
        reading_id=noted.reading_id,
        asks=_LOWER if is_lower else _SURE,
        question=text,
        choices=CHOICES if is_lower else (),
    )
    return OutgoingMessage("meter", text)


def _actor(turn: Turn) -> Actor:
    return Actor(identity_id=turn.person.identity_id)


def _label(one: UnitMeter) -> str:
    return METERS.get(one.item_code, f"{one.item_name}的表")


def _used(one: UnitMeter, used: MeterUsage) -> str:
    """Say what was used; where it is no plain difference, also how it comes about."""
    told = f"{figure(used.quantity)}{UNITS.get(one.item_code, '')}"
    [part] = used.explanation["parts"]
    is_plain = part["turned"] == "0" and part["multiplier"] == "1"
    return told if is_plain else f"{told}：{used.sum}"


def _no_meter(home: Home, found: Sequence[UnitMeter], code: str | None) -> str:
    what = METERS[code] if code is not None else "水电表"
    if found:
        there = "、".join(_label(one) for one in found)
        return f"{home.label} 没有登记{what}，登记的有{there}。\n请核对，或者回复“人工”告诉管家。"
    return f"{home.label} 没有登记{what}，不能在这里报读数。\n请回复“人工”，把读数告诉管家。"


def _question(home: Home, one: UnitMeter, last: LastUse | None) -> str:
    shown = ""
    if last is not None:
        reading = last.reading
        shown = f"上次{words.day(reading.read_on)}是 {figure(reading.value)}。"
        if last.used is not None:
            span = f"{words.day(last.used.begins_on)}到{words.day(last.used.ends_on)}"
            shown = f"{shown[:-1]}，{span}用了 {_used(one, last.used)}。"
    return words.lines(
        f"{home.label} {_label(one)}，请发现在表上的数字。", shown, "也可以先发一张照片，再发数字。"
    )


def _question_plainly(one: UnitMeter, last: LastUse | None) -> str:
    shown = "" if last is None else f"上次是 {figure(last.reading.value)}"
    return words.lines(f"{_label(one)}上现在是多少？", shown, "发数字就行。")


def _high_plainly(one: UnitMeter, noted: Noted) -> str:
    return words.lines(
        f"{_label(one)}比平时多很多，还没记。",
        "请再看一眼表。",
        f"是 {figure(noted.reading.value)}，回复“确认”。",
        "不是，重新发数字。",
    )


def _lower_plainly(one: UnitMeter, noted: Noted) -> str:
    before = "" if noted.last is None else f"上次 {figure(noted.last.value)}"
    return words.lines(
        f"{_label(one)}这次 {figure(noted.reading.value)}，",
        f"比{before} 小，还没记。",
        "看错了，重新发数字。",
        "换了新表，回复“换表”。",
        "表转满了，回复“转了一圈”。",
    )


def _accepted(turn: Turn, unit_id: int, one: UnitMeter, noted: Noted) -> str:
    value, last, home = figure(noted.reading.value), noted.last, _home(turn, unit_id)
    if turn.is_plain:
        used = "" if noted.used is None else f"这次用了 {_used(one, noted.used)}"
        return words.lines(f"{_label(one)} {value}，\n记下了。", used, "现在不扣钱。")
    since = ""
    if last is not None and noted.used is not None:
        before = f"上次{words.day(last.read_on)}是 {figure(last.value)}"
        since = f"{before}，这次用了 {_used(one, noted.used)}。"
    return words.lines(
        f"{home.label} {_label(one)}{words.day(noted.reading.read_on)}读数 {value} 已登记。",
        since,
        "出账单时按这个读数算，现在不扣款；要留照片，接着发一张就行。",
    )


def _high(one: UnitMeter, noted: Noted) -> str:
    usual, used, last = noted.usual, noted.used, noted.last
    told = "" if used is None else f"这次用了 {_used(one, used)}，"
    times = ""
    if usual is not None and used is not None and last is not None:
        days = max((noted.reading.read_on - last.read_on).days, 1)
        dial = used.quantity / Fraction(one.meter.dial.multiplier)
        ratio = dial * usual.days / (Fraction(usual.quantity) * days)
        when = "去年这个时候" if usual.is_last_year else "平时"
        times = f"大约是{when}的 {int(ratio)} 倍，"
    return words.lines(
        f"{_label(one)}{told}{times}还没有登记。",
        f"请再看一眼表：是 {figure(noted.reading.value)} 就回复“确认”，不是就重新发数字。",
    )


def _lower(one: UnitMeter, noted: Noted) -> str:
    before = ""
    if noted.last is not None:
        before = f"上次{words.day(noted.last.read_on)}的 {figure(noted.last.value)}"
    return words.lines(
        f"{_label(one)}这次 {figure(noted.reading.value)}，比{before} 还小，还没有登记。",
        "请问是表转满归零了，还是换了新表？",
        "回复“转了一圈”或“换表”；看错了就重新发数字。",
    )


def _too_much(one: UnitMeter, noted: Noted) -> str:
    told = "" if noted.used is None else f"这次就用了 {_used(one, noted.used)}，"
    return words.lines(
        f"{_label(one)}按转了一圈算，{told}和平时差得太多，还没有登记。",
        "这要管家上门核对以后再登记；看错了，请重新报读数。",
    )


def _new_meter(heard: int) -> str:
    lead = "换表要先登记旧表最后的读数，您发的数字先记下了，还没有登记。"
    if heard:
        return f"{lead}\n已经转给管家，核对以后会登记，不用再发。"
    return f"{lead}\n现在没有管家在线，请回复“电话”联系物业。"


INTENT = Intent(name="meter", answer=answer, go_on=go_on, on_photo=on_photo)
