"""The bank's direct interface: signed both ways, lines after a cursor, payouts once."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.bank_client import Depositor
from tests.bot.sandbox.clients import Control


@pytest.fixture
def depositor(world: World, http: aiohttp.ClientSession) -> Depositor:
    """A merchant's program that signs."""
    return Depositor(world, http)


async def pay(control: Control, fen: int = 58000, **other: Any) -> Any:
    return await control.call("POST", "bank/pay", {"amount_fen": fen, **other})


async def test_a_transfer_is_a_line_with_payer_memo_and_balance(
    depositor: Depositor, control: Control
) -> None:
    told = await pay(
        control, memo="物业费 K7M2P9QX", payer="张三", payer_account="6222021234567890"
    )

    heard = await depositor.lines()
    line = heard["transactions"][0]
    assert line["serial"] == told["transaction_id"] == heard["next_cursor"]
    assert (line["amount_fen"], line["balance_fen"]) == (58000, 5_058_000)
    assert (line["counterparty_name"], line["counterparty_account"]) == ("张三", "6222021234567890")
    assert (line["memo"], line["booked_at"]) == ("物业费 K7M2P9QX", told["at"])
    assert not heard["has_more"]


async def test_lines_come_in_pages_after_a_cursor(depositor: Depositor, control: Control) -> None:
    for fen in (100, 200, 300):
        await pay(control, fen)

    first = await depositor.lines(limit=2)
    rest = await depositor.lines(after=first["next_cursor"], limit=2)
    none = await depositor.lines(after=rest["next_cursor"])
    assert [one["amount_fen"] for one in first["transactions"]] == [100, 200]
    assert [one["amount_fen"] for one in rest["transactions"]] == [300]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (none["transactions"], none["next_cursor"]) == ([], rest["next_cursor"])


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ({"signature": "AAAA"}, "SIGN_ERROR"),
        ({"signature": "no base64"}, "SIGN_ERROR"),
        ({"nonce": "short"}, "SIGN_ERROR"),
        ({"account": "1202026509000000000"}, "ACCOUNT_ERROR"),
        ({"skew": 301}, "TIMESTAMP_ERROR"),
        ({"skew": -301}, "TIMESTAMP_ERROR"),
        ({"sent": '{"payout_no":"RF1","amount_fen":99}'}, "SIGN_ERROR"),
    ],
)
async def test_a_call_that_does_not_prove_itself_does_nothing(
    depositor: Depositor, control: Control, spoilt: dict[str, Any], code: str
) -> None:
    wish = {"payout_no": "RF1", "amount_fen": 1, "account_name": "张", "account_no": "62170012345"}
    told = await depositor.call("POST", "/v1/payouts", wish, **spoilt)

    assert (told.json["code"], told.is_signed) == (code, True)
    assert (await control.call("GET", "bank/book"))["refunds"] == []


async def test_a_request_heard_once_is_not_heard_again(depositor: Depositor) -> None:
    first = await depositor.call("GET", "/v1/balance", nonce="a" * 32)
    again = await depositor.call("GET", "/v1/balance", nonce="a" * 32)

    assert (first.code, first.json["balance_fen"]) == (200, 5_000_000)
    assert again.json["code"] == "NONCE_USED"


async def test_a_payout_is_with_the_payee_in_minutes(
    depositor: Depositor, control: Control
) -> None:
    accepted = await depositor.pay_out()
    before = (await depositor.lines())["transactions"]
    await control.advance(600)
    done = await depositor.call("GET", "/v1/payouts/RF1")

    assert (accepted.json["state"], done.json["state"]) == ("processing", "success")
    assert [(one["amount_fen"], one["memo"]) for one in before] == [(-58000, "退物业费")]
    assert done.json["serial"] == before[0]["serial"]
    book = await control.call("GET", "bank/book")
    assert [(one["refund_no"], one["state"]) for one in book["refunds"]] == [("RF1", "success")]


