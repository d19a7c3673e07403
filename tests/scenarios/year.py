"""What happens in the year of 梧桐里: its flats, its fees, and what people do, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

COMMUNITY = "梧桐里"
OPENS_ON = date(2025, 12, 28)
BEGINS_ON = date(2026, 1, 1)
ENDS_ON = date(2027, 1, 3)
"""Two nights into the next year: December's late fees and what is billed in arrears."""

RISE_ON = date(2026, 6, 16)
DEVELOPER_UNTIL = date(2026, 3, 12)


def on(day: str) -> date:
    """Read a day of the year, "06-16", or a whole one."""
    return date.fromisoformat(day if len(day) == 10 else f"2026-{day}")


@dataclass(frozen=True)
class Home:
    """A unit, and who owns it from when."""

    code: str
    kind: str
    area: str
    owner: str
    from_on: date = date(2019, 6, 1)

    @property
    def label(self) -> str:
        if self.kind != "home":
            return self.code
        building, entrance, room = self.code.split("-")
        return f"{building}栋{entrance}单元{room}"


HOMES = (
    Home("1-1-101", "home", "89.50", "李秀英"),
    Home("1-1-102", "home", "92.37", "王建国"),
    Home("1-1-201", "home", "108.75", "张丽华"),
    Home("1-1-202", "home", "78.51", "刘志强"),
    Home("1-2-101", "home", "66.66", "陈晓燕"),
    Home("1-2-102", "home", "120.01", "杨海涛"),
    Home("1-2-201", "home", "88.88", "赵雅琴"),
    Home("1-2-202", "home", "95.05", "黄文博", DEVELOPER_UNTIL),
    Home("2-1-101", "home", "143.27", "周思远"),
    Home("2-1-201", "home", "59.99", "吴桂兰"),
    Home("2-1-301", "home", "101.03", "徐子轩"),
    Home("2-1-401", "home", "77.77", "孙美玲"),
    Home("S1", "shop", "62.40", "胡俊杰"),
    Home("S2", "shop", "33.33", "朱玉珍"),
    Home("B-01", "parking", "", "高明辉"),
    Home("B-02", "parking", "", "林雪梅"),
)
METERED = tuple(one.code for one in HOMES if one.kind == "home")

PREPAYS, OWES, SOLD, DISPUTES, LET = "1-1-101", "1-1-102", "1-1-201", "1-1-202", "1-2-101"
PAYS_LATE, LAST_SECOND, HANDED_OVER, ESTIMATED = "1-2-102", "1-2-201", "1-2-202", "2-1-101"
MISREAD, BUILDS, WIDER = "2-1-201", "2-1-301", "2-1-401"


@dataclass(frozen=True)
class Fee:
    """A fee of a kind of unit as the community decided it: prices in 1/10000 yuan by day."""

    item: str
    basis: str
    prices: tuple[tuple[date, int], ...]
    kind: str = "home"
    scheme: str = ""
    cycle: str = "monthly"
    in_arrears: bool = False
    fee_class: str = "own"
    use_unit: str = ""
    tiers: tuple[tuple[int, int | None, int], ...] = ()
    """(price, up to, more for each head above three)."""
    tier_span: str = "month"
    minimum_fen: int | None = None
    maximum_fen: int | None = None
    rounding: tuple[str, str] = ("fen", "half_up")
    formula: str = ""


def _price(price_e4: int) -> tuple[tuple[date, int], ...]:
    return ((BEGINS_ON, price_e4),)


PROPERTY, CLEANING, WATER, POWER, GAS = "物业费", "保洁费", "水费", "电费", "燃气费"
RENT, SPACE, RUBBISH, DEPOSIT, PUMPING = (
    "车位租金",
    "车位管理费",
    "垃圾清运费",
    "装修押金",
    "加压费",
)
LIFT, LATE_FEE = "电梯维修公摊", "违约金"

