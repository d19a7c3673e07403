"""Pricing many units alike: what the rules say of one is worked out once, and filled in for all."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import Basis, LineKind, Payer
from storage.periods import DaySpan
from storage.rules import parting
from storage.rules.billing import Due
from storage.rules.charging import AT_ONCE, BY_MONTH, charge_days
from storage.rules.discounts import Discount, take_off
from storage.rules.figures import SQUARE_METRES, yuan_figure
from storage.rules.rounding import TO_THE_FEN
from storage.rules.tariffs import MAX_AREA_M2, Charge, UnitFacts

_SAMPLES: Final = (Decimal("987654.32"), Decimal("123456.78"))
"""Areas no flat has: where their figures stand in an explanation, those of a unit will stand."""
_PLAIN: Final = BY_MONTH | AT_ONCE
_WORTH_A_MOULD: Final = 4
"""So many areas are priced by the rules before it pays to look for what they have in common."""
_AREA, _YUAN, _FEN = "\x01", "\x02", "\x03"


class Line(NamedTuple):
    """A line of a bill as it is kept."""

    label: str
    quantity: str
    unit_price: str
    kind: str
    amount_fen: int


class Priced(NamedTuple):
    """An amount, the lines that sum to it, and the frozen explanation as JSON text."""

    amount_fen: int
    lines: tuple[Line, ...]
    explanation: str


class Pricer:
    """Prices the days of one fee for many units; asks the rules as seldom as it can."""

    def __init__(self, due: Due, item_name: str) -> None:
        """Take the days with their prices, and what the fee is called on the bill."""
        self.due = due
        self.period = str(due.period)
        self._item_name = item_name
        self._known: dict[tuple[Decimal | None, int], Priced] = {}
        self._needs_area = any(one.basis == Basis.BY_AREA for one in due.tariffs)
        self.is_by_days = not any(one.basis in AT_ONCE for one in due.tariffs)
        """Whether fewer days cost less."""
        self.is_same_for_equals = all(one.basis in _PLAIN for one in due.tariffs)
        """Whether units of one area and count owe the same."""
        self._mould: _Mould | None = None
        self._until_mould = _WORTH_A_MOULD if self._needs_area else -1

    def ordinary(self, row: str, area_m2: Decimal | None, count: int) -> Priced:
        """Return what a unit owes that only its area and count matter for.

        Raises as `charge_days` does, naming the row.
        """
        if self._mould is not None and area_m2 is not None and 0 < area_m2 <= MAX_AREA_M2:
            return self._moulded(self._mould, area_m2)
        key = (area_m2 if self._needs_area else None, count)
        found = self._known.get(key)
        if found is None:
            self._until_mould -= 1
            if self._until_mould == 0:
                self._mould = _Mould.of(self.due)
            facts = UnitFacts(row=row, floor_area_m2=area_m2, count=count)
            found = self._known[key] = frozen(self._item_name, self.charge(facts))
        return found

    def charge(self, facts: UnitFacts) -> Charge:
        """Return what the rules say a unit owes. Raises as `charge_days` does."""
        due = self.due
        return charge_days(due.tariffs, facts, due.days, anchor_day=due.anchor_day)

    def _moulded(self, mould: "_Mould", area_m2: Decimal) -> Priced:
        amount_fen, area, text = mould.fill(area_m2)
        line = Line(self._item_name, area, mould.unit_price, LineKind.PIECE, amount_fen)
        return Priced(amount_fen, (line,), text)


@dataclass(frozen=True, slots=True)
class _Mould:
    """An explanation with three empty places: the area, the amount in yuan, and in fen.

    `above` over `below` is what a hundredth of a square metre costs in fen, exactly.
    """

    text: str
    unit_price: str
    above: int
    below: int

    @classmethod
    def of(cls, due: Due) -> "_Mould | None":
        """Make one from what the rules say of a sample; None where it would not fit others."""
        if any(
            one.rounding != TO_THE_FEN or (one.minimum_fen, one.maximum_fen) != (None, None)
            for one in due.tariffs
        ):
            return None
        try:
            first, second = (_of_area(due, area) for area in _SAMPLES)
        except Refusal:
            return None
        if any(len(one.lines) != 1 for one in (first, second)):
            return None
        each = first.exact_fen / int(_SAMPLES[0].scaleb(2))
        mould = cls(_emptied(first), first.unit_price, each.numerator, each.denominator)
        is_true = mould.fill(_SAMPLES[1]) == (second.amount_fen, second.quantity, _json(second))
        return mould if is_true else None

    def fill(self, area_m2: Decimal) -> tuple[int, str, str]:
        """Return the amount in fen, rounded half up, the area as it is read, and the text."""
        hundredths = int(area_m2.scaleb(2))
        amount_fen = (2 * hundredths * self.above + self.below) // (2 * self.below)
        area = f"{hundredths // 100}.{hundredths % 100:02d}"
        yuan = f"{amount_fen // 100}.{amount_fen % 100:02d}"
        text = self.text.replace(_AREA, area).replace(_YUAN, yuan).replace(_FEN, str(amount_fen))
        return amount_fen, area + SQUARE_METRES, text


def _of_area(due: Due, area_m2: Decimal) -> Charge:
    facts = UnitFacts(floor_area_m2=area_m2)
    return charge_days(due.tariffs, facts, due.days, anchor_day=due.anchor_day)


def _emptied(charge: Charge) -> str:
    """Return the sample's explanation without its figures."""
    text = _json(charge).replace(str(_SAMPLES[0]), _AREA)
    text = text.replace(yuan_figure(charge.amount_fen), _YUAN)
    return text.replace(f":{charge.amount_fen}", f":{_FEN}")


