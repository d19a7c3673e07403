"""A month's figures (报表) as one workbook: amounts are numbers in yuan, texts stay texts."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.spreadsheets.fee_summary import HEADERS
from bot.spreadsheets.writing import Cell, Sheet, book_of
from handlers import rates, words
from handlers.rates import MonthRates
from storage.rules.collecting import Rate

Facts = Mapping[str, Any]
RATE_HEADERS = ("指标", "收缴率", "实收（元）", "应收（元）", "缴清户数", "应缴户数")


def workbook_of(title: str, found: Facts) -> bytes:
    """Return the .xlsx file of the figures that a page shows."""
    return book_of(
        [
            Sheet("收缴率", f"{title} 收缴率", RATE_HEADERS, tuple(_rates(found["rates"]))),
            Sheet("收费汇总表", f"{title} 收费汇总表", HEADERS, tuple(_summary(found["summary"]))),
            Sheet(
                "账龄",
                f"{title} 账龄",
                ("过了应缴日", "户数", "欠费（元）"),
                tuple((label, one.households, _yuan(one.open_fen)) for label, one in found["ages"]),
            ),
            Sheet(
                "收款",
                f"{title} 收款",
                ("收费项目", "方式", "收到（元）", "退回（元）", "净收（元）"),
                tuple(
                    (
                        one.item_name,
                        words.gateway(one.gateway),
                        *map(_yuan, (one.came_fen, one.went_fen, one.fen)),
                    )
                    for one in found["takings"]
                ),
            ),
        ]
    )


def _rates(found: MonthRates) -> Iterator[tuple[Cell, ...]]:
    yield _rate("当期", found.current)
    yield _rate("今年累计", found.year)
    yield _rate("往月清欠", found.old)
    yield _rate("开发商承担（当期）", found.developers)
    for one in found.by_building:
        yield _rate(one.label or "其他", one.rate)


def _rate(label: str, one: Rate) -> tuple[Cell, ...]:
    amounts = (_yuan(one.paid_fen), _yuan(one.asked_fen))
    return (label, rates.percent(one), *amounts, one.households_paid, one.households)


def _summary(rows: Sequence[rates.SummaryRow]) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        yield (row.label, *(_yuan(fen) for _, fen in row.columns))


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
