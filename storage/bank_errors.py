"""Refusals about rows of bank statements."""

from dataclasses import dataclass

from storage.errors import Refusal


@dataclass(eq=False)
class UnknownBankRow(Refusal):
    """No such row waits in these offices."""


@dataclass(eq=False)
class RowTaken(Refusal):
    """The row has been claimed, or dismissed, already."""