async def test_the_same_payout_again_is_the_same_payout(
    depositor: Depositor, control: Control
) -> None:
    first, again = await depositor.pay_out(), await depositor.pay_out()
    other = await depositor.pay_out(fen=57999)

    assert first.json == again.json
    assert (other.code, other.json["code"]) == (409, "PAYOUT_NO_USED")
    assert (await control.call("GET", "bank/balance"))["balance_fen"] == 5_000_000 - 58000


async def test_money_can_go_back_where_it_came_from(depositor: Depositor, control: Control) -> None:
    came = await pay(control, order_no="P1", payer="李四")
    told = (await depositor.pay_out(original_serial=came["transaction_id"], account_no="")).json

    assert (told["account_name"], told["order_no"]) == ("李四", "P1")
    assert told["account_no"] == came["payer_account"]
    unknown = await depositor.pay_out("RF2", original_serial="20261123000000000000")
    assert unknown.json["code"] == "ORIGINAL_NOT_FOUND"


@pytest.mark.parametrize(
    "other",
    [
        {"payout_no": "R F"},
        {"payout_no": 7},
        {"amount_fen": 0},
        {"amount_fen": -1},
        {"amount_fen": 1.5},
        {"amount_fen": True},
        {"amount_fen": "100"},
        {"account_no": "62 17"},
        {"account_name": ""},
        {"memo": "x" * 61},
        {"memo": 5},
    ],
)
async def test_an_ill_formed_payout_is_refused(
    depositor: Depositor, control: Control, other: dict[str, Any]
) -> None:
    wish = {"payout_no": "R1", "amount_fen": 1, "account_name": "张", "account_no": "62170012345"}
    told = await depositor.call("POST", "/v1/payouts", wish | other)

    assert (told.code, told.json["code"]) == (400, "PARAM_ERROR")
    assert (await control.call("GET", "bank/book"))["refunds"] == []


async def test_an_account_without_money_pays_nothing_out(
    depositor: Depositor, control: Control
) -> None:
    await control.call("POST", "bank/balance", {"balance_fen": 57999})
    poor = await depositor.pay_out()
    await control.call("POST", "bank/balance", {"balance_fen": 58000})
    await control.call("POST", "bank/faults", {"kind": "unfunded"})
    troubled = await depositor.pay_out()
    fine = await depositor.pay_out()

    assert (poor.json["code"], troubled.json["code"]) == ("INSUFFICIENT_FUNDS",) * 2
    assert fine.json["state"] == "processing"


async def test_a_payout_may_come_back_as_a_line_of_its_own(
    depositor: Depositor, control: Control
) -> None:
    await control.call("POST", "bank/faults", {"kind": "returned payout"})
    await depositor.pay_out()
    await control.advance(600)

    told = (await depositor.call("GET", "/v1/payouts/RF1")).json
    lines = (await depositor.lines())["transactions"]
    assert (told["state"], told["reason"]) == ("returned", "收款人账号户名不符")
    assert [one["amount_fen"] for one in lines] == [-58000, 58000]
    assert lines[1]["memo"].startswith("退汇 RF1")
    assert lines[1]["balance_fen"] == 5_000_000
    book = await control.call("GET", "bank/book")
    assert book["refunds"][0]["state"] == "closed"
    assert book["payments"] == []


async def test_a_payout_that_arrived_may_come_back_days_later(
    depositor: Depositor, control: Control
) -> None:
    await control.call("POST", "bank/faults", {"kind": "returned", "after": 86400})
    await depositor.pay_out()
    await control.advance(600)
    arrived = (await depositor.call("GET", "/v1/payouts/RF1")).json["state"]
    await control.advance(86400)

    assert (arrived, (await depositor.call("GET", "/v1/payouts/RF1")).json["state"]) == (
        "success",
        "returned",
    )
    assert (await control.call("GET", "bank/balance"))["balance_fen"] == 5_000_000


