"""Starts ours and the peers, each pinned to the server's core, and waits until they answer."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.account import AES_KEY, APP_ID, APP_SECRET, ORIGINAL_ID, TOKEN
from tests.benchmarks.estate import ACCOUNT

OURS = "ours"
PEERS = ("tornado", "waitress")
PATH = f"/wechat/{ACCOUNT}"
_PATIENCE_SECONDS = 30

_CONFIG = """\
[web]
base_url = "https://wy.example.com"
port = {port}

[company]
name = "云栖物业"

[links]
secret = "benchmarks-benchmarks-benchmarks"

[database]
url = "sqlite+aiosqlite:///{database}"

[channels.{account}]
kind = "wechat_official"
app_id = "{app_id}"
app_secret = "{app_secret}"
original_id = "{original_id}"
token = "{token}"
aes_key = "{aes_key}"
"""


@dataclass(frozen=True)
class Server:
    """A server under way."""

    process: "subprocess.Popen[bytes]"
    port: int


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(name: str, database: Path, *, port: int) -> "subprocess.Popen[bytes]":
    """Start a server by name: ours is `wuyebot run`, nothing less."""
    log = database.with_name(f"{name}.log")
    if name != OURS:
        words = ("-m", "tests.benchmarks.child", "werobot", name, str(port))
        return machine.start(machine.SERVER_CORE, *words, log=log)
    config = database.with_name("config.toml")
    config.touch(mode=0o600)
    config.write_text(
        _CONFIG.format(
            port=port,
            database=database,
            account=ACCOUNT,
            app_id=APP_ID,
            app_secret=APP_SECRET,
            original_id=ORIGINAL_ID,
            token=TOKEN,
            aes_key=AES_KEY,
        ),
        encoding="utf-8",
    )
    words = ("-m", "bot", "run", "--config", str(config))
    return machine.start(machine.SERVER_CORE, *words, log=log)


@contextmanager
def running(name: str, database: Path) -> Iterator[Server]:
    """Run a server until the block ends."""
    port = free_port()
    process = launch(name, database, port=port)
    try:
        wait_for(port, process)
        yield Server(process, port)
    finally:
        machine.stop(process)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return once somebody listens. Raises TimeoutError, or RuntimeError where it ended."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; see its log")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the server does not listen")
