"""Log lines: JSON for machines, columns for a person; never a secret or a whole phone number."""

import json
import logging
import subprocess
import sys
from pathlib import Path

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


def test_a_new_schema_is_not_told_step_by_step(tmp_path: Path):
    program = (
        "import logging; from bot import log; from storage import migrate; log.set_up('INFO');"
        f"migrate.upgrade('sqlite+aiosqlite:///{tmp_path}/new.db');"
        "logging.getLogger('bot.app').info('schema.new')"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["schema.new"]
