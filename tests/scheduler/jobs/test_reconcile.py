"""Each morning the platforms' statements are fetched and held against our books."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scheduler import statement_files
from scheduler.jobs import fetch_statements, reconcile
from scheduler.statement_files import take_in
from storage.errors import GatewayUnavailable
from storage.kinds import StaffRole
from storage.models.messages import outbox
from storage.models.operating import discrepancies
from storage.models.payments import payments, refunds
from storage.models.reconciliation import difference_notes, gateway_statements, statement_lines
from storage.operations.differences import close_difference
from storage.operations.external_refunds import book_external
from storage.operations.orders import close_order
from storage.operations.reconciliation import Expected, expect_statement
from storage.ports.payments import (
    LineKind,
    RefundFact,
    RefundState,
    StatementBroken,
    StatementLine,
    StatementNotReady,
)
from storage.queries.agreement import Finding
from storage.queries.differences import history_of
from storage.queries.proofs import prove
from storage.queries.reconciliation import statement_of
from storage.rules.agreeing import DifferenceKind
from tests import factories
from tests.fakes import FakeGateway
from tests.scheduler.conftest import Hall, open_hall

DAY = date(2026, 11, 23)
"""The day on which everything is paid: its clock stands at ten in the morning."""
MORNING = datetime(2026, 11, 24, 2, 15, tzinfo=UTC)
"""10:15 of the next day in Shanghai."""
NOON = datetime(2026, 11, 24, 4, 5, tzinfo=UTC)


@dataclass
class Office:
    """A hall with a cashier, and statements that a test may spoil."""

    hall: Hall
    staff_id: int
    changes: dict[date, list]

    @property
    def gateway(self) -> FakeGateway:
        return self.hall.stage.gateway

    async def morning(self, now: datetime = MORNING) -> dict[str, int]:
        """Fetch and compare, as the clock does; return what came of it."""
        self.hall.stage.clock._now = now
        fetched = await fetch_statements.run(self.hall.deps, now)
        compared = await reconcile.run(self.hall.deps, now)
        return {name: count for name, count in {**fetched, **compared}.items() if count}

    async def found(self) -> list[tuple[str, bool]]:
        """Return (kind, is open) of every difference, in order."""
        rows = await self.hall.stage.rows(discrepancies)
        return [(row.kind, row.closed_at is None) for row in rows]

    async def history(self) -> list[str]:
        return [row.act for row in await self.hall.stage.rows(difference_notes)]

    async def states(self) -> list[str]:
        return [row.state for row in await self.hall.stage.rows(gateway_statements)]

    def spoil(self, change) -> None:
        """Have every later statement be what `change` makes of its lines."""
        true = self.gateway.statement_of
        self.gateway.statement_of = lambda day: change(true(day))  # type: ignore[method-assign]


@pytest.fixture
async def office(db, database_url: str, tmp_path: Path) -> Office:
    hall = await open_hall(db, database_url, tmp_path)

    def employ(tx) -> int:
        community_id = hall.stage.world.community_id
        return factories.add_staff(tx, community_id, "小吴", StaffRole.CASHIER, "s-cashier")

    staff_id = await db.write(employ)
    deps = replace(hall.deps, statement_dir=tmp_path / "statements")
    return Office(Hall(hall.stage, hall.channel, deps, hall.late), staff_id, {})


async def test_a_day_on_which_all_agree_leaves_no_difference(office: Office):
    payment_id = await office.hall.stage.paid(office.hall.stage.both)
    await office.hall.stage.given_back((await office.hall.stage.request(payment_id, 120)).refund_no)

    assert await office.morning() == {"fetched": 1, "statements": 1, "told": 1}

    assert await office.found() == []
    (statement,) = await office.hall.stage.rows(gateway_statements)
    assert (statement.state, statement.day_on, statement.line_count) == ("agreed", DAY, 2)
    assert (statement.paid_fen, statement.refunded_fen) == (50_120, 120)
    assert await office.morning() == {}, "a second look changes nothing"
    await office.hall.stage.books_hold()


async def test_nothing_is_asked_for_before_a_quarter_past_ten(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)

    assert await office.morning(MORNING - timedelta(minutes=10)) == {}

    assert office.gateway.calls == []


async def test_c04_a_day_without_trades_is_empty_and_no_failure(office: Office):
    assert await office.morning() == {"empty": 1, "statements": 1, "told": 1}

    assert await office.states() == ["empty"]
    assert await office.found() == []


async def test_a_day_without_a_statement_is_a_difference_at_noon_and_heals_when_it_comes(
    office: Office,
):
    await office.hall.stage.paid(office.hall.stage.both)
    fetch = office.gateway.fetch_statement

    async def not_yet(day, into):
        raise StatementNotReady("creating")

    office.gateway.fetch_statement = not_yet  # type: ignore[method-assign]
    assert await office.morning() == {"waiting": 1}
    assert await office.found() == []
    assert await office.morning(NOON) == {"missing": 1, "told": 1}
    assert await office.found() == [("no_statement", True)]
    office.gateway.fetch_statement = fetch  # type: ignore[method-assign]

    assert await office.morning(NOON + timedelta(minutes=10)) == {
        "fetched": 1,
        "statements": 1,
        "told": 1,
    }

    assert await office.found() == [("no_statement", False)]
    assert await office.history() == ["found", "healed"]


async def test_c01_a_payment_that_we_never_heard_of_is_found_applied_and_told_once(office: Office):
    order = await office.hall.stage.order(office.hall.stage.both)
    office.gateway.pay(order.order_no)

    assert (await office.morning())["healed"] == 1

    assert await office.hall.stage.open_fen() == [0, 0]
    assert await office.found() == [("state", False)]
    assert await office.history() == ["found", "healed"]
    assert (await office.hall.stage.told()).count("PaymentSettled") == 1
    assert await office.morning() == {}
    await office.hall.stage.books_hold()


async def test_c01_a_closed_order_that_was_paid_after_all_is_settled_too(office: Office):
    order = await office.hall.stage.order(office.hall.stage.both)
    office.gateway.pay(order.order_no)
    await office.hall.db.write(close_order, order.order_no)

    assert (await office.morning())["healed"] == 1

    assert await office.hall.stage.order_states() == ["paid"]
    await office.hall.stage.books_hold()


async def test_c01_a_platform_that_does_not_answer_leaves_a_task_that_heals_the_next_day(
    office: Office,
):
    order = await office.hall.stage.order(office.hall.stage.both)
    office.gateway.pay(order.order_no)
    query = office.gateway.query

    async def unreachable(order_no, asked_at):
        raise GatewayUnavailable("wechat_pay", "timeout")

    office.gateway.query = unreachable  # type: ignore[method-assign]
    assert (await office.morning())["kept"] == 1
    assert await office.found() == [("state", True)]
    office.gateway.query = query  # type: ignore[method-assign]

    assert (await office.morning(MORNING + timedelta(days=1)))["healed"] == 1

    assert await office.found() == [("state", False)]
    await office.hall.stage.books_hold()


async def test_c02_a_payment_that_the_statement_lacks_is_told_kept_and_heals_when_it_comes(
    office: Office,
):
    payment_id = await office.hall.stage.paid(office.hall.stage.both)
    true = office.gateway.statement_of
    office.spoil(lambda lines: [])

    assert (await office.morning())["kept"] == 1

    assert await office.found() == [("ours_only", True)]
    assert [row.id for row in await office.hall.stage.rows(payments)] == [payment_id]
    late = [replace(one, at=one.at + timedelta(days=1)) for one in true(DAY)]
    office.gateway.statement_of = lambda day: late  # type: ignore[method-assign]
    await office.morning(MORNING + timedelta(days=1))
    assert await office.found() == [("ours_only", False)]
    assert await office.history() == ["found", "healed"]


async def test_c02_what_is_paid_late_in_the_day_may_stand_in_the_next_statement(office: Office):
    office.hall.stage.clock._now = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    await office.hall.stage.paid(office.hall.stage.both)
    true = office.gateway.statement_of
    office.gateway.statement_of = lambda day: (  # type: ignore[method-assign]
        true(DAY) if day == DAY + timedelta(days=1) else []
    )

    await office.morning()
    assert await office.found() == [], "half past eleven at night: tomorrow's may have it"
    await office.morning(MORNING + timedelta(days=1))

    assert await office.found() == []


async def test_c02_nor_the_next_statement_has_it_then_it_is_missing(office: Office):
    office.hall.stage.clock._now = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [])

    await office.morning()
    await office.morning(MORNING + timedelta(days=1))

    assert await office.found() == [("ours_only", True)]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"amount_fen": 50_119}, "amount"),
        ({"amount_fen": 1}, "amount"),
        ({"transaction_id": "4200000000000000000000000001"}, "number"),
        ({"fee_fen": 400}, "fee"),
        ({"state": "failed"}, "state"),
    ],
)
async def test_c03_a_payment_of_which_the_line_says_otherwise_is_a_difference_and_no_bill_moves(
    office: Office, changed, kind
):
    office.hall.deps.fee_ppm["wechat_pay"] = 6_000  # type: ignore[index]
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [replace(one, **{"fee_fen": 301} | changed) for one in lines])

    assert (await office.morning())["kept"] == 1

    assert await office.found() == [(kind, True)]
    assert await office.hall.stage.open_fen() == [0, 0]
    await office.hall.stage.books_hold()


async def test_c03_a_fee_that_is_rounded_in_the_platforms_way_agrees(office: Office):
    office.hall.deps.fee_ppm["wechat_pay"] = 6_000  # type: ignore[index]
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [replace(one, fee_fen=300) for one in lines])

    await office.morning()

    assert await office.found() == []


async def test_a_line_of_an_order_that_we_never_opened_is_platform_only(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [*lines, replace(lines[0], order_no="CONSOLE1")])

    assert (await office.morning())["kept"] == 1

    (row,) = await office.hall.stage.rows(discrepancies)
    assert (row.kind, row.reference) == ("platform_only", "CONSOLE1")
    assert (row.ours_fen, row.theirs_fen, row.gateway) == (None, 50_120, "wechat_pay")
    assert row.day_on == DAY


async def test_a_line_that_stands_twice_is_a_duplicate(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [*lines, *lines])

    await office.morning()

    assert await office.found() == [("duplicate", True)]
    await office.hall.stage.books_hold()


def outside(order_no: str, fen: int, **changed) -> StatementLine:
    """A refund that somebody made in the merchant's console."""
    at = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    line = StatementLine(LineKind.REFUND, order_no, "CONSOLE7", "", "50300000000000007", fen, 0, at)
    return replace(line, **changed)


