"""UnionPay's statement of a clearing day: fetched when it is there, believed only as a whole."""

import base64
import tracemalloc
import zipfile
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.gateways import unionpay_facts, unionpay_statement
from bot.gateways.unionpay import UnionPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    LineKind,
    NoStatement,
    StatementBroken,
    StatementLine,
    StatementNotReady,
)
from tests.bot.gateways.conftest import StandingClock
from tests.bot.gateways.unionpay_bills import DAY, PAID, UNDONE, Bill, Row, error_row
from tests.bot.gateways.unionpay_platform import MERCHANT, Platform, sealed

WHOSE = ("unionpay", MERCHANT)
NINE = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
"""Nine in the morning of the next day, in Shanghai."""


def lines(path: Path, day: date = DAY) -> list[StatementLine]:
    return list(unionpay_statement.lines_of(path, day, MERCHANT))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_statement_is_fetched_kept_and_read(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock, tmp_path: Path
):
    unionpay_platform.file, clock.at = Bill().zipped(), NINE

    kept = await unionpay.fetch_statement(DAY, tmp_path / "new")

    asked = unionpay_platform.calls[-1].words
    named = ("txnType", "txnSubType", "bizType", "fileType", "settleDate", "txnTime")
    assert [asked[key] for key in named] == ["76", "01", "000000", "00", "0302", "20260303090000"]
    assert (kept.gateway, kept.merchant_id, kept.day) == ("unionpay", MERCHANT, DAY)
    assert kept.path.read_bytes() == unionpay_platform.file
    assert names(kept.path.parent) == [kept.path.name]
    assert list(unionpay.read_statement(kept.path, DAY)) == [
        StatementLine(
            kind=LineKind.PAYMENT,
            order_no="W2603020001",
            refund_no="",
            transaction_id="202603021130001906248",
            platform_refund_id="",
            amount_fen=58000,
            fee_fen=348,
            at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC),
        ),
        StatementLine(
            kind=LineKind.REFUND,
            order_no="W2603010007",
            refund_no="T260302000001",
            transaction_id="202603011130001906111",
            platform_refund_id="202603021200001906259",
            amount_fen=20000,
            fee_fen=-120,
            at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC),
        ),
        StatementLine(
            kind=LineKind.REFUND,
            order_no="",
            refund_no="T260302000002",
            transaction_id="202603021130001906248",
            platform_refund_id="202603021300001906260",
            amount_fen=58000,
            fee_fen=0,
            at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC),
        ),
    ]


async def test_c05_the_same_statement_again_is_the_same_file(
    unionpay: UnionPay, unionpay_platform: Platform, clock: StandingClock, tmp_path: Path
):
    unionpay_platform.file, clock.at = Bill().zipped(), NINE

    first, second = [await unionpay.fetch_statement(DAY, tmp_path) for _ in range(2)]

    assert first == second
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize(
    ("at", "trouble"),
    [
        (datetime(2026, 3, 2, 15, 30, tzinfo=UTC), StatementNotReady),
        (NINE, StatementNotReady),
        (datetime(2026, 3, 3, 3, 59, 59, tzinfo=UTC), StatementNotReady),
        (datetime(2026, 3, 3, 4, 0, tzinfo=UTC), NoStatement),
        (NINE + timedelta(days=30), NoStatement),
    ],
)
async def test_c04_no_file_means_not_yet_until_noon_and_no_trades_afterwards(
    unionpay: UnionPay,
    clock: StandingClock,
    tmp_path: Path,
    at: datetime,
    trouble: type[Exception],
):
    clock.at = at

    with pytest.raises(trouble):
        await unionpay.fetch_statement(DAY, tmp_path)

    assert names(tmp_path) == []


@pytest.mark.parametrize("code", ["11", "06", "34", "99", "", "Q1"])
async def test_c04_any_other_answer_leaves_it_unknown(
    unionpay: UnionPay, unionpay_platform: Platform, tmp_path: Path, code: str
):
    unionpay_platform.answer = lambda call: unionpay_platform.reply(
        {"merId": call.words["merId"], "respCode": code}
    )

    with pytest.raises(GatewayUnavailable):
        await unionpay.fetch_statement(DAY, tmp_path)


async def test_c04_a_statement_whose_signature_does_not_cover_it_is_not_kept(
    unionpay: UnionPay, unionpay_platform: Platform, tmp_path: Path
):
    unionpay_platform.file = Bill(rows=[PAID]).zipped()
    other = base64.b64encode(zlib.compress(Bill(rows=[]).zipped())).decode()
    unionpay_platform.seal = lambda words: {**sealed(words), "fileContent": other}

    with pytest.raises(GatewayUnavailable):
        await unionpay.fetch_statement(DAY, tmp_path)

    assert names(tmp_path) == []


