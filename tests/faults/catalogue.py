"""The numbers of the faults that may befall us, and which of them no test of ours goes through.

A letter is what goes wrong: A notices of payments, B payments and refunds, C reconciliation, D a
process killed at a named point, E the database, F time, G what is sent, H what comes in by chat,
I who may do what, J pages, K files, L exhaustion, M odd letters, N secrets and privacy, O replicas.
A test carries its numbers in its name or in the name of a parameter: `test_a17_…`, `[sqlite-d04]`.
"""

import re
from collections.abc import Iterable
from typing import Final

HOW_MANY: Final = {
    "a": 26,
    "b": 22,
    "c": 10,
    "d": 40,
    "e": 16,
    "f": 14,
    "g": 17,
    "h": 15,
    "i": 15,
    "j": 14,
    "k": 8,
    "l": 9,
    "m": 7,
    "n": 11,
    "o": 6,
}
NUMBERS: Final = tuple(
    f"{letter}{number:02}" for letter, many in HOW_MANY.items() for number in range(1, many + 1)
)
DATABASES: Final = ("sqlite", "postgresql")

NOT_YET: Final[dict[str, str]] = {}
"""Number → why no test goes through it."""

_NUMBER: Final = re.compile(r"(?:(?<=test_)|(?<=[\[\-_,]))[a-o][0-9]{2}(?=[\]\-_,]|$)")


def numbers_in(name: str) -> set[str]:
    """Return the numbers that a test's name and its parameters carry."""
    return set(_NUMBER.findall(name)) & set(NUMBERS)


def databases_in(name: str) -> tuple[str, ...]:
    """Return the databases that a test's parameters name; "any" where it names none."""
    said = name.partition("[")[2]
    return tuple(one for one in DATABASES if one in said) or ("any",)


def table(passed: Iterable[tuple[str, bool]]) -> tuple[list[str], bool]:
    """Return the lines "number, database, passed of run" of tests run, and whether all is well.

    All is well where each test passed, and each number was gone through or has its reason.
    """
    runs: dict[tuple[str, str], list[bool]] = {}
    for name, is_passed in passed:
        for number in numbers_in(name):
            for database in databases_in(name):
                runs.setdefault((number, database), []).append(is_passed)
    covered = {number for number, _ in runs}
    lines = [
        f"{number.upper()}  {database:<10}  {sum(found)} of {len(found)} passed"
        for (number, database), found in sorted(runs.items())
    ]
    missing = [number for number in NUMBERS if number not in covered]
    lines += [f"{one.upper()}  not covered: {NOT_YET.get(one, 'no test')}" for one in missing]
    lines.append(f"{len(covered)} of {len(NUMBERS)} faults gone through")
    return lines, all(map(all, runs.values())) and set(missing) <= NOT_YET.keys()
