"""What moved lately is found by its time: no figure of a month reads a community's whole past."""

import pytest
from sqlalchemy import create_engine, event

from storage.periods import BillingPeriod
from storage.queries.collection import Question, collected
from storage.queries.debt_ages import debts_by_age
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import fee_summary
from storage.queries.takings import takings

MONTH = BillingPeriod(2026, 11)
READS = {
    "summary": lambda tx: fee_summary(tx, Scope(1), Days.of(MONTH)),
    "old debts": lambda tx: collected(tx, Question.of_old_debts(Scope(1), MONTH, MONTH.last_on)),
    "ages": lambda tx: debts_by_age(tx, Scope(1), MONTH.last_on),
    "takings": lambda tx: takings(tx, Scope(1), Days.of(MONTH)),
}


@pytest.mark.parametrize("name", READS)
def test_late_moves_are_found_by_their_time(sqlite_url: str, name: str):
    engine = create_engine(sqlite_url.replace("+aiosqlite", ""))
    asked: list[tuple] = []
    event.listen(engine, "before_cursor_execute", lambda *seen: asked.append(seen[2:4]))
    with engine.connect() as tx:
        READS[name](tx)
        ((statement, given),) = asked
        rows = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
        plan = "\n".join(row[3] for row in rows)
    engine.dispose()

    assert "ix_allocations_booked_at (booked_at>?" in plan
    assert "ix_allocations_bill_id" not in plan
    assert "SCAN bills" not in plan
