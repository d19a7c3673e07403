"""WeChat Pay v3 signatures and sealed resources, as the platform makes and checks them."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FIELD = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Authorization:
    """The parts of a merchant's Authorization header."""

    mchid: str
    nonce: str
    signature: str
    timestamp: str
    serial: str


def read_authorization(header: str) -> Authorization | None:
    """Return the header's parts in whatever order they stand, or None where it is malformed."""
    scheme, _, rest = header.partition(" ")
    fields = dict(FIELD.findall(rest))
    wanted = ("mchid", "nonce_str", "signature", "timestamp", "serial_no")
    if scheme != SCHEME or any(not fields.get(name) for name in wanted):
        return None
    return Authorization(*(fields[name] for name in wanted))


def lines(*parts: str) -> bytes:
    """Return the parts, a line feed after each: what is signed everywhere in v3."""
    return "".join(part + "\n" for part in parts).encode()


def signed(key: rsa.RSAPrivateKey, message: bytes) -> str:
    """Return the base64 SHA256-RSA signature."""
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, message: bytes, signature: str) -> bool:
    """Tell whether a base64 signature is right."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def sealed(api_v3_key: str, plain: bytes, associated: str) -> dict[str, str]:
    """Return an AEAD_AES_256_GCM resource: nonce of 12 letters, tag at the end."""
    nonce = secrets.token_hex(6)
    closed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(closed).decode(),
        "associated_data": associated,
        "nonce": nonce,
    }


def compact(content: Mapping[str, Any]) -> bytes:
    """Return JSON without spaces, Chinese as it is."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
