"""Alipay's signatures and its two texts: sorted pairs, and an answer's node as it stands."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from bot.sandbox.clock import SHANGHAI
from bot.sandbox.pay_codec import is_signed

AMOUNT = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?", re.ASCII)
MOST_FEN = 10_000_000_000


def pairs(params: Mapping[str, str], *left_out: str) -> bytes:
    """Return `k=v` sorted by key and joined by `&`, without what is left out."""
    kept = sorted((k, v) for k, v in params.items() if k not in left_out)
    return "&".join(f"{k}={v}" for k, v in kept).encode()


def sign(key: rsa.RSAPrivateKey, message: bytes, sign_type: str = "RSA2") -> str:
    """Return the base64 signature of a kind: RSA2, or the old RSA with SHA-1."""
    kind = SHA256() if sign_type == "RSA2" else SHA1()  # noqa: S303 - the old kind, to be refused
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), kind)).decode()


def is_request_signed(key: rsa.RSAPublicKey, params: Mapping[str, str]) -> bool:
    """Tell whether a request's sign is right: over all but `sign`, empty values left out or not."""
    filled = {k: v for k, v in params.items() if v}
    given = params.get("sign", "").replace(" ", "+")
    texts = {pairs(filled, "sign"), pairs(params, "sign")}
    return any(is_signed(key, text, given) for text in texts)


def node_text(content: Mapping[str, Any]) -> str:
    """Return an answer's node as this platform writes JSON: no spaces, Chinese, `\\/`."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/")


def yuan(fen: int) -> str:
    """Print fen as amounts are written here: 1234 is 12.34."""
    sign_of = "-" if fen < 0 else ""
    return f"{sign_of}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fen_of(written: object) -> int | None:
    """Return a written amount of yuan as fen, or None where it is no amount above zero."""
    text = str(written) if isinstance(written, (str, int, float)) else ""
    if isinstance(written, bool) or not AMOUNT.fullmatch(text):
        return None
    whole, _, part = text.partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    return fen if 0 < fen <= MOST_FEN else None


def beijing(at: datetime) -> str:
    """Print an instant as `yyyy-MM-dd HH:mm:ss` in Beijing."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def from_beijing(text: str) -> datetime | None:
    """Return the instant of `yyyy-MM-dd HH:mm:ss` in Beijing, or None."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}", text, re.ASCII):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        return None
