"""What the registry knows of an intent or a notification before it is loaded is true."""

from pathlib import Path

from handlers import registry
from storage.lazy import load


def _modules(folder: str) -> set[str]:
    files = (Path(registry.__file__).parent / folder).glob("*.py")
    return {one.stem for one in files} - {"__init__"}


def test_every_intent_is_known_by_its_own_name_and_words():
    known = {one.name: one for one in registry.INTENTS}
    assert known.keys() == _modules("intents")
    assert len(known) == len(registry.INTENTS)
    for name, one in known.items():
        told = load(f"handlers.intents.{name}").INTENT
        assert told.name == name
        assert (told.said_as, told.said_like) == (one.said_as, one.said_like), name
        assert (told.answer, told.go_on, told.foresight) == (one.answer, one.go_on, one.foresight)


def test_every_notification_is_found_by_the_event_that_it_tells():
    assert {*registry.NOTIFICATIONS.values()} == _modules("notifications")
    for event in registry.NOTIFICATIONS:
        assert registry.notification_of(event).event is event