PACKED = base64.b64encode(zlib.compress(Bill().zipped())).decode()


@pytest.mark.parametrize("content", ["", "no base64!", "QUJD", PACKED[: len(PACKED) // 2 // 4 * 4]])
def test_c04_what_is_no_packed_file_is_not_kept(content: str, tmp_path: Path):
    with pytest.raises(StatementBroken):
        unionpay_statement.keep(content, tmp_path, WHOSE, DAY)

    assert list(tmp_path.iterdir()) == []


def test_c04_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unionpay_statement, "PIECE_LIMIT_BYTES", 1024 * 1024)
    bomb = base64.b64encode(zlib.compress(bytes(64 * 1024 * 1024), 9)).decode()
    tracemalloc.start()

    with pytest.raises(StatementBroken, match="too large"):
        unionpay_statement.keep(bomb, tmp_path, WHOSE, DAY)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


PLAIN = PAID.written()


def other_total(count: int) -> str:
    return Bill().sums().replace(f"{3:8d}", f"{count:8d}", 1)


@pytest.mark.parametrize(
    ("bill", "what"),
    [
        pytest.param(Bill(day=date(2026, 3, 1)), "is of 260301", id="another day"),
        pytest.param(Bill(merchant="777290058110097"), "merchant", id="another merchant"),
        pytest.param(
            Bill(rows=[PAID, Row("W2603020009", "1", 1, merchant="777290058110097")]),
            "row 2 is another merchant's",
            id="a row of another merchant",
        ),
        pytest.param(Bill(head_merchant="777290058110097"), "summary", id="head's merchant"),
        pytest.param(Bill(head_day=date(2026, 3, 1)), "summary", id="head's day"),
        pytest.param(Bill(total=other_total(4)), "not the sum", id="count"),
        pytest.param(Bill(total=Bill(rows=[PAID]).sums()), "not the sum", id="sums"),
        pytest.param(
            Bill(total=Bill().sums().replace("580.00", "580.01", 1)), "not the sum", id="1 fen"
        ),
        pytest.param(
            Bill(total=Bill().sums().replace("3.48", "3.47", 1)), "not the sum", id="a fee"
        ),
        pytest.param(Bill(total="总计"), "no total", id="no total"),
        pytest.param(Bill(spoilt={0: PLAIN[:-1]}), "row 1 is not 607 bytes", id="short"),
        pytest.param(Bill(spoilt={1: PLAIN + b" "}), "row 2 is not 607 bytes", id="long"),
        pytest.param(Bill(spoilt={0: b" " + PLAIN[:-1]}), "row 1", id="moved"),
        pytest.param(Bill(spoilt={0: PLAIN[:300]}), "row 1", id="half a row"),
        pytest.param(Bill(spoilt={0: PLAIN[:3] + b"x" + PLAIN[4:]}), "row 1", id="no gap"),
        pytest.param(Bill(spoilt={0: b"x" * 100_000}), "row 1", id="without end"),
        pytest.param(Bill(spoilt={2: b"<html>"}), "row 3", id="html"),
        pytest.param(
            Bill(spoilt={0: PLAIN.replace(b"000000058000", b"00000005800x", 1)}), "amount", id="x"
        ),
        pytest.param(
            Bill(spoilt={0: PLAIN.replace(b"D000000000348", b" 000000000348", 1)}),
            "signed amount",
            id="no sign",
        ),
        pytest.param(
            Bill(spoilt={0: PLAIN.replace(b"0302113000", b"0230113000", 1)}), "time", id="30 Feb"
        ),
        pytest.param(
            Bill(spoilt={0: PLAIN.replace("云".encode("gbk"), b"\xff\xff", 1)}), "GBK", id="GBK"
        ),
        pytest.param(Bill(rows=[Row("W2603020009", "1", 1, kind="03")]), "kind 03", id="kind"),
        pytest.param(Bill(more={"readme.txt": b""}), "do not know", id="more"),
        pytest.param(Bill(more={f"RD201026030202_{MERCHANT}": b""}), "twice", id="two sums"),
        pytest.param(Bill(more={f"RD201026030201_{MERCHANT}": b"\xff"}), "GBK", id="sums' GBK"),
    ],
)
def test_c04_a_statement_that_is_not_whole_is_refused(bill: Bill, what: str, tmp_path: Path):
    with pytest.raises(StatementBroken, match=what):
        lines(bill.put(tmp_path))


def test_c04_a_statement_without_its_sums_is_refused(tmp_path: Path):
    path = tmp_path / "statement.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"INN26030288ZM_{MERCHANT}", PLAIN)

    with pytest.raises(StatementBroken, match="no summary"):
        lines(path)


@pytest.mark.parametrize("kept", [0, 10, 200, 0.5, 0.9])
def test_c04_a_file_that_is_cut_off_is_refused(kept: float, tmp_path: Path):
    whole = Bill().zipped()
    path = tmp_path / "statement.zip"
    path.write_bytes(whole[: int(len(whole) * kept) if 0 < kept < 1 else int(kept)])

    with pytest.raises(StatementBroken):
        lines(path)


def test_c04_a_file_that_was_touched_is_refused(tmp_path: Path):
    path = tmp_path / "statement.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in Bill().members().items():
            archive.writestr(name, content)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"W2603020001", b"W2603029999", 1))

    with pytest.raises(StatementBroken, match="cannot be read"):
        lines(path)


