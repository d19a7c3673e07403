"""The trade bill of WeChat Pay: fetched as announced, refused unless whole, read to the fen."""

import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from aiohttp import web

from bot.gateways import wechat_pay_statement as statement
from bot.gateways.wechat_pay import WechatPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    LineKind,
    NoStatement,
    StatementBroken,
    StatementLine,
    StatementNotReady,
)
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.wechat_platform import Call, Platform

DAY = date(2026, 3, 1)
COLUMNS = [
    *("交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号"),
    *("用户标识", "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额"),
    *("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态"),
    *("商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额", "费率备注"),
]
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
PAID = dict.fromkeys(COLUMNS, "") | {
    "交易时间": "2026-03-01 11:59:30",
    "公众账号ID": platforms.APP_ID,
    "商户号": platforms.MCHID,
    "特约商户号": "0",
    "微信订单号": "4200000001202603011234567890",
    "商户订单号": "W2603010000000000000001",
    "交易类型": "JSAPI",
    "交易状态": "SUCCESS",
    "货币种类": "CNY",
    "应结订单金额": "570.00",
    "代金券金额": "10.00",
    "微信退款单号": "0",
    "商户退款单号": "0",
    "退款金额": "0.00",
    "充值券退款金额": "0.00",
    "商品名称": "3栋2单元501 物业费",
    "手续费": "3.42000",
    "费率": "0.60%",
    "订单金额": "580.00",
    "申请退款金额": "0.00",
}
BACK = PAID | {
    "交易状态": "REFUND",
    "应结订单金额": "0.00",
    "代金券金额": "0.00",
    "微信退款单号": "50000000382026030100000000001",
    "商户退款单号": "T260301000001",
    "退款金额": "99.00",
    "退款类型": "ORIGINAL",
    "退款状态": "SUCCESS",
    "手续费": "-0.60000",
    "订单金额": "0.00",
    "申请退款金额": "100.00",
}
SUMS = ("2.0", "570.00", "99.00", "0.00", "2.82", "580.00", "100.00")


def row(cells: dict[str, str], columns: list[str] = COLUMNS) -> str:
    return ",".join("`" + cells[name] for name in columns)


def bill(
    *rows: dict[str, str], sums: tuple[str, ...] = SUMS, columns: list[str] = COLUMNS
) -> bytes:
    """Write a statement as the platform does: BOM, CRLF, backticks, two lines of sums."""
    lines = [",".join(columns), *(row(one, columns) for one in rows), SUMMARY]
    lines.append(",".join("`" + one for one in sums))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


WHOLE = bill(PAID, BACK)


def left_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def serve(
    platform: Platform,
    content: bytes,
    *,
    sha1: str | None = None,
    url: str = "/v3/billdownload/file?token=6XIv5TUPto7pByrTQKhd6kwvyKLG2uY2",
) -> None:
    """Have the platform announce a file and give it out, unsigned as it is."""
    digest = sha1 or hashlib.sha1(gzip.decompress(content)).hexdigest()

    def answer(call: Call) -> web.Response:
        assert platform._is_signed_by_merchant(call)
        if call.path.startswith("/v3/billdownload"):
            return web.Response(body=content, content_type="application/octet-stream")
        host = f"http://{call.headers['host']}"
        address = url if url.startswith("http") else host + url
        words = {"hash_type": "SHA1", "hash_value": digest, "download_url": address}
        return platform.reply(200, words)

    platform.answer = answer


def read(content: bytes, folder: Path, day: date = DAY) -> list[StatementLine]:
    path = folder / "statement.csv"
    path.write_bytes(content)
    return list(statement.lines_of(path, day, platforms.MCHID))