FEES = (
    Fee(PROPERTY, "by_area", _price(28_000)),
    Fee(
        PROPERTY,
        "by_area",
        _price(45_000),
        kind="shop",
        cycle="quarterly",
        maximum_fen=25_000,
        rounding=("jiao", "half_up"),
    ),
    Fee(CLEANING, "fixed", _price(125_500), cycle="quarterly", in_arrears=True),
    Fee(
        WATER,
        "by_meter",
        _price(31_000),
        in_arrears=True,
        fee_class="agency",
        use_unit="吨",
        minimum_fen=2_000,
    ),
    Fee(
        POWER,
        "tiered",
        _price(0),
        scheme="合表",
        in_arrears=True,
        fee_class="agency",
        use_unit="度",
        tiers=((5_283, 600, 100), (5_783, 1_100, 200), (8_283, None, 0)),
        tier_span="year",
    ),
    Fee(
        GAS,
        "tiered",
        _price(0),
        scheme="管道",
        in_arrears=True,
        fee_class="agency",
        use_unit="方",
        tiers=((26_300, 15, 0), (31_200, None, 0)),
        rounding=("jiao", "up"),
    ),
    Fee(RENT, "parking", _price(1_500_000), scheme="租用", fee_class="renewal"),
    Fee(SPACE, "parking", _price(600_000), scheme="自有", cycle="yearly"),
    Fee(SPACE, "parking", _price(605_000), kind="parking"),
    Fee(RUBBISH, "one_off", _price(3_000_000), scheme="装修", fee_class="agency"),
    Fee(DEPOSIT, "deposit", _price(20_000_000), scheme="装修", fee_class="deposit"),
    Fee(PUMPING, "formula", _price(0), formula="max(面积 × 0.35, 30) × 月数"),
)


