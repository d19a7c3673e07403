"""The house stands as its rules say, and each rule bites when it is broken on purpose."""

from functools import cache
from pathlib import Path

import pytest

from tests import house_rules as house
from tests.house_files import Files, Rule, Source, read_rooms
from tests.house_names import names_speak

ROOT = Path(__file__).parent.parent

LONG_FUNCTION = "def walk() -> None:\n" + "    pass\n" * 50

# rule, file, what the file says under its caption
BROKEN = (
    (house.rooms_import_downwards, "storage/a.py", "import bot.app"),
    (house.rooms_import_downwards, "handlers/a.py", "from scheduler import job"),
    (house.rooms_import_downwards, "scheduler/a.py", "import handlers"),
    (house.rooms_import_downwards, "bot/sandbox/a.py", "from storage import money"),
    (house.rooms_import_downwards, "bot/sandbox/a.py", "from bot import config"),
    (house.storage_imports_downwards, "storage/rules/a.py", "from storage import ledger"),
    (house.storage_imports_downwards, "storage/ledger.py", "import storage.operations.bills"),
    (house.storage_imports_downwards, "storage/queries/a.py", "from storage.operations import x"),
    (house.storage_imports_downwards, "storage/ports/a.py", "from storage import money"),
    (house.storage_imports_downwards, "storage/unheard_of.py", ""),
    (house.tables_stay_in_storage, "handlers/a.py", "from storage.models.bills import bills"),
    (house.tables_stay_in_storage, "bot/a.py", "from storage import models"),
    (house.libraries_stay_in_their_rooms, "bot/a.py", "from sqlalchemy import select"),
    (house.libraries_stay_in_their_rooms, "storage/queries/a.py", "import alembic"),
    (house.libraries_stay_in_their_rooms, "scheduler/jobs/a.py", "import apscheduler"),
    (house.libraries_stay_in_their_rooms, "handlers/a.py", "from aiohttp import web"),
    (house.libraries_stay_in_their_rooms, "bot/web/a.py", "import wechatpy"),
    (house.libraries_stay_in_their_rooms, "handlers/a.py", "import jinja2"),
    (house.libraries_stay_in_their_rooms, "storage/rules/a.py", "import chinese_calendar"),
    (house.no_circles, "storage/money.py", "from storage import periods"),
    (house.imports_are_plain, "bot/a.py", "from . import config"),
    (house.imports_are_plain, "bot/a.py", "def f() -> None:\n    import json"),
    (house.imports_are_plain, "bot/a.py", "from typing import TYPE_CHECKING"),
    (house.imports_are_plain, "bot/a.py", "import importlib\nimportlib.import_module('json')"),
    (house.captions_open_every_file, "bot/a/__init__.py", "from bot import app"),
    (house.files_and_functions_are_small, "bot/a.py", "x = 1\n" * 401),
    (house.files_and_functions_are_small, "bot/a.py", LONG_FUNCTION),
    (names_speak, "bot/utils.py", ""),
    (names_speak, "bot/a.py", "def handle_refund() -> None: ..."),
    (names_speak, "bot/a.py", "class BindingManager: ..."),
    (names_speak, "bot/a.py", "class Order: ..."),
    (names_speak, "storage/operations/a.py", "class Bill:\n    fee: int"),
    (names_speak, "handlers/a.py", "status = 1"),
    (names_speak, "bot/a.py", "def __init__(self) -> None:\n    self.tmp_path = 1"),
    (names_speak, "bot/a.py", "def f(bill_info: str) -> None: ..."),
    (names_speak, "storage/operations/a.py", "payment_record = 1"),
    (house.only_the_ledger_writes_postings, "storage/operations/a.py", "x = insert(postings)"),
    (house.only_the_ledger_writes_postings, "storage/audit.py", "x = ledger.postings.delete()"),
    (house.only_the_ledger_writes_postings, "bot/a.py", "x = 'UPDATE postings SET amount_fen = 0'"),
    (house.trouble_is_named, "bot/a.py", "try:\n    f()\nexcept Exception:\n    x = 1"),
    (house.trouble_is_named, "bot/a.py", "try:\n    f()\nexcept:\n    x = 1"),
    (house.trouble_is_named, "bot/a.py", "try:\n    f()\nexcept (OSError, Exception):\n    x = 1"),
    (house.money_never_floats, "storage/money.py", "x = float('1.1')"),
    (house.money_never_floats, "handlers/a.py", "def f(amount: float) -> None: ..."),
    (house.money_never_floats, "scheduler/a.py", "yuan = fen / 100"),
    (house.parsers_match_whole_ascii, "bot/a.py", "import re\nre.match('[0-9]', x)"),
    (house.parsers_match_whole_ascii, "bot/a.py", r"import re; re.compile(r'\d+')"),
    (house.the_environment_is_read_once, "bot/a.py", "import os\nx = os.environ['X']"),
)

ALLOWED = (
    ("bot/sandbox/a.py", "from bot.sandbox import clock\nimport aiohttp"),
    ("bot/app.py", "from handlers import registry\nfrom scheduler import runner\nimport storage"),
    (
        "storage/lazy.py",
        "import importlib\ndef f(name: str) -> None:\n    importlib.import_module(name)",
    ),
    ("handlers/intents/payment_status.py", "def payment_status() -> None: ..."),
    ("storage/operations/payments.py", "def record_offline_payment() -> None: ..."),
    ("storage/ledger.py", "from storage.models.ledger import postings\nx = insert(postings)"),
    ("storage/migrate.py", "import alembic"),
    ("scheduler/runner.py", "import apscheduler\ntry:\n    f()\nexcept Exception:\n    x = 1"),
    ("bot/a.py", "try:\n    f()\nexcept BaseException:\n    x = 1\n    raise"),
    ("bot/gateways/a.py", "class Answer:\n    status: str\n    order: str"),
    ("handlers/a.py", "MANAGER = 1\norder = 2"),
    ("handlers/understanding/a.py", "x = WORD.match(text, 3)"),
)


def build(root: Path, path: str, text: str) -> Files:
    """Build a small sound house in a folder, with one more file in it."""
    sound = {"storage/periods.py": "from storage import money", "storage/money.py": ""}
    for name, body in (sound | {path: text}).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'"""What this file answers."""\n{body}\n', encoding="utf-8")
    return read_rooms(root)


@cache
def as_it_stands() -> Files:
    """Read the house once for all rules."""
    return read_rooms(ROOT)


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rule(rule: Rule):
    broken = rule(as_it_stands())

    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_broken_on_purpose_bites(rule: Rule, path: str, text: str, tmp_path: Path):
    assert rule(build(tmp_path, path, text))


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_what_the_rules_allow_passes_all_of_them(path: str, text: str, tmp_path: Path):
    files = build(tmp_path, path, text)

    assert [broken for rule in house.RULES for broken in rule(files)] == []


def test_every_rule_has_been_broken_on_purpose():
    assert {rule for rule, _, _ in BROKEN} == set(house.RULES)


@pytest.mark.parametrize("opening", ["", "x = 1\n", '"""Two\nlines."""\n', '"""no full stop"""\n'])
def test_a_file_without_a_caption_is_found(opening: str):
    assert house.captions_open_every_file([Source("bot/a.py", opening)])


def test_an_empty_house_breaks_nothing(tmp_path: Path):
    assert [broken for rule in house.RULES for broken in rule(read_rooms(tmp_path))] == []
