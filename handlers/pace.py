"""How much one person may say: a flood from one leaves the others undisturbed."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

MESSAGES: Final = 30
OF_STAFF: Final = 120
"""Who works off a list says more."""
WITHIN: Final = timedelta(minutes=1)
PEOPLE: Final = 20_000
"""So many are remembered; the longest silent are forgotten first."""


class Pace:
    """Counts each person's messages in minutes that begin with her first one."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._counts: OrderedDict[int, tuple[datetime, int]] = OrderedDict()

    def allows(self, identity_id: int, now: datetime, *, most: int = MESSAGES) -> bool:
        """Count one message and tell whether it is still within the pace."""
        began, count = self._counts.get(identity_id, (now, 0))
        if not timedelta() <= now - began < WITHIN:
            began, count = now, 0
        self._counts[identity_id] = (began, count + 1)
        self._counts.move_to_end(identity_id)
        if len(self._counts) > PEOPLE:
            self._counts.popitem(last=False)
        return count < most
