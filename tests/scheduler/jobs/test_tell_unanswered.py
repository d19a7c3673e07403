"""Unknown is never failed, and no list of questions ends in silence (the janitor)."""

from dataclasses import replace

import pytest

from scheduler.jobs import query_payments, query_refunds, submit_refunds, tell_unanswered
from storage.errors import GatewayUnavailable
from storage.kinds import StaffRole
from storage.models.operating import discrepancies
from storage.models.payments import refunds
from storage.ports.payments import PaymentState, RefundState
from tests import factories
from tests.scheduler.conftest import Hall, open_hall


@pytest.fixture
async def hall(db, database_url: str, tmp_path) -> Hall:
    found = await open_hall(db, database_url, tmp_path)
    community_id = found.stage.world.community_id
    await db.write(factories.add_staff, community_id, "小吴", StaffRole.CASHIER, "s-cashier")
    return found


async def janitor(hall: Hall) -> dict[str, int]:
    done = await tell_unanswered.run(hall.deps, hall.now)
    return {name: count for name, count in done.items() if count}


async def tasks(hall: Hall) -> list[tuple[str, bool]]:
    rows = await hall.stage.rows(discrepancies)
    return [(row.kind, row.closed_at is None) for row in rows]


async def days(hall: Hall, count: int) -> None:
    """Let the minute jobs run for so many days, an hour at a time."""
    for _ in range(count * 24):
        hall.later(hours=1)
        for job in (query_payments, submit_refunds, query_refunds):
            await job.run(hall.deps, hall.now)


async def test_b17_an_order_that_nobody_decides_is_a_persons_task_and_still_asked_about(
    hall: Hall, caplog
):
    order = await hall.stage.order(hall.stage.both)
    query = hall.stage.gateway.query

    async def unsure(order_no, asked_at):
        return replace(await query(order_no, asked_at), state=PaymentState.UNKNOWN)

    hall.stage.gateway.query = unsure  # type: ignore[method-assign]
    await days(hall, 1)
    assert await janitor(hall) == {}, "its end and a day more have not passed"
    await days(hall, 1)

    assert await janitor(hall) == {"told": 1}
    assert await janitor(hall) == {}, "told once"
    assert await hall.stage.order_states() == ["open"], "unknown is not failed"
    hall.stage.gateway.query = query  # type: ignore[method-assign]
    hall.stage.gateway.pay(order.order_no)
    await days(hall, 1)

    assert await hall.stage.order_states() == ["paid"]
    assert await janitor(hall) == {"ended": 1}
    assert await tasks(hall) == [("unanswered", False)]
    await hall.stage.books_hold()


async def test_b11_a_refund_under_way_for_days_is_told_and_asked_about_less_often(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 100)
    await submit_refunds.run(hall.deps, hall.now)
    await days(hall, 2)
    assert await janitor(hall) == {}, "banks take up to three workdays"
    before = len(hall.stage.gateway.calls)
    await days(hall, 2)
    asked = len(hall.stage.gateway.calls) - before

    assert 6 <= asked <= 10
    assert await janitor(hall) == {"told": 1}
    await hall.stage.hear(hall.stage.gateway.end_refund(view.refund_no))

    assert await tasks(hall) == [("unanswered", False)], "closed with the refund"


async def test_b14_a_refund_without_money_is_a_task_after_a_day_and_keeps_its_number(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 100)
    hall.stage.gateway.refund_answer = RefundState.UNFUNDED
    await days(hall, 2)

    assert await janitor(hall) == {"told": 1}

    assert [row.state for row in await hall.stage.rows(refunds)] == ["unfunded"]
    assert list(hall.stage.gateway.returns) == [view.refund_no]


async def test_b11_an_abnormal_refund_is_a_task_at_once_until_it_has_ended(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 100)
    await submit_refunds.run(hall.deps, hall.now)
    abnormal = hall.stage.gateway.end_refund(view.refund_no, RefundState.ABNORMAL)
    for _ in range(3):
        await hall.stage.hear(abnormal)
    assert await tasks(hall) == [("refund_abnormal", True)]
    hall.stage.gateway.end_refund(view.refund_no)
    await days(hall, 1)

    assert [row.state for row in await hall.stage.rows(refunds)] == ["success"]
    assert await tasks(hall) == [("refund_abnormal", False)]
    await hall.stage.books_hold()


async def test_b10_a_refund_that_lay_for_more_than_a_day_is_asked_about_before_it_is_sent(
    hall: Hall,
):
    """It may have been sent by a process that died before it could say so."""
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 100)
    await hall.stage.submit(view.refund_no)
    hall.stage.gateway.end_refund(view.refund_no)

    def forget(tx):
        tx.execute(refunds.update().values(state="approved", next_step_at=hall.now))

    await hall.db.write(forget)
    hall.stage.gateway.calls.clear()
    hall.later(hours=25)

    await submit_refunds.run(hall.deps, hall.now)

    assert hall.stage.gateway.calls == [f"query_refund {view.refund_no}"]
    assert [row.state for row in await hall.stage.rows(refunds)] == ["success"]
    await hall.stage.books_hold()


async def test_b17_a_platform_that_is_away_for_days_leaves_a_task_and_no_lost_refund(
    hall: Hall, caplog
):
    await hall.stage.request(await hall.stage.paid(hall.stage.both), 100)
    refund, ask = hall.stage.gateway.refund, hall.stage.gateway.query_refund

    async def away(*_):
        raise GatewayUnavailable("wechat_pay", "timeout")

    hall.stage.gateway.refund = away  # type: ignore[method-assign]
    hall.stage.gateway.query_refund = away  # type: ignore[method-assign]
    await days(hall, 2)
    assert await janitor(hall) == {"told": 1}
    assert [row.state for row in await hall.stage.rows(refunds)] == ["unknown"]
    hall.stage.gateway.refund = refund  # type: ignore[method-assign]
    hall.stage.gateway.query_refund = ask  # type: ignore[method-assign]
    await days(hall, 1)

    assert [row.state for row in await hall.stage.rows(refunds)] == ["submitted"]
    assert len(hall.stage.gateway.returns) == 1
