"""The machine: which core does what, what a process has used, and which commit is measured."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "benchmarks"

_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = _CORES[0]
LOAD_CORE = _CORES[-1]


def pin_to(core: int) -> Callable[[], None]:
    """Return what a child process runs first so that it keeps to one core."""
    return lambda: os.sched_setaffinity(0, {core})


def start(core: int, *words: str, log: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start this Python with these arguments on one core; what it says goes to `log`."""
    with (log or Path(os.devnull)).open("ab") as said:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            stdout=said,
            stderr=said,
            preexec_fn=pin_to(core),
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """Let everybody keep compiled modules, as any deployment does, but apart from the tree."""
    kept = {key: one for key, one in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(BUILD / "pycache")}


def run(core: int, *words: str) -> str:
    """Run this Python with these arguments on one core to its end; return what it printed."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        preexec_fn=pin_to(core),
        env=_environment(),
    )
    return done.stdout


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process that we started, kindly at first."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return what a process has used of its core so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def rss_mb(pid: int) -> float:
    """Return how much memory a process holds, in MB of 1024 × 1024."""
    return float(psutil.Process(pid).memory_info().rss / 2**20)


def commit() -> str:
    """Return the commit that is measured, marked where the tree differs from it."""
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
