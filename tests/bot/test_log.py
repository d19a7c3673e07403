"""Log lines: JSON for machines, columns for a person; never a secret or a whole phone number."""

import json
import logging

import pytest

from bot import log


@pytest.fixture
def record() -> logging.LogRecord:
    """Give a record that holds what must not be seen."""
    trouble = ValueError("phone 13800001234")
    told = (ValueError, trouble, None)
    one = logging.LogRecord("bot.x", logging.WARNING, "x.py", 1, "call.failed", (), told)
    one.url = "https://platform/token?secret=abc123&x=1"
    one.place = "翡翠湾"
    return one


def test_a_line_is_json_with_the_event_and_its_fields(record: logging.LogRecord):
    line = json.loads(log._Lines().format(record))

    assert line["event"] == "call.failed"
    assert line["level"] == "warning"
    assert line["place"] == "翡翠湾"
    assert line["url"] == "https://platform/token?secret=***&x=1"
    assert "ValueError: phone 138****1234" in line["trace"]


def test_columns_tell_a_person_the_same_and_hide_the_same(record: logging.LogRecord):
    text = log._Columns().format(record)

    assert "call.failed" in text
    assert "翡翠湾" in text
    assert "secret=***" in text
    assert "ValueError: phone 138****1234" in text
    assert "abc123" not in text
    assert "13800001234" not in text
