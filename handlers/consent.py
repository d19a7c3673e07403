"""Whether she agreed (确认): a plain yes and nothing else."""

from typing import Final

from handlers.turn import Turn
from storage.lazy import regex

_YES: Final = regex(
    r"(?:嗯|好|对|是|行|可以|确认|确定|同意|没错|没问题|提交|ok|okay|yes)"
    r"(?:的|了|吧|啊|呀|嗯|确认|提交|退款|解绑|移除|谢谢)*"
)


def says_yes(turn: Turn) -> bool:
    """Tell whether the answer is a yes that something may be done upon; never a question."""
    is_question = any(mark in turn.understood.text for mark in "?？吗")
    return _YES.fullmatch(turn.understood.normal) is not None and not is_question
