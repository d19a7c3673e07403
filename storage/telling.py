"""What every fact that a person may be told is."""

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that somebody is told."""
