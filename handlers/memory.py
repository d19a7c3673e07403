"""What a talk is about, to and from the JSON that is kept between turns."""

import json
from functools import lru_cache
from typing import Any, Final

from handlers.turn import Memory

NOTHING: Final = "{}"
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


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
        language=kept.get("language", ""),
        picture=kept.get("picture", ""),
        pictured_at=kept.get("pictured_at", ""),
    )


def text_of(memory: Memory) -> str:
    """Return a memory as JSON text; the same memory is always the same text."""
    if not (memory.facts or memory.expecting or memory.picture):
        return _topic_text(memory.topic, memory.misses, memory.language)
    kept = {
        "expecting": memory.expecting,
        "topic": memory.topic,
        "facts": memory.facts,
        "misses": memory.misses,
        "language": memory.language,
        "picture": memory.picture,
        "pictured_at": memory.pictured_at,
    }
    return _write({name: fact for name, fact in kept.items() if fact})


@lru_cache(maxsize=256)
def _topic_text(topic: str, misses: int, language: str) -> str:
    """Return the text of a talk in which nothing is waited for: nearly all are."""
    kept = {"topic": topic, "misses": misses, "language": language}
    return _write({name: fact for name, fact in kept.items() if fact})
