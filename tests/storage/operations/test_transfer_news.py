"""A transfer with her code that waits for the office: she hears of it, once."""

import pytest

from bot.gateways.bank_transfer import code_of
from storage import events
from storage.events import TransferWaits
from storage.models.messages import outbox
from storage.operations.bank_rows import take_rows
from tests.storage.operations.stage import Stage
from tests.storage.operations.transfers import ACCOUNT, OWED, awaited, line, take


async def heard(stage: Stage) -> list[tuple[str, TransferWaits]]:
    """Return to whom what was told of transfers that wait."""
    found = [(row.recipient, events.load(row.event, row.facts)) for row in await stage.rows(outbox)]
    return [(who, event) for who, event in found if isinstance(event, TransferWaits)]


@pytest.mark.parametrize("fen", [OWED - 1, OWED + 1])
async def test_a_transfer_of_another_amount_tells_its_payer_what_came_and_what_was_asked(
    stage: Stage, fen
):
    order = await awaited(stage, [stage.world.october_id])

    await take(stage, line("S1", fen, code_of(order.order_no)))

    [(recipient, event)] = await heard(stage)
    assert recipient == "oLi"
    assert (event.amount_fen, event.asked_fen, event.cause) == (fen, OWED, "other_amount")


async def test_the_same_row_heard_by_another_way_tells_her_nothing_again(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    row = line("S1", OWED - 1, code_of(order.order_no))

    await take(stage, row)
    await stage.db.write(take_rows, [row], ACCOUNT, source="file", now=stage.now)

    assert len(await heard(stage)) == 1


async def test_two_codes_in_one_memo_tell_one_payer_once(stage: Stage):
    october = await awaited(stage, [stage.world.october_id])
    november = await awaited(stage, [stage.world.november_id])
    memo = f"{code_of(october.order_no)} {code_of(november.order_no)}"

    await take(stage, line("S1", 2 * OWED, memo))

    [(_, event)] = await heard(stage)
    assert (event.amount_fen, event.asked_fen, event.cause) == (2 * OWED, 2 * OWED, "several_codes")


async def test_a_second_transfer_with_a_code_that_was_paid_is_told_as_waiting(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    await take(stage, line("S1", OWED, code_of(order.order_no)))

    await take(stage, line("S2", OWED, code_of(order.order_no)))

    [(_, event)] = await heard(stage)
    assert event.cause == "not_awaited"


async def test_money_that_books_itself_or_carries_no_code_tells_of_no_waiting(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])

    await take(stage, line("S1", OWED, code_of(order.order_no)), line("S2", OWED, "3-2-1201"))

    assert await heard(stage) == []
