"""Counters for whoever watches over the bot; only counts, never a name or a number of anybody."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from storage.queries.health import Pulse


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        callbacks = Counter(
            "wuyebot_callbacks", "Chat callbacks", ["outcome"], registry=self.registry
        )
        self.heard = callbacks.labels("heard")
        self.repeated = callbacks.labels("repeated")
        self.refused = callbacks.labels("refused")
        self.late = callbacks.labels("late")
        self.webhooks = Counter(
            "wuyebot_webhooks",
            "Payment notifications",
            ["gateway", "outcome"],
            registry=self.registry,
        )
        self._messages = Gauge(
            "wuyebot_messages", "Outbox rows by state", ["state"], registry=self.registry
        )
        self._orders = Gauge(
            "wuyebot_open_orders", "Payment orders without an end", registry=self.registry
        )
        self._settled = Gauge("wuyebot_payments", "Payments settled", registry=self.registry)
        self._denied = Gauge(
            "wuyebot_open_discrepancies",
            "Contradictions that wait for an operator",
            registry=self.registry,
        )

    def text(self, pulse: Pulse) -> bytes:
        """Return everything in the Prometheus text format."""
        for state, count in pulse.messages.items():
            self._messages.labels(state).set(count)
        self._orders.set(pulse.open_orders)
        self._settled.set(pulse.payments)
        self._denied.set(pulse.open_discrepancies)
        return generate_latest(self.registry)
