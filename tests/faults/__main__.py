"""`python -m tests.faults [TIMES]`: all crash tests, again and again; a failure ends it."""

import os
import sys

import pytest

USUAL_TIMES = 25

if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_TIMES
    os.environ["WUYEBOT_TEST_FAULTS"] = "all"
    for _ in range(times):
        if code := pytest.main(["-q", "-x", "tests/faults"]):
            sys.exit(int(code))
