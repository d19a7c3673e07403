"""The sheet of a community's own questions (常见问题): how they are asked, and the answer."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import Value, Workbook
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.tables import plain_text
from bot.spreadsheets.taking import Taken, take
from bot.spreadsheets.writing import write_table
from handlers import own_words
from handlers.understanding.recogniser import Understanding
from storage.operations.own_words import FaqDraft, FaqRow
from storage.queries.faqs import Faq

HEADERS: Final = ("编号", "问法", "答案", "开始日期", "结束日期")
FIELDS: Final = {"编号": "faq_number", "开始日期": "from_on", "结束日期": "last_on"}
_BETWEEN: Final = re.compile(r"\n| / ")
"""What stands between several phrasings in one cell."""


def write_faqs(path: Path, found: Iterable[Faq]) -> None:
    """Write the questions that are switched on, each with its number; the sheet can be read again.

    Raises OSError.
    """
    rows = (
        (
            one.faq_id,
            "\n".join(said for said, _ in one.phrasings),
            one.answer,
            one.from_on,
            one.last_on,
        )
        for one in found
        if one.is_enabled
    )
    write_table(path, title="常见问题", headers=HEADERS, rows=rows)


def read_faqs(
    workbook: Workbook, understand: Callable[[str], Understanding], *, today: date
) -> Taken[FaqRow]:
    """Read questions: a row with a number changes that one, without a number it is new.

    A phrasing that means something of ours already is refused. Without a first day it is `today`.
    """

    def read(reader: RowReader) -> FaqRow | None:
        number = reader.optional("faq_number", _number)
        said = reader.once("phrasings", _phrasings, "问法")
        answer = reader.once("answer", _answer, "答案")
        from_on = reader.optional("from_on", fields.day) or today
        last_on = reader.optional("last_on", fields.day)
        if said is None or answer is None:
            return None
        heard = [(one, understand(one)) for one in said]
        for one, understood in heard:
            if meant := own_words.means_already(one, understood):
                reader.refuse("phrasings", meant)
        phrasings = tuple((one, understood.normal) for one, understood in heard)
        return FaqRow(number, FaqDraft(phrasings, answer, from_on, last_on))

    return take(workbook, ("phrasings", "answer"), FIELDS, read)


def _number(value: Value) -> int:
    if isinstance(value, Decimal) and value == value.to_integral_value() and value > 0:
        return int(value)
    shown = plain_text(value)
    if not shown.isascii() or not shown.isdigit():
        raise Unreadable(f"“{shown[:20]}”不是编号；新的问题请留空")
    return int(shown)


def _phrasings(value: Value) -> list[str]:
    text = value if isinstance(value, str) else plain_text(value)
    return [one.strip() for one in _BETWEEN.split(text.replace("\r\n", "\n")) if one.strip()]


def _answer(value: Value) -> str:
    text = value if isinstance(value, str) else plain_text(value)
    return text.replace("\r\n", "\n").strip()
