"""In which order money pays bills."""

from collections.abc import Sequence


def allocate(amount_fen: int, open_fen: Sequence[int]) -> tuple[int, ...]:
    """Fill bills one after the other, in the order given, and return what each one gets.

    Callers give the payer's choice, oldest first. What is left over is theirs to place.
    """
    shares: list[int] = []
    for wanted in open_fen:
        share = min(max(wanted, 0), amount_fen)
        shares.append(share)
        amount_fen -= share
    return tuple(shares)
