"""What every story of money has to keep: M1–M7 and M10 after each step, all books at its end."""

from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from scheduler.jobs import query_payments, query_refunds, submit_refunds
from storage.kinds import Account
from storage.models.bills import bills
from storage.models.payments import allocations, payment_orders, payments, refunds
from storage.operations.refund_results import note_refund
from storage.operations.refunds import decline_refund
from storage.ports.payments import RefundState
from storage.queries.book import book
from storage.queries.proofs import prove
from tests.fakes import in_figures
from tests.properties.money_town import BY_PEOPLE, MoneyTown

LIVE = ("requested", "approved", "submitted", "unfunded", "unknown", "abnormal", "success")
ENDED = ("success", "closed", "failed", "declined")
MOVES = {"open": {"open", "paid", "closed", "failed"}, "closed": {"closed", "paid"}}


class Kept(RuleBasedStateMachine):
    """The sentences that hold, over a town that the stories happen in."""

    town: MoneyTown
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.states: dict[tuple[str, str], str] = {}
        self.cash_fen = self.bank_fen = 0
        self.issued_fen: dict[int, int] = {}
        """What each bill was issued over: paid, waived, written off and open together, always."""

    def later(self, seconds: int) -> None:
        """Let time pass."""
        self.town.till.clock.advance(seconds=seconds)

    def jobs(self) -> None:
        """Let the clock's jobs ask and send, once."""
        for job in (query_payments, submit_refunds, query_refunds):
            report = self.town.wait(job.run(self.town.deps, self.town.till.now))
            assert report["failed"] == 0, (job.__name__, report)

    @invariant()
    def bills_and_payments_add_up(self) -> None:
        Kept.steps += 1
        shares, owed, back, paid = self.town.tables(allocations, bills, refunds, payments)
        given: dict[int, int] = {}
        for row in shares:
            given[row.bill_id] = given.get(row.bill_id, 0) + row.amount_fen
        for bill in owed:
            assert bill.paid_fen == given.get(bill.id, 0), "M1"
            assert 0 <= bill.paid_fen <= bill.amount_fen, "M2"
            once_fen = bill.amount_fen + bill.waived_fen + bill.written_off_fen
            assert once_fen == self.issued_fen.setdefault(bill.id, once_fen), "M2"
        live: dict[int, int] = {}
        for row in back:
            if row.state in LIVE:
                live[row.payment_id] = live.get(row.payment_id, 0) + row.amount_fen
        numbers = set()
        for one in paid:
            placed = one.allocated_fen + one.surplus_fen + one.returned_fen
            assert placed == one.amount_fen, "M3"
            assert live.get(one.id, 0) == one.reserved_fen <= one.amount_fen, "M4"
            numbers.add((one.gateway, one.transaction_id))
        assert len(numbers) == len(paid), "M6"

    @invariant()
    def states_only_go_on(self) -> None:
        wishes = set()
        orders, back = self.town.tables(payment_orders, refunds)
        for row in orders:
            before = self.states.get(("order", row.order_no), "open")
            assert row.state in MOVES.get(before, {before}), f"M7: {before} → {row.state}"
            self.states["order", row.order_no] = row.state
            wish = (row.choice_key, row.gateway, row.kind, row.payer_id)
            assert row.state != "open" or wish not in wishes, "M6"
            wishes |= {wish} if row.state == "open" else set()
        for row in back:
            before = self.states.get(("refund", row.refund_no), "")
            assert before not in ENDED or row.state == before, f"M7: {before} → {row.state}"
            self.states["refund", row.refund_no] = row.state

    @invariant()
    def nobody_pays_more_than_was_shown(self) -> None:
        sums = self.town.frozen_sums()
        assert all(amount == frozen for amount, frozen in sums.values()), "M10"
        for gateway in self.town.platforms.values():
            for number, trade in gateway.trades.items():
                assert trade.ask.amount_fen == sums[number][0], "M10"

    def heal(self) -> None:
        """Let everything be asked about until nothing waits: M8 needs no notice at all."""
        for gateway in self.town.every_gateway():
            gateway.refund_answer, gateway.lost_answers = RefundState.PROCESSING, 0
        boss = self.town.till.manager
        for row in self.town.rows(refunds):
            if row.state == "requested":
                words = {"staff_id": boss.staff_id, "reason": "到此为止"}
                self.town.write(decline_refund, row.refund_no, **words)
        for _ in range(8):
            self.later(8 * 3600)
            self.jobs()
            self.end_refunds()
        for gateway in self.town.platforms.values():
            for number in gateway.trades:
                self.town.hear(gateway.fact(number))
        self.hear_of_refunds()

    def end_refunds(self) -> None:
        """Have every platform do what it was asked for."""
        for gateway in self.town.every_gateway():
            for number, one in gateway.returns.items():
                if one.state in (RefundState.PROCESSING, RefundState.ABNORMAL):
                    gateway.end_refund(number)

    def hear_of_refunds(self) -> None:
        """Hear how each refund stands at its platform."""
        for row in self.town.rows(refunds):
            if row.gateway not in BY_PEOPLE and row.state not in ENDED:
                gateway = self.town.gateway_of(row.order_no)
                fact = gateway.refund_fact(row.refund_no, row.order_no)
                self.town.wait(self.town.db.write(note_refund, fact, heard_at=self.town.till.now))

    def all_books_agree(self) -> None:
        town = self.town
        assert town.read(prove) == []
        ours = town.read(book)
        for name, gateway in town.platforms.items():
            mine = {
                kind: [row for row in rows if row.get("gateway") == name]
                for kind, rows in ours.items()
            }
            assert in_figures(mine) == gateway.book(), "M8"
        sent = sum(int(row[2]) for row in town.bank.book()["refunds"])
        assert town.balance(Account.BANK) == self.bank_fen - sent
        assert town.balance(Account.CASH) == self.cash_fen
        before = town.fingerprint()
        for fact in reversed(self.heard):
            assert town.hear(fact).outcome == "repeated"
        assert town.fingerprint() == before, "M9"
        self.bills_and_payments_add_up()
