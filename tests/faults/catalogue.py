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

NOT_YET: Final[dict[str, str]] = {
    "d26": "no kill point between the last bill of a month and its telling",
    "d27": "late fees have a kill point, and no story that reaches it with fees to make",
    "d28": "closing a month is one transaction without a kill point",
    "d29": "an import is one transaction; it is not killed in a test",
    "d30": "applying a reconciliation has no kill point",
    "d31": "applying prepayments has no kill point",
    "d38": "erasing a person's data on request is not built",
    "d39": "personal data is not encrypted at rest, so no key is changed",
    "e07": "doctor tells of the version; no start with two writers on a spoilt one is tried",
    "e16": "no list is read from a million bills in a test; the plans of some are held",
    "g14": "receipts go first, a batch bounds memory; communities do not take turns",
    "i13": "there is no mini-program",
    "i14": "no code binds anybody by its scene alone",
    "j06": "no address is taken from a form or a Host header; no test tries",
    "j09": "no page takes an address; those configured are not checked for private networks",
    "j13": "our HTTP client refuses to send such names; the server's own check is not driven",
    "k08": "pictures are kept as they came, outside of what is served; no polyglots are tried",
    "l06": "a flood of log lines is not sampled",
    "l08": "exports are held in memory whole",
    "n02": "phones and openids are not planted as canaries over a whole run",
    "n03": "not tried with addresses and parameters in every trouble",
    "n06": "two keys at a time are known for certificates only",
    "n08": "the audit trail is append-only by triggers, and not chained by hash",
    "n09": "erasing a person's data on request is not built",
    "o01": "two versions beside each other under load are not run",
    "o02": "a replica cut off from its database is tried for a job, and not while it sends",
    "o03": "there is no advisory-lock leader: leases in rows do this, see F09 and D40",
    "o05": "tokens are shared by the platform's stable token; two processes are not counted",
}
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
