"""What stands behind the console's forms keeps to its own community and roles by itself."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

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


Try = tuple[type[Exception], Any, tuple[Any, ...], dict[str, Any]]


async def test_staff_of_another_community_change_nothing_here(town: Town, desk: Desk):
    def prepare(tx: Connection) -> list[Try]:
        tx.execute(update(communities).values(opened_at=NOW))
        bill_id, unit_id = town.first.bill_ids[0], town.first.unit_id
        paid = factories.pay(tx, town.second.unit_id, town.second.bill_ids)
        asked = RefundAskedFor(paid, 100, "asked", "x", "k1")
        ours: dict[str, Any] = {"by": member(tx, desk.ours[StaffRole.CASHIER]), "now": NOW}
        them: dict[str, Any] = {"by": member(tx, desk.theirs[StaffRole.MANAGER]), "now": NOW}
        refund = ask_refund_as_seen(tx, asked, seen_fen=0, **ours) or ""
        number, row = a_difference(tx, paid), a_transfer(tx, 888, "3-2-501")
        mark = plan_mark(plan_of_row(tx, row, unit_id))
        invoice = apply_for_invoice(tx, paid)
        void = BillForm(bill_id, "B1", BillPress.VOID, "x", bill_mark(tx, bill_id))
        again = RefundAskedFor(paid, 100, "asked", "x", "k2")
        letter = DunningForm(unit_id, DunningPress.LETTER, 0, term_days=15)
        month = IssueForm(town.community_id, BillingPeriod(2026, 12), "x")
        return [
            (UnknownBill, act_on_bill, (void,), them),
            (NotAllowed, issue_as_seen, (month,), them),
            (UnknownRefund, ask_refund_as_seen, (again,), them | {"seen_fen": 100}),
            (UnknownRefund, act_on_refund, (agreement(refund),), them),
            (UnknownDifference, close_as_seen, (number, "x"), them | {"seen_notes": 0}),
            (UnknownBankRow, assign_as_seen, (row, unit_id), them | {"seen": mark}),
            (UnknownBankRow, assign_as_seen, (row, desk.foreign_unit_id), ours | {"seen": ""}),
            (UnknownBankRow, dismiss_as_seen, (row, "x"), them),
            (UnknownTaxInvoice, decline_as_seen, (invoice, "applied", "x"), them),
            (NotAllowed, act_on_debt, (letter,), them),
            (NotAllowed, set_plan, (town,), them),
        ]

    tried = await town.db.write(prepare)
    before = await count_acts(town)

    for error, act, args, more in tried:
        with pytest.raises(error):
            await town.db.write(act, *args, **more)

    assert await count_acts(town) == before


async def count_acts(town: Town) -> int:
    asked = select(func.count()).select_from(audit_records)
    return await town.db.read(lambda tx: tx.execute(asked).scalar_one())


def agreement(refund_no: str) -> RefundForm:
    return RefundForm(refund_no, RefundPress.APPROVE, "", "requested")


def set_plan(tx: Connection, town: Town, *, by: Staff, now: datetime) -> None:
    plan = [DunningStep(3)]
    seen = plan_mark_of(plan_on(tx, town.community_id, TODAY))
    set_plan_as_seen(tx, plan, community_id=town.community_id, seen=seen, by=by, now=now)


async def test_a_cashier_of_this_community_voids_no_bill_and_sets_no_plan(town: Town, desk: Desk):
    bill_id = town.first.bill_ids[0]
    cashier = await town.db.read(member, desk.ours[StaffRole.CASHIER])
    seen = await town.db.read(bill_mark, bill_id)

    for press in BillPress:
        form = BillForm(bill_id, "B1", press, "x", seen)
        with pytest.raises(NotAllowed):
            await town.db.write(act_on_bill, form, by=cashier, now=NOW)
    with pytest.raises(NotAllowed):
        await town.db.write(set_plan, town, by=cashier, now=NOW)
