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


def allocate_chosen(
    amount_fen: int, chosen_fen: Sequence[int], open_fen: Sequence[int]
) -> tuple[int, ...]:
    """Give each bill what the payer chose for it, then fill what is open of them in their order.

    Never more than is open of a bill by now.
    """
    wanted = [min(*both) for both in zip(chosen_fen, open_fen, strict=True)]
    first = allocate(amount_fen, wanted)
    left = [fen - got for fen, got in zip(open_fen, first, strict=True)]
    more = allocate(amount_fen - sum(first), left)
    return tuple(map(sum, zip(first, more, strict=True)))
