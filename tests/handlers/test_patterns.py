"""Every pattern that reads what people send comes to an end soon, whatever they sent."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, re, resource, sys

ROOMS = ("handlers", "storage", "bot.channels", "bot.gateways", "bot.spreadsheets", "bot.web")
NOT_HERE = (".migrations", ".build", ".training")

def held(value):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list, frozenset, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from held(one)

ours = {re.compile(one) for one in sys.argv[1:]}
for room in ROOMS:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        if not any(one in module.name for one in NOT_HERE):
            for value in vars(importlib.import_module(module.name)).values():
                ours.update(one for one in held(value) if isinstance(one.pattern, str))
pieces = ("1", "0.", " ", "3-", "a", "账单", "十", "年1月", "a.", "1,000", "ab ba", "(", "://")
used = resource.getrusage(resource.RUSAGE_SELF)
fence = int(used.ru_utime + used.ru_stime) + SECONDS
resource.setrlimit(resource.RLIMIT_CPU, (fence, fence))
for pattern in ours:
    for piece in pieces:
        text = (piece * N)[:N] + "!"
        pattern.fullmatch(text), pattern.search(text)
print(len(ours))
"""
CPU_SECONDS = 20
"""A fence and no measure: what goes back and forth without end is killed there by the system."""
LONGEST = 3_000


ENDLESS = "(.*?)[ /:]*([0-9]{7,30})"


def read_all(*more: str, seconds: int = CPU_SECONDS) -> subprocess.CompletedProcess[str]:
    """Let every pattern of ours, and some more, read texts as long as the longest message."""
    head = f"SECONDS, N = {seconds}, {LONGEST}\n"
    return subprocess.run(
        [sys.executable, "-c", head + PROGRAM, *more], capture_output=True, text=True, check=False
    )


def test_l04_no_pattern_goes_on_for_ever_over_a_message_of_3000_characters():
    done = read_all()

    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 100


def test_l04_a_pattern_that_goes_back_and_forth_would_be_seen():
    """Positive control."""
    assert read_all(ENDLESS, seconds=2).returncode < 0
