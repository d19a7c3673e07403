"""Clock: the only source of now."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is; the demo's can be moved forward."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...
