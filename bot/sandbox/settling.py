"""What a payment platform owes its merchant for one clearing day, and pays into the bank."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.sandbox.planting import PAYMENT, StatementRow


@dataclass(frozen=True)
class Settlement:
    """One clearing day of one merchant number: what was taken, given back, and kept as the fee."""

    merchant_id: str
    paid_fen: int
    refunded_fen: int
    fee_fen: int

    @property
    def net_fen(self) -> int:
        """What comes to the bank; below 0 the platform keeps it back from later days."""
        return self.paid_fen - self.refunded_fen - self.fee_fen


def settlement_of(merchant_id: str, rows: Iterable[StatementRow]) -> Settlement:
    """Sum a day's real rows (nothing planted); the fee of a refund is given back."""
    paid = back = fee = 0
    for row in rows:
        if row.kind == PAYMENT:
            paid, fee = paid + row.amount_fen, fee + row.fee_fen
        else:
            back, fee = back + row.amount_fen, fee - row.fee_fen
    return Settlement(merchant_id, paid, back, fee)
