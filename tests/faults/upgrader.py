"""A process that brings a schema up and is killed before its Nth statement; 0 for never.

`python -m tests.faults.upgrader URL N` prints how many statements it took.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from sqlalchemy import Engine, event

from storage.migrate import upgrade


def main(url: str, fatal: int) -> int:
    """Bring the schema up; return how many statements that took."""
    statements = count(1)
    last = [0]

    def run(*_: Any) -> None:
        last[0] = next(statements)
        if last[0] == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", run)
    upgrade(url)
    return last[0]


if __name__ == "__main__":
    sys.stdout.write(str(main(sys.argv[1], int(sys.argv[2]))))
