"""What a start waits for, and that what it does not wait for is there when it is needed."""

import json
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import certificates
from bot.app import LATER, Connector
from bot.cli.main import main

NOT_WAITED_FOR = (
    *("alembic", "apscheduler", "asyncpg", "jinja2", "openpyxl", "prometheus_client", "sklearn"),
    *("rich", "segno", "sqlalchemy.dialects.postgresql", "sqlalchemy.ext.asyncio"),
    *("sqlalchemy.orm", "structlog", "typer", "wechatpy", "bot.sandbox", "bot.web.checkout"),
    *("scheduler.registry", "handlers.staff.broadcast"),
)
START = """
import json, sys
from bot.cli.main import find
find(["run", "--config", "/nowhere.toml"])
import bot.channels.wechat_official
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by(code: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60
    )
    return set(json.loads(told.stdout))


def test_a_start_on_sqlite_loads_nothing_that_no_message_waits_for():
    loaded = loaded_by(START)

    assert {"aiohttp.web", "sqlalchemy", "bot.app"} <= loaded
    assert loaded.isdisjoint(NOT_WAITED_FOR)


def test_what_a_start_leaves_for_later_can_be_loaded():
    loaded = loaded_by(
        "import json, sys\nfrom bot.app import LATER\nfrom storage.lazy import load\n"
        "for name in LATER: load(name)\nprint(json.dumps(sorted(sys.modules)))"
    )

    assert set(LATER) <= loaded


def test_a_run_without_its_configuration_says_so_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--config", str(tmp_path / "config.toml")])

    assert ended.value.code == 1
    assert "config.toml: cannot be read" in capsys.readouterr().err


def test_a_run_that_is_typed_otherwise_is_understood_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["run", f"--config={tmp_path / 'config.toml'}"])

    assert ended.value.code == 1
    assert "config.toml: cannot be read" in capsys.readouterr().err


def test_a_context_whose_certificates_wait_trusts_nobody_until_they_are_read():
    known = ssl.create_default_context().cert_store_stats()
    with certificates.postponed():
        context = ssl.create_default_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] == 0
    assert certificates.are_waiting()

    certificates.read()

    assert context.cert_store_stats() == known
    assert not certificates.are_waiting()
    assert ssl.create_default_context().cert_store_stats() == known


async def test_the_first_call_out_has_the_certificates_read():
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", answer)
    with certificates.postponed():
        ssl.create_default_context()
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(connector=Connector()) as http,
        http.get(server.make_url("/")) as response,
    ):
        assert await response.text() == "hello"

    assert not certificates.are_waiting()
