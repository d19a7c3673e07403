"""Counters for whoever watches over the bot; only counts, never a name or a number of anybody."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from storage.lazy import load
from storage.queries.health import Pulse

OUTCOMES: Final = ("heard", "repeated", "refused", "late")
"""What becomes of a chat callback."""


class Count:
    """Goes up by one."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        """Start at zero."""
        self.total = 0

    def inc(self) -> None:
        """Count one more."""
        self.total += 1


class Counts(defaultdict[tuple[str, ...], Count]):
    """Counts by labels."""

    def __init__(self) -> None:
        """Start without any."""
        super().__init__(Count)

    def labels(self, *labels: str) -> Count:
        """Return the count of these labels."""
        return self[labels]


class Metrics:
    """The counters of one application; the library that prints them is loaded when asked."""

    def __init__(self) -> None:
        """Start at zero."""
        self._since = time.time()
        self._callbacks = Counts()
        self.heard, self.repeated, self.refused, self.late = (
            self._callbacks.labels(outcome) for outcome in OUTCOMES
        )
        self.webhooks = Counts()
        self.opinions = Counts()

    def text(self, pulse: Pulse) -> bytes:
        """Return everything in the Prometheus text format."""
        printed: bytes = load("prometheus_client").generate_latest(_Collector(self._told(pulse)))
        return printed

    def _told(self, pulse: Pulse) -> Iterator[Any]:
        core = load("prometheus_client.core")
        for name, what, labels, counts in (
            ("wuyebot_callbacks", "Chat callbacks", ["outcome"], self._callbacks),
            ("wuyebot_webhooks", "Payment notifications", ["gateway", "outcome"], self.webhooks),
            ("wuyebot_language_model", "Opinions asked for", ["outcome"], self.opinions),
        ):
            counter = core.CounterMetricFamily(name, what, labels=labels)
            for values, count in counts.items():
                counter.add_metric(values, count.total, created=self._since)
            yield counter
        messages = core.GaugeMetricFamily(
            "wuyebot_messages", "Outbox rows by state", labels=["state"]
        )
        for state, rows in pulse.messages.items():
            messages.add_metric([state], rows)
        yield messages
        yield core.GaugeMetricFamily(
            "wuyebot_open_orders", "Payment orders without an end", pulse.open_orders
        )
        yield core.GaugeMetricFamily("wuyebot_payments", "Payments settled", pulse.payments)
        yield core.GaugeMetricFamily(
            "wuyebot_open_discrepancies",
            "Contradictions that wait for an operator",
            pulse.open_discrepancies,
        )
        alarms = core.GaugeMetricFamily(
            "wuyebot_alarms", "Alarms that have not ended", labels=["kind"]
        )
        for kind, going_on in pulse.alarms.items():
            alarms.add_metric([kind], going_on)
        yield alarms


class _Collector:
    """What the library prints: anything that can be collected."""

    def __init__(self, families: Iterator[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        """Give the families out, once."""
        return self._families
