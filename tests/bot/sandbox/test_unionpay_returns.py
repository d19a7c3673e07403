"""Refunds and undos of UnionPay, and its notices, on the clock that can be moved."""

from typing import Any

import aiohttp
import pytest

from tests.bot.sandbox.clients import Control
from tests.bot.sandbox.unionpay_client import Merchant, Shop


@pytest.fixture
async def query_id(unionpay: Merchant, control: Control) -> str:
    """One order of ¥580.00, paid and heard of; its queryId."""
    await unionpay.front(unionpay.order())
    paid = await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})
    return str(paid["transaction_id"])


async def test_a_refund_is_done_within_ten_minutes_and_noticed(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, query_id: str
) -> None:
    form = unionpay.refund_form(query_id)
    accepted = await unionpay.back(form)
    pending = await unionpay.query("UR000001", form["txnTime"])
    await control.advance(600)
    done = await unionpay.query("UR000001", form["txnTime"])

    assert accepted["respCode"] == "00"
    assert (pending["respCode"], pending["origRespCode"]) == ("00", "05")
    assert (done["respCode"], done["origRespCode"], done["txnAmt"]) == ("00", "00", "58000")
    notice = unionpay_shop.notices[-1]
    assert (notice["txnType"], notice["respCode"], notice["orderId"]) == ("04", "00", "UR000001")
    assert notice["origQryId"] == query_id
    assert notice["queryId"] == accepted["queryId"] != query_id
    book = await control.call("GET", "unionpay/book")
    assert [(r["refund_no"], r["order_no"], r["state"]) for r in book["refunds"]] == [
        ("UR000001", "UP000001", "success")
    ]