def test_a_day_without_trades_is_a_statement_without_lines(tmp_path: Path):
    assert lines(Bill(rows=[]).put(tmp_path)) == []


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 2, 14, 59, 59, 999_999, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 2, 15, 0, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 15, 59, 59, 999_999, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 16, 0, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_c06_a_clearing_day_ends_at_23_and_every_instant_has_one(at: datetime, day: date):
    assert unionpay_facts.clearing_day(at) == day


def test_c06_what_was_paid_after_23_stands_in_the_next_days_file_at_its_own_time(tmp_path: Path):
    late = Row("W2603010009", "202603012330001906248", 100, second="0301233000")

    (line,) = lines(Bill(rows=[late]).put(tmp_path))

    assert line.at == datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "second", "at"),
    [
        (date(2026, 1, 1), "1231233000", datetime(2025, 12, 31, 15, 30, tzinfo=UTC)),
        (date(2026, 12, 31), "0101001000", datetime(2026, 12, 31, 16, 10, tzinfo=UTC)),
        (date(2028, 2, 29), "0229120000", datetime(2028, 2, 29, 4, 0, tzinfo=UTC)),
    ],
)
def test_c06_a_row_names_no_year_and_is_of_the_nearest(
    day: date, second: str, at: datetime, tmp_path: Path
):
    row = Row("W2601010009", "1", 100, second=second)

    (line,) = lines(Bill(rows=[row], day=day, head_day=day).put(tmp_path), day)

    assert line.at == at


def test_c07_names_of_two_bytes_a_letter_move_no_column(tmp_path: Path):
    rows = [Row(f"W260302{at:04d}", f"{at}", 100 + at, shop="云" * at) for at in range(17)]

    found = lines(Bill(rows=rows).put(tmp_path))

    assert [line.amount_fen for line in found] == [100 + at for at in range(17)]
    assert {line.order_no for line in found} == {row.number for row in rows}


def test_c07_lines_may_end_as_unix_or_as_windows_ends_them(tmp_path: Path):
    whole = Bill().members()
    path = tmp_path / "statement.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in whole.items():
            archive.writestr(name, content.replace(b"\r\n", b"\n") + b"\n\n")

    assert len(lines(path)) == 3


def test_c10_an_adjustment_is_a_refund_that_nobody_here_asked_for(tmp_path: Path):
    found = lines(Bill(errors=[error_row(777)]).put(tmp_path))

    assert found[-1] == StatementLine(
        kind=LineKind.REFUND,
        order_no="",
        refund_no="",
        transaction_id="",
        platform_refund_id="ZME0302114000700001",
        amount_fen=777,
        fee_fen=0,
        at=datetime(2026, 3, 2, 3, 40, tzinfo=UTC),
    )


def test_c03_a_payment_and_its_undoing_are_both_told(tmp_path: Path):
    found = lines(Bill(rows=[PAID, UNDONE]).put(tmp_path))

    assert [(line.kind, line.transaction_id) for line in found] == [
        (LineKind.PAYMENT, PAID.query_id),
        (LineKind.REFUND, PAID.query_id),
    ]


def test_memory_does_not_grow_with_the_statement(tmp_path: Path):
    peaks = []
    for count in (200, 2000):
        rows = [Row(f"W26030{at:06d}", f"{at}", 100) for at in range(count)]
        path = Bill(rows=rows).put(tmp_path)
        tracemalloc.start()
        assert sum(1 for _ in unionpay_statement.lines_of(path, DAY, MERCHANT)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] * 1.5
