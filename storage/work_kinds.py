"""Words of long work (后台任务): what it is, where it stands, how far it has come."""

from enum import StrEnum


class WorkKind(StrEnum):
    """What is done at length."""

    IMPORT = "import"
    """A spreadsheet is compared with the books, or taken into them."""


class WorkState(StrEnum):
    """Where a piece of work stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    BROKEN = "broken"
    """It was cut off too often, or failed: whoever wants it asks for it anew."""
