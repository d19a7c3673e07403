"""The bank's statement files and the platforms' money that arrives in it."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.bank_files import LAYOUTS
from bot.sandbox.planting import PAYMENT, REFUND, StatementRow
from bot.sandbox.settling import Settlement, settlement_of
from bot.sandbox.world import World
from tests.bot.sandbox.bank_client import Depositor
from tests.bot.sandbox.clients import Bot, Control, Merchant

TODAY = "2026-11-23"


async def download(
    world: World, http: aiohttp.ClientSession, layout: str, day: str = TODAY
) -> bytes:
    url = f"{world.facts()['bank']['statement_url']}/{day}?layout={layout}"
    async with http.get(url) as response:
        assert response.status == 200
        return await response.read()


def cells(raw: bytes, layout: str) -> list[list[str]]:
    """All rows from the header on, stripped."""
    text = raw.decode(LAYOUTS[layout].encoding)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
    first = next(at for at, row in enumerate(rows) if len(row) > 5)
    return [row for row in rows[first:] if len(row) > 1]


@pytest.fixture
async def busy(control: Control, world: World, http: aiohttp.ClientSession) -> None:
    """A day with three transfers, one of them sent back, and a payout."""
    pay: dict[str, Any] = {"payer": "张三", "payer_account": "6222021234567890"}
    await control.call("POST", "bank/pay", {"amount_fen": 123456, "memo": "物业费 K7M2", **pay})
    await control.call("POST", "bank/pay", {"amount_fen": 58000, "memo": "", "order_no": "P2"})
    await control.call("POST", "bank/pay", {"amount_fen": 100, "memo": '3-2-501,"水费"'})
    await control.call("POST", "bank/pay", {"return_of": "P2"})
    await Depositor(world, http).pay_out("RF1", 5000)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
async def test_every_layout_tells_the_day_and_its_balances_agree(
    world: World, http: aiohttp.ClientSession, busy: None, layout: str
) -> None:
    raw = await download(world, http, layout)

    head, *rows = cells(raw, layout)
    if layout == "icbc":
        assert rows[-1][0] == "人民币合计"
        assert (rows[-1][8], rows[-1][9]) == ("1,815.56", "630.00")
        rows = rows[:-1]
        assert all(len(row) == len(head) + 1 for row in rows)
    if layout in ("icbc", "boc"):
        rows.reverse()
    at = next(i for i, name in enumerate(head) if "余额" in name)
    fens = [round(float(row[at].replace(",", "")) * 100) for row in rows]
    amounts = (123456, 58000, 100, -58000, -5000)
    assert fens == [5_000_000 + sum(amounts[: n + 1]) for n in range(5)]
    assert "物业费 K7M2" in raw.decode(LAYOUTS[layout].encoding)


@pytest.mark.skipif("WUYEBOT_VECTORS" not in os.environ, reason="WUYEBOT_VECTORS is not set")
@pytest.mark.parametrize("layout", ["icbc", "cmb", "abc", "boc", "bocom"])
async def test_headers_are_those_of_the_real_files(
    world: World, http: aiohttp.ClientSession, layout: str
) -> None:
    path = Path(os.environ["WUYEBOT_VECTORS"]) / "bank_statement_headers.json"
    vectors = {one["id"]: one for one in json.loads(path.read_text("utf-8"))["vectors"]}
    real = vectors[f"{layout}-debit-header"]

    raw = await download(world, http, layout)
    lines = raw.decode(LAYOUTS[layout].encoding).splitlines()
    assert lines[real["preamble_lines"]].split(",") == real["header"]


async def test_today_is_told_so_far_and_a_day_without_lines_is_a_header(
    world: World, http: aiohttp.ClientSession, control: Control
) -> None:
    assert len(cells(await download(world, http, "cmb"), "cmb")) == 1
    await control.call("POST", "bank/pay", {"amount_fen": 1})
    assert len(cells(await download(world, http, "cmb"), "cmb")) == 2
    assert len(cells(await download(world, http, "cmb", "2026-11-22"), "cmb")) == 1


async def test_the_signed_file_is_the_downloaded_file(
    world: World, http: aiohttp.ClientSession, busy: None
) -> None:
    told = await Depositor(world, http).call("GET", f"/v1/statements/{TODAY}?layout=boc")

    assert told.is_signed
    assert told.raw == await download(world, http, "boc")


@pytest.mark.parametrize("kind", ["duplicate", "wrong_amount", "reorder", "tampered"])
async def test_a_trouble_spoils_the_next_file_only(
    world: World, http: aiohttp.ClientSession, control: Control, busy: None, kind: str
) -> None:
    good = await download(world, http, "cmb")
    await control.call("POST", "bank/faults", {"kind": kind})
    bad, after = await download(world, http, "cmb"), await download(world, http, "cmb")

    assert (bad == good, after == good) == (False, True)


@pytest.mark.parametrize(
    ("plant", "count", "total"),
    [
        ({"op": "drop", "order_no": "P2"}, 4, 60556),
        ({"op": "change", "order_no": "P2", "set": {"amount_fen": 58001}}, 5, 118557),
        ({"op": "add", "day": TODAY, "order_no": "多出来的", "amount_fen": 7}, 6, 118563),
        ({"op": "drop", "refund_no": "RF1"}, 5, 118556),
    ],
)
async def test_a_planted_difference_keeps_the_balances_in_agreement(
    world: World,
    http: aiohttp.ClientSession,
    control: Control,
    busy: None,
    plant: dict[str, Any],
    count: int,
    total: int,
) -> None:
    await control.call("POST", "bank/statement", plant)

    _, *rows = cells(await download(world, http, "bocom"), "bocom")
    assert (len(rows), rows[-1][6]) == (count, f"{(5_000_000 + total) // 100}.{total % 100:02d}")
    book = await control.call("GET", "bank/book")
    assert len(book["payments"]) == 3


async def test_a_gap_leaves_a_line_out_and_its_amount_in_the_balances(
    world: World, http: aiohttp.ClientSession, control: Control, busy: None
) -> None:
    await control.call("POST", "bank/statement", {"op": "spoil", "what": "gap", "day": TODAY})
    _, *rows = cells(await download(world, http, "bocom"), "bocom")
    await control.call("POST", "bank/statement", {"op": "clear"})
    _, *whole = cells(await download(world, http, "bocom"), "bocom")

    assert (len(rows), len(whole)) == (4, 5)
    assert rows[-1][6] == whole[-1][6]


async def test_a_withheld_statement_is_not_ready(
    world: World, http: aiohttp.ClientSession, control: Control
) -> None:
    await control.call("POST", "bank/statement", {"op": "withhold", "day": TODAY})
    told = await Depositor(world, http).call("GET", f"/v1/statements/{TODAY}")

    assert told.json["code"] == "STATEMENT_NOT_READY"


# The platforms' money


async def test_a_platform_pays_for_yesterday_at_nine_net_of_its_fee(
    world: World, merchant: Merchant, control: Control, bot: Bot, http: aiohttp.ClientSession
) -> None:
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    await control.call("POST", "clock", {"set": "2026-11-24T08:59:00+08:00"})
    before = await Depositor(world, http).lines()
    await control.call("POST", "clock", {"set": "2026-11-24T09:01:00+08:00"})

    assert before["transactions"] == []
    (line,) = (await Depositor(world, http).lines())["transactions"]
    mchid = world.facts()["wechat_pay"]["mchid"]
    assert (line["amount_fen"], line["kind"]) == (58000 - 348, "settlement")
    assert line["counterparty_name"] == "财付通支付科技有限公司"
    assert line["memo"] == f"微信支付结算款 商户{mchid} 清算日20261123"
    await control.advance(3 * 86400)
    assert len((await Depositor(world, http).lines())["transactions"]) == 1


async def test_a_settlement_can_be_ordered_to_differ(
    world: World, merchant: Merchant, control: Control, bot: Bot, http: aiohttp.ClientSession
) -> None:
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    order = {"kind": "settlement", "gateway": "wechat_pay", "day": TODAY, "amount_fen": 57000}
    await control.call("POST", "bank/pay", order)
    await control.advance(86400)

    (line,) = (await Depositor(world, http).lines())["transactions"]
    assert line["amount_fen"] == 57000


def test_fees_are_kept_by_the_row_and_given_back_with_a_refund() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    owed = settlement_of(
        "M",
        [
            StatementRow(PAYMENT, "P1", "1", 58000, 348, at),
            StatementRow(PAYMENT, "P2", "2", 83, 0, at),
            StatementRow(REFUND, "P1", "1", 1000, 6, at),
        ],
    )

    assert owed == Settlement("M", 58083, 1000, 342)
    assert owed.net_fen == 58083 - 1000 - 342


async def test_a_day_of_refunds_is_kept_back_from_the_next_day(
    world: World, merchant: Merchant, control: Control, bot: Bot, http: aiohttp.ClientSession
) -> None:
    await merchant.create()
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001"})
    await control.advance(86400)
    await merchant.refund(fen=8000)
    await control.advance(86400)
    await merchant.create(number="P0000002")
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000002"})
    await control.advance(86400)

    lines = (await Depositor(world, http).lines())["transactions"]
    assert [one["amount_fen"] for one in lines] == [57652, 57652 - (8000 - 48)]


async def test_bank_charges_and_interest_are_lines_of_nobody(
    control: Control, world: World, http: aiohttp.ClientSession
) -> None:
    await control.call("POST", "bank/pay", {"kind": "charge", "amount_fen": 1000})
    await control.call("POST", "bank/pay", {"kind": "interest", "amount_fen": 23})

    lines = (await Depositor(world, http).lines())["transactions"]
    assert [(one["amount_fen"], one["memo"]) for one in lines] == [
        (-1000, "账户管理费"),
        (23, "结息"),
    ]
    assert (await control.call("GET", "bank/book")) == {"payments": [], "refunds": []}


async def test_a_transfer_that_went_back_is_closed_and_a_refund_in_the_book(
    control: Control, busy: None
) -> None:
    orders = await control.call("GET", "bank/orders")
    book = await control.call("GET", "bank/book")

    assert [one["state"] for one in orders] == ["paid", "closed", "paid"]
    assert sorted(one["amount_fen"] for one in book["refunds"]) == [5000, 58000]
    assert await control.refused("POST", "bank/pay", {"return_of": "P2"}) == 400
    assert await control.refused("POST", "bank/pay", {"return_of": "P404"}) == 404


@pytest.mark.parametrize("fen", [0, -1, 1.5, "100", True, 10**13])
async def test_what_is_no_amount_is_not_booked(control: Control, fen: Any) -> None:
    assert await control.refused("POST", "bank/pay", {"amount_fen": fen, "memo": "x"}) == 400
    assert await control.call("GET", "bank/orders") == []
