"""What each answer of the WeChat platform means for a message: the table of error codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from storage.ports.chat import Attempt, Route, Verdict

STALE_TOKEN: Final = frozenset({40001, 40014, 42001})
"""The token is refused: refresh once, try once more."""
BAD_CONFIGURATION: Final = frozenset({40002, 40013, 40125, 40243, 40164, 61004, 89503})
"""Application id, secret or our address is refused: nothing works until a person mends it."""
CODE_USED_UP: Final = frozenset({40029, 40163})
"""An OAuth code that is no good (any more)."""
CONFIGURATION_PAUSE: Final = timedelta(minutes=10)
MAX_DETAIL_CHARS: Final = 300

_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


@dataclass(eq=False)
class ApiRefused(Exception):
    """The platform answered with an error code and its own words."""

    code: int
    words: str


@dataclass(eq=False)
class ApiShut(Exception):
    """We do not call the platform before `until`: its last word was that it must be mended."""

    until: datetime
    code: int
    words: str


@dataclass(eq=False)
class NotCalled(Exception):
    """The call never reached the platform or was turned away unread; it may be repeated."""

    reason: str


@dataclass(eq=False)
class OutcomeUnknown(Exception):
    """The call may have been carried out: time-out, reset, 5xx or an answer that is no answer."""

    reason: str


class Pause(StrEnum):
    """Until when a verdict holds."""

    NONE = "none"
    MINUTE = "minute"
    """The next full minute."""
    SIXTY_SECONDS = "sixty_seconds"
    MEND = "mend"
    """Ten minutes: a person has to mend the configuration."""
    HOUR = "hour"
    DAY = "day"
    """The next midnight in Shanghai."""
    MONTH = "month"
    """The first day of the next month in Shanghai."""


def _next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _midnight(now: datetime) -> datetime:
    tomorrow = now.astimezone(_SHANGHAI).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=_SHANGHAI).astimezone(UTC)


def _next_month(now: datetime) -> datetime:
    day = now.astimezone(_SHANGHAI).date().replace(day=28) + timedelta(days=4)
    return datetime(day.year, day.month, 1, tzinfo=_SHANGHAI).astimezone(UTC)


_UNTIL: Final[Mapping[Pause, Callable[[datetime], datetime | None]]] = MappingProxyType(
    {
        Pause.NONE: lambda _now: None,
        Pause.MINUTE: _next_minute,
        Pause.SIXTY_SECONDS: lambda now: now + timedelta(seconds=60),
        Pause.MEND: lambda now: now + CONFIGURATION_PAUSE,
        Pause.HOUR: lambda now: now + timedelta(hours=1),
        Pause.DAY: _midnight,
        Pause.MONTH: _next_month,
    }
)

_MEND: Final = (Verdict.PAUSED, Pause.MEND)
_GONE: Final = (Verdict.GONE, Pause.NONE)
_MUTED: Final = (Verdict.MUTED, Pause.NONE)
_NOT_NOW: Final = (Verdict.NOT_NOW, Pause.NONE)
_OUR_BUG: Final = (Verdict.BAD_CONTENT, Pause.NONE)

Meanings = Mapping[int, tuple[Verdict, Pause]]

MEANINGS: Final[Meanings] = MappingProxyType(
    {
        -1: (Verdict.UNKNOWN, Pause.NONE),
        **dict.fromkeys((*STALE_TOKEN, *BAD_CONFIGURATION), _MEND),
        **dict.fromkeys((40003, 43004, 46004, 50005), _GONE),
        **dict.fromkeys((43019, 48002), _MUTED),
        **dict.fromkeys((43101, 45015, 45047), _NOT_NOW),
        **dict.fromkeys((48001, 48004, 50002), (Verdict.PAUSED, Pause.HOUR)),
        # The template, its fields, the body: a person has to look.
        **dict.fromkeys((40036, 40037, 43116, 47003), _OUR_BUG),
        **dict.fromkeys((40008, 40033, 41001, 44002, 44003, 44004, 45002, 47001), _OUR_BUG),
        **dict.fromkeys((45103, 45109, 46003), _OUR_BUG),
        **dict.fromkeys((45056, 45058, 45059, 45157, 45158, 45159, 49003), _OUR_BUG),
        45009: (Verdict.PAUSED, Pause.DAY),
        45011: (Verdict.LATER, Pause.MINUTE),
        45028: (Verdict.PAUSED, Pause.MONTH),
        45065: (Verdict.SENT, Pause.NONE),
        45066: (Verdict.LATER, Pause.SIXTY_SECONDS),
    }
)
"""Every code we know. What is not here is not tried again: staff read the platform's words."""


def judge(
    refused: ApiRefused, route: Route, *, now: datetime, meanings: Meanings = MEANINGS
) -> Attempt:
    """Say what an error code means for a message sent by this route."""
    verdict, pause = meanings.get(refused.code, _OUR_BUG)
    detail = f"{refused.code} {refused.words}"[:MAX_DETAIL_CHARS]
    return Attempt(route, verdict, detail, not_before=_UNTIL[pause](now))


def judge_trouble(
    trouble: ApiRefused | ApiShut | NotCalled | OutcomeUnknown,
    route: Route,
    *,
    now: datetime,
    meanings: Meanings = MEANINGS,
) -> Attempt:
    """Say what any trouble of a call means for a message sent by this route."""
    match trouble:
        case ApiRefused():
            return judge(trouble, route, now=now, meanings=meanings)
        case ApiShut():
            detail = f"{trouble.code} {trouble.words}"[:MAX_DETAIL_CHARS]
            return Attempt(route, Verdict.PAUSED, detail, not_before=trouble.until)
        case NotCalled():
            return Attempt(route, Verdict.LATER, trouble.reason)
        case OutcomeUnknown():
            return Attempt(route, Verdict.UNKNOWN, trouble.reason)