async def test_the_same_refund_again_is_12_and_nothing_more_is_given_back(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    form = unionpay.refund_form(query_id, txnAmt="8000")
    codes = [(await unionpay.back(form))["respCode"] for _ in range(2)]
    as_order = await unionpay.front(unionpay.order("UR000001", txnTime=form["txnTime"]))

    assert codes == ["00", "12"]
    assert as_order.code == "12"
    assert len((await control.call("GET", "unionpay/book"))["refunds"]) == 1


async def test_a_number_used_again_at_another_time_gives_back_again(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    first = await unionpay.refund(query_id, txnAmt="8000")
    await control.advance(5)
    second = await unionpay.refund(query_id, txnAmt="8000")

    assert (first["respCode"], second["respCode"]) == ("00", "00")
    assert len((await control.call("GET", "unionpay/book"))["refunds"]) == 2


@pytest.mark.parametrize("name", ["orderId", "txnAmt", "origQryId", "channelType", "backUrl"])
async def test_a_refund_that_lacks_a_field_is_13(
    unionpay: Merchant, query_id: str, name: str
) -> None:
    without: dict[str, Any] = {name: None}
    told = await unionpay.refund(query_id, **without)

    assert told["respCode"] == "13"
    assert name in told["respMsg"]


@pytest.mark.parametrize(
    ("other", "spoilt", "code"),
    [
        ({"orderId": "UR-000001"}, {}, "10"),
        ({"txnAmt": "0"}, {}, "10"),
        ({"origQryId": "1"}, {}, "10"),
        ({}, {"txnAmt": "1"}, "11"),
        ({"certId": "1"}, {}, "11"),
        ({"merId": "777290058110048"}, {}, "31"),
        ({"txnType": "02"}, {}, "32"),
        ({"txnSubType": "01"}, {}, "32"),
        ({"bizType": "000902"}, {}, "32"),
        ({"txnAmt": "20000001"}, {}, "33"),
        ({"origQryId": "9" * 21}, {}, "35"),
        ({"txnAmt": "58001"}, {}, "36"),
        ({"txnType": "31", "txnAmt": "57999"}, {}, "36"),
    ],
)
async def test_an_ill_formed_refund_is_refused_with_its_own_code(
    unionpay: Merchant,
    control: Control,
    query_id: str,
    other: dict[str, Any],
    spoilt: dict[str, str],
    code: str,
) -> None:
    told = await unionpay.back(unionpay.refund_form(query_id, **other), **spoilt)

    assert told["respCode"] == code
    assert (await control.call("GET", "unionpay/book"))["refunds"] == []


async def test_parts_may_not_be_more_than_the_whole(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    codes = []
    for number, fen in (("UR000001", 30000), ("UR000002", 28001), ("UR000003", 28000)):
        codes.append((await unionpay.refund(query_id, number, txnAmt=str(fen)))["respCode"])
    codes.append((await unionpay.refund(query_id, "UR000004", txnAmt="1"))["respCode"])

    assert codes == ["00", "36", "00", "36"]
    assert (await control.call("GET", "unionpay/balance"))["balance_fen"] == 0


async def test_a_refund_after_eleven_months_is_35(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    await control.advance(335 * 86400)

    assert (await unionpay.refund(query_id))["respCode"] == "35"


async def test_an_undo_takes_all_back_on_the_same_clearing_day_only(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, query_id: str
) -> None:
    told = await unionpay.undo(query_id)
    twice = await unionpay.undo(query_id, "UU000002")
    refund = await unionpay.refund(query_id)
    await control.advance(600)
    await unionpay.front(unionpay.order("UP000002"))
    later = await control.call("POST", "unionpay/pay", {"order_no": "UP000002"})
    await control.call("POST", "clock", {"set": "2026-11-23T22:59:59+08:00"})
    await control.call("POST", "clock", {"set": "2026-11-23T23:00:01+08:00"})
    too_late = await unionpay.undo(later["transaction_id"], "UU000003")

    codes = [one["respCode"] for one in (told, twice, refund, too_late)]
    assert codes == ["00", "35", "35", "35"]
    notice = next(one for one in unionpay_shop.notices if one["orderId"] == "UU000001")
    assert (notice["txnType"], notice["respCode"], notice["txnAmt"]) == ("31", "00", "58000")


async def test_an_undo_after_a_partial_refund_is_35(unionpay: Merchant, query_id: str) -> None:
    await unionpay.refund(query_id, txnAmt="1")

    assert (await unionpay.undo(query_id))["respCode"] == "35"


@pytest.mark.parametrize(
    ("state", "code", "kept"),
    [
        ("success", "00", "success"),
        ("closed", "01", "closed"),
        ("failed", "01", "closed"),
        ("abnormal", "63", "abnormal"),
        ("unfunded", "64", "closed"),
    ],
)
async def test_a_refund_ends_as_it_is_decided(
    unionpay: Merchant,
    unionpay_shop: Shop,
    control: Control,
    query_id: str,
    state: str,
    code: str,
    kept: str,
) -> None:
    form = unionpay.refund_form(query_id)
    await unionpay.back(form)
    body = {"refund_no": "UR000001", "state": state}
    told = await control.call("POST", "unionpay/refund_result", body)
    queried = await unionpay.query("UR000001", form["txnTime"])
    again = await control.refused("POST", "unionpay/refund_result", body)

    assert (told["origRespCode"], queried["origRespCode"], again) == (code, code, 400)
    assert unionpay_shop.notices[-1]["respCode"] == code
    assert (await control.call("GET", "unionpay/book"))["refunds"][0]["state"] == kept
    left = (await control.call("GET", "unionpay/balance"))["balance_fen"]
    assert left == (0 if state == "success" else 58000)


async def test_a_refund_that_is_held_ends_when_it_is_told_to(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    form = unionpay.refund_form(query_id)
    await unionpay.back(form)
    await control.call(
        "POST", "unionpay/refund_result", {"refund_no": "UR000001", "state": "processing"}
    )
    await control.advance(30 * 86400)
    held = await unionpay.query("UR000001", form["txnTime"])
    await control.call(
        "POST", "unionpay/refund_result", {"refund_no": "UR000001", "state": "success"}
    )
    done = await unionpay.query("UR000001", form["txnTime"])

    assert (held["origRespCode"], done["origRespCode"]) == ("05", "00")
    wrong = {"refund_no": "UR000001", "state": "mood"}
    assert await control.refused("POST", "unionpay/refund_result", wrong) == 400
    unknown = {"refund_no": "UR999999", "state": "success"}
    assert await control.refused("POST", "unionpay/refund_result", unknown) == 404


async def test_a_refund_without_money_is_64_and_the_number_is_not_burnt(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    await control.call("POST", "unionpay/balance", {"balance_fen": 100})
    form = unionpay.refund_form(query_id)
    short = await unionpay.back(form)
    nothing = await unionpay.query("UR000001", form["txnTime"])
    await control.call("POST", "unionpay/balance", {"balance_fen": 58000})
    paid_in = await unionpay.back(form)

    assert (short["respCode"], nothing["respCode"]) == ("64", "34")
    assert paid_in["respCode"] == "00"


async def test_an_unfunded_refund_may_also_fail_after_it_was_accepted(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    await control.call("POST", "unionpay/faults", {"kind": "unfunded", "order_no": "UP000001"})
    at_once = await unionpay.refund(query_id)
    await control.call("POST", "unionpay/faults", {"kind": "unfunded", "after": True})
    form = unionpay.refund_form(query_id)
    accepted = await unionpay.back(form)
    await control.advance(600)

    assert (at_once["respCode"], accepted["respCode"]) == ("64", "00")
    assert (await unionpay.query("UR000001", form["txnTime"]))["origRespCode"] == "64"


async def test_a_refund_that_times_out_has_been_accepted(
    unionpay: Merchant, control: Control, query_id: str
) -> None:
    form = unionpay.refund_form(query_id)
    fault = {"kind": "timeout", "path": "backTransReq", "seconds": 0.1}
    await control.call("POST", "unionpay/faults", fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await unionpay.back(form)
    again = await unionpay.back(form)
    told = await unionpay.query("UR000001", form["txnTime"])

    assert (again["respCode"], told["origRespCode"]) == ("12", "05")


async def test_a_person_refunds_in_the_console_and_nobody_is_told(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, query_id: str
) -> None:
    body = {"order_no": "UP000001", "amount_fen": 8000}
    told = await control.call("POST", "unionpay/refund", body)
    await control.advance(600)

    assert told["refund_no"].startswith("console")
    assert len(unionpay_shop.notices) == 1
    book = await control.call("GET", "unionpay/book")
    assert [(r["order_no"], r["amount_fen"], r["state"]) for r in book["refunds"]] == [
        ("UP000001", 8000, "success")
    ]
    too_much = {"order_no": "UP000001", "amount_fen": 50001}
    assert await control.refused("POST", "unionpay/refund", too_much) == 400
    unknown = {"order_no": "UP999999", "amount_fen": 1}
    assert await control.refused("POST", "unionpay/refund", unknown) == 404


# Notices


async def test_a_notice_is_sent_five_times_until_200(
    unionpay: Merchant, unionpay_shop: Shop, control: Control
) -> None:
    unionpay_shop.code = 500
    await unionpay.front(unionpay.order())
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})
    sent = [len(unionpay_shop.notices)]
    for seconds in (61, 121, 241, 481, 86400):
        await control.advance(seconds)
        sent.append(len(unionpay_shop.notices))

    assert sent == [1, 2, 3, 4, 5, 5]
    assert len({one["queryId"] for one in unionpay_shop.notices}) == 1


@pytest.mark.parametrize("code", [204, 302, 401])
async def test_only_200_ends_the_sends(
    unionpay: Merchant, unionpay_shop: Shop, control: Control, code: int
) -> None:
    unionpay_shop.code = code
    await unionpay.front(unionpay.order())
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})
    unionpay_shop.code = 200
    await control.advance(3600)

    assert len(unionpay_shop.notices) == 2


@pytest.mark.parametrize(
    ("kind", "refused", "heard"),
    [
        ("drop", [], 0),
        ("delay", [], 0),
        ("duplicate", [], 2),
        ("wrong_signature", ["signature"], 0),
        ("tampered", ["signature"], 0),
        ("wrong_merchant", ["merchant"], 0),
        ("wrong_chain", ["chain"], 0),
        ("expired_certificate", ["expired"], 0),
        ("wrong_name", ["name"], 0),
    ],
)
async def test_a_spoilt_notice_is_followed_by_a_good_one(
    unionpay: Merchant,
    unionpay_shop: Shop,
    control: Control,
    kind: str,
    refused: list[str],
    heard: int,
) -> None:
    await control.call("POST", "unionpay/faults", {"kind": kind})
    await unionpay.front(unionpay.order())
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})
    first = (list(unionpay_shop.refused), len(unionpay_shop.notices))
    await control.advance(61)

    assert first == (refused, heard)
    assert len(unionpay_shop.notices) == max(heard, 1)
    assert unionpay_shop.notices[-1]["txnAmt"] == "58000"


async def test_a_lying_amount_is_signed_well(
    unionpay: Merchant, unionpay_shop: Shop, control: Control
) -> None:
    await control.call("POST", "unionpay/faults", {"kind": "wrong amount"})
    order = unionpay.order()
    await unionpay.front(order)
    await control.call("POST", "unionpay/pay", {"order_no": "UP000001"})

    assert unionpay_shop.notices[0]["txnAmt"] == "58001"
    assert (await unionpay.query("UP000001", order["txnTime"]))["txnAmt"] == "58000"


async def test_a_reordered_notice_comes_after_the_next(
    unionpay: Merchant, unionpay_shop: Shop, control: Control
) -> None:
    await control.call("POST", "unionpay/faults", {"kind": "reorder"})
    for number in ("UP000001", "UP000002"):
        await unionpay.front(unionpay.order(number))
        await control.call("POST", "unionpay/pay", {"order_no": number})

    assert [one["orderId"] for one in unionpay_shop.notices] == ["UP000002", "UP000001"]
