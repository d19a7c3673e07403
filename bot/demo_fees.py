"""What the demo charges beside its plain fees: water by the meter, and a lift that all share."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

from bot.demo_community import CLOUD, WATER_SCHEME, faces
from bot.spreadsheets.importing import SheetKind
from bot.spreadsheets.opening import fee_code
from bot.spreadsheets.writing import Cell, write_table
from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import ShareMethod
from storage.operations.sharing import CostFact, draft_cost, issue_cost, publish_cost
from storage.operations.tariffs import fee_item_ids
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.sharing import costs_of, scope_named

LIFT: Final = "电梯费公摊"
LIFT_FEN: Final = 328_000
DUE_DAY: Final = 25
READ_DAY: Final = 28

_CHOICE_HEADERS: Final = ("小区", "房号", "收费项目", "标准名称", "开始日期")
_METER_HEADERS: Final = ("小区", "房号", "收费项目", "表号", "安装日期", "起始读数", "表位数")
_READING_HEADERS: Final = ("小区", "房号", "收费项目", "表号", "抄表日期", "读数")
_METERS: Final = {
    "W10301": (1_216, 1_228, 1_239),
    "W12301": (640, 655, 668),
    "W21603": (88, 95, 104),
}
"""Meter → what it showed when it was put in, and in each of the two months after."""


def write_meter_sheets(folder: Path, *, today: date) -> dict[SheetKind, Path]:
    """Write who pays for water, by which meter, and two readings; once, in their order."""
    last = BillingPeriod.of(today).plus(-1)
    days = [last.plus(-back).day(READ_DAY) for back in (2, 1, 0)]
    places = [one.home.label for one in faces()]
    rows = [(CLOUD, place, "水费", no) for place, no in zip(places, _METERS, strict=False)]
    choices: list[tuple[Cell, ...]] = [(*row[:3], WATER_SCHEME, last.first_on) for row in rows]
    meters: list[tuple[Cell, ...]] = [(*row, days[0], _METERS[row[3]][0], 5) for row in rows]
    readings: list[tuple[Cell, ...]] = [
        (*row, day, shown)
        for row in rows
        for day, shown in zip(days[1:], _METERS[row[3]][1:], strict=True)
    ]
    sheets: dict[SheetKind, tuple[str, tuple[str, ...], Iterator[tuple[Cell, ...]]]] = {
        SheetKind.CHOICES: ("各户收费标准", _CHOICE_HEADERS, iter(choices)),
        SheetKind.METERS: ("水表台账", _METER_HEADERS, iter(meters)),
        SheetKind.READINGS: ("抄表记录", _READING_HEADERS, iter(readings)),
    }
    paths = {}
    for kind, (title, headers, of_sheet) in sheets.items():
        paths[kind] = folder / f"{kind}.xlsx"
        if not paths[kind].exists():
            write_table(paths[kind], title=title, headers=headers, rows=of_sheet)
    return paths


async def share_lift(db: Database, community_id: int, *, now: datetime) -> None:
    """Share what the lifts used among all by area, publish the proof and bill it, once."""
    known = [one.cost_id for one in await db.read(costs_of, community_id, limit=1)]
    cost_id = known[0] if known else await _draft(db, community_id, now)
    await db.write(publish_cost, cost_id, actor=CLOCK, now=now)
    await db.write(issue_cost, cost_id, actor=CLOCK, now=now)


async def _draft(db: Database, community_id: int, now: datetime) -> int:
    items = await db.write(fee_item_ids, community_id, {LIFT: fee_code(LIFT, {})})
    period = BillingPeriod.of(shanghai_day(now))
    due_on = period.day(DUE_DAY)
    if due_on < shanghai_day(now):
        due_on = period.plus(1).day(DUE_DAY)
    scope = await db.read(scope_named, community_id, "")
    fact = CostFact(items[LIFT], period, scope, ShareMethod.BY_AREA, LIFT_FEN, due_on)
    return await db.write(draft_cost, fact, community_id=community_id, actor=CLOCK, now=now)
