"""What every payment platform of the sandbox offers the world and the control plane."""

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from bot.sandbox.clock import Timers


class Till(Protocol):
    """One payment platform with its own book, its own keys and its own notices.

    A wrong call raises LookupError where the thing named is not known here, and ValueError (with
    the words of the platform) where the platform refuses. Refund states are `processing`,
    `success`, `closed` and `abnormal`; amounts are fen.

    Keys are kept under the sandbox's `keys/` in a folder of the till's own name, notices go out as
    `noticing.Notices` sends them, a statement's planted differences are `planting.Plants`.
    """

    name: str

    @property
    def base_url(self) -> str:
        """Where the platform answers merchants."""
        ...

    @property
    def timers(self) -> tuple[Timers, ...]:
        """The platform's own events, in the order in which they run at one stop of the clock."""
        ...

    def routes(self) -> list[web.RouteDef]:
        """Return the API's addresses and the cashier's pages, under /_sandbox/{name}."""
        ...

    def facts(self, bot_base: str, notify_url: str | None) -> dict[str, Any]:
        """Return the platform's table of demo.json."""
        ...

    def orders(self) -> list[dict[str, Any]]:
        """Return what the platform was asked to collect, oldest first."""
        ...

    def books(self) -> dict[str, Any]:
        """Return `payments` and `refunds`, oldest first."""
        ...

    async def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Pay at the cashier; raises LookupError, ValueError."""
        ...

    async def decide_refund(self, refund_no: str, state: str) -> None:
        """Let a refund end as `state` now; raises LookupError, ValueError."""
        ...

    def refund_told(self, refund_no: str) -> dict[str, Any]:
        """Return a refund as the platform's own query tells it; raises LookupError."""
        ...

    async def refund_outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Give money back by hand in the merchant's console; raises LookupError, ValueError."""
        ...

    def plant(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Plant a difference in a day's statement file (see `planting`); raises ValueError."""
        ...

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform."""
        ...

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the merchant has so much."""
        ...

    def close(self) -> None:
        """Close the book."""
        ...
