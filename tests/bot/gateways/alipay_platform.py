"""A small Alipay of the tests' own: its keys, its book, its signatures; shares no code."""

import base64
import binascii
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from storage.ports.payments import WebhookRequest

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
BEIJING = timezone(timedelta(hours=8))
APP_ID = "2021003100000001"
SELLER_ID = "2088102146225135"
TRADE_NO = "2026030222001400010000000001"


@cache
def rsa_key(owner: str) -> rsa.RSAPrivateKey:
    """One key per owner and test run; making one is slow."""
    del owner
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(owner: str) -> bytes:
    return rsa_key(owner).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(owner: str) -> bytes:
    return (
        rsa_key(owner)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def named(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ant"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def certificate(
    owner: str,
    issuer: str,
    *,
    name: str = "",
    signer: str = "",
    is_authority: bool | None = None,
    begins_at: datetime = NOW - timedelta(days=1),
) -> x509.Certificate:
    """A certificate of an owner's key, in its own or another name, by its issuer or another."""
    digest = hashlib.sha256(f"{owner}{name}{begins_at}".encode()).digest()[:16]
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name or owner))
        .issuer_name(named(issuer))
        .public_key(rsa_key(owner).public_key())
        .serial_number(int.from_bytes(b"\x01" + digest, "big"))
        .not_valid_before(begins_at)
        .not_valid_after(begins_at + timedelta(days=365))
    )
    if is_authority is not None:
        constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(rsa_key(signer or issuer), hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def number_of(one: x509.Certificate) -> str:
    """The platform's own number of a certificate, spelled out by hand here."""
    parts = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "C": NameOID.COUNTRY_NAME}
    issuer = ",".join(
        f"{short}={one.issuer.get_attributes_for_oid(oid)[0].value!s}"
        for short, oid in parts.items()
    )
    return hashlib.md5(f"{issuer}{one.serial_number}".encode()).hexdigest()


def write_files(folder: Path) -> dict[str, Path]:
    """Our private key and the platform's public key, as key mode has them."""
    rsa_key("stranger")
    merchant, alipay = folder / "app_private.pem", folder / "alipay_public.pem"
    merchant.write_bytes(private_pem("merchant"))
    alipay.write_bytes(public_pem("alipay"))
    return {"merchant": merchant, "alipay": alipay}


def sign(text: bytes, owner: str = "alipay", kind: hashes.HashAlgorithm | None = None) -> str:
    signature = rsa_key(owner).sign(text, padding.PKCS1v15(), kind or hashes.SHA256())
    return base64.b64encode(signature).decode()


def joined(fields: dict[str, str], *left_out: str) -> bytes:
    kept = sorted((key, value) for key, value in fields.items() if key not in left_out)
    return "&".join(f"{key}={value}" for key, value in kept).encode()