async def test_b12_a_refund_made_in_the_console_is_found_booked_and_told(office: Office):
    order = await office.hall.stage.order(office.hall.stage.both)
    await office.hall.stage.settle(office.gateway.pay(order.order_no))
    office.spoil(lambda lines: [*lines, outside(order.order_no, 20_000)])

    assert (await office.morning())["booked"] == 1

    (refund,) = await office.hall.stage.rows(refunds)
    assert (refund.cause, refund.state, refund.amount_fen) == ("external", "success", 20_000)
    assert refund.platform_refund_id == "50300000000000007"
    assert sum(await office.hall.stage.open_fen()) == 20_000
    assert await office.found() == [("refund_external", False)]
    assert await office.history() == ["found", "booked"]
    told = await office.hall.stage.told()
    assert told.count("RefundSettled") == 1
    assert "StaffTask" in told
    assert await office.hall.db.read(prove) == []
    for day in (1, 2):
        await office.morning(MORNING + timedelta(days=day))
    assert len(await office.hall.stage.rows(refunds)) == 1, "found again it is the same refund"


async def test_b12_the_same_refund_from_the_console_twice_at_once_is_booked_once(office: Office):
    order = await office.hall.stage.order(office.hall.stage.both)
    await office.hall.stage.settle(office.gateway.pay(order.order_no))
    line = outside(order.order_no, 20_000)
    finding = Finding(
        DifferenceKind.REFUND_PLATFORM_ONLY,
        "wechat_pay",
        DAY,
        line.refund_no,
        None,
        line.amount_fen,
        order_no=line.order_no,
        refund_no=line.refund_no,
        platform_refund_id=line.platform_refund_id,
        at=line.at,
        is_ended_there=True,
    )

    booked = await office.hall.stage.at_once(
        *(office.hall.db.write(book_external, finding, now=MORNING) for _ in range(4))
    )

    (refund,) = await office.hall.stage.rows(refunds)
    assert booked == [refund.refund_no] * 4
    assert await office.hall.db.read(prove) == []