@dataclass(frozen=True)
class Event:
    """Something that the office and the model both hear of, at a Shanghai minute of a day."""

    on: date
    verb: str
    args: tuple[Any, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    at: str = "10:00"


def _event(day: str | date, verb: str, *args: Any, at: str = "10:00", **more: Any) -> Event:
    return Event(on(day) if isinstance(day, str) else day, verb, args, more, at)


def beginning() -> Iterator[Event]:
    """Yield what is entered before the first bill."""
    for code in (HANDED_OVER,):
        for item in (PROPERTY, CLEANING, WATER, PUMPING):
            yield _event(OPENS_ON, "exempts", code, item, until_on=DEVELOPER_UNTIL)
    for code in (PREPAYS, SOLD, BUILDS):
        heads = {PREPAYS: 5, SOLD: 3, BUILDS: 2}[code]
        yield _event(OPENS_ON, "assigns", code, POWER, "合表", BEGINS_ON, heads=heads)
        yield _event(OPENS_ON, "installs", code, POWER, f"D{code}", 40)
    yield _event(OPENS_ON, "assigns", WIDER, GAS, "管道", BEGINS_ON)
    yield _event(OPENS_ON, "installs", WIDER, GAS, "G1", 7)
    yield _event(OPENS_ON, "assigns", ESTIMATED, RENT, "租用", BEGINS_ON)
    yield _event(OPENS_ON, "assigns", LET, PROPERTY, "", BEGINS_ON, payer="tenant")
    yield _event(
        OPENS_ON,
        "assigns",
        MISREAD,
        SPACE,
        "自有",
        BEGINS_ON,
        count=2,
        anchored_on=on("2024-03-10"),
    )
    for code in METERED:
        if code != HANDED_OVER:
            yield _event(OPENS_ON, "installs", code, WATER, f"W{code}", *_dial(code)[:2])
    yield _event(OPENS_ON, "moves_in", LET, "冯春梅", "tenant", on("2024-04-11"))
    yield _event(OPENS_ON, "reduces", MISREAD, PROPERTY, "低保", percent=10)
    yield _event(OPENS_ON, "late_fees", BEGINS_ON, 500)
    yield _event(OPENS_ON, "brings_along", OWES, PROPERTY, "2025-11", 25_864)
    yield _event(OPENS_ON, "brings_along", OWES, PROPERTY, "2025-12", 25_864)
    yield _event(OPENS_ON, "brings_along", SOLD, PROPERTY, "2025-12", 30_450)
    yield _event(OPENS_ON, "signs")


def happenings() -> Iterator[Event]:
    """Yield what happens in the year, apart from readings and habits of paying."""
    yield _event("01-03", "puts_aside", PREPAYS, 150_000)
    yield _event("01-03", "puts_aside", PREPAYS, 8_000, WATER, at="11:00")
    yield _event("01-15", "reduces", BUILDS, PROPERTY, "体验券", amount_fen=1_000, uses=1)
    yield _event("02-03", "corrects_area", WIDER, "79.77", ((PROPERTY, "2026-02"),))
    yield _event("02-10", "stands_empty", ESTIMATED, 30, on("02-10"), on("05-06"))
    yield _event("02-20", "assigns", BUILDS, RUBBISH, "装修", on("03-09"))
    yield _event("02-20", "assigns", BUILDS, DEPOSIT, "装修", on("03-09"))
    yield _event(DEVELOPER_UNTIL, "installs", HANDED_OVER, WATER, "W9", 0)
    yield _event("04-11", "moves_out", LET, "冯春梅")
    yield _event("04-21", "moves_in", LET, "程立新", "tenant", on("04-21"))
    yield _event("04-23", "disputes", DISPUTES, PROPERTY, "2026-03")
    yield _event("05-12", "inspects", BUILDS, 30_000)
    yield _event("05-17", "replaces", SOLD, WATER, "W新", 53, 2)
    yield _event("05-20", "reprices", PROPERTY, "home", 30_500, RISE_ON)
    yield _event("05-20", "reprices", PROPERTY, "shop", 47_700, on("07-01"))
    yield _event("05-20", "reprices", WATER, "home", 33_500, RISE_ON)
    yield _event("06-10", "settles_dispute", DISPUTES)
    yield _event("07-10", "shares", "1栋1单元", 123_457, {"1-1-101": 0, "1-1-102": 0})
    yield _event("08-15", "sells", SOLD, "许若曦", on("08-15"))
    yield _event("08-20", "late_fees", on("09-01"), 300)
    yield _event("10-21", "goes_deaf")
    yield _event("11-02", "hears_again")


def _dial(code: str) -> tuple[int, dict[str, Any]]:
    """Return what a water meter shows first, and what is special about it."""
    special: dict[str, tuple[int, dict[str, Any]]] = {
        DISPUTES: (9_957, {"digits": 4}),
        PAYS_LATE: (300, {"multiplier": "1.5", "loss_e4": 300}),
        SOLD: (10, {}),
    }
    start, more = special.get(code, (100, {}))
    return start, more


def used(code: str, month: int) -> int:
    """Return how many tons go through a meter in a month."""
    number = METERED.index(code)
    return 6 + (number * 3 + month * 5) % 7


def readings() -> Iterator[Event]:
    """Yield what staff read on the 28th of each month, and what goes wrong with it."""
    for code in METERED:
        shown = 0 if code == HANDED_OVER else _dial(code)[0]
        for month in range(1, 13):
            if code == HANDED_OVER and month < 3:
                continue
            shown += used(code, month)
            yield from _read(code, month, shown)
            if code == SOLD and month == 5:
                shown = 2 + 4
    for at, code in enumerate((PREPAYS, SOLD, BUILDS)):
        shown = 40
        for month in range(1, 13):
            shown += 90 + (at * 17 + month * 23) % 80
            yield _event(date(2026, month, 28), "reads", code, POWER, shown)
    shown = 7
    for month in range(1, 13):
        shown += 12 + month % 5
        yield _event(date(2026, month, 28), "reads", WIDER, GAS, shown)


def _read(code: str, month: int, shown: int) -> Iterator[Event]:
    day = date(2026, month, 28)
    if code == LAST_SECOND and month == 9:  # forgotten, and made up for in October
        yield _event("10-05", "reads", code, WATER, shown + 1, read_on=on("09-30"))
    elif code == ESTIMATED and month == 8:
        yield _event(day, "reads", code, WATER, shown + 2, kind="estimated")
    elif code == MISREAD and month == 4:
        yield _event(day, "reads", code, WATER, shown + 4)
        yield _event("05-10", "reads", code, WATER, shown, kind="corrected", read_on=day)
    elif code == SOLD and month == 5:
        yield _event(day, "reads", code, WATER, 2 + 4)
    elif code == DISPUTES and shown >= 10_000:
        is_first = shown - used(code, month) < 10_000
        verb = "turns" if is_first else "reads"
        yield _event(day, verb, code, WATER, shown - 10_000)
    else:
        yield _event(day, "reads", code, WATER, shown)


def habits() -> Iterator[Event]:
    """Yield who pays when: most on the 20th; two late; one to the last second; one disputes."""
    for month in range(1, 13):
        day = date(2026, month, 20)
        for home in HOMES:
            if (home.code == OWES and month <= 5) or home.code == PAYS_LATE:
                continue
            if (home.code, month) in ((MISREAD, 9), (MISREAD, 10), (LAST_SECOND, 2)):
                continue
            but = (PROPERTY, "2026-03") if home.code == DISPUTES and 3 <= month <= 6 else None
            yield _event(day, "pays", home.code, but=but, at="12:00")
        yield _event(date(2026, month, 9), "pays", PAYS_LATE, only_late=True, at="19:30")
    yield _event("02-25", "pays", LAST_SECOND, at="23:59:58")
    yield _event("07-06", "pays", DISPUTES, at="11:00")
    yield _event("06-03", "pays", OWES, at="15:00")
    yield _event("10-29", "pays", MISREAD, at="22:00")


def script() -> dict[date, list[Event]]:
    """Return all that happens, by day, in the order of the clock."""
    found: dict[date, list[Event]] = {}
    for one in (*beginning(), *happenings(), *readings(), *habits()):
        found.setdefault(one.on, []).append(one)
    for day in found.values():
        day.sort(key=lambda one: one.at)
    return found


def area_e2(area: str) -> int:
    """Return hundredths of square metres."""
    return int(Decimal(area) * 100)
