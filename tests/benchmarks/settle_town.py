"""The town of the settling benchmark: flats with an order each, and the platform's notices."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select, update

from storage.database import Database, open_database
from storage.models.payments import payment_orders, payments
from storage.models.payments import receipts as receipts_table
from storage.operations.orders import OrderAsk, open_order
from storage.ports.payments import TradeKind
from storage.queries.proofs import prove
from tests import factories

NOW: Final = factories.NOW
MCHID, APP_ID, API_V3_KEY = "1900000109", "wxd678efh567hg6787", "k" * 32
KEY_ID: Final = "PUB_KEY_ID_0119000001092026030200000000000001"
KEY_FILE: Final = "platform_public.pem"
PIECE: Final = 250
_BEIJING: Final = timezone(timedelta(hours=8))


def order_no(number: int) -> str:
    """Return the number of a flat's order."""
    return f"W261123{number:016X}"


async def seed(url: str, flats: int) -> None:
    """Write flats with a bound owner, an issued bill and an open order for it, by the real way."""
    async with open_database(url) as db:
        place = await db.write(_place)
        for first in range(1, flats + 1, PIECE):
            await db.jot(_flats, place, range(first, min(first + PIECE, flats + 1)))


def _place(tx: Connection) -> tuple[int, int]:
    community_id = factories.add_community(tx)
    return community_id, factories.add_fee_item(tx, community_id)


def _flats(tx: Connection, place: tuple[int, int], numbers: range) -> None:
    community_id, fee_item_id = place
    for number in numbers:
        openid = f"oBench{number:022d}"
        unit_id = factories.add_unit(tx, community_id, f"{number // 100 + 1}-1-{number % 100 + 1}")
        resident = factories.add_resident(tx, community_id, f"住户{number}", f"13{number:09d}")
        factories.move_in(tx, resident, unit_id)
        factories.add_binding(tx, openid, unit_id, resident)
        owed = factories.Owed(unit_id, fee_item_id, "2026-11", fen(number))
        ask = OrderAsk(
            unit_id=unit_id,
            bill_ids=(factories.add_bill(tx, owed),),
            gateway="wechat_pay",
            kind=TradeKind.JSAPI,
            merchant_id=MCHID,
            app_id=APP_ID,
            payer_id=openid,
            identity_id=factories.meet(tx, openid),
            resident_id=resident,
        )
        order = open_order(tx, ask, now=NOW)
        tx.execute(
            update(payment_orders)
            .where(payment_orders.c.id == order.order_id)
            .values(order_no=order_no(number))
        )


def fen(number: int) -> int:
    """Return what a flat owes."""
    return 20_000 + number


def write_notices(folder: Path, flats: int) -> Path:
    """Make keys and one genuine notice a flat, a line each; return the file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    merchant = key.private_bytes(*pkcs8, serialization.NoEncryption())
    (folder / "merchant.pem").write_bytes(merchant)
    spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / KEY_FILE).write_bytes(key.public_key().public_bytes(*spki))
    file = folder / "notices.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for headers, body in _notices(key, flats):
            out.write(json.dumps([headers, body], ensure_ascii=False) + "\n")
    return file


def _notices(key: rsa.RSAPrivateKey, flats: int) -> Iterator[tuple[dict[str, str], str]]:
    box, stamp = AESGCM(API_V3_KEY.encode()), str(int(NOW.timestamp()))
    paid_at = datetime.now(_BEIJING).replace(2026, 11, 23, 9, 59, 30, 0).isoformat()
    for number in range(1, flats + 1):
        nonce = f"{number:012d}"
        told = json.dumps(_transaction(number, paid_at)).encode()
        cipher = box.encrypt(nonce.encode(), told, b"transaction")
        resource = {
            "algorithm": "AEAD_AES_256_GCM",
            "associated_data": "transaction",
            "nonce": nonce,
            "original_type": "transaction",
            "ciphertext": base64.b64encode(cipher).decode(),
        }
        notice = {
            "id": f"EV-{number:020d}",
            "create_time": paid_at,
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": resource,
        }
        body = json.dumps(notice, ensure_ascii=False)
        signed = f"{stamp}\n{nonce}\n{body}\n".encode()
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "wechatpay-timestamp": stamp,
            "wechatpay-nonce": nonce,
            "wechatpay-serial": KEY_ID,
            "wechatpay-signature": base64.b64encode(signature).decode(),
            "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        }
        yield headers, body


def _transaction(number: int, paid_at: str) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "appid": APP_ID,
        "out_trade_no": order_no(number),
        "transaction_id": f"4200{number:024d}",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "bank_type": "CMC",
        "success_time": paid_at,
        "payer": {"openid": f"oBench{number:022d}"},
        "amount": {
            "total": fen(number),
            "payer_total": fen(number),
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }


async def check(url: str, flats: int, settled: int) -> None:
    """Prove the books after the run: so many paid, each by what it owed, with its receipt."""
    async with open_database(url) as db:
        assert await db.read(prove) == []
        rows = await db.read(_paid)
        told = await _receipts_told(db)
    wanted = {order_no(number): fen(number) for number in range(1, flats + 1)}
    assert len(rows) == settled
    assert all(wanted[number] == paid for number, paid in rows)
    assert told == settled, "each payer has to be told"


def _paid(tx: Connection) -> list[tuple[str, int]]:
    wanted = select(payment_orders.c.order_no, payments.c.amount_fen)
    found = tx.execute(wanted.select_from(payment_orders.join(payments)).join(receipts_table))
    return [(row[0], row[1]) for row in found]


async def _receipts_told(db: Database) -> int:
    said = "SELECT count(*) FROM outbox WHERE event = 'PaymentSettled'"
    return int(await db.read(lambda tx: tx.exec_driver_sql(said).scalar_one()))