async def test_b12_a_refund_from_the_console_that_a_notice_told_of_closes_that_task(
    office: Office,
):
    order = await office.hall.stage.order(office.hall.stage.both)
    await office.hall.stage.settle(office.gateway.pay(order.order_no))
    told = RefundFact("wechat_pay", "CONSOLE7", order.order_no, RefundState.SUCCESS, 20_000)
    assert await office.hall.stage.hear(told) == "contradiction"
    office.spoil(lambda lines: [*lines, outside(order.order_no, 20_000)])

    await office.morning()

    assert await office.found() == [("UnknownRefundNo", False), ("refund_external", False)]


@pytest.mark.parametrize(
    "changed", [{"amount_fen": 50_121}, {"order_no": "STRANGE"}, {"state": "processing"}]
)
async def test_b12_a_refund_that_fits_no_payment_of_ours_is_a_persons_task(office: Office, changed):
    order = await office.hall.stage.order(office.hall.stage.both)
    await office.hall.stage.settle(office.gateway.pay(order.order_no))
    office.spoil(lambda lines: [*lines, replace(outside(order.order_no, 100), **changed)])

    assert (await office.morning())["kept"] == 1

    assert await office.found() == [("refund_platform_only", True)]
    assert await office.hall.stage.rows(refunds) == []
    await office.hall.stage.books_hold()


