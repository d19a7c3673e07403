"""`python -m tests.faults [TIMES]`: every crash test again and again; any failure ends it."""

import sys

import pytest

USUAL_TIMES = 25

if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_TIMES
    for _ in range(times):
        if code := pytest.main(["-q", "-x", "tests/faults"]):
            sys.exit(int(code))
