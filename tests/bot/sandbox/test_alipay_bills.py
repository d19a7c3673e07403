"""Alipay's trade bill: a zip of GBK tables, ready at nine, dead after thirty seconds."""

import csv
import io
import re
import zipfile
from typing import Any

import pytest

from tests.bot.sandbox.alipay_shop import Shop
from tests.bot.sandbox.clients import Control

DAY = "2026-11-23"


@pytest.fixture
async def closed_day(shop: Shop, control: Control) -> Shop:
    """A day with two payments and a refund in part, seen at ten the next morning."""
    for number, fen in (("A0000001", 98640), ("A0000002", 100)):
        await shop.reach(number, fen)
        await control.call("POST", "alipay/pay", {"order_no": number})
    await shop.refund("R1", 10000)
    await control.call("POST", "clock", {"set": "2026-11-24T10:00:00+08:00"})
    return shop


async def download(shop: Shop, day: str = DAY) -> zipfile.ZipFile:
    url = (await shop.bill_url(day)).node["bill_download_url"]
    async with shop.http.get(url) as response:
        assert response.status == 200
        return zipfile.ZipFile(io.BytesIO(await response.read()))


def texts(packed: zipfile.ZipFile) -> dict[str, str]:
    """Return the texts by their GBK names."""
    assert all(not entry.flag_bits & 0x800 for entry in packed.infolist())
    return {
        name.encode("cp437").decode("gbk"): packed.read(name).decode("gb18030")
        for name in packed.namelist()
    }


async def rows(shop: Shop) -> list[dict[str, str]]:
    """Return the detailed bill's rows by the names of their columns."""
    whole = texts(await download(shop))
    text = next(text for name, text in whole.items() if "汇总" not in name)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


async def test_the_bill_is_two_gbk_tables_in_a_zip(closed_day: Shop) -> None:
    whole = texts(await download(closed_day))
    pid = closed_day.facts["seller_id"]
    text = whole[f"{pid}0156_20261123_业务明细.csv"]
    lines = text.split("\r\n")

    assert set(whole) == {
        f"{pid}0156_20261123_业务明细.csv",
        f"{pid}0156_20261123_业务明细(汇总).csv",
    }
    assert lines[0] == "#支付宝业务明细查询"
    assert lines[1] == f"#账号：[{pid}0156]"
    assert lines[2] == (
        "#起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]"
    )
    assert re.fullmatch("#-+业务明细列表-+", lines[3])
    assert len(lines[4].split(",")) == 25
    assert re.fullmatch("#-+业务明细列表结束-+", lines[8])
    assert lines[9] == "#交易合计：2笔，商家实收共987.40元，商家优惠共0.00元"
    assert lines[10] == "#退款合计：1笔，商家实收退款共-100.00元，商家优惠退款共0.00元"
    assert lines[11].startswith("#导出时间：[2026年11月24日 10:00:0")


async def test_a_row_tells_a_payment_or_a_refund(closed_day: Shop) -> None:
    paid, small, back = await rows(closed_day)

    assert paid["支付宝交易号"].endswith("\t")
    assert paid["商户订单号"] == "A0000001\t"
    assert (paid["业务类型"], paid["商家实收（元）"], paid["服务费（元）"]) == (
        "交易",
        "986.40",
        "-5.92",
    )
    assert paid["退款批次号/请求号"] == ""
    assert small["服务费（元）"] == "-0.01"
    assert (back["业务类型"], back["订单金额（元）"]) == ("退款", "-100.00")
    assert back["退款批次号/请求号"] == "R1\t"
    assert back["支付宝交易号"] == paid["支付宝交易号"]
    assert paid["完成时间"].startswith("2026-11-23 10:00:")


async def test_the_summary_agrees_with_the_rows(closed_day: Shop) -> None:
    whole = texts(await download(closed_day))
    text = next(text for name, text in whole.items() if "汇总" in name)
    total = next(line for line in text.splitlines() if line.startswith("合计"))

    cells = total.split(",")
    assert (cells[2:6], cells[9], cells[11]) == (["2", "1", "887.40", "887.40"], "-5.93", "881.47")


