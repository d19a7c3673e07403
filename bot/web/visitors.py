"""How often one address may knock (访问频率): a steady pace with a minute's worth at once."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from aiohttp import web

KEPT_MOST: Final = 20_000
"""So many addresses are remembered; the longest silent are forgotten first."""
MINUTE: Final = 60.0
_NETWORK_BITS: Final = 64
"""What one visitor has of IPv6: a whole network, so its addresses count as one."""


def address_of(request: web.Request, header: str) -> str:
    """Return the visitor's address, "" where the connection has none.

    `header` is what our own proxy writes it into ("" without a proxy): the last address there is
    the proxy's word, all before it may be the visitor's invention.
    """
    written = request.headers.getall(header, []) if header else []
    last = written[-1].rpartition(",")[2].strip() if written else ""
    return _plain(last) or _plain(request.remote or "")


def _plain(text: str) -> str:
    """Return an address in its one spelling, "" for what is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


class Visitors:
    """Counts knocks of addresses; one that knocks too often waits, the others notice nothing."""

    def __init__(
        self, per_minute: int, *, header: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        """Allow so many knocks a minute (0: any number); `clock` gives monotonic seconds."""
        self._each = MINUTE / per_minute if per_minute else 0.0
        self._header = header
        self._clock = clock
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._free_at)

    def knock(self, request: web.Request) -> int:
        """Count one request; return the seconds to wait, 0 where it may come in."""
        if not self._each:
            return 0
        house = house_of(address_of(request, self._header))
        now = self._clock()
        free_at = max(self._free_at.get(house, now), now) + self._each
        too_soon = free_at - now - MINUTE
        if too_soon > _ROUNDING:
            return max(1, math.ceil(too_soon))
        self._free_at[house] = free_at
        self._free_at.move_to_end(house)
        if len(self._free_at) > KEPT_MOST:
            self._free_at.popitem(last=False)
        return 0


_ROUNDING: Final = 1e-6


def house_of(address: str) -> str:
    """Return what an address is counted under: itself, or its network of IPv6."""
    if ":" not in address:
        return address
    bare = address.partition("%")[0]
    return str(ipaddress.ip_network((bare, _NETWORK_BITS), strict=False))
