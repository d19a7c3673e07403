"""What a platform or our own books deny reaches the office, once, and is closed with a reason."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

import storage
from scheduler.jobs import check_ledger
from storage.errors import UnknownDifference
from storage.kinds import StaffRole
from storage.models.bills import bills
from storage.models.messages import outbox
from storage.models.operating import audit_records, discrepancies
from storage.operations.differences import close_difference
from storage.periods import SHANGHAI
from storage.queries.differences import count_differences, open_differences
from tests import factories
from tests.factories import NOW
from tests.scheduler.conftest import Hall, open_hall
from tests.storage.operations.stage import Stage, staged

CASHIER, MANAGER = "s-cashier", "s-manager"


@pytest.fixture
async def stage(db) -> Stage:
    found = await staged(db)
    await db.write(employ, found.world.community_id)
    return found


@pytest.fixture
async def hall(db, database_url: str, tmp_path: Path) -> Hall:
    found = await open_hall(db, database_url, tmp_path)
    await db.write(employ, found.stage.world.community_id)
    return found


def employ(tx: Connection, community_id: int) -> None:
    factories.add_staff(tx, community_id, "小吴", StaffRole.CASHIER, CASHIER)
    factories.add_staff(tx, community_id, "陈经理", StaffRole.MANAGER, MANAGER)
    factories.add_staff(tx, community_id, "小周", StaffRole.STEWARD, "s-steward")


def elsewhere(tx: Connection) -> int:
    other = factories.add_community(tx, "听涛苑")
    factories.add_staff(tx, other, "外人", StaffRole.MANAGER, "s-elsewhere")
    return other


def tasks(tx: Connection) -> list[tuple[str, dict]]:
    """Return (who, facts) of every task that was put before staff, in order."""
    rows = tx.execute(select(outbox).where(outbox.c.event == "StaffTask").order_by(outbox.c.id))
    return [(row.recipient, json.loads(row.facts)) for row in rows]


async def paid_wrong(stage: Stage, *, fen: int = 1) -> str:
    """Have the platform report another sum than was asked; return the order's number."""
    order = await stage.order(stage.both)
    fact = stage.gateway.pay(order.order_no)
    for _ in range(3):
        assert (await stage.settle(replace(fact, amount_fen=fen))).outcome == "contradiction"
    return order.order_no


async def test_a_wrong_amount_is_heard_by_cashier_and_manager_once(stage: Stage):
    order_no = await paid_wrong(stage)

    heard = await stage.db.read(tasks)

    assert [who for who, _ in heard] == [CASHIER, MANAGER]
    assert heard[0][1] == {
        "topic": "difference",
        "reference": "1",
        "unit_label": "3栋2单元1201",
        "amount_fen": 1,
        "note": f"AmountMismatch {order_no}",
    }
    assert await stage.counts() == (0, 0)


async def test_another_merchants_notice_is_heard_too(stage: Stage):
    order = await stage.order(stage.both)
    fact = replace(stage.gateway.pay(order.order_no), merchant_id="1900000999")

    await stage.settle(fact)

    heard = await stage.db.read(tasks)
    assert [facts["note"] for _, facts in heard] == [f"MerchantMismatch {order.order_no}"] * 2


async def test_a_refund_that_nobody_asked_for_is_heard_too(stage: Stage):
    payment_id = await stage.paid(stage.both)
    asked = await stage.request(payment_id, 100)
    fact = await stage.submit(asked.refund_no)

    await stage.hear(replace(fact, refund_no="T269999999999"))

    notes = [f["note"] for _, f in await stage.db.read(tasks) if f["topic"] == "difference"]
    assert notes == ["UnknownRefundNo T269999999999"] * 2


async def test_what_nobody_knows_the_community_of_is_heard_everywhere_and_the_rest_only_there(
    stage: Stage,
):
    other = await stage.db.write(elsewhere)
    await paid_wrong(stage)
    known = {who for who, _ in await stage.db.read(tasks)}

    fact = stage.gateway.pay((await stage.order(stage.both)).order_no)
    await stage.settle(replace(fact, order_no="W0000000000000000", event_id="another"))

    heard = {who for who, facts in await stage.db.read(tasks) if facts["reference"] == "2"}
    assert known == {CASHIER, MANAGER}
    assert heard == {CASHIER, MANAGER, "s-elsewhere"}
    found = await stage.db.read(open_differences, community_ids=[other], limit=9)
    assert [one.kind for one in found] == ["UnknownPaymentOrder"]
    assert await stage.db.read(count_differences, [stage.world.community_id]) == 2


