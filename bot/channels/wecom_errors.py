"""What each answer of WeCom (企业微信) means for a message: the table of error codes."""

from types import MappingProxyType
from typing import Final

from bot.channels.wechat_errors import STALE_TOKEN, Meanings, Pause
from storage.ports.chat import Verdict

BAD_CONFIGURATION: Final = frozenset({40001, 40013, 40056, 40091, 60020, 301002})
"""Corp id, secret, agent id or our address is refused: a person has to mend it."""
NO_SUCH_CHAT: Final = frozenset({86001, 86003})
"""The group chat was not made yet, or is no more: it can be made."""

_MEND: Final = (Verdict.PAUSED, Pause.MEND)
_GONE: Final = (Verdict.GONE, Pause.NONE)
_OUR_BUG: Final = (Verdict.BAD_CONTENT, Pause.NONE)

MEANINGS: Final[Meanings] = MappingProxyType(
    {
        -1: (Verdict.UNKNOWN, Pause.NONE),
        **dict.fromkeys((*STALE_TOKEN, *BAD_CONFIGURATION), _MEND),
        # Nobody of that name, or nobody whom the app may see (可见范围).
        **dict.fromkeys((40003, 40031, 60111, 81013, 82001), _GONE),
        # The app lacks a right: its administrator grants it.
        **dict.fromkeys((48002, 60011), (Verdict.PAUSED, Pause.HOUR)),
        **dict.fromkeys((40008, 40033, 40035, 40058, 41001, 44004, 45002, 47001), _OUR_BUG),
        **dict.fromkeys((86006, 86008), _OUR_BUG),
        # The platform does not say whether the minute, the hour or the day is used up.
        45009: (Verdict.PAUSED, Pause.SIXTY_SECONDS),
        45033: (Verdict.LATER, Pause.SIXTY_SECONDS),
    }
)
"""Every code we know. What is not here is not tried again: staff read the platform's words."""
