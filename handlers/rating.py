"""Whether a bare number rates what was done, or picks from the menu that was shown since."""

from typing import Final

from handlers.tickets import stars_in
from handlers.turn import Turn

MENU_SHOWN: Final = "menu"
"""The topic of who was asked for a rating and saw the menu: her next number picks from it."""


def note_menu_shown(turn: Turn) -> None:
    """Remember that who was asked for a rating sees the menu, by whichever way."""
    if turn.person.rating_id is not None:
        turn.memory.topic = MENU_SHOWN


def is_rating(turn: Turn) -> bool:
    """Tell whether a bare number is a rating: she was asked, and saw no menu since."""
    is_asked = turn.person.rating_id is not None and turn.memory.topic != MENU_SHOWN
    return is_asked and stars_in(turn.understood.text) is not None
