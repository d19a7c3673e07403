"""Debts of the random town that are written off by two people, and asked for again by one."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

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
from tests.factories import Owed, add_bill
from tests.properties.mornings import Mornings


class BadDebts(Mornings):
    """What is written off moves no money, and is never more than was open."""

    @initialize(months=st.lists(st.sampled_from(("2024-03", "2024-04")), unique=True))
    def some_debts_are_old(self, months: list[str]) -> None:
        """No order is ever opened for them; cash may pay them."""
        world = self.town.till.world
        for month in months:
            owed = Owed(world.next_door_id, world.fee_item_id, month, 7_700)
            self.town.wait(self.town.db.write(add_bill, owed))

    def write_offs(self, state: str) -> list[str]:
        """Return the numbers of those that stand at a step."""
        found = self.town.rows(write_offs)
        return [one.write_off_no for one in found if one.state == state]

    @rule(which=st.integers(0, 5), agrees=st.booleans())
    def somebody_asks_to_write_a_debt_off(self, which: int, agrees: bool) -> None:
        found = self.town.rows(bills)
        asked = WriteOffAsk(found[which % len(found)].id, "业主失联", "催告函退回")
        before = self.town.fingerprint()
        try:
            made = self.town.write(ask_write_off, asked, by=self.town.till.cashier)
        except Refusal:
            assert self.town.fingerprint() == before
            self.saw("a write-off was refused")
            return
        if agrees:
            self.agree(made.write_off_no)

    @rule(which=st.integers(0, 5))
    def another_agrees_later(self, which: int) -> None:
        waiting = self.write_offs("asked")
        if not waiting:
            return
        self.agree(waiting[which % len(waiting)])

    def agree(self, number: str) -> None:
        [row] = [one for one in self.town.rows(write_offs) if one.write_off_no == number]
        held = self.town.balance(Account.BAD_DEBT)
        try:
            self.town.write(approve_write_off, number, by=self.town.till.manager)
        except Refusal:
            self.saw("a write-off came too late")
            return
        assert self.town.balance(Account.BAD_DEBT) == held + row.amount_fen
        self.saw("a debt was written off")

    @rule(which=st.integers(0, 5))
    def a_debt_is_asked_for_again(self, which: int) -> None:
        standing = self.write_offs("approved")
        if not standing:
            return
        number = standing[which % len(standing)]
        facts = {"reason": "联系上了", "by": self.town.till.cashier}
        self.town.write(reverse_write_off, number, **facts)
        assert number in self.write_offs("reversed")
        self.saw("a debt came back")
