"""The counter (收款台): in which account money lies by the way it came, and what a sheet sums."""

from collections.abc import Iterable
from typing import Final

from storage.frozen import dataclass
from storage.kinds import Account
from storage.paying_kinds import CashMethod

TAKES: Final = (CashMethod.CASH, CashMethod.POS, CashMethod.CHEQUE, CashMethod.STATIC_QR)
"""The ways in which a cashier takes money."""
GIVES: Final = (CashMethod.CASH, CashMethod.TRANSFER)
"""The ways in which a refund is paid out by hand."""
NEEDS_REFERENCE: Final = (CashMethod.POS, CashMethod.CHEQUE, CashMethod.TRANSFER)
"""The ways that leave a number behind: of a slip, a cheque, a bank's receipt."""

_PLACES: Final = {"cash": Account.CASH, "transfer": Account.BANK}
ELSEWHERE: Final = tuple(_PLACES)
"""The ways whose money lies at no platform; so does that of BANK accounts, by their names."""
BANK: Final = "bank_transfer"
"""How the names of bank accounts begin; a company has several: `bank_transfer_lake`."""


def place_of(way: str) -> Account:
    """Return the account in which money lies that came, or goes, by a way (a gateway's name).

    Cash is in the drawer and a transfer at the bank; all else is on its way to the bank.
    """
    otherwise = Account.BANK if way.startswith(BANK) else Account.CLEARING
    return _PLACES.get(way, otherwise)


def is_by_hand(way: str) -> bool:
    """Tell whether a person, no platform, hands money over by this way."""
    return way in set(CashMethod)


def way_back(way: str, *, is_void: bool) -> str:
    """Return by which way the money of a payment goes back; a void goes back as it came.

    What came over the counter is handed back in cash, unless an account is named for it.
    """
    return CashMethod.CASH if is_by_hand(way) and not is_void else way


@dataclass(frozen=True, slots=True)
class Taken:
    """What a voucher says of money: how it came, and how much; less than 0 where it went."""

    method: CashMethod
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SheetSums:
    """What a hand-in sheet (交款单) adds up, in fen."""

    cash_in_fen: int
    cash_out_fen: int
    """Above 0: cash that was handed back."""
    pos_fen: int
    cheque_fen: int
    static_qr_fen: int

    @property
    def cash_due_fen(self) -> int:
        """The cash that has to be in the drawer."""
        return self.cash_in_fen - self.cash_out_fen

    @property
    def other_fen(self) -> int:
        """What came by other ways than cash."""
        return self.pos_fen + self.cheque_fen + self.static_qr_fen


def add_up(vouchers: Iterable[Taken]) -> SheetSums:
    """Add up the vouchers of a sheet; those that were voided are not among them."""
    sums = dict.fromkeys(CashMethod, 0)
    cash_out = 0
    for one in vouchers:
        if one.amount_fen > 0:
            sums[one.method] += one.amount_fen
        elif one.method is CashMethod.CASH:
            cash_out -= one.amount_fen
    return SheetSums(
        sums[CashMethod.CASH],
        cash_out,
        sums[CashMethod.POS],
        sums[CashMethod.CHEQUE],
        sums[CashMethod.STATIC_QR],
    )