async def test_a_statement_is_fetched_kept_and_read(
    gateway: WechatPay, platform: Platform, tmp_path: Path
):
    serve(platform, gzip.compress(WHOLE))

    file = await gateway.fetch_statement(DAY, tmp_path / "statements")

    assert platform.calls[0].path == (
        "/v3/bill/tradebill?bill_date=2026-03-01&bill_type=ALL&tar_type=GZIP"
    )
    assert (file.gateway, file.merchant_id, file.day) == ("wechat_pay", platforms.MCHID, DAY)
    assert file.sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert left_in(tmp_path / "statements") == [
        f"wechat_pay-{platforms.MCHID}-2026-03-01-{file.sha256[:12]}.csv.gz"
    ]
    assert gzip.decompress(file.path.read_bytes()) == WHOLE, "as it came"
    paid, back = gateway.read_statement(file.path, DAY)
    assert paid == StatementLine(
        LineKind.PAYMENT,
        "W2603010000000000000001",
        "",
        "4200000001202603011234567890",
        "",
        58_000,
        342,
        datetime(2026, 3, 1, 3, 59, 30, tzinfo=UTC),
    )
    assert back == StatementLine(
        LineKind.REFUND,
        "W2603010000000000000001",
        "T260301000001",
        "4200000001202603011234567890",
        "50000000382026030100000000001",
        10_000,
        -60,
        datetime(2026, 3, 1, 3, 59, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("NO_STATEMENT_EXIST", NoStatement),
        ("STATEMENT_CREATING", StatementNotReady),
        ("NO_AUTH", GatewayUnavailable),
        ("PARAM_ERROR", GatewayUnavailable),
    ],
)
async def test_c04_no_trades_not_ready_and_no_answer_are_three_things(
    gateway: WechatPay, platform: Platform, tmp_path: Path, code, trouble
):
    platform.answer = lambda _: platform.reply(400, {"code": code, "message": "-"})

    with pytest.raises(trouble):
        await gateway.fetch_statement(DAY, tmp_path)

    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "sha1"),
    [
        (gzip.compress(WHOLE), "0" * 40),
        (gzip.compress(WHOLE)[:-12], None),
        (b"<html>502 Bad Gateway</html>", hashlib.sha1(WHOLE).hexdigest()),
        (b"", hashlib.sha1(WHOLE).hexdigest()),
    ],
    ids=["hash", "truncated", "html", "nothing"],
)
async def test_c04_a_file_that_is_not_the_announced_one_leaves_nothing_behind(
    gateway: WechatPay, platform: Platform, tmp_path: Path, content, sha1
):
    serve(platform, content, sha1=sha1 or hashlib.sha1(WHOLE).hexdigest())

    with pytest.raises(StatementBroken):
        await gateway.fetch_statement(DAY, tmp_path)

    assert left_in(tmp_path) == []


async def test_c04_a_bomb_is_given_up_while_it_unpacks(
    gateway: WechatPay, platform: Platform, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(statement, "MAX_BYTES", 8 * 1024 * 1024)
    serve(platform, gzip.compress(bytes(64 * 1024 * 1024)))

    with pytest.raises(StatementBroken, match="without end"):
        await gateway.fetch_statement(DAY, tmp_path)

    assert left_in(tmp_path) == []


async def test_our_signature_never_goes_to_another_host(
    gateway: WechatPay, platform: Platform, tmp_path: Path
):
    serve(platform, gzip.compress(WHOLE), url="http://evil.example/v3/billdownload/file?token=1")

    with pytest.raises(GatewayUnavailable, match="elsewhere"):
        await gateway.fetch_statement(DAY, tmp_path)

    assert len(platform.calls) == 1


def test_c07_columns_are_found_by_name_in_any_order_and_number(tmp_path: Path):
    columns = [name for name in reversed(COLUMNS) if name not in ("费率备注", "设备号")]

    lines = read(bill(PAID, BACK, columns=columns), tmp_path)

    assert [(one.amount_fen, one.fee_fen) for one in lines] == [(58_000, 342), (10_000, -60)]


def test_c07_an_old_statement_without_the_orders_own_amounts_is_read_by_what_is_settled(
    tmp_path: Path,
):
    old = [name for name in COLUMNS if name not in ("订单金额", "申请退款金额")]

    lines = read(bill(PAID, BACK, columns=old), tmp_path)

    assert [one.amount_fen for one in lines] == [57_000, 9_900]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESS", "success"),
        ("", "success"),
        ("FAIL", "failed"),
        ("PROCESSING", "processing"),
        ("ABNORMAL", "processing"),
        ("SOMETHING_NEW", "processing"),
    ],
)
def test_a_word_that_is_not_known_for_the_end_of_a_refund_is_no_end(tmp_path: Path, word, state):
    (line,) = read(
        bill(
            BACK | {"退款状态": word},
            sums=("1.0", "0.00", "99.00", "0.00", "-0.60", "0.00", "100.00"),
        ),
        tmp_path,
    )

    assert line.state == state


