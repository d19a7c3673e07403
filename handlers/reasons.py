"""What sounds like another wish and is the reason that was asked for (“不想要了”)."""

import re
from typing import Final

from handlers.pointing import ENDINGS
from handlers.turn import Turn

REASONS: Final = frozenset(("cancel", "unbind", "dispute"))
"""What a reason sounds like: “不想要了”, “搬走了不住了”, “算错了”."""
PLAINLY_OFF: Final = re.compile(
    r"(?:那|我|还是|先|就)*(?:取消|撤销|算了|不退|不用退?|不申请|不办|不弄|没事|退出|返回)(?:了|吧|啦|谢谢)*"
    r"|cancel|never ?mind",
    re.IGNORECASE,
)
"""What breaks a question for a reason off all the same."""


def tells_why(turn: Turn) -> bool:
    """Tell whether what sounds like another wish is her reason: she was asked for one."""
    understood = turn.understood
    if not turn.memory.facts.get("asks_why") or understood.intent not in REASONS:
        return False
    return PLAINLY_OFF.fullmatch(understood.text.strip(ENDINGS)) is None
