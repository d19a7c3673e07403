"""What stands behind the console's forms keeps to its own community and roles by itself."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from storage.bank_errors import UnknownBankRow
from storage.errors import NotAllowed, UnknownBill, UnknownDifference, UnknownRefund
from storage.kinds import StaffRole
from storage.models.estate import communities
from storage.models.operating import audit_records
from storage.operations.bill_forms import (
    BillForm,
    BillPress,
    IssueForm,
    act_on_bill,
    issue_as_seen,
)
from storage.operations.dunning_forms import (
    DunningForm,
    DunningPress,
    act_on_debt,
    set_plan_as_seen,
)
from storage.operations.dunning_forms import (
    plan_mark as plan_mark_of,
)
from storage.operations.reconciliation_forms import (
    assign_as_seen,
    close_as_seen,
    dismiss_as_seen,
    plan_mark,
)
from storage.operations.refund_forms import (
    RefundForm,
    RefundPress,
    act_on_refund,
    ask_refund_as_seen,
)
from storage.operations.refunds import RefundAskedFor
from storage.operations.tax_invoice_forms import decline_as_seen
from storage.periods import BillingPeriod
from storage.queries.bank_rows import plan_of_row
from storage.queries.bill_pages import bill_mark
from storage.queries.dunning import plan_on
from storage.queries.residents import Staff, staff_member
from storage.rules.dunning import DunningStep
from storage.tax_errors import UnknownTaxInvoice
from tests import factories
from tests.bot.web.console import Desk, a_difference, a_transfer, apply_for_invoice, furnish
from tests.bot.web.town import NOW, TODAY, Town


def member(tx: Connection, staff_id: int) -> Staff:
    found = staff_member(tx, staff_id)
    assert found is not None
    return found


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


async def test_staff_of_another_community_change_nothing_here(town: Town, desk: Desk):
    bill_id, unit_id = town.first.bill_ids[0], town.first.unit_id

    def run(tx: Connection) -> None:
        tx.execute(update(communities).values(opened_at=NOW))
        paid = factories.pay(tx, town.second.unit_id, town.second.bill_ids)
        asked = RefundAskedFor(paid, 100, "asked", "x", "k1")
        ours = member(tx, desk.ours[StaffRole.CASHIER])
        them = member(tx, desk.theirs[StaffRole.MANAGER])
        refund = ask_refund_as_seen(tx, asked, seen_fen=0, by=ours, now=NOW) or ""
        number, row = a_difference(tx, paid), a_transfer(tx, 888, "3-2-501")
        mark = plan_mark(plan_of_row(tx, row, unit_id))
        invoice = apply_for_invoice(tx, paid)
        void = BillForm(bill_id, "B1", BillPress.VOID, "x", bill_mark(tx, bill_id))
        again = RefundAskedFor(paid, 100, "asked", "x", "k2")
        letter = DunningForm(unit_id, DunningPress.LETTER, 0, term_days=15)
        month = IssueForm(town.community_id, BillingPeriod(2026, 12), "x")
        tried: list[tuple[type[Exception], Any]] = [
            (UnknownBill, partial(act_on_bill, tx, void)),
            (NotAllowed, partial(issue_as_seen, tx, month)),
            (UnknownRefund, partial(ask_refund_as_seen, tx, again, seen_fen=100)),
            (UnknownRefund, partial(act_on_refund, tx, agreement(refund))),
            (UnknownDifference, partial(close_as_seen, tx, number, "x", seen_notes=0)),
            (UnknownBankRow, partial(assign_as_seen, tx, row, unit_id, seen=mark)),
            (UnknownBankRow, partial(dismiss_as_seen, tx, row, "x")),
            (UnknownTaxInvoice, partial(decline_as_seen, tx, invoice, "applied", "x")),
            (NotAllowed, partial(act_on_debt, tx, letter)),
            (NotAllowed, partial(set_plan, tx, town)),
        ]
        before = tx.execute(select(audit_records.c.id)).all()

        for error, act in tried:
            with pytest.raises(error):
                act(by=them, now=NOW)
        with pytest.raises(UnknownBankRow):
            assign_as_seen(tx, row, desk.foreign_unit_id, seen="", by=ours, now=NOW)
        assert tx.execute(select(audit_records.c.id)).all() == before

    await town.db.write(run)


def agreement(refund_no: str) -> RefundForm:
    return RefundForm(refund_no, RefundPress.APPROVE, "", "requested")


def set_plan(tx: Connection, town: Town, *, by: Staff, now: datetime) -> None:
    plan = [DunningStep(3)]
    seen = plan_mark_of(plan_on(tx, town.community_id, TODAY))
    set_plan_as_seen(tx, plan, community_id=town.community_id, seen=seen, by=by, now=now)


async def test_a_cashier_of_this_community_voids_no_bill_and_sets_no_plan(town: Town, desk: Desk):
    bill_id = town.first.bill_ids[0]

    def run(tx: Connection) -> None:
        cashier = member(tx, desk.ours[StaffRole.CASHIER])
        for press in BillPress:
            form = BillForm(bill_id, "B1", press, "x", bill_mark(tx, bill_id))
            with pytest.raises(NotAllowed):
                act_on_bill(tx, form, by=cashier, now=NOW)
        with pytest.raises(NotAllowed):
            set_plan(tx, town, by=cashier, now=NOW)

    await town.db.write(run)
