"""The way to the counter's page (收款台): a link of the day, for who takes money."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_counter"
SAID_AS: Final = WORDS["counter"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Send the link. Raises NotAllowed."""
    staff = office(turn, *COUNTERS)
    return OutgoingMessage(
        NAME,
        words.lines(
            "点开收款台：收现金、刷卡、支票和扫码，抹零、补录、日结、打印都在里面。",
            "链接只给您本人，今天有效，请不要转发。",
        ),
        url=deps.links.counter_url(staff.staff_id, day=turn.today),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
