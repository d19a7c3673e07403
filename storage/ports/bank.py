"""BankFeed: an account whose rows we can read as they come, and the rows it tells."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class BankLine:
    """One row of a bank account: fen above 0 for money in, an aware instant, the bank's words."""

    row_key: str
    """The same row heard by any way has the same."""
    booked_at: datetime
    amount_fen: int
    balance_fen: int | None
    payer_name: str
    payer_account: str
    memo: str
    serial: str


@dataclass(frozen=True, slots=True)
class BankNews:
    """What came after a cursor, the oldest first, and the cursor to go on from."""

    lines: Sequence[BankLine]
    cursor: str
    has_more: bool


@runtime_checkable
class BankFeed(Protocol):
    """A gateway that reads an account by itself. Calls may raise GatewayUnavailable."""

    name: str
    merchant_id: str
    """The account's number."""
    account: tuple[str, str, str]
    """Whose it is, its number and bank, as a payer types them."""

    @property
    def is_direct(self) -> bool:
        """Tell whether the bank can be asked; without, its files are imported by hand."""
        ...

    async def rows_after(self, cursor: str) -> BankNews:
        """Return the rows after a cursor, "" for the first time."""
        ...