def frozen(item_name: str, charge: Charge) -> Priced:
    """Return a charge as a bill keeps it: a single line as it is read, several one by one."""
    return Priced(charge.amount_fen, _lines(item_name, charge), _json(charge))


def with_discounts(charge: Charge, discounts: Sequence[Discount]) -> Charge:
    """Return a charge with what is taken off it."""
    return take_off(charge, discounts) if discounts else charge


def paid_by(priced: Priced, payer: Payer) -> Priced:
    """Return the same with the payer in its explanation, where it is not the owner."""
    if payer == Payer.OWNER:
        return priced
    return priced._replace(explanation=f'{priced.explanation[:-1]},"payer":"{payer}"}}')


def parted(priced: Priced, spans: Sequence[DaySpan], whose: Sequence[Payer]) -> list[Priced]:
    """Share a charge among parties; the parts sum to it, and one may be 0 fen."""
    known: dict[str, Any] = json.loads(priced.explanation)
    shares, unit = parting.shares_of(known, spans)
    found = []
    for at, (span, payer) in enumerate(zip(spans, whose, strict=True)):
        part_fen, kept = parting.part_of(priced.amount_fen, shares, unit, at)
        kept["whose"] = str(payer)
        text = known | {
            "sum": f"{known['sum']}；{parting.told(kept, part_fen)}",
            "days": [span.begins_on.isoformat(), span.last_on.isoformat()],
            "part": kept,
            "amount_fen": part_fen,
        }
        lines = _lines_of_part(priced.lines, kept, part_fen)
        found.append(Priced(part_fen, lines, _text(text)))
    return found


def _lines_of_part(lines: Sequence[Line], kept: dict[str, Any], part_fen: int) -> tuple[Line, ...]:
    shared = parting.lines_of_part([one.amount_fen for one in lines], kept, part_fen)
    counted = parting.share_text(kept)
    return tuple(
        one._replace(
            quantity=f"{one.quantity} × {counted}"[:30] if one.quantity else counted, amount_fen=fen
        )
        for one, fen in zip(lines, shared, strict=True)
        if fen
    )


def _lines(item_name: str, charge: Charge) -> tuple[Line, ...]:
    if len(charge.lines) == 1:
        [only] = charge.lines
        quantity, price = charge.quantity, charge.unit_price
        return (Line(item_name, quantity[:30], price[:30], str(only.kind), charge.amount_fen),)
    return tuple(
        Line(
            (one.name or item_name)[:60],
            one.quantity[:30],
            one.unit_price[:30],
            str(one.kind),
            one.amount_fen,
        )
        for one in charge.lines
    )


def _json(charge: Charge) -> str:
    return _text(charge.explanation)


def _text(text: dict[str, Any]) -> str:
    return json.dumps(text, ensure_ascii=False, separators=(",", ":"))