def written(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def trade(order_no: str = "P202603020001", **changes: str) -> dict[str, str]:
    """What a notification says about a paid order."""
    return {
        "notify_time": written(NOW),
        "notify_type": "trade_status_sync",
        "notify_id": "2026030200222120000000000000000001",
        "app_id": APP_ID,
        "charset": "utf-8",
        "version": "1.0",
        "out_trade_no": order_no,
        "trade_no": TRADE_NO,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "580.00",
        "receipt_amount": "580.00",
        "seller_id": SELLER_ID,
        "buyer_id": "2088102146225999",
        "subject": "金桂苑 3栋2单元501 物业缴费 {半价}+1",
        "gmt_create": "2026-03-02 11:58:00",
        "gmt_payment": "2026-03-02 11:59:30",
        **changes,
    }


def form_of(fields: dict[str, str], *, owner: str = "alipay", **extra: str) -> WebhookRequest:
    """The posted form, signed over all fields but sign and sign_type."""
    signature = sign(joined(fields, "sign", "sign_type"), owner)
    body = urlencode({**fields, "sign_type": "RSA2", "sign": signature, **extra})
    return WebhookRequest({"content-type": "application/x-www-form-urlencoded"}, body.encode())


def notice(order_no: str = "P202603020001", **changes: str) -> WebhookRequest:
    return form_of(trade(order_no, **changes))


@dataclass
class Call:
    """One request as it came over the wire."""

    verb: str
    fields: dict[str, str]

    @property
    def method(self) -> str:
        return self.fields.get("method", "")

    @property
    def content(self) -> Any:
        return json.loads(self.fields["biz_content"])


Words = dict[str, Any]
DONE = {"code": "10000", "msg": "Success"}


def refused(sub_code: str) -> Words:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行"}


@dataclass
class Platform:
    """The platform: answers, signs, and keeps its own book."""

    now: Callable[[], datetime]
    trades: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    balance_fen: int = 10**9
    signs_as: tuple[str, x509.Certificate | None] = ("alipay", None)
    listed: dict[str, bytes] = field(default_factory=dict)
    statement: bytes | None = None
    base_url: str = ""
    loses_answers: bool = False
    answer: Callable[[Call], web.Response] | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/gateway.do", self._serve)
        app.router.add_get("/gateway.do", self._open)
        app.router.add_get("/downloadBillFile.resource", self._download)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        pairs = [*parse_qsl(request.query_string), *parse_qsl((await request.read()).decode())]
        call = Call("POST", dict(pairs))
        self.calls.append(call)
        if self.answer is not None:
            return self.answer(call)
        if not self._is_ours(call):
            return self.reply(
                call.method, {"code": "40002", "msg": "-", "sub_code": "isv.invalid-signature"}
            )
        words = self._work(call)
        if self.loses_answers and request.transport is not None:
            request.transport.abort()
        return self.reply(call.method, words)

    def reply(self, method: str, words: Words) -> web.Response:
        """An answer as the platform writes it, with slashes escaped, signed as it stands."""
        node = json.dumps(words, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
        owner, shown = self.signs_as
        named_node = f'"{method.replace(".", "_")}_response":{node}'
        number = f',"alipay_cert_sn":"{number_of(shown)}"' if shown is not None else ""
        body = f'{{{named_node}{number},"sign":"{sign(node.encode(), owner)}"}}'
        return web.Response(body=body.encode(), content_type="application/json")

    def _is_ours(self, call: Call) -> bool:
        try:
            rsa_key("merchant").public_key().verify(
                base64.b64decode(call.fields["sign"], validate=True),
                joined(call.fields, "sign"),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except (InvalidSignature, binascii.Error, KeyError):
            return False
        at = datetime.fromisoformat(call.fields["timestamp"]).replace(tzinfo=BEIJING)
        return abs(at - self.now()) < timedelta(minutes=15) and call.fields["app_id"] == APP_ID

    async def _open(self, request: web.Request) -> web.Response:
        """The payer's browser comes to the cashier: here a trade begins."""
        call = Call("GET", dict(request.query))
        self.calls.append(call)
        if not self._is_ours(call):
            return web.Response(status=400, text="invalid-signature")
        asked = call.content
        known = self.trades.setdefault(
            asked["out_trade_no"], {"state": "WAIT_BUYER_PAY", "fen": fen_of(asked["total_amount"])}
        )
        is_same = known["fen"] == fen_of(asked["total_amount"])
        return web.Response(text="收银台" if is_same else "ACQ.CONTEXT_INCONSISTENT")

    def _work(self, call: Call) -> Words:
        if call.method == "alipay.data.dataservice.bill.downloadurl.query":
            if self.statement is None:
                return refused("isp.bill_not_exist")
            url = f"{self.base_url}/downloadBillFile.resource?token=t"
            return {**DONE, "bill_download_url": url}
        if call.method == "alipay.open.app.alipaycert.download":
            found = self.listed.get(call.content["alipay_cert_sn"], b"")
            return {**DONE, "alipay_cert_content": base64.b64encode(found).decode()}
        known = self.trades.get(call.content["out_trade_no"])
        if known is None:
            return refused("ACQ.TRADE_NOT_EXIST")
        work = {
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
        }
        return work[call.method](call.content, known)

    def _query(self, asked: Words, known: dict[str, Any]) -> Words:
        words = {
            **DONE,
            "out_trade_no": asked["out_trade_no"],
            "trade_no": TRADE_NO,
            "trade_status": known["state"],
            "total_amount": yuan(known["fen"]),
            "buyer_user_id": "2088102146225999",
        }
        return words | ({"send_pay_date": "2026-03-02 11:59:30"} if known.get("paid") else {})

    def _close(self, asked: Words, known: dict[str, Any]) -> Words:
        if known["state"] != "WAIT_BUYER_PAY":
            return refused("ACQ.TRADE_STATUS_ERROR")
        known["state"] = "TRADE_CLOSED"
        return {**DONE, "out_trade_no": asked["out_trade_no"], "trade_no": TRADE_NO}

    def pay(self, order_no: str) -> None:
        self.trades[order_no] |= {"state": "TRADE_SUCCESS", "paid": True}

    def given_fen(self) -> int:
        return sum(one["fen"] for one in self.refunds.values())

    def _refund(self, asked: Words, known: dict[str, Any]) -> Words:
        fen, done = fen_of(asked["refund_amount"]), self.refunds.get(asked["out_request_no"])
        if not known.get("paid"):
            return refused("ACQ.TRADE_STATUS_ERROR")
        if done is not None and done["fen"] != fen:
            return refused("ACQ.DISCORDANT_REPEAT_REQUEST")
        if done is None and self.given_fen() + fen > known["fen"]:
            return refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
        if done is None and fen > self.balance_fen:
            return refused("ACQ.SELLER_BALANCE_NOT_ENOUGH")
        if done is None:
            self.refunds[asked["out_request_no"]] = {"fen": fen}
            known["state"] = "TRADE_CLOSED" if self.given_fen() == known["fen"] else known["state"]
        return {
            **DONE,
            "out_trade_no": asked["out_trade_no"],
            "trade_no": TRADE_NO,
            "fund_change": "Y" if done is None else "N",
            "refund_fee": yuan(self.given_fen()),
            "gmt_refund_pay": written(self.now()),
        }

    def _query_refund(self, asked: Words, known: dict[str, Any]) -> Words:
        done = self.refunds.get(asked["out_request_no"])
        if done is None:
            return DONE
        return {
            **DONE,
            "out_trade_no": asked["out_trade_no"],
            "out_request_no": asked["out_request_no"],
            "total_amount": yuan(known["fen"]),
            "refund_amount": yuan(done["fen"]),
            "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": written(self.now()),
        }

    async def _download(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self.statement or b"<html>")


def fen_of(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
RULE = "-" * 40


@dataclass
class Row:
    """One line of a bill; a refund has its request number and negative fen."""

    order_no: str
    fen: int
    fee_fen: int = 0
    request_no: str = ""
    subject: str = "物业缴费"
    at: str = "2026-03-01 12:00:00"

    def text(self) -> str:
        kind = "退款" if self.request_no else "交易"
        head = f"{TRADE_NO}\t,{self.order_no}\t,{kind},{self.subject},{self.at},{self.at},,,,,li***"
        middle = f"{yuan(self.fen)},{yuan(self.fen)},0.00,0.00,0.00,0.00,0.00,,0.00,0.00"
        return f"{head},{middle},{self.request_no}\t,{yuan(self.fee_fen)},0.00,"


def bill(
    rows: Iterable[Row],
    *,
    account: str = f"{SELLER_ID}0156",
    day: str = "2026年03月01日",
    change: Callable[[str, str], tuple[str, str]] = lambda detail, total: (detail, total),
) -> bytes:
    """A day's bill as the platform packs it; `change` plants a fault in either file's text."""
    found = list(rows)
    paid = [row for row in found if not row.request_no]
    back = [row for row in found if row.request_no]
    paid_fen, back_fen = (sum(row.fen for row in some) for some in (paid, back))
    head = [
        f"#账号：[{account}]",
        f"#起始日期：[{day} 00:00:00]   终止日期：[2026年03月02日 00:00:00]",
    ]
    detail = [
        *("#支付宝业务明细查询", *head, f"#{RULE}业务明细列表{RULE}", COLUMNS),
        *(row.text() for row in found),
        f"#{RULE}业务明细列表结束{RULE}",
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(paid_fen)}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan(back_fen)}元，商家优惠退款共0.00元",
        "#导出时间：[2026年03月02日 09:12:00]",
    ]
    net = yuan(paid_fen + back_fen)
    total = [
        *("#支付宝业务汇总查询", *head, f"#{RULE}业务汇总列表{RULE}"),
        "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,"
        "支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）",
        f"合计,,{len(paid)},{len(back)},{net},{net},0.00,0.00,0.00,0.00,0.00,{net}",
        f"#{RULE}业务汇总列表结束{RULE}",
    ]
    texts = change("\r\n".join(detail) + "\r\n", "\r\n".join(total) + "\r\n")
    names = (f"{account}_20260301_业务明细.csv", f"{account}_20260301_业务明细(汇总).csv")
    return packed(dict(zip(names, texts, strict=True)))


def packed(files: dict[str, str]) -> bytes:
    """A ZIP whose names are in GBK without saying so."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = _GbkName(name.encode("gbk").decode("cp437"))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text.encode("gbk"))
    return whole.getvalue()


class _GbkName(zipfile.ZipInfo):
    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("cp437"), self.flag_bits
