"""The way into the console (后台): a link that opens once, for minutes."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.console_sessions import issue_console_pass
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_console"
SAID_AS: Final = WORDS["console"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Send a fresh link; the one before opens nothing any more. Raises NotAllowed."""
    staff = office(turn, *ANYBODY)
    secret = await deps.db.write(issue_console_pass, staff.staff_id, now=turn.now)
    return OutgoingMessage(
        NAME,
        words.lines(
            "点开后台：今日数字、房屋与住户、工单都在里面，电脑和手机都能用。",
            "链接只给您本人，10分钟内用一次，请不要转发。",
        ),
        url=deps.links.console_url(secret),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
