"""What was named in an utterance: period, fee item, unit, sum, reading, phone, name, choice."""

from datetime import date
from decimal import Decimal
from typing import Final

from handlers.understanding import amounts, fee_items, names, periods, units
from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from handlers.understanding.periods import PeriodRange
from storage.frozen import dataclass
from storage.lazy import regex

_PHONE: Final = regex(
    r"(?<![0-9])(?:\+?86[- ]?)?(1[3-9][0-9])[- ]?([0-9]{4})[- ]?([0-9]{4})(?![0-9])"
)
_SPOKEN_PHONE: Final = regex(
    r"[一幺][三四五六七八九][零一幺二三四五六七八九]{9}(?![零一幺二三四五六七八九])"
)
_SPOKEN_DIGITS: Final = str.maketrans("零一幺二三四五六七八九", "01123456789")
_READING: Final = regex(
    r"(?:[水电气][表字]|报数?:? ?[水电气]"
    r"|读数|表数|度数|抄表|示数|走到|止码|底数|字数|表上|reading|meter)"
    r"[^0-9.]{0,16}"
    r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,8}(?:\.[0-9]{1,3})?)"
    r"(?![0-9]|[.,][0-9]| ?(?:元|块|个月|月))"
)
_SPOKEN_READING: Final = regex(
    r"(?:[水电气][表字]|读数|表数|度数|示数|走到|走字|字数|上[头面边]写的)"
    r"(?:读数|度数|我?[刚才]*[看抄]了?(?:一?下|一?眼)?|显示|上[头面边]|写的"
    r"|走字|现在|今天|是|系|为|走到|到|数|[ ,:])*"
    rf"([一二三四五六七八九][{CHINESE_NUMERAL}]{{2,9}})(?![个月元块])"
)
_ORDINAL: Final = regex(
    r"第 ?([0-9]{1,2}|[一二两三四五六七八九十]{1,3}) ?(?:个|套|笔"
    r"|条|项|张|间|户|种)?"
)
_NOT_ORDINAL: Final = regex(r"[ ]?(?:季|单元|栋|幢|号楼|层|次|天|页|年)")
_BARE: Final = regex(
    r"(?:我?选|要|就|no|number)?[. ]?([0-9]{1,2}|[一二三四五六七八九十]{1,3})(?:号|个)?[吧呗.!]?"
)
_ALL: Final = regex(
    r"全部|(?<!这)所有(?!业主|住户|人|邻居|用户|家)|一起[交付缴结清]|一块儿?[交付缴]|一次性|统统|全[交付缴清]|一并|"
    r"都(?:一起)?[交付缴](?!了[吗没])|(?<![a-z])(?:pay all|all of (?:them|it)|everything)"
)


@dataclass(frozen=True, slots=True)
class Slots:
    """Only what was said; amounts in fen, a reading as decimal text."""

    period: PeriodRange | None = None
    fee_item: str | None = None
    unit: str | None = None
    amount_fen: int | None = None
    reading: str | None = None
    phone: str | None = None
    name: str | None = None
    ordinal: int | None = None
    is_all: bool = False


def as_json(slots: Slots) -> dict[str, object]:
    """Return what was named as plain JSON values, leaving out what was not.

    The choice from a list (ordinal, is_all) belongs to a dialogue and is not told outside.
    """
    said: dict[str, object] = {}
    if slots.period:
        first, last = slots.period.first, slots.period.last
        said["period"] = {"from": f"{first[0]}-{first[1]:02d}", "to": f"{last[0]}-{last[1]:02d}"}
    for name in ("fee_item", "unit", "amount_fen", "reading", "phone", "name"):
        value = getattr(slots, name)
        if value is not None:
            said[name] = value
    return said


def read_slots(folded: str, today: date) -> tuple[Slots, str]:
    """Return the slots of a folded text, and the text with what they took masked."""
    phone, text = _take_phone(folded)
    found = units.find_unit(text)
    if found:
        text = f"{text[: found.start]}某房{text[found.end :]}"
    named = names.find_name(text, is_addressed=bool(found or phone))
    period, text = periods.take_period(text, today)
    reading, text = _take_reading(text)
    amount, text = amounts.take_amount(text)
    fee_item, text = fee_items.take_fee_item(text)
    slots = Slots(
        period=period,
        fee_item=fee_item or (fee_items.metered_item(text) if reading else None),
        unit=found.label if found else None,
        amount_fen=amount,
        reading=reading,
        phone=phone,
        name=named,
        ordinal=_ordinal(text),
        is_all=_ALL.search(text) is not None,
    )
    return slots, text


def _take_phone(text: str) -> tuple[str | None, str]:
    """Return the first mobile number as 11 digits, and the text with it masked."""
    match = _PHONE.search(text)
    said = "".join(match.groups()) if match else ""
    if match is None:
        match = _SPOKEN_PHONE.search(text)
        said = match.group().translate(_SPOKEN_DIGITS) if match else ""
    if match is None:
        return None, text
    return said, f"{text[: match.start()]}某号{text[match.end() :]}"


def _take_reading(text: str) -> tuple[str | None, str]:
    """Return a meter reading as decimal text, and the text with it masked."""
    match = _READING.search(text)
    said = str(Decimal(match[1].replace(",", ""))) if match else None
    if match is None:
        match = _SPOKEN_READING.search(text)
        number = parse_numeral(match[1]) if match else None
        said = None if number is None else str(number)
    if match is None or said is None:
        return None, text
    return said, f"{text[: match.start(1)]}某数{text[match.end(1) :]}"


def _ordinal(text: str) -> int | None:
    """Return which one of a list is meant: 第二个, or a bare number."""
    bare = _BARE.fullmatch(text)
    if bare:
        return parse_numeral(bare[1])
    match = _ORDINAL.search(text)
    if match is None or _NOT_ORDINAL.match(text, match.end()):
        return None
    return parse_numeral(match[1])
