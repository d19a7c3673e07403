"""Finds the text that tells an event (the mirror of the router)."""

from handlers.notification import Telling
from handlers.registry import NOTIFICATIONS
from storage.events import Event
from storage.links import Links
from storage.periods import shanghai_day
from storage.ports.chat import OutgoingMessage
from storage.ports.clock import Clock


class Composer:
    """Makes words of events at the moment they are delivered."""

    def __init__(self, links: Links, clock: Clock) -> None:
        """Take what texts need: the maker of links, and the clock that their ends count from."""
        self._links = links
        self._clock = clock
        self._says = {one.event: one.say for one in NOTIFICATIONS}

    def compose(self, event: Event) -> OutgoingMessage:
        """Say an event in Chinese. Raises KeyError for one that nobody has given words."""
        told = Telling(self._links, shanghai_day(self._clock.now()))
        return self._says[type(event)](event, told)
