"""The demo's two communities: who lives where, what it costs, and what was owed before we came."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from bot.spreadsheets.writing import Cell, write_table
from storage.frozen import dataclass
from storage.kinds import Basis
from storage.money import yuan
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.tariffs import Tariff, UnitFacts

CLOUD: Final = "云栖花园"
LAKE: Final = "翠湖湾"
COMMUNITIES: Final = (CLOUD, LAKE)
MONTHS_BACK: Final = 6
SINCE: Final = date(2019, 6, 1)
HOME_PRICE_E4: Final = 28_000
SHOP_PRICE_E4: Final = 45_000
PARKING_FEN: Final = 15_000
WATER_SCHEME: Final = "分户水表"

_SURNAMES: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢"
    "韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
)
_GIVEN: Final = (
    "秀英", "建国", "丽华", "志强", "晓燕", "海涛", "雅琴", "文博", "思远", "桂兰", "子轩", "美玲",
    "俊杰", "玉珍", "明辉", "雪梅", "浩然", "淑芬", "振华", "佳怡", "国平", "慧敏", "立新", "春梅",
    "天佑", "静怡", "永强", "红霞", "宇航", "婉清", "德胜", "若曦",
)  # fmt: skip
_AREAS: Final = ("108.75", "89.35", "92.60", "78.50")


@lru_cache(maxsize=256)
def _month_fen(area_m2: Decimal, price_e4: int) -> int:
    tariff = Tariff(Basis.BY_AREA, price_e4, SINCE)
    month = DaySpan.of(BillingPeriod.of(SINCE))
    return charge_days([tariff], UnitFacts(floor_area_m2=area_m2), month).amount_fen


@dataclass(frozen=True, slots=True)
class Home:
    """A unit of the demo and its owner."""

    community: str
    code: str
    label: str
    kind: str
    building: str
    area_m2: Decimal | None
    name: str
    phone: str

    @property
    def month_fen(self) -> int:
        """What it costs a month."""
        if self.area_m2 is None:
            return PARKING_FEN
        price = SHOP_PRICE_E4 if self.kind == "商铺" else HOME_PRICE_E4
        return _month_fen(self.area_m2, price)

    @property
    def fee_item(self) -> str:
        """What is charged for it."""
        return "车位费" if self.area_m2 is None else "物业费"


@dataclass(frozen=True, slots=True)
class Face:
    """A person of the demo whom outsiders may play, by her first flat."""

    home: Home
    openid: str
    is_bound: bool


def openid_of(name: str) -> str:
    """Return an openid-like word that is always the same for the same name."""
    digest = hashlib.sha256(f"wuyebot demo {name}".encode()).hexdigest()
    return "oDemo_" + digest[:22]


def homes() -> list[Home]:
    """Return all units: over three hundred homes, a few shops and parking spaces."""
    places = itertools.product((1, 2, 3), (1, 2), range(1, 14), range(1, 5))
    found = [_home(CLOUD, place, index) for index, place in enumerate(places)]
    found += [
        _owned(Home(CLOUD, f"S{n}", f"商铺S{n}", "商铺", "", Decimal("62.40"), "", ""), 400 + n)
        for n in range(1, 9)
    ]
    # Parking spaces belong to owners of homes: their people have two units.
    found += [
        Home(CLOUD, f"B1-{n:03d}", f"车位B1-{n:03d}", "车位", "", None, one.name, one.phone)
        for n, one in enumerate(found[8:28], start=1)
    ]
    small = itertools.product((8,), (1,), range(1, 7), (1, 2))
    return found + [_home(LAKE, place, index) for index, place in enumerate(small, start=500)]


def _home(community: str, place: tuple[int, int, int, int], index: int) -> Home:
    building, entrance, floor, door = place
    room = f"{floor}0{door}"
    return _owned(
        Home(
            community,
            f"{building}-{entrance}-{room}",
            f"{building}栋{entrance}单元{room}",
            "住宅",
            f"{building}栋",
            Decimal(_AREAS[door - 1]),
            "",
            "",
        ),
        index,
    )


def _owned(home: Home, index: int) -> Home:
    surname = _SURNAMES[index * 7 % len(_SURNAMES)]
    name = surname + _GIVEN[(index * 5 + index // len(_SURNAMES)) % len(_GIVEN)]
    phone = f"138{index * 7919 % 10_000:04d}{index:04d}"
    return Home(
        home.community, home.code, home.label, home.kind, home.building, home.area_m2, name, phone
    )


def faces() -> list[Face]:
    """Return the people whom outsiders may play; the first is bound to one unit and owes.

    The ninth of the bound has a parking space besides her home.
    """
    everyone = [one for one in homes() if one.kind == "住宅"]
    bound = [everyone[i] for i in (2, 60, 118, 150, 211, 260, 301, 313, 8)]
    free = [everyone[i] for i in range(30, 300, 18)] + [everyone[316]]
    return [Face(one, openid_of(one.phone), is_bound=True) for one in bound] + [
        Face(one, openid_of(one.phone), is_bound=False) for one in free
    ]


def second_units(face: Face) -> list[Home]:
    """Return what else the person of a face owns."""
    return [one for one in homes() if one.phone == face.home.phone and one.code != face.home.code]


_ESTATE_HEADERS: Final = (
    "序号", "小区", "房号", "类型", "建筑面积（㎡）", "业主姓名", "手机号", "身份", "入住日期",
)  # fmt: skip
_TARIFF_HEADERS: Final = (
    "小区", "收费项目", "类型", "计费方式", "单价（元）", "生效日期", "每月应缴日",
    "标准名称", "费用类别", "收费时点", "单位",
)  # fmt: skip
_BILL_HEADERS: Final = (
    "小区", "房屋编号", "业主", "收费项目", "费用月份", "计费面积", "单价",
    "应收金额（元）", "缴费截止日", "缴费状态",
)  # fmt: skip


_USUAL: Final = ("", "自有", "预收", "")


def write_sheets(folder: Path, *, today: date) -> dict[str, Path]:
    """Write the three spreadsheets of the demo once; those that are there stay as they are."""
    units = homes()
    sheets: dict[str, tuple[str, tuple[str, ...], Iterator[tuple[Cell, ...]]]] = {
        "estate": ("房屋与住户台账", _ESTATE_HEADERS, _estate_rows(units)),
        "tariffs": ("物业收费标准", _TARIFF_HEADERS, _tariff_rows()),
        "bills": ("历史应收明细", _BILL_HEADERS, _bill_rows(units, BillingPeriod.of(today))),
    }
    paths = {}
    for kind, (title, headers, rows) in sheets.items():
        paths[kind] = folder / f"{kind}.xlsx"
        if not paths[kind].exists():
            write_table(paths[kind], title=title, headers=headers, rows=rows)
    return paths


def opening_totals(community: str) -> dict[tuple[str, str], int]:
    """Return (building, fee item) → fen that the old books say is owed."""
    found: dict[tuple[str, str], int] = {}
    for index, one in enumerate(homes()):
        if one.community == community:
            place = (one.building, one.fee_item)
            found[place] = found.get(place, 0) + _months_owed(one, index) * one.month_fen
    return found


def _estate_rows(units: list[Home]) -> Iterator[tuple[Cell, ...]]:
    for number, one in enumerate(units, start=1):
        unit = one.label if number % 3 else one.code
        phone: Cell = one.phone if number % 2 else int(one.phone)
        yield (
            number,
            one.community,
            unit,
            one.kind,
            one.area_m2,
            one.name,
            phone,
            "业主",
            SINCE,
        )


def _tariff_rows() -> Iterator[tuple[Cell, ...]]:
    for community in COMMUNITIES:
        yield community, "物业费", "住宅", "按面积", Decimal("2.80"), SINCE, 25, *_USUAL
    yield CLOUD, "物业费", "商铺", "按面积", Decimal("4.50"), SINCE, 25, *_USUAL
    yield CLOUD, "车位费", "车位", "车位", Decimal("150.00"), SINCE, 25, *_USUAL
    water = (WATER_SCHEME, "代收", "后收", "吨")
    yield CLOUD, "水费", "住宅", "按表", Decimal("3.10"), SINCE, 25, *water


def _bill_rows(units: list[Home], current: BillingPeriod) -> Iterator[tuple[Cell, ...]]:
    """Yield six months of bills; the last one or two are open where somebody owes."""
    for back in range(MONTHS_BACK, 0, -1):
        period = current.plus(-back)
        for index, one in enumerate(units):
            price = None
            if one.area_m2 is not None:
                price = Decimal("4.50") if one.kind == "商铺" else Decimal("2.80")
            yield (
                one.community,
                one.code,
                one.name,
                one.fee_item,
                f"{period.year}年{period.month}月" if index % 2 else str(period),
                one.area_m2,
                price,
                yuan(one.month_fen),
                period.day(25),
                "未缴" if back <= _months_owed(one, index) else "已缴",
            )


def _months_owed(home: Home, index: int) -> int:
    """Return how many of the last months a unit owes: all whom outsiders may play owe one."""
    if home.code in _PLAYED:
        return 1
    return (index % 9 == 4) + (index % 27 == 4)


_PLAYED: Final = frozenset(face.home.code for face in faces())