async def refunded(office: Office, fen: int = 100) -> str:
    """Have a refund under way at the platform and with us; return its number."""
    view = await office.hall.stage.request(
        await office.hall.stage.paid(office.hall.stage.both), fen
    )
    await office.hall.stage.submit(view.refund_no)
    return view.refund_no


async def test_a_refund_whose_end_we_never_heard_of_heals_by_a_question(office: Office):
    refund_no = await refunded(office)
    office.gateway.end_refund(refund_no)

    assert (await office.morning())["healed"] == 1

    assert [row.state for row in await office.hall.stage.rows(refunds)] == ["success"]
    assert await office.found() == [("refund_state", False)]
    await office.hall.stage.books_hold()


async def test_a_refund_that_only_we_take_for_done_is_a_difference(office: Office):
    refund_no = await refunded(office)
    await office.hall.stage.hear(office.gateway.end_refund(refund_no))
    office.spoil(lambda lines: [one for one in lines if one.kind is LineKind.PAYMENT])

    await office.morning()

    assert await office.found() == [("refund_ours_only", True)]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [({"amount_fen": 99}, "refund_amount"), ({"state": "failed"}, "refund_state")],
)
async def test_a_refund_of_which_the_line_says_otherwise_is_a_difference(
    office: Office, changed, kind
):
    refund_no = await refunded(office)
    await office.hall.stage.hear(office.gateway.end_refund(refund_no))
    office.spoil(
        lambda lines: [
            replace(one, **changed) if one.kind is LineKind.REFUND else one for one in lines
        ]
    )

    await office.morning()

    assert await office.found() == [(kind, True)]
    await office.hall.stage.books_hold()


