"""Becomes one of the processes that a benchmark starts beside itself: `NAME ARGUMENTS…`."""

import importlib
import sys

CHILDREN = {
    "load": "tests.benchmarks.load",
    "werobot": "tests.benchmarks.werobot_peer",
    "platform": "tests.benchmarks.slow_platform",
    "drain": "tests.benchmarks.drain",
    "billing": "tests.benchmarks.billing_run",
    "dunning": "tests.benchmarks.dunning_run",
    "reconcile": "tests.benchmarks.reconcile_run",
    "settle": "tests.benchmarks.settle_run",
    "commits": "tests.benchmarks.commits_run",
}

if __name__ == "__main__":
    name, *words = sys.argv[1:]
    importlib.import_module(CHILDREN[name]).main(words)
