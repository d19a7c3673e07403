"""The whole house beside a language model: asked in time, counted, told of by the doctor."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot import config
from bot.app import RealClock, open_house
from bot.channels.wechat_official import Config as Official
from bot.cli.main import main
from tests.bot.channels import pushed

GOOD = b'{"choices": [{"message": {"content": "{\\"intent\\": \\"contact\\"}"}}]}'
SHAPELESS = b'{"choices": [{"message": {"content": "hello"}}]}'


class Door(BaseHTTPRequestHandler):
    """Answers as the server's `told` says; `let` is set when a stall may end."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told = self.server.told  # type: ignore[attr-defined]
        if told.body is None:
            told.let.wait()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told.body or GOOD)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def model() -> Iterator[SimpleNamespace]:
    """Give an address that answers from a thread of its own."""
    told = SimpleNamespace(body=GOOD, let=threading.Event(), url="")
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.told = told  # type: ignore[attr-defined]
        told.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield told
        told.let.set()
        server.shutdown()


def written(tmp_path: Path, *more: str, database: str = "sqlite+aiosqlite:///wuyebot.db") -> Path:
    path = tmp_path / "config.toml"
    lines = (
        *('[web]\nbase_url = "https://wuye.example"', '[company]\nname = "安居物业"'),
        *(f'[links]\nsecret = "{"x" * 40}"', f'[database]\nurl = "{database}"'),
    )
    path.write_text("\n".join((*lines, *more, "")), encoding="utf-8")
    return path


def model_lines(url: str) -> tuple[str, ...]:
    return ("[understanding.language_model]", f'url = "{url}"', 'model = "m-1"')


@pytest.fixture
async def door(model: SimpleNamespace, sqlite_url: str, tmp_path: Path) -> AsyncIterator:
    path = written(tmp_path, *model_lines(model.url), database=sqlite_url)
    official = Official(
        name="demo",
        app_id=pushed.APP_ID,
        app_secret="app-secret-of-the-tests",
        original_id=pushed.ORIGINAL_ID,
        token=pushed.TOKEN,
        aes_key=pushed.AES_KEY,
    )
    channels = {"demo": ("wechat_official", official)}
    settings = replace(config.read(path), channels=channels)
    async with (
        open_house(settings, RealClock()) as house,
        TestClient(TestServer(house.web)) as client,
    ):
        yield client


async def say(door: TestClient, text: str) -> bytes:
    stamp = int(RealClock().now().timestamp())
    query, body = pushed.push(pushed.text(text, "1001"), stamp=stamp)
    async with door.post("/wechat/demo", params=query, data=body) as answer:
        return await answer.read()


@pytest.mark.parametrize(("body", "outcome"), [(GOOD, "named"), (SHAPELESS, "unfit"), (None, "")])
async def test_the_answer_comes_in_time_whatever_the_model_does_and_is_counted(
    door: TestClient, model: SimpleNamespace, body: bytes | None, outcome: str
):
    model.body = body

    said = await say(door, "七上八下")
    async with door.get("/metrics") as answer:
        counted = await answer.text()

    assert b"<Encrypt>" in said
    outcomes = ("late", "unavailable") if body is None else (outcome,)
    lines = [f'wuyebot_language_model_total{{outcome="{one}"}} 1.0' for one in outcomes]
    assert sum(one in counted for one in lines) == 1


def doctor(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["doctor", "--config", str(path)])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (GOOD, "ok    language model: m-1 at 127.0.0.1:"),
        (SHAPELESS, "its answers are of another shape; the recogniser goes on"),
        (None, "the recogniser goes on"),
    ],
)
def test_the_doctor_asks_the_model_once(
    model: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str], body, said: str
):
    model.body = body

    assert said in doctor(written(tmp_path, *model_lines(model.url)), capsys)


def test_the_doctor_says_that_none_is_configured_or_that_nobody_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    off = doctor(written(tmp_path), capsys)
    gone = doctor(written(tmp_path, *model_lines("http://127.0.0.1:1/v1")), capsys)

    assert "ok    language model: off; the recogniser alone understands" in off
    assert "warn  language model: m-1 at 127.0.0.1:1: no answer" in gone
