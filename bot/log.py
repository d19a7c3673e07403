"""Logs: `noun.event` with its fields; no secret, name, phone number or openid in them."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from storage.lazy import load

_SECRETS: Final = re.compile(
    r"(access_token|secret|key|code|ticket|token|signature|msg_signature|openid)=[^&\s\"']+"
)
_PHONE: Final = re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])")
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def redact(text: str) -> str:
    """Hide values of secret query parameters and the middle of phone numbers."""
    return _PHONE.sub(r"\1****\2", _SECRETS.sub(r"\1=***", text))


class _Lines(logging.Formatter):
    """Prints a record as one JSON line, redacted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        more = {key: one for key, one in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            more["trace"] = self.formatException(record.exc_info)
        return redact(self._render({**line, **more}))

    def _render(self, fields: Mapping[str, Any]) -> str:
        return json.dumps(fields, ensure_ascii=False, default=str)


class _Columns(_Lines):
    """Prints a record for a person at a terminal, redacted; traces as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self._columns = load("structlog.dev").ConsoleRenderer(colors=False)

    def _render(self, fields: Mapping[str, Any]) -> str:
        told = {"timestamp" if key == "at" else key: one for key, one in fields.items()}
        if "trace" in told:
            told["exception"] = told.pop("trace")
        return str(self._columns(None, "", told))


def set_up(level: str) -> None:
    """Send all logs to standard error: JSON lines, or columns where a person looks on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Columns() if sys.stderr.isatty() else _Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("alembic", "apscheduler", "aiosqlite", "sqlalchemy.engine"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
