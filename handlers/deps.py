"""All that a handler may touch. There is no channel here: a handler replies, it never sends."""

from collections.abc import Mapping

from handlers.understanding.recogniser import Recogniser
from handlers.understanding.second_opinion import SecondOpinion
from storage.database import Database
from storage.frozen import dataclass
from storage.links import Links
from storage.ports.clock import Clock
from storage.ports.payments import PaymentGateway


@dataclass(frozen=True, slots=True)
class HandlerDeps:
    """Filled once by the composition root."""

    db: Database
    clock: Clock
    links: Links
    gateways: Mapping[str, PaymentGateway]
    """By name; a handler may query and collect, never write another's books."""
    recogniser: Recogniser
    second_opinion: SecondOpinion | None = None
    """Asked where the recogniser is unsure; None where no language model is configured."""
