"""`python -m tests.faults [TIMES]`: every fault that has a number, then each crash again and again.

Prints number → database → passed; a failure, or a number without a test and without a reason, is
told by the exit code.
"""

import os
import sys

import pytest

from tests.faults.catalogue import numbers_in, table

USUAL_TIMES = 25


class Tally:
    """Keeps the tests that carry a number, and what became of each."""

    def __init__(self) -> None:
        """Begin with none."""
        self.ran: dict[str, bool] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what carries no number."""
        others = [one for one in items if not numbers_in(one.name)]
        config.hook.pytest_deselected(items=others)
        items[:] = [one for one in items if numbers_in(one.name)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: a skipped one has proved nothing."""
        if report.when == "call" or not report.passed:
            self.ran[report.nodeid] = report.passed and self.ran.get(report.nodeid, True)


def by_number() -> int:
    """Go through each number once and print the table; return an exit code."""
    tally = Tally()
    code = int(pytest.main(["-q", "tests"], plugins=[tally]))
    lines, is_well = table((name.rpartition("::")[2], good) for name, good in tally.ran.items())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return code or int(not is_well)


def again_and_again(times: int) -> int:
    """Kill at every point so often; return the first exit code that is not 0."""
    for _ in range(times):
        if code := pytest.main(["-q", "-x", "tests/faults"]):
            return int(code)
    return 0


if __name__ == "__main__":
    os.environ["WUYEBOT_TEST_FAULTS"] = "all"
    times = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_TIMES
    sys.exit(by_number() or again_and_again(times))
