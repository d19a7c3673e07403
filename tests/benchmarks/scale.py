"""How much is measured: for the record, or in short."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of one run."""

    rounds: int
    messages: int
    """Timed chat messages of one server in one round."""
    deliveries: int
    """Outbox messages drained in one go."""
    endurance: int
    """Messages over which memory has to stay flat."""
    bills: int
    """Bills that one run of the generator issues."""


FULL = Scale(rounds=7, messages=10_000, deliveries=6_000, endurance=100_000, bills=1_000_000)
SHORT = Scale(rounds=5, messages=2_000, deliveries=2_000, endurance=20_000, bills=50_000)
