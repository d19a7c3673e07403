"""How WeChat Pay v3 (微信支付) signs and encrypts, and how its signatures are proven."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.gateways import rsa as rsa_keys
from storage.frozen import dataclass

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
PUBLIC_KEY_PREFIX: Final = "PUB_KEY_ID_"
WINDOW_SECONDS: Final = 300
_PROBE_PREFIX: Final = "WECHATPAY/SIGNTEST/"
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEX_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)
_NONCE: Final = re.compile(r"[!-~]{1,128}", re.ASCII)


class NotGenuine(Exception):
    """A message that did not prove who sent it; `cause` is one word for a counter."""

    def __init__(self, cause: str) -> None:
        """Keep the cause: header, probe, serial, timestamp, nonce or signature."""
        super().__init__(cause)
        self.cause = cause


class UndecryptableError(ValueError):
    """The ciphertext is not ours or was touched on its way."""


def read_certificate(pem: bytes) -> tuple[str, rsa.RSAPublicKey]:
    """Return a certificate's serial (upper-case hex) and key. Raises ValueError."""
    certificate = x509.load_pem_x509_certificate(pem)
    return format(certificate.serial_number, "X"), rsa_keys.strong(certificate.public_key())


def sign(key: rsa.RSAPrivateKey, lines: Iterable[bytes]) -> str:
    """Sign the lines, each ended by a line feed (SHA256withRSA); base64."""
    return rsa_keys.sign(key, _message(lines))


def _message(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Signer:
    """The merchant's side: who we are and the key that proves it."""

    mchid: str
    serial: str
    key: rsa.RSAPrivateKey = field(repr=False)

    def authorize(self, method: str, sent_path: str, body: bytes, stamp: tuple[int, str]) -> str:
        """Return the Authorization header for a request; the path is as it goes over the wire.

        `stamp` is the instant in whole seconds and a nonce.
        """
        seconds, nonce = stamp
        head = (method, sent_path, str(seconds), nonce)
        signature = sign(self.key, [*(part.encode("ascii") for part in head), body])
        return (
            f'{SCHEME} mchid="{self.mchid}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{seconds}",serial_no="{self.serial}"'
        )


class Keyring:
    """The platform's keys that we trust now, by the serial that a message names."""

    def __init__(self, keys: Mapping[str, rsa.RSAPublicKey]) -> None:
        """Take {certificate serial in hex, or PUB_KEY_ID_…: key}."""
        self._keys = {_normal(serial): key for serial, key in keys.items()}

    def with_keys(self, keys: Mapping[str, rsa.RSAPublicKey]) -> "Keyring":
        """Return a ring that trusts these as well."""
        return Keyring({**self._keys, **keys})

    def prove(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Prove that the platform sent exactly these bytes within 300 s of now.

        Header names in lower case. Raises NotGenuine; looks at nothing inside the body.
        """
        signature = _header(headers, "wechatpay-signature")
        if signature.startswith(_PROBE_PREFIX):
            raise NotGenuine("probe")
        if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
            raise NotGenuine("header")
        key = self._keys.get(_normal(_header(headers, "wechatpay-serial")))
        if key is None:
            raise NotGenuine("serial")
        seconds = _fresh(_header(headers, "wechatpay-timestamp"), now)
        nonce = _header(headers, "wechatpay-nonce")
        if _NONCE.fullmatch(nonce) is None:
            raise NotGenuine("nonce")
        signed = _message([seconds.encode("ascii"), nonce.encode("ascii"), body])
        if not rsa_keys.verifies(key, signature, signed):
            raise NotGenuine("signature")


def decrypt(api_v3_key: bytes, *, nonce: str, associated: str, ciphertext: str) -> bytes:
    """Open an AEAD_AES_256_GCM box whose last 16 bytes are the tag. Raises UndecryptableError."""
    try:
        return AESGCM(api_v3_key).decrypt(
            nonce.encode("utf-8"), rsa_keys.unbase64(ciphertext), associated.encode("utf-8")
        )
    except (ValueError, InvalidTag) as error:
        raise UndecryptableError("the box does not open with our key") from error


def _header(headers: Mapping[str, str], name: str) -> str:
    written = headers.get(name, "")
    if not written:
        raise NotGenuine("header")
    return written


def _normal(serial: str) -> str:
    if serial.startswith(PUBLIC_KEY_PREFIX) or _HEX_SERIAL.fullmatch(serial) is None:
        return serial
    return serial.upper().lstrip("0")


def _fresh(seconds: str, now: datetime) -> str:
    if _SECONDS.fullmatch(seconds) is None:
        raise NotGenuine("timestamp")
    if abs(now.timestamp() - int(seconds)) > WINDOW_SECONDS:
        raise NotGenuine("timestamp")
    return seconds
