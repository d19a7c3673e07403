"""Which unit is meant: one label, or building, entrance and room in columns of their own."""

import re
from dataclasses import replace
from typing import Final

from bot.spreadsheets.cells import Value
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.tables import plain_text
from handlers.understanding.normaliser import fold
from handlers.understanding.numerals import parse_numeral
from handlers.understanding.units import find_unit
from storage.frozen import dataclass
from storage.kinds import UnitKind

_THREE: Final = re.compile(r"([0-9]{1,3}|[A-Z][0-9]?)-([0-9]{1,4})-([0-9]{1,4})")
_TWO: Final = re.compile(r"([0-9]{1,3}|[A-Z])-([0-9]{1,4})")
_SHOP: Final = re.compile(r"(?:商铺)?([A-Z]?[0-9]{1,4})")
_PARKING: Final = re.compile(r"(?:车位)?([A-Z][0-9]?-?[0-9]{2,4}|[0-9]{2,4})")
_NO_ENTRANCE: Final = re.compile(r"([0-9]{1,3}|[A-Z][0-9]?)-0-([0-9]{1,4})")
"""HC小区 writes a unit that has no entrance like this."""
_SHOP_WORDS: Final = ("铺", "店", "门面")
_BUILDING_TAIL: Final = re.compile(r"(?:号楼|栋楼|栋|幢|座|楼|#楼|#|号)$")
_ENTRANCE_TAIL: Final = re.compile(r"(?:单元|单|门|梯)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A unit by its normal form ("3-2-1201") and the labels of what it stands in ("" for none)."""

    code: str
    label: str
    building: str
    entrance: str
    looks_like: UnitKind
    """What it is by the form of its code."""


def place_of_label(text: str) -> Place:
    """Read a complete label, "3栋2单元1201" or "3-2-1201". Raises Unreadable."""
    folded = fold(text)
    bare = _NO_ENTRANCE.fullmatch(folded.upper().strip())
    if bare:
        return _place(f"{bare[1]}-{bare[2]}")
    found = find_unit(folded)
    rest = folded[: found.start] + folded[found.end :] if found else folded
    if found is None or rest.strip(" 室房号户"):
        raise Unreadable(f"“{text[:20]}”认不出是哪一户；请写成 3栋2单元1201 或 3-2-1201")
    if any(word in folded for word in _SHOP_WORDS):
        return _shop(found.label)
    return _place(found.label)


def _shop(code: str) -> Place:
    shop = _SHOP.fullmatch(code)
    if shop is None:
        raise Unreadable(f"“{code[:20]}”不是完整的商铺号；请写成 商铺101 或 商铺A101")
    return Place(code, f"商铺{shop[1]}", "", "", UnitKind.SHOP)


def _place(code: str) -> Place:
    three, two = _THREE.fullmatch(code), _TWO.fullmatch(code)
    if three:
        building, entrance = f"{three[1]}栋", f"{three[2]}单元"
        return Place(code, f"{building}{entrance}{three[3]}", building, entrance, UnitKind.HOME)
    if two:
        return Place(code, f"{two[1]}栋{two[2]}", f"{two[1]}栋", "", UnitKind.HOME)
    shop, parking = _SHOP.fullmatch(code), _PARKING.fullmatch(code)
    if code.startswith(("商铺", "S")) and shop:
        return _shop(code)
    if parking and (code.startswith("车位") or code[0].isalpha()):
        return Place(code, f"车位{parking[1]}", "", "", UnitKind.PARKING)
    raise Unreadable(f"“{code[:20]}”不是完整的房号；请写全楼栋、单元和室号")


def read_place(reader: RowReader) -> Place | None:
    """Read the unit of a row; None means that a problem was kept."""
    label = reader.needed("unit", plain_text, "房号")
    building = reader.optional("building", plain_text) or ""
    entrance = reader.optional("entrance", plain_text) or ""
    if label is None:
        return None
    try:
        if "block" in reader.row.columns:
            return _shop_in(label, building)
        return _combined(label, building, entrance)
    except Unreadable as trouble:
        reader.refuse("unit", str(trouble))
        return None


def _combined(label: str, building: str, entrance: str) -> Place:
    bare = re.sub(r"(?:室|号房|房间|号|户|房)$", "", label.replace(" ", ""))
    if building and re.fullmatch(r"[0-9]{1,4}", bare):
        return place_of_label(_whole(bare, building, entrance))
    place = place_of_label(label)
    if building and place.building and f"{_number(building, _BUILDING_TAIL)}栋" != place.building:
        raise Unreadable(f"房号“{label[:20]}”与楼栋“{building[:10]}”不一致，请改正其一")
    return place


def _shop_in(label: str, building: str) -> Place:
    """Read a shop of a 肇新 sheet: its number is its own in all of the block."""
    bare = label.replace(" ", "").replace("-", "").removesuffix("号")
    place = place_of_label(bare if bare.startswith("商铺") else f"商铺{bare}")
    return replace(place, building=f"{_number(building, _BUILDING_TAIL)}栋" if building else "")


def _whole(room: str, building: str, entrance: str) -> str:
    block = _number(building, _BUILDING_TAIL)
    if not entrance or _ENTRANCE_TAIL.sub("", entrance) == "0":
        return f"{block}栋{room}"
    return f"{block}栋{_number(entrance, _ENTRANCE_TAIL)}单元{room}"


def _number(said: str, tail: re.Pattern[str]) -> str:
    bare = tail.sub("", said.replace(" ", "")).upper()
    if re.fullmatch(r"[A-Z][0-9]?", bare):
        return bare
    number = parse_numeral(bare)
    if not number:
        raise Unreadable(f"“{said[:10]}”认不出是第几栋或第几单元；请填数字")
    return str(number)


def place(value: Value) -> Place:
    """Read a cell that holds a complete label. Raises Unreadable."""
    return place_of_label(plain_text(value))