async def test_the_control_plane_decides_a_payout(depositor: Depositor, control: Control) -> None:
    await depositor.pay_out("RF1")
    await depositor.pay_out("RF2")
    decide = "bank/refund_result"
    good = await control.call("POST", decide, {"refund_no": "RF1", "state": "success"})
    back = await control.call("POST", decide, {"refund_no": "RF2", "state": "closed"})

    assert (good["state"], back["state"]) == ("success", "returned")
    assert await control.refused("POST", decide, {"refund_no": "RF9", "state": "success"}) == 404
    assert await control.refused("POST", decide, {"refund_no": "RF1", "state": "odd"}) == 400


async def test_a_payout_by_hand_is_in_the_book(depositor: Depositor, control: Control) -> None:
    await pay(control, order_no="P7", memo="物业费")
    told = await control.call("POST", "bank/refund", {"order_no": "P7", "amount_fen": 100})
    await control.advance(600)

    book = await control.call("GET", "bank/book")
    assert [(r["refund_no"], r["order_no"], r["amount_fen"]) for r in book["refunds"]] == [
        (told["refund_no"], "P7", 100)
    ]


@pytest.mark.parametrize("kind", ["timeout_after", "wrong_signature"])
async def test_an_answer_that_never_comes_or_proves_nothing_still_paid_once(
    depositor: Depositor, control: Control, kind: str
) -> None:
    await control.call("POST", "bank/faults", {"kind": kind, "seconds": 0.1})
    try:
        told = await asyncio.wait_for(depositor.pay_out(), 5)
        assert not told.is_signed
    except aiohttp.ClientError:
        assert kind == "timeout_after"
    again = await depositor.pay_out()

    assert (again.json["state"], again.is_signed) == ("processing", True)
    assert len((await control.call("GET", "bank/book"))["refunds"]) == 1


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ({"kind": "error_5xx", "code": 503}, 503, None),
        ({"kind": "quota"}, 429, "TOO_FREQUENT"),
        ({"kind": "errcode", "code": "SYSTEM_ERROR"}, 500, "SYSTEM_ERROR"),
    ],
)
async def test_troubles_of_the_platform_leave_nothing_done(
    depositor: Depositor, control: Control, fault: dict[str, Any], code: int, said: str | None
) -> None:
    await control.call("POST", "bank/faults", fault)
    told = await depositor.pay_out()

    assert told.code == code
    assert said is None or told.json["code"] == said
    assert (await control.call("GET", "bank/book"))["refunds"] == []


async def test_lines_can_be_told_twice_or_with_a_changed_amount(
    depositor: Depositor, control: Control
) -> None:
    await pay(control, 100)
    await control.call("POST", "bank/faults", {"kind": "duplicate"})
    twice = (await depositor.lines())["transactions"]
    await control.call("POST", "bank/faults", {"kind": "wrong amount"})
    wrong = (await depositor.lines())["transactions"]

    assert twice[0] == twice[1]
    assert wrong[0]["amount_fen"] == 101
    assert [one["amount_fen"] for one in (await depositor.lines())["transactions"]] == [100]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/transactions?after=unheard", "CURSOR_ERROR"),
        ("/v1/transactions?limit=0", "PARAM_ERROR"),
        ("/v1/transactions?limit=201", "PARAM_ERROR"),
        ("/v1/payouts/RF404", "PAYOUT_NOT_FOUND"),
        ("/v1/statements/2026-11-24", "STATEMENT_NOT_READY"),
        ("/v1/statements/2026-02-30", "PARAM_ERROR"),
        ("/v1/statements/2026-11-23?layout=hsbc", "LAYOUT_ERROR"),
        ("/v1/nothing", "NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_refused_with_its_own_code(
    depositor: Depositor, path: str, code: str
) -> None:
    told = await depositor.call("GET", path)

    assert (told.json["code"], told.is_signed) == (code, True)


async def test_the_book_outlives_the_bank(
    world: World, depositor: Depositor, control: Control
) -> None:
    await pay(control, 100)
    await depositor.pay_out()
    whole = world.tills["bank"].books()

    again = World.open(world.folder, base_url=world.base_url)
    try:
        assert again.tills["bank"].books() == whole
        assert again.facts()["bank"] == world.facts()["bank"]
    finally:
        await again.close()
