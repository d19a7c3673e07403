"""Measures ours beside peers and limits, in one run: `python -m tests.benchmarks`."""
