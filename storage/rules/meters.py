"""What meters say was used (抄表): rollover, replacement, estimates, 倍率 and 损耗."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from storage.charge_errors import InputMissing, InputRefused, ReadingLower
from storage.frozen import dataclass
from storage.kinds import ChargeInput, ReadingKind, ReadingVerdict
from storage.rules.figures import figure

MAX_READING: Final = Decimal(10) ** 9
READING_DECIMALS: Final = 3
SUSPECT_TIMES: Final = 3
"""So many times the usual use makes us ask back."""

_TRUST: Final = (ReadingKind.ESTIMATED, ReadingKind.READ, ReadingKind.CORRECTED)


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter: how many digits its dial has before the point (None: not known), its multiplier."""

    digits: int | None = None
    multiplier: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Refuse dials and multipliers that no meter has. Raises InputRefused."""
        if self.digits is not None and not 1 <= self.digits <= 9:
            raise InputRefused(ChargeInput.READING, str(self.digits))
        if not self.multiplier.is_finite() or not 0 < self.multiplier <= 100_000:
            raise InputRefused(ChargeInput.MULTIPLIER, str(self.multiplier))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter showed on a Shanghai day; `turns` says how often it passed zero since before."""

    read_on: date
    value: Decimal
    kind: ReadingKind = ReadingKind.READ
    meter_no: str = ""
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What is added to what meters show: a rate in ten-thousandths, and a fixed quantity."""

    rate_e4: int = 0
    quantity: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Refuse losses below zero or beyond the whole. Raises InputRefused."""
        if not 0 <= self.rate_e4 <= 10_000:
            raise InputRefused(ChargeInput.LOSS, str(self.rate_e4))
        if not self.quantity.is_finite() or not 0 <= self.quantity < MAX_READING:
            raise InputRefused(ChargeInput.LOSS, str(self.quantity))


@dataclass(frozen=True, slots=True)
class MeterUsage:
    """A quantity that was used, exact, and how it came off the meters, ready for JSON.

    `credit` is what was billed too much on an estimate and is left for the next usage.
    """

    quantity: Fraction
    credit: Fraction
    begins_on: date
    ends_on: date
    explanation: dict[str, Any]

    @property
    def sum(self) -> str:
        """The quantity in figures: "(1285 − 1200) × 20 × 105% = 1785"."""
        return str(self.explanation["sum"])


NO_LOSS: Final = Loss()
PLAIN_METER: Final = Meter()


def check_reading(value: Decimal, *, digits: int | None = None, row: str = "") -> Decimal:
    """Return a reading that a dial can show.

    Raises InputRefused for NaN, infinity, a negative one, more than the dial's digits (or 10⁹),
    or more than three decimals.
    """
    limit = MAX_READING if digits is None else Decimal(10) ** digits
    if not value.is_finite() or value < 0 or value >= limit:
        raise InputRefused(ChargeInput.READING, str(value), row)
    if Fraction(value) * 10**READING_DECIMALS % 1:
        raise InputRefused(ChargeInput.READING, str(value), row)
    return value


def judge(
    reading: Reading,
    *,
    last: Reading,
    usual: tuple[Decimal, int] | None,
    meter: Meter = PLAIN_METER,
) -> ReadingVerdict:
    """Say what a new reading looks like beside the last one that somebody read.

    `usual` is what was used in so many days of last year, by the dial; nothing used gives no
    measure. Raises InputRefused for what no dial shows.
    """
    check_reading(reading.value, digits=meter.digits)
    if reading.value < last.value and not reading.turns:
        return ReadingVerdict.LOWER
    if usual is None or usual[0] <= 0:
        return ReadingVerdict.PLAUSIBLE
    used = _difference(last, reading, meter, row="")
    days = max((reading.read_on - last.read_on).days, 1)
    if used * usual[1] >= SUSPECT_TIMES * Fraction(usual[0]) * days:
        return ReadingVerdict.TOO_HIGH
    return ReadingVerdict.PLAUSIBLE


def estimate(last: Reading, *, usual: tuple[Decimal, int], on: date, meter: Meter) -> Reading:
    """Return an estimated reading: the last one and the usual use of as many days, whole units."""
    used = Fraction(usual[0]) * (on - last.read_on).days // usual[1]
    turns, shown = divmod(Fraction(last.value) + used, _span(meter))
    value = Decimal(shown.numerator) / Decimal(shown.denominator)
    return Reading(on, value, ReadingKind.ESTIMATED, last.meter_no, int(turns))


