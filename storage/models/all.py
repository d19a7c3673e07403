"""Every table: what migrations compare the schema with."""

from storage.models import (
    bills,
    estate,
    ledger,
    messages,
    notices,
    operating,
    payments,
    people,
    policies,
)
from storage.models.base import metadata

FAMILIES = (
    estate,
    people,
    policies,
    bills,
    ledger,
    payments,
    messages,
    notices,
    operating,
)

__all__ = ["FAMILIES", "metadata"]
