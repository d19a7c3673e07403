"""The bot and the platforms as real processes: started, driven over HTTP, killed, compared."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
"""How long a process may take to answer, seeding included, on a machine that is busy."""
CALL_SECONDS = 110.0
DIED = (http.client.HTTPException, OSError)
"""What a caller sees whose server dies before it answers."""


def eventually(look: Callable[[], T], *, within: float, what: str) -> T:
    """Look again and again until there is something; the one place where tests wait."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """GET an address, or POST a body to it; redirects are not followed."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_SECONDS)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        link.request("GET" if body is None else "POST", path, body, dict(headers or {}))
        response = link.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        link.close()


class Program:
    """One process of ours, with all that it says in a file."""

    def __init__(
        self, words: Sequence[str], log_path: Path, *, crash: str = "", module: str = "bot"
    ) -> None:
        self.log_path = log_path
        environment = {**os.environ, "WUYEBOT_CRASH": crash}
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def ready(self, url: str) -> None:
        """Wait until an address answers; an early end fails with what it said last."""
        eventually(lambda: self._answers(url), within=START_SECONDS, what=url)

    def _answers(self, url: str) -> bool:
        assert self.is_running, f"ended with {self._process.returncode}: {self.said[-2000:]}"
        try:
            return call(url).status == 200
        except DIED:
            return False

    def exit_code(self, within: float = 30.0) -> int:
        """Wait for its end and return how it ended; minus a signal's number where killed."""
        try:
            return self._process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.said[-2000:]}") from None

    def stop(self) -> int:
        """Ask it to end, as an operator would, and return how it ended."""
        self.ask_to_stop()
        return self.exit_code()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        self._process.send_signal(signal.SIGTERM)

    def pause(self) -> None:
        """Stop it where it is, as a machine that stands still would."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it at once, whatever it does, and bury it."""
        self._process.kill()
        self._process.wait()


