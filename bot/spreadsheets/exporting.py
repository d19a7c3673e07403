"""The books as workbooks: what was exported can be imported again, and changes nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bot.spreadsheets import meters, readings, tariffs
from bot.spreadsheets.choices import PAYERS, USUAL
from bot.spreadsheets.estate import KINDS, ROLES
from bot.spreadsheets.fields import Unreadable
from bot.spreadsheets.places import place_of_label
from bot.spreadsheets.writing import Cell, Parts, write_parts
from storage.frozen import dataclass
from storage.kinds import OccupancyRole
from storage.queries import exports
from storage.queries.exports import (
    BillLine,
    ChoiceLine,
    ResidentLine,
    StayLine,
    UnitLine,
)
from storage.queries.meter_exports import meters_of, readings_of


class ExportKind(StrEnum):
    """What can be exported."""

    ESTATE = "estate"
    RESIDENTS = "residents"
    OCCUPANCIES = "occupancies"
    TARIFFS = "tariffs"
    CHOICES = "unit-tariffs"
    OPENING = "opening"
    BILLS = "bills"
    METERS = "meters"
    READINGS = "readings"


def _first(words: Mapping[str, Any]) -> dict[str, str]:
    """Return meaning → the first word for it."""
    found: dict[str, str] = {}
    for word, meaning in words.items():
        found.setdefault(str(meaning), word)
    return found


_KIND: Final = _first(KINDS)
_ROLE: Final = _first(ROLES)
_PAYER: Final = _first(PAYERS)


@lru_cache(maxsize=4096)
def _room(code: str, label: str) -> str:
    """Return what a unit is called where that is understood again, else its code."""
    try:
        return label if place_of_label(label).code == code else code
    except Unreadable:
        return code


def _unit(one: UnitLine) -> Sequence[Cell]:
    kind, room = _KIND[one.kind], _room(one.code, one.label)
    return one.community, one.building, one.entrance, room, kind, one.floor_area_m2


def _resident(one: ResidentLine) -> Sequence[Cell]:
    return one


def _stay(one: StayLine) -> Sequence[Cell]:
    room, role = _room(one.code, one.label), _ROLE[one.role]
    return one.community, room, one.name, one.phone, role, one.from_on, one.until_on


def _choice(one: ChoiceLine) -> Sequence[Cell]:
    return (
        one.community,
        _room(one.code, one.label),
        one.fee_item,
        one.scheme or USUAL,
        "是" if one.is_charged else "否",
        one.pieces,
        one.heads,
        _PAYER[one.payer],
        one.anchored_on,
        one.plate,
        one.from_on,
        one.until_on,
    )


def _bill(one: BillLine) -> Sequence[Cell]:
    left_fen = one.amount_fen - one.paid_fen
    is_tenants = one.owner_role == OccupancyRole.TENANT
    return (
        one.community,
        _room(one.code, one.label),
        one.fee_item,
        one.period,
        Decimal(one.amount_fen + one.written_off_fen).scaleb(-2),
        one.due_on,
        _ROLE[OccupancyRole.TENANT] if is_tenants else _ROLE[OccupancyRole.OWNER],
        _bill_state(one),
        Decimal(one.paid_fen).scaleb(-2),
        Decimal(left_fen).scaleb(-2),
        one.bill_no,
    )


def _bill_state(one: BillLine) -> str:
    """Say how a bill stands; only what money came for is called paid."""
    if one.amount_fen > one.paid_fen:
        return "部分已缴" if one.paid_fen else "未缴"
    return "已核销" if one.written_off_fen else "已缴"


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One kind of sheet: its name, its headers, where its rows come from, what they look like."""

    title: str
    headers: tuple[str, ...]
    rows: Callable[[Any, str], Iterable[Any]]
    shown: Callable[[Any], Sequence[Cell]]


_BILL_HEADERS: Final = (
    *("小区", "房号", "收费项目", "账期", "金额", "应缴日", "缴费人", "缴费状态"),
    *("已缴部分", "剩余未缴", "账单号"),
)
SHEETS: Final[Mapping[ExportKind, _Sheet]] = {
    ExportKind.ESTATE: _Sheet(
        "房屋", ("小区", "楼栋", "单元", "房号", "类型", "建筑面积"), exports.units_of, _unit
    ),
    ExportKind.RESIDENTS: _Sheet("人员", ("小区", "姓名", "电话"), exports.residents_of, _resident),
    ExportKind.OCCUPANCIES: _Sheet(
        "住户",
        ("小区", "房号", "姓名", "电话", "身份", "入住日期", "迁出日期"),
        exports.stays_of,
        _stay,
    ),
    ExportKind.TARIFFS: _Sheet(
        "收费标准",
        tariffs.HEADERS,
        exports.tariffs_of,
        tariffs.tariff_line,
    ),
    ExportKind.CHOICES: _Sheet(
        "房屋收费标准",
        (
            *("小区", "房号", "收费项目", "标准名称", "是否收费", "数量", "人数", "缴费方"),
            *("计费起点", "车牌号", "开始日期", "结束日期"),
        ),
        exports.choices_of,
        _choice,
    ),
    ExportKind.OPENING: _Sheet("期初欠费", _BILL_HEADERS, exports.opening_of, _bill),
    ExportKind.BILLS: _Sheet("账单", _BILL_HEADERS, exports.bills_of, _bill),
    ExportKind.METERS: _Sheet("水电表", meters.HEADERS, meters_of, meters.meter_line),
    ExportKind.READINGS: _Sheet("抄表记录", readings.HEADERS, readings_of, readings.reading_line),
}


def export_sheet(
    tx: Any,  # noqa: ANN401 - the books' own connection
    kind: ExportKind,
    path: Path,
    *,
    community: str = "",
) -> Parts:
    """Write what the books hold of a kind, of one community or ("") of all; names and phones too.

    Rows go to the disk as they are read, all as of one moment. Raises OSError.
    """
    sheet = SHEETS[kind]
    rows = (sheet.shown(one) for one in sheet.rows(tx, community))
    return write_parts(path, title=sheet.title, headers=sheet.headers, rows=rows)
