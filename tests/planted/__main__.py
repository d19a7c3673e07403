"""Plants each bug in a copy of the tree and runs the tests of money against it.

`python -m tests.planted [NAME ...]`; `--tree DIR` plants in another tree, `--jobs N` at once.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.planted.bugs import Bug, bugs

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv", ".demo", "build", "dist", "node_modules", "__pycache__", ".*_cache")
TESTS = (
    "tests/storage/rules/test_allocation.py",
    "tests/storage/rules/test_matching.py",
    "tests/storage/rules/test_agreeing.py",
    "tests/storage/operations/test_payments.py",
    "tests/storage/operations/test_refunds.py",
    "tests/storage/operations/test_refund_causes.py",
    "tests/storage/operations/test_refund_terms.py",
    "tests/storage/operations/test_orders.py",
    "tests/storage/operations/test_choosing_what_to_pay.py",
    "tests/storage/operations/test_prepayments.py",
    "tests/storage/operations/test_offline.py",
    "tests/storage/operations/test_cashier_days.py",
    "tests/storage/operations/test_bank_rows.py",
    "tests/storage/operations/test_settlements.py",
    "tests/storage/operations/test_findings.py",
    "tests/storage/test_ledger.py",
    "tests/handlers/webhooks",
    "tests/scheduler/jobs/test_money_jobs.py",
    "tests/scheduler/jobs/test_reconcile.py",
    "tests/bot/gateways",
)
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-m", "not postgresql", "--no-header", "--tb=no")
NEEDED = 28
FAILED, NONE = 1, 5
"""Ends of pytest: a test failed; no test was chosen."""


@dataclass(frozen=True)
class Outcome:
    """What the tests said to a bug."""

    bug: Bug
    is_caught: bool
    by: str
    seconds: float

    def __str__(self) -> str:
        """Print as one line."""
        word = "caught" if self.is_caught else "SURVIVED"
        return f"{word:8} {self.seconds:5.0f} s  {self.bug.name}  {self.by}"


def main() -> int:
    """Try all bugs, or those that are named; return 0 where enough were caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted")
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginnings of names")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args()
    wanted = [
        bug for bug in bugs() if not asked.names or any(map(bug.name.startswith, asked.names))
    ]
    with tempfile.TemporaryDirectory(prefix="wuyebot-planted-") as folder:
        outcomes = try_all(wanted, Path(folder), asked.jobs)
    survived = [one for one in outcomes if not one.is_caught]
    _say(f"{len(outcomes) - len(survived)} of {len(outcomes)} caught")
    for one in survived:
        _say(f"survived: {one.bug.name}: {one.bug.caption}")
    return int(
        len(survived) > max(len(outcomes) - NEEDED, 0) if not asked.names else bool(survived)
    )


def try_all(wanted: list[Bug], folder: Path, jobs: int) -> list[Outcome]:
    """Try bugs, several at once, each in a tree that it has for itself meanwhile."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(jobs):
        trees.put(copy_tree(folder / f"tree{number}"))
    status, by = run_tests(folder / "tree0", *TESTS)
    if status != os.EX_OK:
        raise SystemExit(f"without any bug a test fails already, so nothing can be told: {by}")

    def one(bug: Bug) -> Outcome:
        tree = trees.get()
        try:
            outcome = attempt(bug, tree)
        finally:
            trees.put(tree)
        _say(str(outcome))
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, wanted))


def copy_tree(to: Path) -> Path:
    """Copy what runs, without what was installed or left behind."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return to


def attempt(bug: Bug, tree: Path) -> Outcome:
    """Plant a bug; run the nearest tests, then all others where those see nothing."""
    began = time.monotonic()
    with bug.planted(tree):
        status, by = run_tests(tree, bug.first)
        if status != FAILED:
            status, by = run_tests(tree, *(one for one in TESTS if one != bug.first))
    return Outcome(bug, status == FAILED, by, time.monotonic() - began)


def run_tests(tree: Path, *tests: str) -> tuple[int, str]:
    """Run tests in a tree; return how pytest ended, and the first test that failed."""
    kept = {key: one for key, one in os.environ.items() if not key.startswith("PYTEST_")}
    words = (sys.executable, "-B", "-m", "pytest", *OPTIONS, "-rfE")
    done = subprocess.run(
        [*words, f"--basetemp={tree.parent / (tree.name + '-tmp')}", *tests],
        cwd=tree,
        env=kept | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode not in (0, FAILED):
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.returncode, failed[0].split(" - ")[0].split(" ", 1)[1] if failed else ""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
