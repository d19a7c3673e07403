"""What a talk is about, to and from the JSON that is kept between turns."""

import json
from typing import Any, Final

from handlers.turn import Memory

NOTHING: Final = "{}"


def recall(text: str) -> Memory:
    """Rebuild a memory; nothing remembered is an empty one."""
    if text == NOTHING:
        return Memory()
    kept: dict[str, Any] = json.loads(text)
    return Memory(
        expecting=kept.get("expecting", ""),
        topic=kept.get("topic", ""),
        facts=kept.get("facts", {}),
        misses=kept.get("misses", 0),
    )


def text_of(memory: Memory) -> str:
    """Return a memory as JSON text; the same memory is always the same text."""
    kept = {
        "expecting": memory.expecting,
        "topic": memory.topic,
        "facts": memory.facts,
        "misses": memory.misses,
    }
    said = {name: fact for name, fact in kept.items() if fact}
    if not said:
        return NOTHING
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
