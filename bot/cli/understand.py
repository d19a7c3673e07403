"""`wuyebot understand`: what the recogniser makes of each line on standard input."""

import json
import sys
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from handlers.understanding.recogniser import Recogniser
from handlers.understanding.slots import as_json


def command(
    today: Annotated[
        str | None, typer.Option(help="The day the residents speak on, as YYYY-MM-DD.")
    ] = None,
) -> None:
    """Read one utterance a line and write one JSON object a line; needs no database."""
    day = _day(today)
    recogniser = Recogniser()
    lines = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")
    for line in lines.split("\n"):
        text = line.rstrip("\r")
        if not text.strip():
            continue
        heard = recogniser.understand(text, today=day)
        typer.echo(
            json.dumps(
                {
                    "text": heard.text,
                    "intent": heard.intent,
                    "slots": as_json(heard.slots),
                    "confidence": heard.confidence,
                },
                ensure_ascii=False,
            )
        )


def _day(said: str | None) -> date:
    """Return the day said, or today in Shanghai; refuses what is no day."""
    if said is None:
        return datetime.now(ZoneInfo("Asia/Shanghai")).date()
    try:
        return date.fromisoformat(said)
    except ValueError as trouble:
        message = f"{said!r} is not a day such as 2026-11-23"
        raise typer.BadParameter(message, param_hint="--today") from trouble
