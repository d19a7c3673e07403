"""What tests of the rules draw from: days, spans, prices, tariffs of a year, and their models."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from storage.kinds import Basis, RoundingMode, RoundingUnit
from storage.periods import DaySpan
from storage.rules.rounding import Rounding
from storage.rules.tariffs import Tariff

SINCE = date(2020, 1, 1)

days = st.dates(date(2023, 1, 1), date(2029, 12, 31))
spans = st.builds(
    lambda day, length: DaySpan(day, day + timedelta(days=length)), days, st.integers(1, 420)
)
prices_e4 = st.integers(0, 10_000_000)
areas = st.integers(1, 1_000_000).map(lambda one: Decimal(one).scaleb(-2))
roundings = st.builds(Rounding, st.sampled_from(RoundingUnit), st.sampled_from(RoundingMode))


@st.composite
def versions(draw: st.DrawFn, /, basis: Basis = Basis.BY_AREA, use_unit: str = ""):
    """Draw versions that follow each other without a gap, and the span they are all drawn into."""
    span = draw(spans)
    changes = draw(
        st.lists(st.dates(span.begins_on, span.last_on), max_size=3, unique=True).map(sorted)
    )
    begins = [SINCE, *(day for day in changes if day > SINCE)]
    ends = [*begins[1:], None]
    found = [
        Tariff(basis, draw(prices_e4), begins_on, ends_on, name=str(begins_on), use_unit=use_unit)
        for begins_on, ends_on in zip(begins, ends, strict=True)
    ]
    return span, found


def price_on(tariffs):
    """Return what a day's price is, looking at every version."""

    def find(day):
        for one in tariffs:
            if one.effective_on <= day and (one.ends_on is None or day < one.ends_on):
                return one.price_e4
        raise AssertionError(day)

    return find
