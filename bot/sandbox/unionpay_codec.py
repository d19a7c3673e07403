"""UnionPay's messages: forms in, `k=v&k=v` text out, signed twice over (hash of the hash)."""

import hashlib
import urllib.parse
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox import pay_codec
from bot.sandbox.clock import SHANGHAI
from bot.sandbox.unionpay_codes import AcpError
from bot.sandbox.unionpay_keys import Signer

CLEARING_ENDS = timedelta(hours=1)
"""A clearing day ends at 23:00: an hour later it is the next day."""


def digest(fields: Mapping[str, str]) -> bytes:
    """Return what is signed: the lower-case hexadecimal SHA-256 of the sorted fields."""
    kept = sorted((k, v) for k, v in fields.items() if v != "" and k != "signature")
    text = "&".join(f"{name}={value}" for name, value in kept)
    return hashlib.sha256(text.encode()).hexdigest().encode()


def signed(
    fields: Mapping[str, str], signer: Signer, *, key: rsa.RSAPrivateKey | None = None
) -> dict[str, str]:
    """Return a platform's message whole; `key` signs instead of the certificate's own."""
    full = {k: v for k, v in fields.items() if v != ""} | {"signPubKeyCert": signer.pem}
    return full | {"signature": pay_codec.signed(key or signer.key, digest(full))}


def is_signed(key: rsa.RSAPublicKey, fields: Mapping[str, str]) -> bool:
    """Tell whether a form's signature is right."""
    return pay_codec.is_signed(key, digest(fields), fields.get("signature", ""))


def answer_text(fields: Mapping[str, str]) -> str:
    """Return a reply as UnionPay writes it: not url-encoded."""
    return "&".join(f"{name}={value}" for name, value in fields.items())


def read_form(body: bytes) -> dict[str, str]:
    """Return a url-encoded form's fields; raises AcpError 10 where it is none."""
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError as wrong:
        raise AcpError("10", "不是表单") from wrong
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise AcpError("10", "字段重复")
    return fields


def beijing(at: datetime) -> str:
    """Return an instant as `txnTime` writes it: YYYYMMDDhhmmss in Beijing."""
    return at.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def read_beijing(written: str) -> datetime:
    """Return the instant of a `txnTime`; raises ValueError."""
    if len(written) != 14 or not written.isascii() or not written.isdecimal():
        raise ValueError(written)
    return datetime.strptime(written, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)


def clearing_day(at: datetime) -> date:
    """Return the clearing day of an instant."""
    return (at.astimezone(SHANGHAI) + CLEARING_ENDS).date()