async def test_the_address_is_dead_after_thirty_seconds(closed_day: Shop) -> None:
    url = (await closed_day.bill_url(DAY)).node["bill_download_url"]
    await closed_day.wait(seconds=29)
    async with closed_day.http.get(url) as response:
        assert response.status == 200
    await closed_day.wait(seconds=3)
    async with closed_day.http.get(url) as response:
        assert (response.status, response.content_type) == (403, "text/html")
    async with closed_day.http.get(url.replace("token=", "token=x")) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"bill_type": "sales"}, "INVAILID_ARGUMENTS"),
        ({"bill_date": "20261123"}, "INVAILID_ARGUMENTS"),
        ({"bill_date": ""}, "INVAILID_ARGUMENTS"),
        ({"bill_date": "2026-11-24"}, "INVAILID_ARGUMENTS"),
        ({"bill_date": "2026-11"}, "INVAILID_ARGUMENTS"),
        ({"bill_date": "2019-01-01"}, "INVAILID_ARGUMENTS"),
        ({"bill_date": "2026-11-22"}, "BILL_NOT_EXIST"),
    ],
)
async def test_an_ill_formed_bill_call_gets_exactly_its_code(
    closed_day: Shop, asked: dict[str, Any], code: str
) -> None:
    method = "alipay.data.dataservice.bill.downloadurl.query"
    told = await closed_day.call(method, {"bill_type": "trade", "bill_date": DAY} | asked)

    assert told.codes == ("40004", code)


async def test_the_bill_is_not_there_before_nine(closed_day: Shop, control: Control) -> None:
    await closed_day.reach("A0000003")
    await control.call("POST", "alipay/pay", {"order_no": "A0000003"})
    await control.call("POST", "clock", {"set": "2026-11-25T08:59:00+08:00"})
    early = await closed_day.bill_url("2026-11-24")
    await closed_day.wait(minutes=2)

    assert early.codes == ("40004", "BILL_NOT_EXIST")
    assert (await closed_day.bill_url("2026-11-24")).codes == ("10000", "")


async def test_a_month_is_one_bill(closed_day: Shop, control: Control) -> None:
    await closed_day.reach("A0000003")
    await control.call("POST", "alipay/pay", {"order_no": "A0000003"})
    await control.call("POST", "clock", {"set": "2026-12-01T10:00:00+08:00"})
    whole = texts(await download(closed_day, "2026-11"))

    assert any(name.endswith("_202611_业务明细.csv") for name in whole)
    assert any("交易合计：3笔" in text for text in whole.values())


async def test_what_is_planted_stands_in_the_bill_and_in_its_sums(
    closed_day: Shop, control: Control
) -> None:
    for wish in (
        {"op": "add", "day": DAY, "order_no": "GHOST001", "amount_fen": 5000, "fee_fen": 30},
        {"op": "drop", "order_no": "A0000002"},
        {"op": "change", "refund_no": "R1", "set": {"amount_fen": 10001}},
        {"op": "change", "day": "2026-11-22", "order_no": "A0000001", "set": {"amount_fen": 1}},
    ):
        await control.call("POST", "alipay/statement", wish)
    found = await rows(closed_day)
    texts_of = texts(await download(closed_day)).values()

    assert [(r["商户订单号"].strip(), r["商家实收（元）"]) for r in found] == [
        ("A0000001", "986.40"),
        ("A0000001", "-100.01"),
        ("GHOST001", "50.00"),
    ]
    assert any("交易合计：2笔，商家实收共1036.40元" in text for text in texts_of)
    owed = closed_day.world.tills["alipay"].settlements  # type: ignore[attr-defined]
    day = closed_day.world.clock.now().date().replace(day=23)
    assert [(one.paid_fen, one.refunded_fen, one.fee_fen) for one in owed(day)] == [
        (98740, 10000, 593)
    ]


async def test_a_whole_bill_can_be_spoilt_or_withheld(closed_day: Shop, control: Control) -> None:
    async def spoilt(what: str) -> str:
        await control.call("POST", "alipay/statement", {"op": "clear"})
        await control.call("POST", "alipay/statement", {"op": "spoil", "what": what})
        whole = texts(await download(closed_day))
        return next(text for name, text in whole.items() if "汇总" not in name)

    assert "商家实收共987.41元" in await spoilt("summary")
    assert "2026年10月14日" in await spoilt("date")
    assert closed_day.facts["seller_id"] not in await spoilt("merchant")
    with pytest.raises(zipfile.BadZipFile):
        await spoilt("hash")
    await control.call("POST", "alipay/statement", {"op": "withhold", "day": DAY})
    assert (await closed_day.bill_url(DAY)).codes == ("40004", "BILL_NOT_EXIST")
    await control.call("POST", "alipay/statement", {"op": "clear"})
    assert len(await rows(closed_day)) == 3
