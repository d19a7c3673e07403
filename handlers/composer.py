"""Finds the text that tells an event (the mirror of the router)."""

from dataclasses import replace

from handlers.notification import Telling
from handlers.registry import notification_of
from storage.events import Event
from storage.links import Links
from storage.periods import shanghai_day
from storage.ports.chat import Manner, OutgoingMessage
from storage.ports.clock import Clock


class Composer:
    """Makes words of events at the moment they are delivered."""

    def __init__(self, links: Links, clock: Clock) -> None:
        """Take what texts need: the maker of links, and the clock that their ends count from."""
        self._links = links
        self._clock = clock

    def compose(self, event: Event, manner: Manner = Manner.USUAL) -> OutgoingMessage:
        """Say an event as its reader wishes. Raises KeyError for one that has no words.

        Only the text changes with the manner: the fields of a template stay Chinese and as they
        are, because the words around them are the platform's, approved in Chinese.
        """
        told = Telling(self._links, shanghai_day(self._clock.now()))
        notification = notification_of(type(event))
        message, tell = notification.say(event, told), notification.words_for(manner)
        return message if tell is None else replace(message, text=tell(event, told))
