"""Late fee (违约金): derived from the principal open on each day, never added up by running."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from storage.charge_errors import InputRefused
from storage.frozen import dataclass
from storage.kinds import ChargeInput, LateFeeMode, LateFeeStart, LineKind
from storage.periods import DaySpan
from storage.rules.explanations import Bounds, Explanation, Reckoning, Step, reckon
from storage.rules.figures import PERCENT, YUAN, Factor, figure, yuan_figure
from storage.rules.rounding import TO_THE_FEN

DAYS: Final = "天"
PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LateFeePolicy:
    """The terms from a Shanghai day on: millionths of the principal a day (万分之五 is 500).

    The cap is a percentage of the principal, None for none.
    """

    effective_on: date
    mode: LateFeeMode = LateFeeMode.OFF
    rate_ppm: int = 0
    grace_days: int = 0
    cap_percent: Decimal | None = None
    start: LateFeeStart = LateFeeStart.AFTER_GRACE
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse terms that no contract has. Raises InputRefused."""
        if not 0 <= self.rate_ppm <= PPM:
            raise InputRefused(ChargeInput.PERCENT, str(self.rate_ppm))
        if not 0 <= self.grace_days <= 366:
            raise InputRefused(ChargeInput.COUNT, str(self.grace_days))
        cap = self.cap_percent
        if cap is not None and not (cap.is_finite() and 0 <= cap <= 1_000):
            raise InputRefused(ChargeInput.PERCENT, str(cap))


@dataclass(frozen=True, slots=True)
class PrincipalChange:
    """Fen of principal that came to be open (above 0) or were settled, on a Shanghai day.

    A payment counts on the day of the platform's success time, a transfer on the bank's day, cash
    on the day of its receipt; a refund opens the principal again.
    """

    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Days on which a disputed amount bears nothing; None for all of it, and for no end yet."""

    begins_on: date
    ends_on: date | None = None
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True)
class LateFee:
    """What lateness comes to up to a day, in fen.

    `calculated_fen` is what the terms give, `charged_fen` what of it is asked for (the days on
    which the mode was to charge), `owed_fen` what is left after waivers.
    """

    calculated_fen: int
    charged_fen: int
    owed_fen: int
    principal_fen: int
    late_days: int
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Late days that are all alike: one principal, one policy."""

    days: DaySpan
    open_fen: int
    base_fen: int
    policy: LateFeePolicy

    @property
    def bears(self) -> bool:
        return (
            self.base_fen > 0 and self.policy.rate_ppm > 0 and self.policy.mode != LateFeeMode.OFF
        )

    @property
    def step(self) -> Step:
        return Step(
            LineKind.LATE_FEE,
            (
                Factor(yuan_figure(self.base_fen), YUAN),
                Factor(figure(Fraction(self.policy.rate_ppm * 100, PPM)), PERCENT),
                Factor(str(self.days.days), DAYS),
            ),
            self.days,
            self.policy.name,
        )


def late_fee(
    changes: Sequence[PrincipalChange],
    *,
    due_on: date,
    as_of: date,
    policies: Sequence[LateFeePolicy],
    freezes: Sequence[Freeze] = (),
    waived_fen: int = 0,
) -> LateFee:
    """Return the late fee of one bill's principal up to and with the day `as_of`.

    A day after `due_on` bears a fee on what was open when it began: who pays on the due day, to
    its last second, owes none, and who pays the next day owes one day. The rate of a day is that
    of the policy in force on it; grace, start and cap are those in force on the first late day.
    It depends on nothing but what is given: asking again adds nothing. Give principal only.
    """
    stretches = _stretches(changes, due_on, as_of, policies, freezes)
    principal_fen = max((one.open_fen for one in stretches), default=0)
    bearing = [one for one in stretches if one.bears]
    charging = [one for one in bearing if one.policy.mode == LateFeeMode.CHARGED]
    terms = _terms(policies, due_on)
    calculated = _reckon(bearing, principal_fen, terms)
    charged = _reckon(charging, principal_fen, terms)
    told = charged if charging else calculated
    return LateFee(
        calculated_fen=calculated.amount_fen,
        charged_fen=charged.amount_fen,
        owed_fen=max(charged.amount_fen - max(waived_fen, 0), 0),
        principal_fen=principal_fen,
        late_days=sum(one.days.days for one in bearing),
        explanation=told.explanation,
    )


