"""`wuyebot understand` answers line by line without a database."""

import json
import subprocess
import sys

import typer
from typer.testing import CliRunner

from bot.cli.understand import command as understand


def run(text, *arguments):
    app = typer.Typer()
    app.command()(understand)
    return CliRunner().invoke(app, list(arguments), input=text.encode())


def test_each_line_is_answered_with_one_object():
    heard = run("上个月水费多少\n\n账单\n", "--today", "2026-11-23")

    assert [json.loads(line) for line in heard.stdout.splitlines()] == [
        {
            "text": "上个月水费多少",
            "intent": "bill_detail",
            "slots": {"period": {"from": "2026-10", "to": "2026-10"}, "fee_item": "water"},
            "confidence": 0.98,
        },
        {"text": "账单", "intent": "unpaid", "slots": {}, "confidence": 0.98},
    ]


def test_bytes_that_are_no_text_are_answered_too():
    app = typer.Typer()
    app.command()(understand)

    heard = CliRunner().invoke(app, [], input=b"\xff\xfe\x00\n")

    assert heard.exit_code == 0


def test_a_day_that_is_none_is_refused():
    assert run("账单\n", "--today", "tomorrow").exit_code == 2


def test_the_command_loads_neither_the_web_nor_the_database():
    program = (
        "import sys, bot.cli.understand;"
        "sys.exit(bool({'aiohttp', 'sqlalchemy'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
