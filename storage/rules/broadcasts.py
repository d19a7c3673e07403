"""What a broadcast's category (群发类别) decides: who may turn it off, and if it comes at night."""

from storage.kinds import BroadcastCategory as Kind

_SILENCED_BY = {
    Kind.NOTICE: ("notices",),
    Kind.ACTIVITY: ("activities", "notices"),
    Kind.URGENT: (),
    Kind.LEGAL: (),
}
_AT_NIGHT_TOO = (Kind.URGENT,)


def silenced_by(category: str) -> tuple[str, ...]:
    """Return what a person may have turned off so that a category does not reach her."""
    return _SILENCED_BY[Kind(category)]


def comes_at_night(category: str) -> bool:
    """Tell whether a category comes in quiet hours too."""
    return category in _AT_NIGHT_TOO