def _terms(policies: Sequence[LateFeePolicy], due_on: date) -> LateFeePolicy | None:
    """Return the policy of the first late day, or else the first that came into force later."""
    first_late_on = due_on + timedelta(days=1)
    found = _in_force(policies, first_late_on)
    if found is None:
        found = min(policies, key=lambda one: one.effective_on, default=None)
    return found


def _in_force(policies: Sequence[LateFeePolicy], day: date) -> LateFeePolicy | None:
    known = [one for one in policies if one.effective_on <= day]
    return max(known, key=lambda one: one.effective_on, default=None)


def _stretches(
    changes: Sequence[PrincipalChange],
    due_on: date,
    as_of: date,
    policies: Sequence[LateFeePolicy],
    freezes: Sequence[Freeze],
) -> list[_Stretch]:
    terms = _terms(policies, due_on)
    if as_of <= due_on or terms is None:
        return []
    a_day = timedelta(days=1)
    grace_over_on = due_on + timedelta(days=terms.grace_days + 1)
    edges = [grace_over_on, *(one.on + a_day for one in changes)]
    edges += [one.effective_on for one in policies]
    edges += [day for one in freezes for day in (one.begins_on, one.ends_on) if day is not None]
    late = DaySpan(due_on + a_day, as_of + a_day)
    found = []
    for days in late.cut(edges):
        policy = _in_force(policies, days.begins_on)
        if policy is None:
            continue
        open_fen = _open_fen(changes, days.begins_on)
        bearing_fen = open_fen
        if days.begins_on < grace_over_on:
            bearing_fen = min(open_fen, _after_grace(changes, terms, grace_over_on, as_of))
        base_fen = max(bearing_fen - _frozen_fen(freezes, days.begins_on, open_fen), 0)
        found.append(_Stretch(days, open_fen, base_fen, policy))
    return found


def _after_grace(
    changes: Sequence[PrincipalChange], terms: LateFeePolicy, grace_over_on: date, as_of: date
) -> int:
    """Return what of the principal makes the days of grace count: what outlived them, or none."""
    if terms.start == LateFeeStart.AFTER_GRACE or as_of < grace_over_on:
        return 0
    return _open_fen(changes, grace_over_on)


def _open_fen(changes: Sequence[PrincipalChange], day: date) -> int:
    """Return the principal that was open when a day began."""
    return max(sum(one.amount_fen for one in changes if one.on < day), 0)


def _frozen_fen(freezes: Sequence[Freeze], day: date, open_fen: int) -> int:
    return sum(
        open_fen if one.amount_fen is None else one.amount_fen
        for one in freezes
        if one.begins_on <= day and (one.ends_on is None or day < one.ends_on)
    )


def _reckon(
    stretches: Sequence[_Stretch], principal_fen: int, terms: LateFeePolicy | None
) -> Reckoning:
    """Add what stretches bear; the cap is rounded down, so that no rounding passes it."""
    bounds, kept = Bounds(), {}
    if terms is not None and terms.cap_percent is not None:
        cap_fen = int(principal_fen * Fraction(terms.cap_percent) * Fraction(1, 100))
        bounds = Bounds(maximum=((Factor(yuan_figure(cap_fen), YUAN),),))
        kept = {"cap": [yuan_figure(principal_fen), figure(terms.cap_percent)]}
    made = reckon(
        [one.step for one in stretches], rounding=TO_THE_FEN, bounds=bounds, basis="late_fee"
    )
    return replace(made, explanation=made.explanation | kept)
