"""UnionPay's statement file as a merchant reads it, cut by bytes with code of the tests' own."""

import base64
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date

import pytest

from bot.sandbox.unionpay import Unionpay
from tests.bot.sandbox.clients import Control
from tests.bot.sandbox.unionpay_client import Merchant

# Width and name of the fields a merchant needs; the rest only has its width.
WIDTHS = (
    "3 tradeNo,11,11,6 traceNo,10 txnTime,19 card,12 txnAmt,4,2 termType,21 queryId,2,32 orderId,"
    "2,6,10,13 merCharge,13 settleAmt,4,15,2 txnType,2 txnSubType,6 bizType,2,4,32,1,21 origQryId,"
    "15 merId,1,15,32,13,13,8,32 words,13,13,12,2,1,131"
)
DAY_ONE, DAY_TWO = "1123", "1124"


@dataclass
class Statement:
    names: list[str]
    rows: list[dict[str, str]]
    summary: str

    @property
    def totals(self) -> list[str]:
        return re.findall(r"^总计 +(.*)$", self.summary.replace("\r", ""), re.M)


def cut(line: bytes) -> dict[str, str]:
    found, place = {}, 0
    for column in WIDTHS.split(","):
        width, _, name = column.partition(" ")
        found[name] = line[place : place + int(width)].decode("gbk").strip()
        place += int(width) + 1
    assert place == len(line) + 1 == 608
    return found


def read(content: str) -> Statement:
    archive = zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(content))))
    assert archive.testzip() is None
    names = archive.namelist()
    detail = next(name for name in names if "ZM_" in name)
    told = next(name for name in names if name.startswith("RD2010"))
    lines = archive.read(detail).split(b"\r\n")
    assert lines.pop() == b""
    return Statement(names, [cut(line) for line in lines], archive.read(told).decode("gbk"))


async def buy(unionpay: Merchant, control: Control, number: str, fen: int) -> str:
    await unionpay.front(unionpay.order(number, txnAmt=str(fen)))
    paid = await control.call("POST", "unionpay/pay", {"order_no": number})
    return str(paid["transaction_id"])


@pytest.fixture
async def bought(unionpay: Merchant, control: Control) -> str:
    """Two payments and a part refunded on 23 November, one more payment after 23:00."""
    query_id = await buy(unionpay, control, "UP000001", 58000)
    await buy(unionpay, control, "UP000002", 12345)
    await unionpay.refund(query_id, txnAmt="8000")
    await control.call("POST", "clock", {"set": "2026-11-23T22:59:58+08:00"})
    await control.call("POST", "clock", {"set": "2026-11-23T23:00:00+08:00"})
    await buy(unionpay, control, "UP000003", 100)
    return query_id


async def test_the_file_of_a_clearing_day_adds_up(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    await control.call("POST", "clock", {"set": "2026-11-24T09:00:00+08:00"})
    told = await unionpay.file(DAY_ONE)
    file = read(told["fileContent"])
    await control.call("POST", "clock", {"set": "2026-11-25T09:00:00+08:00"})
    next_day = read((await unionpay.file(DAY_TWO))["fileContent"])

    merchant = unionpay.facts["merchant_id"]
    assert (told["respCode"], told["fileName"]) == ("00", f"{merchant}_20261123.zip")
    assert file.names == [f"INN26112388ZM_{merchant}", f"RD201026112301_{merchant}"]
    assert [
        (row["orderId"], row["txnType"], row["txnAmt"], row["merCharge"], row["settleAmt"])
        for row in file.rows
    ] == [
        ("UP000001", "01", "000000058000", "D000000000348", "C000000057652"),
        ("UP000002", "01", "000000012345", "D000000000074", "C000000012271"),
        ("UR000001", "04", "000000008000", "C000000000048", "D000000007952"),
    ]
    assert file.rows[0]["queryId"] == file.rows[2]["origQryId"] == bought
    assert {row["merId"] for row in file.rows} == {merchant}
    assert file.rows[0]["words"] == "物业费 2026年11月"
    assert "清算日期:20261123" in file.summary
    assert [total.split() for total in file.totals] == [
        ["3", "80.00", "703.45", "4.22", "0.48", "79.52", "699.23"]
    ] * 2
    assert [row["orderId"] for row in next_day.rows] == ["UP000003"]


async def test_a_statement_comes_the_next_morning_and_an_empty_day_has_none(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    today = await unionpay.file(DAY_ONE)
    await control.call("POST", "clock", {"set": "2026-11-24T08:59:00+08:00"})
    early = await unionpay.file(DAY_ONE)
    await control.call("POST", "clock", {"set": "2026-11-24T09:00:00+08:00"})
    ready = await unionpay.file(DAY_ONE)
    empty = await unionpay.file("1122")
    to_come = await unionpay.file("1125")

    codes = [one["respCode"] for one in (today, early, ready, empty, to_come)]
    assert codes == ["98", "98", "00", "98", "98"]
    assert "fileContent" not in early


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"settleDate": None}, "13"),
        ({"fileType": None}, "13"),
        ({"settleDate": "20261123"}, "10"),
        ({"settleDate": "1332"}, "10"),
        ({"fileType": "99"}, "10"),
        ({"txnType": "00"}, "32"),
        ({"merId": "777290058110048"}, "31"),
        ({"certId": "1"}, "11"),
    ],
)
async def test_an_ill_formed_transfer_is_refused_with_its_own_code(
    unionpay: Merchant, other: dict[str, str | None], code: str
) -> None:
    told = await unionpay.file(DAY_ONE, **other)

    assert told["respCode"] == code


