"""What the registry knows of the staff's intents before they are loaded is what they are."""

from dataclasses import replace

import pytest

from handlers import registry
from handlers.staff.words import WORDS
from storage.lazy import load


@pytest.mark.parametrize(
    ("module", "known"), list(zip(WORDS, registry.STAFF_INTENTS, strict=True)), ids=list(WORDS)
)
def test_a_staff_intent_is_known_as_its_module_says_it(module, known):
    told = load(f"handlers.staff.{module}").INTENT

    assert (known.go_on is None) == (told.go_on is None)
    assert replace(told, answer=known.answer, go_on=known.go_on) == known
