"""A month's forecast from the books: the same day of the months before, and their ends."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from storage.frozen import dataclass
from storage.periods import BillingPeriod
from storage.queries.collection import Question, collected
from storage.queries.debt_moves import Scope
from storage.rules.forecasting import MOST_MONTHS, Forecast, Past, Trial, back_test, forecast


@dataclass(frozen=True, slots=True)
class MonthAhead:
    """What a month's bills will have brought by its end, and how such forecasts did before."""

    forecast: Forecast
    trial: Trial


def month_ahead(tx: Connection, scope: Scope, today: date) -> MonthAhead:
    """Forecast the month of a Shanghai day; months of which nothing was asked for tell nothing."""
    month = BillingPeriod.of(today)
    past = [_past(tx, scope, month.plus(-back), today) for back in range(MOST_MONTHS, 0, -1)]
    known = [one for one in past if one.asked_at_end_fen > 0]
    now = collected(tx, Question.of_month(scope, month, today))
    return MonthAhead(forecast(now.asked_fen, now.paid_fen, known), back_test(known))


def _past(tx: Connection, scope: Scope, month: BillingPeriod, today: date) -> Past:
    same_day = collected(
        tx, replace(Question.of_month(scope, month, month.day(today.day)), is_long_past=True)
    )
    end = collected(tx, replace(Question.of_month(scope, month, month.last_on), is_long_past=True))
    return Past(same_day.asked_fen, same_day.paid_fen, end.asked_fen, end.paid_fen)