async def test_both_sums_are_shown_to_the_office(stage: Stage):
    await paid_wrong(stage, fen=99)

    (found,) = await stage.db.read(
        open_differences, community_ids=[stage.world.community_id], limit=9
    )

    assert (found.told_fen, found.ours_fen) == (99, 50_120)
    assert found.unit_label == "3栋2单元1201"


def spoil(tx: Connection) -> None:
    tx.execute(update(bills).where(bills.c.id == 1).values(paid_fen=1))


async def test_broken_books_are_heard_once_in_one_message_in_the_morning(hall: Hall):
    await hall.db.write(spoil)
    at_night = NOW.astimezone(SHANGHAI).replace(hour=3).astimezone(NOW.tzinfo)

    for day in range(3):
        await check_ledger.run(hall.deps, at_night + timedelta(days=day))

    heard = await hall.db.read(tasks)
    assert [who for who, _ in heard] == [CASHIER, MANAGER]
    assert heard[0][1]["note"] == "books 2"
    rows = [row for row in await hall.stage.rows(outbox) if row.event == "StaffTask"]
    assert {f"{row.not_before.astimezone(SHANGHAI):%H:%M}" for row in rows} == {"08:30"}


async def test_broken_books_that_were_closed_and_are_still_broken_are_heard_again(hall: Hall):
    await hall.db.write(spoil)
    await check_ledger.run(hall.deps, NOW)
    for number in (1, 2):
        await hall.db.write(close_difference, number, **closing(hall.stage))

    await check_ledger.run(hall.deps, NOW + timedelta(days=1))

    heard = await hall.db.read(tasks)
    assert [who for who, _ in heard] == [CASHIER, MANAGER] * 2
    assert [row.closed_at for row in await hall.stage.rows(discrepancies)] == [None, None]


def closing(stage: Stage, **other) -> dict:
    return {
        "staff_id": 1,
        "community_ids": [stage.world.community_id],
        "reason": "和平台核对过，是退款后又付的",
        "now": NOW,
    } | other


async def test_a_difference_is_closed_once_with_a_reason_that_is_kept(stage: Stage):
    await paid_wrong(stage)

    found = await stage.db.write(close_difference, 1, **closing(stage))
    with pytest.raises(UnknownDifference):
        await stage.db.write(close_difference, 1, **closing(stage))

    assert found.kind == "AmountMismatch"
    (kept,) = [row for row in await stage.rows(audit_records) if row.noun == "difference"]
    assert (kept.act, kept.reference, kept.staff_id) == ("close", "1", 1)
    assert kept.detail == "和平台核对过，是退款后又付的"
    assert [row.closed_at for row in await stage.rows(discrepancies)] == [NOW]
    assert await stage.db.read(count_differences, [stage.world.community_id]) == 0
    assert await stage.counts() == (0, 0)


async def test_another_offices_difference_is_unknown_and_stays_open(stage: Stage):
    other = await stage.db.write(elsewhere)
    await paid_wrong(stage)

    with pytest.raises(UnknownDifference):
        await stage.db.write(close_difference, 1, **closing(stage, community_ids=[other]))

    assert [row.closed_at for row in await stage.rows(discrepancies)] == [None]
    assert await stage.db.read(open_differences, community_ids=[other], limit=9) == []


def test_no_contradiction_is_written_down_without_being_told():
    root = Path(storage.__file__).parents[1]
    rooms = ("storage", "handlers", "scheduler", "bot")
    callers = {
        path.relative_to(root).as_posix()
        for room in rooms
        for path in (root / room).rglob("*.py")
        if re.search(r"\.(re)?open_discrepancy\b", path.read_text(encoding="utf-8"))
    }

    assert callers == {"storage/operations/differences.py"}
