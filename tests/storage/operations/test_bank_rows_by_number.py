"""Faults of bank rows by their number: nothing but code and amount together books by itself."""

from bot.gateways.bank_transfer import code_of
from storage.kinds import Account
from storage.ledger import balance
from storage.models.bank import bank_rows
from storage.models.payments import payments
from storage.queries.bank_rows import waiting_rows
from storage.queries.proofs import prove
from storage.rules import remark_codes
from tests.storage.operations.stage import Stage
from tests.storage.operations.transfers import OWED, awaited, line, take


async def nothing_is_booked(stage: Stage, waiting_fen: int) -> None:
    """Assert that all that came lies in suspense, and every bill is as it was."""
    assert await stage.rows(payments) == []
    assert await stage.open_fen() == [OWED, OWED]
    assert await stage.db.read(balance, Account.SUSPENSE) == -waiting_fen
    assert await stage.db.read(prove) == []


async def test_c08_less_or_more_than_was_asked_waits_with_its_flat(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    code = code_of(order.order_no)

    await take(stage, line("S1", OWED - 1_000, code), line("S2", OWED + 1_000, code))

    await nothing_is_booked(stage, 2 * OWED)
    waiting = await stage.db.read(waiting_rows, [stage.world.community_id])
    assert [one.suggested_unit_id for one in waiting] == [stage.world.unit_id] * 2


async def test_c08_a_transfer_in_two_halves_waits_for_a_person(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    code = code_of(order.order_no)

    await take(stage, line("S1", 10_000, code), line("S2", OWED - 10_000, code))

    await nothing_is_booked(stage, OWED)


async def test_c08_the_codes_of_two_bills_in_one_memo_wait_though_the_sum_is_right(stage: Stage):
    codes = [
        code_of((await awaited(stage, [bill_id])).order_no)
        for bill_id in (stage.world.october_id, stage.world.november_id)
    ]

    await take(stage, line("S1", 2 * OWED, " ".join(codes)))

    await nothing_is_booked(stage, 2 * OWED)


async def test_c08_a_mistyped_room_or_code_books_nothing(stage: Stage):
    order = await awaited(stage, [stage.world.october_id])
    code = code_of(order.order_no)
    mistyped = next(
        wrong
        for place, letter in enumerate(code)
        for other in "23456789"
        if other != letter
        and not remark_codes.find(wrong := code[:place] + other + code[place + 1 :])
    )

    await take(
        stage,
        line("S1", OWED, "3-2-1210 物业费", name="王五"),
        line("S2", OWED, mistyped, name="王五"),
        line("S3", OWED, "", name="王五"),
    )

    await nothing_is_booked(stage, 3 * OWED)
    assert [one.state for one in await stage.rows(bank_rows)] == ["suspense"] * 3


async def test_c08_the_same_payer_and_amount_twice_a_day_are_two_rows_by_their_serials(
    stage: Stage,
):
    order = await awaited(stage, [stage.world.october_id])
    code = code_of(order.order_no)
    first, second = line("S1", OWED, code), line("S2", OWED, code)

    await take(stage, first, second)
    await take(stage, first, second)

    assert [one.state for one in await stage.rows(bank_rows)] == ["matched", "suggested"]
    assert await stage.open_fen() == [0, OWED]
    assert await stage.db.read(balance, Account.BANK) == 2 * OWED
    assert await stage.db.read(balance, Account.SUSPENSE) == -OWED
    assert await stage.db.read(prove) == []