@dataclass
class Stage:
    """The platforms and the bot on their folders; the bot dies, the platforms live on."""

    folder: Path
    platforms_port: int = field(default_factory=free_port)
    bot_port: int = field(default_factory=free_port)
    database_url: str = ""
    running: list[Program] = field(default_factory=list)

    @property
    def bot_folder(self) -> Path:
        """Where the bot keeps its things."""
        return self.folder / "bot"

    @property
    def bot_url(self) -> str:
        """Where the bot answers."""
        return f"http://127.0.0.1:{self.bot_port}"

    @property
    def platforms_url(self) -> str:
        """Where the platforms answer."""
        return f"http://127.0.0.1:{self.platforms_port}"

    @property
    def facts(self) -> dict[str, Any]:
        """What demo.json tells outsiders."""
        told: dict[str, Any] = json.loads((self.bot_folder / "demo.json").read_text("utf-8"))
        return told

    def start_platforms(self, now: str = "") -> Program:
        """Start the platforms alone and wait for them."""
        words = ["sandbox", "--port", str(self.platforms_port)]
        words += ["--data", str(self.folder / "platforms")]
        return self._run([*words, *(["--now", now] if now else [])], "platforms").awaited(
            f"{self.platforms_url}/_sandbox/control/clock"
        )

    def start_bot(self, *, crash: str = "", altered: str = "") -> Program:
        """Start the bot and wait for it; `crash` arms a point, `altered` plants a bug."""
        return self.begin_bot(crash=crash, altered=altered).awaited(f"{self.bot_url}/healthz")

    def begin_bot(
        self, *, crash: str = "", altered: str = "", port: int | None = None
    ) -> "_Started":
        """Start the bot and do not wait."""
        words = ["demo", "--platforms", self.platforms_url, "--port", str(port or self.bot_port)]
        words += ["--data", str(self.bot_folder)]
        words += ["--database", self.database_url] if self.database_url else []
        if altered:
            return self._run([altered, *words], "bot", crash, module="tests.faults.altered")
        return self._run(words, "bot", crash)

    def _run(
        self, words: Sequence[str], name: str, crash: str = "", module: str = "bot"
    ) -> "_Started":
        log_path = self.folder / f"{len(self.running):02d}-{name}.log"
        program = Program(words, log_path, crash=crash, module=module)
        self.running.append(program)
        return _Started(program)

    def close(self) -> None:
        """Kill what still runs."""
        for program in self.running:
            program.kill()

    # What people and platforms do

    def control(self, path: str, **body: Any) -> Any:
        """Ask the platforms' control plane: GET without words, POST with them."""
        sent = json.dumps(body).encode() if body else None
        answer = call(f"{self.platforms_url}/_sandbox/control/{path}", sent)
        assert answer.status == 200, (path, answer.status, answer.body[:500])
        return json.loads(answer.body)

    def advance(self, seconds: float) -> None:
        """Move the clock on; jobs and platform timers that fall due have run when it returns."""
        self.control("clock", advance_seconds=seconds)

    def openid(self, place: int) -> str:
        """Return the openid of the resident at this place among those who are bound."""
        bound = [one["openid"] for one in self.facts["residents"] if one["bound"]]
        return str(bound[place])

    def say(self, openid: str, text: str) -> str:
        """Say something to the bot in chat and return its answer, "" where none came."""
        return str(self.control("wechat/messages", openid=openid, text=text)["reply"] or "")

    def inbox(self, openid: str) -> list[dict[str, Any]]:
        """Return all that reached this person."""
        found: list[dict[str, Any]] = self.control(f"wechat/inbox/{openid}")
        return found

    def heard(self, openid: str, words: str) -> list[str]:
        """Return the messages with these words that reached her on the bot's own account."""
        return [
            one["text"]
            for one in self.inbox(openid)
            if words in one["text"] and one["route"] != "passive"
        ]

    def pay_link(self, openid: str) -> str:
        """Ask for the pay page in chat and return its address."""
        found = re.search(r"http://\S+/pay/[\w-]+", reply := self.say(openid, "缴费"))
        assert found, reply
        return found[0]

    def press_pay(self, link: str) -> str:
        """Tick every bill, press pay on a desktop, and return the number of the order."""
        page = call(link).body.decode()
        ticks = re.findall(r'name="bill"[^>]*value="([0-9-]+)"', page)
        form = [("bill", one) for one in ticks] + [("gateway", "wechat_pay")]
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = call(link, urlencode(form).encode(), kind)
        found = re.search(r"order=(\w+)", answer.headers.get("Location", ""))
        assert found, (answer.status, answer.body[:2000])
        return found[1]

    def order(self, openid: str) -> str:
        """Go from the chat to an order that the platform waits to be paid."""
        return self.press_pay(self.pay_link(openid))

    def pay(self, order_no: str) -> None:
        """Pay at the cashier; the platform books it and sends its first notice."""
        self.control("wechat_pay/pay", order_no=order_no)

    def ask_refund(self, openid: str, part: str = "") -> str:
        """Ask the last payment (or a part of it) back in chat; return the last answer."""
        words = ["我要退款", "重复缴费", *([part] if part else []), "确认"]
        return [self.say(openid, one) for one in words][-1]

    def until_refunded(self, openid: str) -> None:
        """Ask the last payment back, and let the platform's three minutes pass."""
        self.ask_refund(openid)
        self.advance(240)

    @contextmanager
    def meanwhile(self, work: Callable[[], object]) -> Iterator[None]:
        """Do something beside the block, and wait for it at the block's end."""
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(work)
            yield
            under_way.result(timeout=CALL_SECONDS)

    def notices(self, order_no: str, gateway: str = "wechat_pay") -> list[int]:
        """Return how each notice of this order was answered, the oldest first; 0 for not at all."""
        found = self.control(f"calls?platform={gateway}")
        return [
            one["code"]
            for one in found
            if one.get("order_no") == order_no and one.get("attempt") is not None
        ]

    def until_heard(self, order_no: str, gateway: str = "wechat_pay") -> None:
        """Let the platform repeat its notice until the bot says that it has heard."""
        for _ in range(8):
            if {200, 204}.intersection(self.notices(order_no, gateway)):
                return
            self.advance(AGAIN_SECONDS.get(gateway, 20))
        raise AssertionError(f"never heard: {self.notices(order_no, gateway)}")


@dataclass(frozen=True)
class _Started:
    """A process that may not answer yet."""

    program: Program

    def awaited(self, url: str) -> Program:
        """Wait until this address answers."""
        self.program.ready(url)
        return self.program


@contextmanager
def staged(folder: Path, template: Path | None = None, database_url: str = "") -> Iterator[Stage]:
    """Give a stage, on a copy of another's folders where one is named, and clear it away."""
    if template is not None:
        for name in ("bot", "platforms"):
            shutil.copytree(template / name, folder / name)
    stage = Stage(folder, database_url=database_url)
    try:
        yield stage
    finally:
        stage.close()


def differences(
    ours: Mapping[str, Sequence[Mapping[str, Any]]],
    theirs: Mapping[str, Sequence[Mapping[str, Any]]],
    gateway: str = "wechat_pay",
) -> list[str]:
    """Compare our book with the platform's, row by row, both ways; name each row that is off."""
    found = []
    for kind, names in COMPARED.items():
        mine = [_row(one, names) for one in ours[kind] if one["gateway"] == gateway]
        other = [_row(one, names) for one in theirs[kind]]
        found += [f"{kind} only ours: {one}" for one in _beyond(mine, other)]
        found += [f"{kind} only theirs: {one}" for one in _beyond(other, mine)]
    return found


AGAIN_SECONDS = {"alipay": 240, "unionpay": 240}
"""How long it takes a platform to repeat its notice, where that is longer than WeChat's."""
COMPARED = {
    "payments": ("order_no", "transaction_id", "amount_fen", "at"),
    "refunds": ("refund_no", "order_no", "amount_fen", "state", "at"),
}


def _row(one: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(datetime.fromisoformat(one[n]) if n == "at" else one[n] for n in names)


def _beyond(rows: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    left = list(others)
    beyond = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            beyond.append(row)
    return beyond
