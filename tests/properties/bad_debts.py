"""Debts of the random town that are written off by two people, and asked for again by one."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from storage.errors import Refusal
from storage.kinds import Account
from storage.models.bills import bills
from storage.models.write_offs import write_offs
from storage.operations.write_offs import (
    WriteOffAsk,
    approve_write_off,
    ask_write_off,
    reverse_write_off,
)
from tests.properties.mornings import Mornings


class BadDebts(Mornings):
    """What is written off moves no money, and is never more than was open."""

    @rule(which=st.integers(0, 5))
    def somebody_asks_to_write_a_debt_off(self, which: int) -> None:
        found = self.town.rows(bills)
        asked = WriteOffAsk(found[which % len(found)].id, "业主失联", "催告函退回")
        before = self.town.fingerprint()
        try:
            self.town.write(ask_write_off, asked, by=self.town.till.cashier)
        except Refusal:
            assert self.town.fingerprint() == before
            self.saw("a write-off was refused")

    @rule(which=st.integers(0, 5))
    def another_agrees_to_a_write_off(self, which: int) -> None:
        waiting = [one for one in self.town.rows(write_offs) if one.state == "asked"]
        if not waiting:
            return
        row, held = waiting[which % len(waiting)], self.town.balance(Account.BAD_DEBT)
        try:
            self.town.write(approve_write_off, row.write_off_no, by=self.town.till.manager)
        except Refusal:
            self.saw("a write-off came too late")
            return
        assert self.town.balance(Account.BAD_DEBT) == held + row.amount_fen
        self.saw("a debt was written off")

    @rule(which=st.integers(0, 5))
    def a_debt_is_asked_for_again(self, which: int) -> None:
        standing = [one for one in self.town.rows(write_offs) if one.state == "approved"]
        if not standing:
            return
        row = standing[which % len(standing)]
        facts = {"reason": "联系上了", "by": self.town.till.cashier}
        self.town.write(reverse_write_off, row.write_off_no, **facts)
        [after] = [one for one in self.town.rows(write_offs) if one.id == row.id]
        assert after.state == "reversed"
        self.saw("a debt came back")
