"""What a month's-end report shows: the same words for managers and for everybody."""

from dataclasses import replace
from typing import Any

from bot.web import charts
from bot.web.figure_rows import AGES
from handlers import rates, words
from storage.queries.month_reports import MonthReport

RATES = (
    ("current", "当期收缴率"),
    ("year", "今年累计收缴率"),
    ("old", "往月清欠率"),
    ("developers", "开发商承担"),
)


def public_facts(report: MonthReport) -> dict[str, Any]:
    """Return what everybody may see of a report: nothing that tells of few households."""
    shown = report.buildings if report.shows_buildings else ()
    return report_facts(replace(report, ages=report.public_ages, buildings=shown))


def report_facts(report: MonthReport) -> dict[str, Any]:
    """Return a template's values of a report."""
    ages = [(label, *one) for label, one in zip(AGES, report.ages, strict=False)]
    return {
        "report": report,
        "rates": [
            (label, rates.percent(report.rates[name]), report.rates[name])
            for name, label in RATES
            if report.rates[name].asked_fen or name != "developers"
        ],
        "columns": (rates.OPENING, *rates.MOVES.values(), rates.CLOSING),
        "items": [_item(one) for one in report.items],
        "ages": ages,
        "age_chart": charts.bars(
            "欠费的账龄", [(label, fen // 100) for label, fen, _ in ages], "元"
        ),
        "ways": [(words.gateway(name), fen) for name, fen in report.takings],
        "buildings": [
            ("、".join(one or "其他" for one in labels), count, percent)
            for labels, count, percent in report.buildings
        ],
    }


def _item(one: Any) -> tuple[str, list[int]]:  # noqa: ANN401 - a line of the report
    moved = [
        -one.moved_fen[move] if move in rates.LESS else one.moved_fen[move] for move in rates.MOVES
    ]
    return one.name, [one.opening_fen, *moved, one.closing_fen]
