"""Flats, shops and parking spaces (房号) as residents write them."""

import re
from typing import Final

from handlers.understanding.normaliser import fold
from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.frozen import dataclass
from storage.lazy import regex

_N: Final = f"(?:[0-9]{{1,4}}|[{CHINESE_NUMERAL}]{{1,7}})"
_BLOCK: Final = f"(?:[0-9]{{1,3}}|[a-z][0-9]?|[{CHINESE_NUMERAL}]{{1,3}})"
_GAP: Final = r"[ ,\-]?"
_NOT_AFTER: Final = r"(?<![0-9a-z.¥])"
_ENDS: Final = r"(?![0-9a-z]|[.,][0-9]| ?(?:元|块|月|年|度|吨))"
_TAIL: Final = r"(?: ?(?:室|号房|房间|号|户|房))?"
_BUILDING: Final = r"(?:号楼|栋楼|栋|幢|座|楼|#楼|#|号)"

_FULL: Final = regex(
    rf"{_NOT_AFTER}(?P<b>{_BLOCK}) ?{_BUILDING}{_GAP}(?P<e>{_N}) ?(?:单元|单|门|梯|-){_GAP}"
    rf"(?:(?P<f>{_N})(?:楼|层){_GAP})?(?P<r>{_N}){_TAIL}{_ENDS}"
)
_DASHED: Final = regex(
    rf"(?<![0-9a-z.¥-])(?P<b>[0-9]{{1,3}}|[a-z][0-9]?) ?[-/_] ?(?P<e>[0-9]{{1,2}}) ?[-/_] ?"
    rf"(?P<r>(?!20[0-9][0-9])[0-9]{{3,4}}){_TAIL}(?![-/_][0-9]){_ENDS}"
)
_SPACED: Final = regex(
    rf"(?<![0-9a-z.¥-])(?P<b>[0-9]{{1,2}}) (?P<e>[0-9]{{1,2}}) (?P<r>[0-9]{{3,4}}){_TAIL}"
    rf"(?! ?[0-9-]){_ENDS}"
)
_TWO_PART: Final = regex(
    rf"{_NOT_AFTER}(?P<b>{_BLOCK}) ?(?:号楼|栋楼|栋|幢|座|#楼|#){_GAP}"
    rf"(?:(?P<f>{_N})(?:楼|层){_GAP})?(?P<r>{_N})(?! ?(?:单元|门|号楼|栋)){_TAIL}{_ENDS}"
)
_TWO_DASHED: Final = regex(
    rf"(?<![0-9a-z.¥+-])(?P<b>[0-9]{{1,2}}|[a-z])-(?P<r>[0-9]{{3,4}}){_TAIL}(?![-/_]){_ENDS}"
)
_PARKING: Final = regex(
    r"(?:(?:车位|停车位)(?:号|是|:)? ?(?P<x>[a-z][0-9]?-?[0-9]{2,4}|[0-9]{2,4})|"
    r"(?<![0-9a-z-])(?P<y>[a-z][0-9]-[0-9]{2,4})(?:号?车位)?)(?![0-9a-z元块月年-])"
)
_SHOP: Final = regex(
    r"(?:(?:商铺|店铺|门面房?|底商|铺位|铺)(?:号|是|:)? ?(?P<x>[a-z]?-?[0-9]{1,4})|"
    r"(?<![0-9a-z-])(?P<y>s-?[0-9]{1,3})(?:号?商?铺)?)(?![0-9a-z元块月年])"
)
_ENTRANCE_ROOM: Final = regex(rf"{_NOT_AFTER}(?P<e>{_N})单元{_GAP}(?P<r>{_N}){_TAIL}{_ENDS}")
_ROOM: Final = regex(
    rf"{_NOT_AFTER}(?P<r>[0-9]{{3,4}}) ?(?:室|号房|房间|户|房(?!租|费|东|产|贷)){_ENDS}"
)
_ENGLISH: Final = regex(
    r"(?:building|block|bldg) ?(?P<b>[0-9]{1,3}|[a-z]),? ?"
    r"(?:(?:unit|entrance) ?(?P<e>[0-9]{1,2}),? ?)?"
    r"(?:unit|room|rm|flat|apartment|apt|no) ?(?P<r>[0-9]{3,4})(?![0-9-])"
)
_HERS: Final = regex(
    r"(?:我家(?:是|在)?|(?<![a-z])(?:room|rm|flat|apartment|apt|unit)) ?(?P<r>[0-9]{3,4})"
    r"(?=$|[ ,.?!的])"
)
_THEIRS: Final = regex(rf"{_NOT_AFTER}(?P<r>[0-9]{{3,4}})(?=那家|那户|这户|这家|家)")
_WHOSE: Final = regex(
    r"(?:^|(?<=[ ,.!?查看])|(?<=一下)|(?<=我家)|(?<=绑定))"
    r"(?P<r>(?!19[0-9]{2}|20[12][0-9])[1-9][0-9]?(?:0[1-9]|[12][0-9]))"
    r"(?= ?的?(?:账单|帐单|账|单子|收据|发票|明细|费用|收费|[水电]费|物业费|停车费|燃气费|煤气费"
    r"|暖气费|缴费|交费|欠|还欠|还有|没交|该交|漏水|停水|停电))"
)
"""A room before what is asked about it: “1202欠多少”, “1201的水费”."""
_PART: Final = regex(
    rf"(?P<p>{_BLOCK} ?(?:栋|幢|号楼|座) ?{_N} ?单元)(?![0-9a-z])|"
    rf"(?:是|改成|应该是|换成) ?(?P<q>{_N} ?(?:单元|栋|幢|号楼))(?![0-9a-z])"
)


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit label and where it stood in the folded text."""

    label: str
    start: int
    end: int


def parse_unit_label(text: str) -> str | None:
    """Return the first unit named in the text, as 3-2-1201, 3-1201, S12 or B1-023, or None."""
    found = find_unit(fold(text))
    return found.label if found else None


def find_unit(folded: str) -> FoundUnit | None:
    """Return the first unit in a folded text, the most complete writing first."""
    for pattern in (_FULL, _DASHED, _SPACED, _TWO_PART, _ENGLISH):
        for match in pattern.finditer(folded):
            label = _joined(match)
            if label:
                return FoundUnit(label, match.start(), match.end())
    return _found_special(folded) or _found_part(folded)


def _joined(match: re.Match[str]) -> str | None:
    """Return building-entrance-room from a match, or None where a numeral is not one."""
    said = match.groupdict()
    parts = [_place(said["b"])]
    if said.get("e"):
        parts.append(_place(said["e"]))
    parts.append(_room(said.get("f"), said["r"]))
    return None if None in parts else "-".join(part for part in parts if part)


def _place(said: str) -> str | None:
    """Return a building or an entrance without leading zeros."""
    if said[0].isascii() and said[0].isalpha():
        return said.upper()
    number = parse_numeral(said)
    return str(number) if number else None


def _room(floor: str | None, said: str) -> str | None:
    """Return a room number, put together from floor and door where said so."""
    if said.isascii() and not floor:
        return said
    door = parse_numeral(said)
    if door is None:
        return None
    level = parse_numeral(floor) if floor else 0
    if level is None:
        return None
    return str(level * 100 + door) if level and door < 100 else str(door)


def _found_special(folded: str) -> FoundUnit | None:
    """Return a parking space, a shop or a flat named in two parts."""
    parking = _PARKING.search(folded)
    if parking:
        code = (parking["x"] or parking["y"]).upper()
        return FoundUnit(code if code[0].isalpha() else f"车位{code}", *parking.span())
    shop = _SHOP.search(folded)
    if shop:
        code = (shop["x"] or shop["y"]).upper().replace("-", "")
        return FoundUnit(code if code[0].isalpha() else f"商铺{code}", *shop.span())
    dashed = _TWO_DASHED.search(folded)
    if dashed:
        return FoundUnit(f"{_place(dashed['b'])}-{dashed['r']}", *dashed.span())
    return None


def _found_part(folded: str) -> FoundUnit | None:
    """Return what names a flat only in part, as it was said."""
    entrance = _ENTRANCE_ROOM.search(folded)
    if entrance:
        place, room = _place(entrance["e"]), _room(None, entrance["r"])
        if place and room:
            return FoundUnit(f"{place}单元{room}", *entrance.span())
    room_only = next(
        filter(None, (one.search(folded) for one in (_ROOM, _HERS, _THEIRS, _WHOSE))), None
    )
    if room_only:
        return FoundUnit(room_only["r"], *room_only.span())
    part = _PART.search(folded)
    if not part:
        return None
    group = "p" if part["p"] else "q"
    return FoundUnit(part[group], *part.span(group))
