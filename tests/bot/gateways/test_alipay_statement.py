"""Alipay's trade bill: fetched at once, refused as a whole, read without filling the memory."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.gateways.alipay import Alipay
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    LineKind,
    NoStatement,
    StatementBroken,
    StatementLine,
    StatementNotReady,
)
from tests.bot.gateways.alipay_platform import TRADE_NO, Platform, Row, bill, packed, refused
from tests.bot.gateways.conftest import StandingClock

DAY = date(2026, 3, 1)
ROWS = (
    Row("P1", 58000, -348, subject="3栋2单元501，物业费", at="2026-03-01 00:00:00"),
    Row("P2", 1, 0, at="2026-03-01 23:59:59"),
    Row("P1", -20000, 120, "R1"),
    Row("P1", -38000, 228, "R2"),
)


def read(alipay: Alipay, tmp_path: Path, content: bytes) -> list[StatementLine]:
    path = tmp_path / "bill.zip"
    path.write_bytes(content)
    return list(alipay.read_statement(path, DAY))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_bill_is_fetched_proven_and_read(
    alipay: Alipay, alipay_platform: Platform, tmp_path: Path
):
    alipay_platform.statement = bill(ROWS)

    found = await alipay.fetch_statement(DAY, tmp_path / "bills")

    assert (found.gateway, found.merchant_id, found.day) == ("alipay", alipay.merchant_id, DAY)
    assert names(tmp_path / "bills") == [found.path.name]
    assert alipay_platform.calls[-1].content == {"bill_type": "trade", "bill_date": "2026-03-01"}
    lines = list(alipay.read_statement(found.path, DAY))
    assert lines[0] == StatementLine(
        LineKind.PAYMENT,
        "P1",
        "",
        TRADE_NO,
        "",
        58000,
        348,
        datetime(2026, 2, 28, 16, 0, tzinfo=UTC),
    )
    assert [(one.kind, one.refund_no, one.amount_fen, one.fee_fen) for one in lines[2:]] == [
        (LineKind.REFUND, "R1", 20000, -120),
        (LineKind.REFUND, "R2", 38000, -228),
    ]


async def test_c05_the_same_bill_again_is_the_same_file(
    alipay: Alipay, alipay_platform: Platform, tmp_path: Path
):
    alipay_platform.statement = bill(ROWS)

    first = await alipay.fetch_statement(DAY, tmp_path / "bills")
    second = await alipay.fetch_statement(DAY, tmp_path / "bills")

    assert first == second
    assert len(names(tmp_path / "bills")) == 1


def test_c06_midnight_belongs_to_its_own_day(alipay: Alipay, tmp_path: Path):
    assert [one.order_no for one in read(alipay, tmp_path, bill(ROWS[:2]))] == ["P1", "P2"]
    for at in ("2026-02-28 23:59:59", "2026-03-02 00:00:00"):
        with pytest.raises(StatementBroken, match="not of 2026-03-01"):
            read(alipay, tmp_path, bill([replace(ROWS[0], at=at)]))


@pytest.mark.parametrize("hours", [0, 9, 11])
async def test_before_noon_no_bill_may_be_one_that_is_not_written_yet(
    alipay: Alipay, clock: StandingClock, tmp_path: Path, hours: int
):
    clock.at = datetime(2026, 3, 1, 16, 0, tzinfo=UTC) + timedelta(hours=hours)
    with pytest.raises(StatementNotReady):
        await alipay.fetch_statement(DAY, tmp_path)

    clock.at = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
    with pytest.raises(NoStatement):
        await alipay.fetch_statement(DAY, tmp_path)


@pytest.mark.parametrize("code", ["INVAILID_ARGUMENTS", "isv.invalid-arguments", "UNKNOW_ERROR"])
async def test_any_other_no_is_no_answer_for_a_day_that_is_over(
    alipay: Alipay, alipay_platform: Platform, tmp_path: Path, code: str
):
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, refused(code))

    with pytest.raises(GatewayUnavailable):
        await alipay.fetch_statement(DAY, tmp_path)


async def test_todays_bill_is_not_ready(alipay: Alipay, alipay_platform: Platform, tmp_path: Path):
    code = "isp.INVAILID_ARGUMENTS"
    alipay_platform.answer = lambda call: alipay_platform.reply(call.method, refused(code))

    with pytest.raises(StatementNotReady):
        await alipay.fetch_statement(date(2026, 3, 2), tmp_path)


async def test_c04_a_dead_address_gives_a_page_and_nothing_is_kept(
    alipay: Alipay, alipay_platform: Platform, tmp_path: Path
):
    alipay_platform.statement = b"<html>expired</html>"

    with pytest.raises(GatewayUnavailable):
        await alipay.fetch_statement(DAY, tmp_path / "bills")

    assert names(tmp_path / "bills") == []


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    at = content.index(b"\x00", 40) + 60
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda: cut(bill(ROWS)),
        lambda: flip(bill(ROWS)),
        lambda: bill(ROWS, account="20881021462299990156"),
        lambda: bill(ROWS, day="2026年03月02日"),
        lambda: packed({"x_业务明细.csv": "#"}),
        lambda: packed({}),
        lambda: bill(ROWS, change=lambda detail, total: ("", total)),
        lambda: bill(ROWS, change=lambda detail, total: (detail, "")),
    ],
)
async def test_c04_a_file_that_is_not_whole_or_not_ours_is_not_kept(
    alipay: Alipay, alipay_platform: Platform, tmp_path: Path, spoilt: Callable[[], bytes]
):
    alipay_platform.statement = spoilt()

    with pytest.raises(StatementBroken):
        await alipay.fetch_statement(DAY, tmp_path / "bills")

    assert names(tmp_path / "bills") == []


def detail(old: str, new: str) -> Callable[[], bytes]:
    def change(rows: str, total: str) -> tuple[str, str]:
        assert old in rows
        return rows.replace(old, new, 1), total

    return lambda: bill(ROWS, change=change)


def total(old: str, new: str) -> Callable[[], bytes]:
    def change(rows: str, summed: str) -> tuple[str, str]:
        assert old in summed
        return rows, summed.replace(old, new, 1)

    return lambda: bill(ROWS, change=change)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (detail("580.00,580.00", "580.00,580.01"), "not the sum"),
        (detail("#交易合计：2笔", "#交易合计：3笔"), "not the sum"),
        (detail("共-580.00元", "共-579.99元"), "not the sum"),
        (detail("#退款合计", "#某合计"), "without its sums"),
        (detail("580.00,580.00", "580.001,580.00"), "no amount"),
        (detail("580.00,580.00", "5.8e2,580.00"), "no amount"),
        (detail("-200.00,-200.00", "200.00,-200.00"), "wrong sign"),
        (detail(",交易,", ",转账,"), "do not know"),
        (detail("订单金额（元）", "某金额（元）"), "no column 订单金额"),
        (detail("12:00:00,,", "12:99:00,,"), "no time"),
        (detail("物业缴费,", ""), "cells"),
        (detail("#导出时间", "P9\t,P9\r\n#导出时间"), "after the end"),
        (detail("li***", "l" * 20_000), "no end"),
        (total("合计,,2,2", "合计,,2,1"), "counts other rows"),
        (total("合计,,2,2,0.01,0.01", "合计,,2,2,0.01,0.02"), "another sum"),
        (total("合计,", "小计,"), "counts other rows"),
    ],
)
def test_c04_a_bill_that_contradicts_itself_is_refused_as_a_whole(
    alipay: Alipay, tmp_path: Path, spoilt: Callable[[], bytes], said: str
):
    assert len(read(alipay, tmp_path, bill(ROWS))) == 4

    with pytest.raises(StatementBroken, match=said):
        read(alipay, tmp_path, spoilt())


def test_c04_a_bill_cut_after_a_row_is_refused(alipay: Alipay, tmp_path: Path):
    cut_off = bill(ROWS, change=lambda rows, summed: (rows[: rows.index("#---", 400)], summed))

    with pytest.raises(StatementBroken):
        read(alipay, tmp_path, cut_off)


def test_c04_a_packed_bomb_is_not_unpacked(alipay: Alipay, tmp_path: Path):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a_业务明细.csv", b"#" * 2**25)
        archive.writestr("a_业务明细(汇总).csv", b"#")

    with pytest.raises(StatementBroken, match="no end"):
        read(alipay, tmp_path, whole.getvalue())


@pytest.mark.parametrize("subject", ["费,水,电", '3栋"501', '"', "物业费\t", " "])
def test_c07_what_was_sold_may_hold_what_divides_cells(
    alipay: Alipay, tmp_path: Path, subject: str
):
    lines = read(alipay, tmp_path, bill([replace(ROWS[0], subject=subject), ROWS[1]]))

    assert [one.amount_fen for one in lines] == [58000, 1]


def test_c07_columns_are_found_by_name_and_sums_have_thousands(alipay: Alipay, tmp_path: Path):
    def change(rows: str, summed: str) -> tuple[str, str]:
        rows = rows.replace("集分宝（元）", "集分宝抵扣（元）").replace("优惠（元）", "优惠")
        return rows.replace("共12345.67元", "共12,345.67元"), summed

    lines = read(alipay, tmp_path, bill([Row("P1", 1234567)], change=change))

    assert lines[0].amount_fen == 1234567


def test_a_day_without_refunds_and_one_without_trades_are_whole(alipay: Alipay, tmp_path: Path):
    assert len(read(alipay, tmp_path, bill(ROWS[:2]))) == 2
    assert read(alipay, tmp_path, bill([])) == []


def test_memory_does_not_grow_with_the_bill(alipay: Alipay, tmp_path: Path):
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.zip"
        path.write_bytes(bill(Row(f"P{one}", 100 + one % 7) for one in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in alipay.read_statement(path, DAY)) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)

    assert peak(8000) < peak(800) + 300_000
