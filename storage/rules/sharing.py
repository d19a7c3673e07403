"""Shared cost (公摊): each unit's share by area, household or share, and the proof of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from storage.charge_errors import InputMissing, InputRefused, NobodyShares
from storage.frozen import dataclass
from storage.kinds import Basis, ChargeInput, ShareMethod, ShareScope
from storage.rules.figures import SQUARE_METRES, figure, money_text, yuan_figure

MAX_FACTOR_PERCENT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sharer:
    """A unit among whom a cost is shared; `key` names it, once, and breaks ties.

    `share` counts where the method is by share. `factor_percent` is what it bears of its full
    weight: 100 as a rule, 0 for one that is left out (a ground floor's lift), 150 for a shop.
    """

    key: str
    floor_area_m2: Decimal | None = None
    share: Decimal | None = None
    factor_percent: int = 100


@dataclass(frozen=True, slots=True)
class Share:
    """What one unit bears: its weight, the exact sum, and the fen it was rounded to.

    `rank` is its place among the remainders, from 1; the first ones bear a fen more.
    """

    key: str
    weight: Fraction
    exact_fen: Fraction
    rank: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SharingProof:
    """How a cost was shared: anyone can add the weights, the sums, and the fen.

    `spare_fen` are those that were left after rounding down and went to the largest remainders.
    """

    total_fen: int
    method: ShareMethod
    scope: ShareScope
    scope_label: str
    weight_sum: Fraction
    spare_fen: int
    shares: tuple[Share, ...]

    def explain(self, share: Share, *, tariff: str = "") -> dict[str, Any]:
        """Return the explanation of one unit's share, in the shape that every bill has."""
        by_area = self.method == ShareMethod.BY_AREA
        unit = SQUARE_METRES if by_area else ""
        decimals = 2 if by_area else 0
        weight, whole = (
            figure(one, decimals=decimals) + unit for one in (share.weight, self.weight_sum)
        )
        price = money_text(self.total_fen)
        quantity = f"{weight} / {whole}"
        return {
            "basis": str(Basis.SHARED),
            "quantity": quantity,
            "unit_price": price,
            "months": "",
            "sum": f"{price} × {quantity} = {money_text(share.amount_fen)}",
            "tariff": tariff,
            "share": {
                "method": str(self.method),
                "scope": [str(self.scope), self.scope_label],
                "total_yuan": yuan_figure(self.total_fen),
                "weight": figure(share.weight),
                "weight_sum": figure(self.weight_sum),
                "rank": share.rank,
                "spare_fen": self.spare_fen,
            },
            "amount_fen": share.amount_fen,
        }


def share_cost(
    total_fen: int,
    sharers: Sequence[Sharer],
    *,
    method: ShareMethod,
    scope: ShareScope = ShareScope.COMMUNITY,
    scope_label: str = "",
) -> SharingProof:
    """Share a cost among units: rounded down to the fen, what is left to the largest remainders.

    The shares sum to the whole and none is negative. The order of the units given changes nothing:
    the proof is in the order of their keys, and equal remainders go to the earlier key. Raises
    InputMissing and InputRefused naming the unit, NobodyShares, ValueError for a key given twice.
    """
    twice = [key for key, count in Counter(one.key for one in sharers).items() if count > 1]
    if twice:
        raise ValueError(f"a unit shares a cost once: {twice[0]}")
    if total_fen < 0:
        raise InputRefused(ChargeInput.AMOUNT, yuan_figure(total_fen), scope_label)
    by_key = sorted(sharers, key=lambda one: one.key)
    weights = [_weight(one, method) for one in by_key]
    weight_sum = sum(weights, Fraction())
    if not weight_sum:
        raise NobodyShares(scope_label)
    exact = [total_fen * weight / weight_sum for weight in weights]
    spare_fen = total_fen - sum(int(one) for one in exact)
    by_remainder = sorted(range(len(exact)), key=lambda at: (-(exact[at] % 1), at))
    ranks = {at: rank for rank, at in enumerate(by_remainder, start=1)}
    shares = tuple(
        Share(one.key, weights[at], exact[at], ranks[at], int(exact[at]) + (ranks[at] <= spare_fen))
        for at, one in enumerate(by_key)
    )
    return SharingProof(total_fen, method, scope, scope_label, weight_sum, spare_fen, shares)


def recompute(kept: Mapping[str, Any]) -> int:
    """Return the fen of a share from its figures alone: its part of the whole, and a spare fen."""
    exact_fen = Fraction(kept["total_yuan"]) * 100 * Fraction(kept["weight"])
    exact_fen /= Fraction(kept["weight_sum"])
    rank, spare_fen = int(kept["rank"]), int(kept["spare_fen"])
    return int(exact_fen) + (rank <= spare_fen)


def _weight(sharer: Sharer, method: ShareMethod) -> Fraction:
    if not 0 <= sharer.factor_percent <= MAX_FACTOR_PERCENT:
        raise InputRefused(ChargeInput.PERCENT, str(sharer.factor_percent), sharer.key)
    if sharer.factor_percent == 0:
        return Fraction()
    factor = Fraction(sharer.factor_percent, 100)
    if method == ShareMethod.BY_HOUSEHOLD:
        return factor
    what, of_unit = {
        ShareMethod.BY_AREA: (ChargeInput.AREA, sharer.floor_area_m2),
        ShareMethod.BY_SHARE: (ChargeInput.WEIGHT, sharer.share),
    }[method]
    if of_unit is None:
        raise InputMissing(what, sharer.key)
    least = Decimal(0) if what == ChargeInput.WEIGHT else Decimal("0.01")
    if not of_unit.is_finite() or of_unit < least:
        raise InputRefused(what, str(of_unit), sharer.key)
    return Fraction(of_unit) * factor
