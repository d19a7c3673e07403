"""What one process of several does (角色): the street, the small work, or the calendar's work."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A part of the bot that a process of its own may do; several of each do no harm."""

    WEB = "web"
    """Chat, pages and webhooks."""
    WORKER = "worker"
    """What finds its work in the books at every tick: deliveries, questions, refunds."""
    SCHEDULER = "scheduler"
    """What has a period: billing, late fees, reminders, statements, the nightly proof."""


ALL: Final = frozenset(Role)


def parse(text: str) -> frozenset[Role]:
    """Read "web,worker". Raises ValueError that names what there is."""
    words = [one.strip() for one in text.split(",")]
    try:
        return frozenset(Role(one) for one in words)
    except ValueError:
        raise ValueError(
            f"--roles {text}: a list of {', '.join(Role)}, with commas between"
        ) from None
