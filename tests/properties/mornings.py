"""The morning after: statements are fetched and compared, with a difference planted or none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from scheduler.jobs import fetch_statements, reconcile
from storage.models.operating import discrepancies
from storage.models.payments import payments
from storage.operations.differences import close_difference
from storage.ports.payments import LineKind, StatementLine
from tests.fakes import FakeGateway
from tests.properties.kept import Kept
from tests.properties.money_town import MoneyTown


class Mornings(Kept):
    """Reconciliation as a rule among the others."""

    make: ClassVar[Callable[[], MoneyTown]]
    reached: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.town = type(self).make()
        self.keys = count(1)

    def saw(self, what: str) -> None:
        """Note that a story came to this."""
        self.reached.add(what)

    @precondition(lambda self: len(self.town.rows(payments)) > 0)
    @rule(how=st.sampled_from(["as_it_is", "drop", "change", "extra"]), which=st.integers(0, 9))
    def the_morning_comes(self, how: str, which: int) -> None:
        """Statements are fetched and compared; what is planted is found, the rest agrees."""
        town = self.town
        today = town.till.now.date()
        booked = [
            (gateway, one.transaction_id)
            for one in town.rows(payments)
            if (gateway := town.platforms.get(one.gateway))
            and any(_is_of(one.transaction_id, line) for line in gateway.statement_of(today))
        ]
        if how != "as_it_is" and not booked:
            return
        kind = self.planted(*booked[which % len(booked)], how) if how != "as_it_is" else None
        known = {row.id for row in town.rows(discrepancies)}
        town.till.clock._now = town.till.now.replace(hour=2, minute=30) + timedelta(days=1)
        self.morning()
        found = {row.kind for row in town.rows(discrepancies) if row.id not in known}
        assert kind is None or kind in found, (kind, found)
        state = [(row.id, row.closed_at) for row in town.rows(discrepancies)]
        before = town.fingerprint()
        self.morning()
        assert town.fingerprint() == before
        assert [(row.id, row.closed_at) for row in town.rows(discrepancies)] == state
        self.work_off()
        self.saw(f"a morning: {how}")

    def planted(self, gateway: FakeGateway, number: str, how: str) -> str:
        day = self.town.till.now.date()
        true = gateway.statement_of(day)
        line = next(one for one in true if _is_of(number, one))
        extra = StatementLine(
            LineKind.PAYMENT, f"W9{next(self.keys)}", "", "429", "", 100, 0, self.town.till.now
        )
        spoilt = {
            "drop": [one for one in true if one is not line],
            "change": [replace(one, amount_fen=one.amount_fen + (one is line)) for one in true],
            "extra": [*true, extra],
        }[how]
        self.town.plant(gateway.name, lambda _: spoilt)
        return {"drop": "ours_only", "change": "amount", "extra": "platform_only"}[how]

    def morning(self) -> None:
        for job in (fetch_statements, reconcile):
            self.town.wait(job.run(self.town.statements, self.town.till.now))

    def work_off(self) -> None:
        """Close what is open, as the cashier does, and let statements be true again."""
        who = self.town.till.cashier
        for row in self.town.rows(discrepancies):
            if row.closed_at is None:
                self.town.write(
                    close_difference,
                    row.id,
                    staff_id=who.staff_id,
                    community_ids=who.community_ids,
                    reason="已核实",
                )
        for gateway in self.town.platforms.values():
            vars(gateway).pop("statement_of", None)


def _is_of(number: str, line: StatementLine) -> bool:
    """Tell whether a line is of this payment itself, and not of a refund of it."""
    return line.kind is LineKind.PAYMENT and line.transaction_id == number
