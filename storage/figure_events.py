"""Figures that managers are told (周报、月报)."""

from storage.frozen import dataclass
from storage.telling import Event


@dataclass(frozen=True, slots=True)
class FiguresTold(Event):
    """A week or a month is over: its figures (周报、月报), for managers."""

    community_id: int
    community: str
    which: str
    """week or month."""
    first_on: str
    last_on: str
    came_fen: int
    went_fen: int
    rate: tuple[int, int]
    """What was paid and asked for of the month's bills, up to the last day."""
    open_fen: int
    old_fen: int
    """What of it is more than 30 days late."""
    reminded: int
    talks: int
