"""The proof of a shared cost as it is kept and published: anyone can work each share out again.

Its keys, ready for JSON: total_fen, method, weight_sum, spare_fen, and shares, in the order of the
units' codes: {unit, weight, rank, fen}. A figure is a decimal or a fraction ("1275/31").
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from storage.rules.figures import figure
from storage.rules.sharing import SharingProof


def kept(proof: SharingProof) -> dict[str, Any]:
    """Return a proof as it is kept with its cost; the units' keys are their codes."""
    return {
        "total_fen": proof.total_fen,
        "method": str(proof.method),
        "weight_sum": figure(proof.weight_sum),
        "spare_fen": proof.spare_fen,
        "shares": [
            {
                "unit": one.key,
                "weight": figure(one.weight),
                "rank": one.rank,
                "fen": one.amount_fen,
            }
            for one in proof.shares
        ],
    }


def check(proof: Mapping[str, Any]) -> None:
    """Work a kept proof out again. Raises ValueError where a weight or a fen does not follow."""
    weights = [Fraction(one["weight"]) for one in proof["shares"]]
    weight_sum, spare_fen = Fraction(proof["weight_sum"]), int(proof["spare_fen"])
    if sum(weights, Fraction()) != weight_sum:
        raise ValueError("the weights do not sum to what the proof says")
    if sum(int(one["fen"]) for one in proof["shares"]) != int(proof["total_fen"]):
        raise ValueError("the shares do not sum to the whole")
    for one, weight in zip(proof["shares"], weights, strict=True):
        exact_fen = exact_share(proof, weight)
        if int(exact_fen) + (int(one["rank"]) <= spare_fen) != int(one["fen"]):
            raise ValueError(f"the share of {one['unit']} does not follow from its weight")


def exact_share(proof: Mapping[str, Any], weight: Fraction) -> Fraction:
    """Return the fen that a weight bears before they are rounded."""
    return int(proof["total_fen"]) * weight / Fraction(proof["weight_sum"])