async def test_what_a_person_has_closed_is_never_open_again(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    strangers = [f"CONSOLE{n}" for n in range(2)]
    office.spoil(lambda lines: [*lines, *(replace(lines[0], order_no=no) for no in strangers)])
    await office.morning()
    first = (await office.hall.stage.rows(discrepancies))[0]
    served = [office.hall.stage.world.community_id]
    await office.hall.db.write(
        close_difference,
        first.id,
        staff_id=office.staff_id,
        community_ids=served,
        reason="已向平台核实",
        now=MORNING,
    )

    report = await office.morning(MORNING + timedelta(days=1))

    assert (report["handled"], report["kept"]) == (1, 1)
    assert await office.found() == [("platform_only", False), ("platform_only", True)]
    assert await office.history() == ["found", "found", "closed"]
    story = await office.hall.db.read(history_of, first.id, community_ids=served)
    assert story is not None
    assert [(note.act, note.note, note.staff_name) for note in story[1]] == [
        ("found", "", ""),
        ("closed", "已向平台核实", "小吴"),
    ]


async def test_a_missing_payment_that_a_person_has_closed_is_never_open_again(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [])
    await office.morning()
    (one,) = await office.hall.stage.rows(discrepancies)
    await office.hall.db.write(
        close_difference,
        one.id,
        staff_id=office.staff_id,
        community_ids=[office.hall.stage.world.community_id],
        reason="平台承认漏了",
        now=MORNING,
    )

    for day in (1, 2):
        await office.morning(MORNING + timedelta(days=day))

    assert await office.found() == [("ours_only", False)]
    assert await office.history() == ["found", "closed"]


@pytest.mark.parametrize("how", ["fetch", "read"])
async def test_c04_a_broken_file_is_refused_as_a_whole_and_asked_for_again(office: Office, how):
    await office.hall.stage.paid(office.hall.stage.both)
    fetch, read = office.gateway.fetch_statement, office.gateway.read_statement

    async def broken(day, into):
        raise StatementBroken("its SHA-1 is not the announced one")

    def half(path, day):
        yield from read(path, day)
        raise StatementBroken("ends without its summary")

    if how == "fetch":
        office.gateway.fetch_statement = broken  # type: ignore[method-assign]
    else:
        office.gateway.read_statement = half  # type: ignore[method-assign]
    assert await office.morning() == {"broken": 1}
    assert await office.hall.stage.rows(statement_lines) == []
    assert await office.found() == [("statement_broken", True)]
    office.gateway.fetch_statement = fetch  # type: ignore[method-assign]
    office.gateway.read_statement = read  # type: ignore[method-assign]

    await office.morning(MORNING + timedelta(minutes=10))

    assert await office.states() == ["agreed"]
    assert await office.found() == [("statement_broken", False)]


async def test_c05_the_same_file_twice_and_by_two_replicas_at_once_is_read_once(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    await office.morning()
    (row,) = await office.hall.stage.rows(gateway_statements)
    statement = await office.hall.db.read(statement_of, row.id)
    file = await office.gateway.fetch_statement(DAY, office.hall.deps.statement_dir)

    again = await office.hall.stage.at_once(
        *(take_in(office.hall.db, office.gateway, file, statement, now=MORNING) for _ in range(2))
    )

    assert again == ["known", "known"]
    assert len(await office.hall.stage.rows(statement_lines)) == 1


async def test_c05_two_replicas_that_read_one_file_at_once_leave_each_line_once(
    office: Office, monkeypatch
):
    monkeypatch.setattr(statement_files, "HELD", 1)
    order = await office.hall.stage.order(office.hall.stage.both)
    await office.hall.stage.settle(office.gateway.pay(order.order_no))
    office.spoil(lambda lines: [replace(lines[0], order_no=f"W{n:03d}") for n in range(20)])
    await asyncio.to_thread(office.hall.deps.statement_dir.mkdir, parents=True)
    file = await office.gateway.fetch_statement(DAY, office.hall.deps.statement_dir)
    expected = Expected("wechat_pay", office.gateway.merchant_id, DAY)
    statement = await office.hall.db.write(expect_statement, expected, now=MORNING)

    outcomes = await office.hall.stage.at_once(
        *(take_in(office.hall.db, office.gateway, file, statement, now=MORNING) for _ in range(3))
    )

    assert sorted(outcomes) == ["fetched", "overtaken", "overtaken"]
    lines = await office.hall.stage.rows(statement_lines)
    assert sorted(one.order_no for one in lines) == [f"W{n:03d}" for n in range(20)]
    (row,) = await office.hall.stage.rows(gateway_statements)
    assert (row.state, row.line_count, row.sha256) == ("fetched", 20, file.sha256)


async def test_c05_another_file_of_the_same_day_takes_its_place(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    true = office.gateway.statement_of
    office.spoil(lambda lines: [*lines, replace(lines[0], order_no="CONSOLE1")])
    await office.morning()
    assert await office.found() == [("platform_only", True)]
    (row,) = await office.hall.stage.rows(gateway_statements)
    statement = await office.hall.db.read(statement_of, row.id)
    office.gateway.statement_of = true  # type: ignore[method-assign]
    file = await office.gateway.fetch_statement(DAY, office.hall.deps.statement_dir)

    assert await take_in(office.hall.db, office.gateway, file, statement, now=NOON) == "fetched"
    await office.morning(NOON)

    assert len(await office.hall.stage.rows(statement_lines)) == 1
    assert await office.found() == [("platform_only", False)]


async def test_c05_a_broken_file_takes_nobodys_place(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    await office.morning()
    (row,) = await office.hall.stage.rows(gateway_statements)
    statement = await office.hall.db.read(statement_of, row.id)
    file = await office.gateway.fetch_statement(DAY, office.hall.deps.statement_dir)
    read = office.gateway.read_statement

    def half(path, day):
        yield from read(path, day)
        raise StatementBroken("ends without its summary")

    office.gateway.read_statement = half  # type: ignore[method-assign]
    other = replace(file, sha256="another")

    assert await take_in(office.hall.db, office.gateway, other, statement, now=NOON) == "broken"

    assert await office.states() == ["agreed"]
    assert len(await office.hall.stage.rows(statement_lines)) == 1
    assert await office.found() == []


async def test_c06_a_payment_on_each_side_of_midnight_is_in_one_day_each(office: Office):
    for at, bill_id in (
        (datetime(2026, 11, 23, 15, 59, 59, 900_000, tzinfo=UTC), office.hall.stage.both[0]),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), office.hall.stage.both[1]),
    ):
        office.hall.stage.clock._now = at
        await office.hall.stage.paid([bill_id])

    await office.morning()
    await office.morning(MORNING + timedelta(days=1))
    await office.morning(MORNING + timedelta(days=2))

    rows = await office.hall.stage.rows(gateway_statements)
    assert [(row.day_on, row.line_count) for row in rows] == [
        (DAY, 1),
        (DAY + timedelta(days=1), 1),
        (DAY + timedelta(days=2), 0),
    ]
    assert await office.found() == []


async def test_a_platform_without_trades_keeps_nobody_waiting_for_the_result(office: Office):
    quiet = FakeGateway(office.hall.stage.clock, name="alipay")

    async def not_yet(day, into):
        raise StatementNotReady("creating")

    fetch, quiet.fetch_statement = quiet.fetch_statement, not_yet  # type: ignore[method-assign]
    office.hall.deps.gateways["alipay"] = quiet  # type: ignore[index]
    await office.hall.stage.paid(office.hall.stage.both)

    assert (await office.morning())["told"] == 1
    quiet.fetch_statement = fetch  # type: ignore[method-assign]
    assert "told" not in await office.morning(NOON), "that it was empty is no news"

    assert sorted(await office.states()) == ["agreed", "empty"]


async def test_days_that_the_bot_slept_through_are_fetched_afterwards(office: Office):
    await office.morning()

    report = await office.morning(MORNING + timedelta(days=4))

    assert report["empty"] == 4
    assert len(await office.states()) == 5


async def test_the_cashier_hears_the_result_with_what_waits(office: Office):
    await office.hall.stage.paid(office.hall.stage.both)
    office.spoil(lambda lines: [*lines, replace(lines[0], order_no="CONSOLE1")])

    await office.morning()

    (said,) = [
        json.loads(row.facts)
        for row in await office.hall.stage.rows(outbox)
        if row.event == "DayReconciled"
    ]
    assert said["day"] == "2026-11-23"
    assert said["staff_id"] == office.staff_id
    assert said["gateways"] == [["wechat_pay", "agreed", 2, 100_240, 0, 0]]
    assert said["found"] == [["platform_only", 1]]
    assert said["open_count"] == 1


async def test_a_crash_while_a_file_is_read_loses_and_doubles_nothing(office: Office, monkeypatch):
    monkeypatch.setattr(statement_files, "HELD", 1)
    await office.hall.stage.paid(office.hall.stage.both)
    read = office.gateway.read_statement

    def dies(path, day):
        yield from read(path, day)
        raise ZeroDivisionError

    office.gateway.read_statement = dies  # type: ignore[method-assign]
    await office.morning()
    assert await office.states() == ["waiting"]
    assert len(await office.hall.stage.rows(statement_lines)) == 1, "left by the one that died"
    office.gateway.read_statement = read  # type: ignore[method-assign]

    await office.morning(MORNING + timedelta(minutes=10))

    assert await office.states() == ["agreed"]
    assert len(await office.hall.stage.rows(statement_lines)) == 1
    assert await office.found() == []