HALF = WHOLE[: WHOLE.index("总交易单数".encode())]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no column"),
        (b"<html></html>", "no column"),
        (HALF, "without its summary"),
        (HALF[:-40], "cells"),
        (bill(PAID, BACK, sums=("3.0", *SUMS[1:])), "says 3.0 rows and has 2"),
        (bill(PAID, BACK, sums=(*SUMS[:5], "580.01", "100.00")), "订单总金额"),
        (bill(PAID, BACK, sums=(*SUMS[:4], "2.83", "580.00", "100.00")), "手续费总金额"),
        (bill(PAID, BACK, sums=(*SUMS[:6], "x")), "申请退款总金额"),
        (bill(PAID | {"交易时间": "2026-02-28 11:00:00"}, BACK), "is of 2026-02-28"),
        (bill(PAID | {"商户号": "1900000000"}, BACK), "another merchant"),
        (bill(PAID | {"货币种类": "USD"}, BACK), "kind that we do not know"),
        (bill(PAID | {"交易状态": "USERPAYING"}, BACK), "kind that we do not know"),
        (bill(PAID | {"订单金额": "580.001"}, BACK), "no whole fen"),
        (bill(PAID | {"订单金额": "５80.00"}, BACK), "no amount"),
        (bill(PAID | {"订单金额": "1e3"}, BACK), "no amount"),
        (bill(PAID | {"交易时间": "2026-03-01 25:00:00"}, BACK), "no time"),
        (WHOLE + b"`more\r\n", "goes on"),
        (WHOLE.decode().encode("gb18030"), "cannot be read"),
    ],
)
def test_c04_a_statement_that_is_not_whole_or_not_ours_is_refused(tmp_path: Path, content, why):
    with pytest.raises(StatementBroken, match=re.escape(why)):
        read(content, tmp_path)


def test_memory_does_not_grow_with_a_statement(tmp_path: Path):
    path = tmp_path / "long.csv.gz"
    many = 20_000
    rows = (row(PAID | {"商户订单号": f"W260301{n:016d}"}) for n in range(many))
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="") as out:
        out.write(",".join(COLUMNS) + "\r\n")
        out.writelines(line + "\r\n" for line in rows)
    lines = statement.lines_of(path, DAY, platforms.MCHID)

    assert next(lines).order_no.endswith("0"), "it is read as one asks for it"
    lines.close()  # type: ignore[attr-defined]


def test_the_statement_of_another_authors_program_is_read_to_its_sums(tmp_path: Path):
    """A statement of the platform's own, from the vectors of wechatpay-axios-plugin (MIT)."""
    folder = os.environ.get("WUYEBOT_VECTORS")
    if not folder:
        pytest.skip("WUYEBOT_VECTORS names no folder")
    file = Path(folder) / "pay_wechatpay_axios_plugin.json"
    (csv,) = [one["csv"] for one in json.loads(file.read_text())["vectors"] if "csv" in one]
    path = tmp_path / "vector.csv"
    path.write_text(csv, encoding="utf-8", newline="")

    lines = list(statement.lines_of(path, date(2019, 2, 19), "1921000401"))

    paid = [one for one in lines if one.kind is LineKind.PAYMENT]
    assert (len(lines), sum(one.amount_fen for one in paid)) == (45, 47)
    assert sum(one.amount_fen for one in lines if one not in paid) == 14
    assert sum(one.fee_fen for one in lines) == 8


def test_a_planted_difference_in_the_reading_is_noticed(tmp_path: Path):
    """Each amount that is changed by a fen breaks a sum: no row is believed alone."""
    changes: list[Callable[[dict[str, str]], dict[str, str]]] = [
        lambda one: one | {"订单金额": "580.01"},
        lambda one: one | {"应结订单金额": "570.01"},
        lambda one: one | {"手续费": "3.43000"},
    ]

    assert len(read(WHOLE, tmp_path)) == 2
    for change in changes:
        with pytest.raises(StatementBroken, match="not the sum"):
            read(bill(change(PAID), BACK), tmp_path)
