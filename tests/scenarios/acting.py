"""A demo process driven from outside: through demo.json and the control plane, over HTTP."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp.test_utils import unused_port

ROOT = Path(__file__).parents[2]
START = "2026-11-23T10:00:00+08:00"
DAY = 86_400
LINK = re.compile(r"https?://[^\s\"'<>\\]+/pay/[A-Za-z0-9_.~-]+")
GATEWAYS = ("wechat_pay", "alipay", "unionpay")
COMPUTER = "Mozilla/5.0 (X11; Linux x86_64)"
MOBILE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile"
Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = 20.0) -> Found:
    """Look again and again until something is found; fail at the deadline."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def http(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Ask once, following redirects; return the status and the text."""
    asked = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=240) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(errors="replace")


def wuyebot(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@dataclass
class Demo:
    """One folder, and the process that serves it now."""

    folder: Path
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=unused_port)
    facts: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _played: set[str] = field(default_factory=set)

    # The process

    def start(self) -> None:
        """Start, and return once it is healthy."""
        words = ["demo", "--port", str(self.port), "--data", str(self.folder), *self.arguments]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot", *words], cwd=ROOT, stdout=log, stderr=log
            )
        until(self._is_healthy, 60)
        self.facts = json.loads((self.folder / "demo.json").read_text(encoding="utf-8"))

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()[-2000:]
        with suppress(OSError):
            return http("GET", f"http://127.0.0.1:{self.port}/healthz")[0] == 200
        return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process; return its exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(how)
        status = self._process.wait(timeout=20)
        self._process = None
        return status

    def log(self) -> str:
        """Return all that the process wrote."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text(encoding="utf-8")

    # The control plane

    @property
    def base(self) -> str:
        """Where the bot answers."""
        return str(self.facts["base_url"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control plane."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        status, text = http(method, f"{self.facts['control_url']}/{path}", sent, headers)
        assert status == 200, f"{method} {path}: {status} {text[:300]}"
        return json.loads(text)

    def fault(self, platform: str, kind: str, **more: Any) -> None:
        """Have the platform's next answers or notices go wrong."""
        self.call("POST", f"{platform}/faults", {"kind": kind, **more})

    def inbox(self, openid: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what reached a person after a number."""
        return list(self.call("GET", f"wechat/inbox/{openid}?after={after}"))

    def mark(self, openid: str) -> int:
        """Return the number of the last message that reached a person."""
        return max((one["seq"] for one in self.inbox(openid)), default=0)

    def say(self, openid: str, text: str) -> str:
        """Say something; return what was answered at once."""
        return str(self.call("POST", "wechat/messages", {"openid": openid, "text": text})["reply"])

    def heard(self, openid: str, after: int, *parts: str) -> str:
        """Return the first message after a number that has all the parts, waiting for it."""

        def look() -> str:
            texts = (one["text"] for one in self.inbox(openid, after))
            return next((text for text in texts if all(part in text for part in parts)), "")

        return until(look)

    def advance(self, *, seconds: float = 0, minutes: float = 0, days: float = 0) -> None:
        """Move the one clock forward; what is due is done when this returns."""
        self.call("POST", "clock", {"advance_seconds": seconds + minutes * 60 + days * DAY})

    def to(self, day_and_time: str) -> None:
        """Move the clock to a Shanghai minute: "2026-12-01 09:01"."""
        self.call("POST", "clock", {"set": day_and_time.replace(" ", "T") + ":00+08:00"})

    # People

    def staff(self, role: str) -> str:
        """Return the openid of a member of staff."""
        return next(str(one["openid"]) for one in self.facts["staff"] if one["role"] == role)

    def stranger(self, nickname: str = "路人") -> str:
        """Have somebody new follow; return the openid."""
        return str(self.call("POST", "wechat/users", {"nickname": nickname})["openid"])

    def untaken(self) -> dict[str, Any]:
        """Return an unbound resident of 云栖花园 whom no story of this demo has played yet."""
        rows = [one for one in self.facts["residents"] if not one["bound"]]
        rows = [one for one in rows if one["community"] == "云栖花园"]
        row: dict[str, Any] = next(one for one in rows if one["openid"] not in self._played)
        self._played.add(row["openid"])
        return row

    def newcomer(self) -> tuple[str, dict[str, Any]]:
        """Have an unbound resident follow and bind; return her openid and who she is."""
        row = self.untaken()
        openid = self.stranger(row["name"])
        assert "绑定成功" in self.bind(openid, row)
        return openid, row

    def bind(self, openid: str, row: dict[str, Any]) -> str:
        """Claim a resident's flat in one message; return the answer."""
        return self.say(openid, f"绑定 {row['unit_label']} {row['name']} {row['phone']}")

    # Money

    def link(self, openid: str) -> str:
        """Ask for the payment link."""
        found = LINK.findall(self.say(openid, "缴费"))
        assert found
        return str(found[-1])

    def order(self, link: str, bills: int | None = None, agent: str = COMPUTER) -> tuple[str, int]:
        """Press the button of the pay page with a browser; return (order_no, fen)."""
        known = {one["order_no"] for one in self.call("GET", "wechat_pay/orders")}
        status, page = http("GET", link, headers={"User-Agent": agent})
        assert status == 200
        ticks = re.findall(r'name="bill" value="([0-9]+-[0-9]+)"', page)[:bills]
        assert ticks, "nothing to pay"
        fields = [("gateway", "wechat_pay"), *(("bill", tick) for tick in ticks)]
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": agent}
        status, _ = http("POST", link, urllib.parse.urlencode(fields).encode(), headers)
        assert status == 200
        orders = self.call("GET", "wechat_pay/orders")
        return next(
            (one["order_no"], one["amount_fen"]) for one in orders if one["order_no"] not in known
        )

    def collect(self, order_no: str) -> None:
        """Have the payer pay at the cashier."""
        self.call("POST", "wechat_pay/pay", {"order_no": order_no})

    def pay(self, openid: str, bills: int | None = None) -> tuple[str, int]:
        """Ask, press, pay and read the receipt; return (order_no, fen)."""
        order_no, fen = self.order(self.link(openid), bills)
        mark = self.mark(openid)
        self.collect(order_no)
        self.heard(openid, mark, "已收到", yuan(fen))
        return order_no, fen

    def ask_refund(self, openid: str, amount: str = "") -> str:
        """Ask the money of the only payment back; return what was said of the request."""
        said = self.say(openid, "我要退款")
        if "哪一笔" in said:
            said = self.say(openid, "1")
        assert "原因" in said
        said = self.say(openid, "重复缴费")
        if amount:
            said = self.say(openid, amount)
        assert "确认" in said
        return self.say(openid, "确认")

    def refund_states(self) -> dict[str, str]:
        """Return {refund: state} of the platform's book."""
        rows = self.call("GET", "wechat_pay/book")["refunds"]
        return {one["refund_no"]: one["state"] for one in rows}

    # The proof

    def calm(self) -> None:
        """Take back every trouble that has not struck yet."""
        for platform in ("wechat", "wechat_pay", "wecom"):
            self.call("DELETE", f"{platform}/faults")

    def prove(self) -> None:
        """Hold the books against themselves and against the platform's own."""
        audit = wuyebot("audit", "--data", str(self.folder))
        assert audit.returncode == 0, audit.stdout + audit.stderr
        ours = json.loads(wuyebot("book", "--data", str(self.folder), "--json").stdout)
        books = [self.call("GET", f"{name}/book") for name in GATEWAYS]
        theirs = {kind: [row for book in books for row in book[kind]] for kind in books[0]}
        assert payments(ours) == payments(theirs)
        assert refunds(ours) == refunds(theirs)


def payments(book: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return a book's payments, comparable."""
    rows = book["payments"]
    return sorted((one["order_no"], one["transaction_id"], one["amount_fen"]) for one in rows)


def refunds(book: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    """Return a book's refunds that the platform has heard of, comparable."""
    rows = [one for one in book["refunds"] if one["state"] in ("processing", "success", "abnormal")]
    return sorted(
        (one["refund_no"], one["order_no"], one["amount_fen"], one["state"]) for one in rows
    )


def yuan(fen: int) -> str:
    """Say fen as our texts do: 1,234.50."""
    return f"{fen // 100:,}.{fen % 100:02d}"


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Demo]:
    """Run a demo on a folder for the time of a block."""
    demo = Demo(folder, arguments)
    try:
        demo.start()
        yield demo
    finally:
        demo.end()


def copied(seeded: Path, folder: Path) -> Path:
    """Copy a seeded demo's folder, so that a module need not import the sheets again."""
    shutil.copytree(seeded, folder, dirs_exist_ok=True)
    return folder