async def morning(control: Control) -> None:
    await control.call("POST", "clock", {"set": "2026-11-24T09:30:00+08:00"})


async def test_planted_differences_stand_in_the_file_and_its_sums(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    await morning(control)
    plants = [
        {"op": "add", "day": "2026-11-23", "order_no": "NOBODY001", "amount_fen": 777},
        {"op": "drop", "order_no": "UP000002"},
        {"op": "change", "order_no": "UP000001", "set": {"amount_fen": 58001}},
        {"op": "change", "refund_no": "UR000001", "set": {"fee_fen": 0}},
    ]
    for plant in plants:
        await control.call("POST", "unionpay/statement", plant)
    file = read((await unionpay.file(DAY_ONE))["fileContent"])
    await control.call("POST", "unionpay/statement", {"op": "clear"})
    clean = read((await unionpay.file(DAY_ONE))["fileContent"])

    assert sorted((row["orderId"], int(row["txnAmt"])) for row in file.rows) == [
        ("NOBODY001", 777),
        ("UP000001", 58001),
        ("UR000001", 8000),
    ]
    assert file.totals[0].split()[:3] == ["3", "80.00", "587.78"]
    assert [row["orderId"] for row in clean.rows] == ["UP000001", "UP000002", "UR000001"]


async def test_a_whole_file_may_be_spoilt_or_kept_back(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    async def spoilt(what: str) -> str:
        await control.call("POST", "unionpay/statement", {"op": "clear"})
        await control.call("POST", "unionpay/statement", {"op": "spoil", "what": what})
        return (await unionpay.file(DAY_ONE))["fileContent"]

    await morning(control)
    summary, dated = read(await spoilt("summary")), read(await spoilt("date"))
    stranger, broken = read(await spoilt("merchant")), await spoilt("hash")
    await control.call("POST", "unionpay/statement", {"op": "withhold", "day": "2026-11-23"})
    withheld = await unionpay.file(DAY_ONE)

    assert summary.totals[0].split()[2] == "703.46"
    assert "清算日期:20261014" in dated.summary
    assert {row["merId"] for row in stranger.rows} == {"777290000000000"}
    with pytest.raises((zipfile.BadZipFile, AssertionError, zlib.error)):
        read(broken)
    assert withheld["respCode"] == "98"


async def test_late_money_and_what_is_under_way_stand_in_no_file(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    await unionpay.front(unionpay.order("UP000009"))
    await control.call("POST", "unionpay/pay", {"order_no": "UP000009", "late": True})
    await unionpay.refund(bought, "UR000002", txnAmt="1")
    held = {"refund_no": "UR000002", "state": "processing"}
    await control.call("POST", "unionpay/refund_result", held)
    await control.call("POST", "clock", {"set": "2026-11-25T09:30:00+08:00"})
    file = read((await unionpay.file(DAY_TWO))["fileContent"])

    assert [row["orderId"] for row in file.rows] == ["UP000003"]


async def test_what_the_bank_is_to_be_paid_is_what_the_file_says(
    unionpay: Merchant, control: Control, bought: str
) -> None:
    await morning(control)
    file = read((await unionpay.file(DAY_ONE))["fileContent"])
    amounts = [row["settleAmt"] for row in file.rows]
    till = unionpay.world.tills["unionpay"]
    assert isinstance(till, Unionpay)
    owed = till.settlements(date(2026, 11, 23))

    signs = {"C": 1, "D": -1}
    assert [one.net_fen for one in owed] == [sum(signs[a[0]] * int(a[1:]) for a in amounts)]
    assert owed[0].merchant_id == unionpay.facts["merchant_id"]
