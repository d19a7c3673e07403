"""Which households, and who of them, a text for many is for (群发范围), as one can read it."""

from storage.frozen import dataclass
from storage.kinds import OccupancyRole


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on households and their people; what is not said does not narrow it.

    All that is said holds together. Places are `rooms` alone ("3-2-501") where there are any, else
    an entrance of the buildings named, else the buildings.
    """

    buildings: tuple[str, ...] = ()
    entrance: str = ""
    rooms: tuple[str, ...] = ()
    role: OccupancyRole | None = None
    """Who hears: only those who are this to the flat."""
    is_bound: bool | None = None
    """Whether somebody of the household has bound it here; None for either."""
    is_plain: bool = False
    """Only those who asked for few and simple words (老年模式)."""
    only_arrears: bool = False
    min_fen: int = 0
    """Of those in arrears: who owes at least so many fen …"""
    min_days: int = 0
    """… that are at least so many days late."""