def usage(
    readings: Sequence[Reading],
    *,
    meters: Mapping[str, Meter],
    loss: Loss = NO_LOSS,
    credit: Fraction = Fraction(),
    row: str = "",
) -> MeterUsage:
    """Return what was used between the first and the last reading, over all meters in between.

    Of several readings of a meter on one day a corrected one counts before one that was read, and
    that before an estimate; among equals the last given. A meter is replaced on the day of its
    last reading and of the next one's first. Where too much was billed on an estimate the
    quantity is 0 and the rest is credit. Raises InputMissing where a reading is missing,
    ReadingLower, and InputRefused.
    """
    chains = _chains(readings, row=row)
    parts: list[dict[str, Any]] = []
    total = Fraction()
    for meter_no, chain in chains:
        meter = meters.get(meter_no, PLAIN_METER)
        for one in chain:
            check_reading(one.value, digits=meter.digits, row=row)
        for before, after in pairwise(chain):
            used = _difference(before, after, meter, row=row)
            total += used * Fraction(meter.multiplier)
            parts.append(_part(before, after, meter))
    total = total * Fraction(10_000 + loss.rate_e4, 10_000) + Fraction(loss.quantity)
    quantity = max(total - credit, Fraction())
    kept = {
        "parts": parts,
        "loss_percent": figure(Fraction(loss.rate_e4, 100)),
        "loss": figure(loss.quantity),
        "credit": figure(credit),
        "quantity": figure(quantity),
        "credit_left": figure(max(credit - total, Fraction())),
    }
    kept["sum"] = _told(kept)
    return MeterUsage(
        quantity=quantity,
        credit=max(credit - total, Fraction()),
        begins_on=chains[0][1][0].read_on,
        ends_on=chains[-1][1][-1].read_on,
        explanation=kept,
    )


def recompute(kept: Mapping[str, Any]) -> Fraction:
    """Return the quantity that the readings of an explanation give. Raises ValueError."""
    total = Fraction()
    for part in kept["parts"]:
        turned = Fraction(part["turned"])
        used = turned + Fraction(part["after"]) - Fraction(part["before"])
        total += used * Fraction(part["multiplier"])
    total = total * Fraction(100 + Fraction(kept["loss_percent"]), 100) + Fraction(kept["loss"])
    quantity = max(total - Fraction(kept["credit"]), Fraction())
    if quantity != Fraction(kept["quantity"]):
        raise ValueError(f"the readings give {figure(quantity)}, kept is {kept['quantity']}")
    return quantity


def _chains(readings: Sequence[Reading], *, row: str) -> list[tuple[str, list[Reading]]]:
    """Return meter by meter the readings that count, in order; each takes over from the last."""
    counted: dict[str, dict[date, Reading]] = {}
    for one in sorted(readings, key=lambda one: _TRUST.index(one.kind)):
        counted.setdefault(one.meter_no, {})[one.read_on] = one
    chains = [
        (meter_no, [by_day[day] for day in sorted(by_day)]) for meter_no, by_day in counted.items()
    ]
    chains.sort(key=lambda chain: (chain[1][0].read_on, chain[1][-1].read_on, chain[0]))
    for (_, before), (_, after) in pairwise(chains):
        if before[-1].read_on != after[0].read_on:
            raise InputMissing(ChargeInput.READING, row)
    if not any(len(chain) > 1 for _, chain in chains):
        raise InputMissing(ChargeInput.READING, row)
    return chains


def _difference(before: Reading, after: Reading, meter: Meter, *, row: str) -> Fraction:
    """Return what the dial counted; below zero only where an estimate was too high."""
    turned = _span(meter) * after.turns
    used = turned + Fraction(after.value) - Fraction(before.value)
    if used < 0 and before.kind != ReadingKind.ESTIMATED:
        raise ReadingLower(figure(after.value), figure(before.value), row)
    return used


def _span(meter: Meter) -> Fraction:
    """Return what a dial counts until it is at zero again."""
    if meter.digits is None:
        return Fraction(MAX_READING)
    return Fraction(10**meter.digits)


def _part(before: Reading, after: Reading, meter: Meter) -> dict[str, Any]:
    return {
        "meter": after.meter_no,
        "from": before.read_on.isoformat(),
        "to": after.read_on.isoformat(),
        "before": figure(before.value),
        "after": figure(after.value),
        "turned": figure(_span(meter) * after.turns),
        "multiplier": figure(meter.multiplier),
        "kinds": [str(before.kind), str(after.kind)],
    }


def _told(kept: Mapping[str, Any]) -> str:
    """Print how the quantity came about, as one would type it into a calculator."""
    products = []
    for part in kept["parts"]:
        turned = f"{part['turned']} + " if part["turned"] != "0" else ""
        times = f" × {part['multiplier']}" if part["multiplier"] != "1" else ""
        products.append(f"({turned}{part['after']} − {part['before']}){times}")
    told = " + ".join(products)
    if kept["loss_percent"] != "0":
        told = f"({told})" if len(products) > 1 else told
        told += f" × {figure(100 + Fraction(kept['loss_percent']))}%"
    told += f" + {kept['loss']}" if kept["loss"] != "0" else ""
    told += f" − {kept['credit']}" if kept["credit"] != "0" else ""
    return f"{told} = {kept['quantity']}"
