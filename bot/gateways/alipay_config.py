"""What must be known of a merchant's application at Alipay (支付宝), checked key by key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from bot.gateways import rsa as rsa_keys
from bot.gateways.addresses import check_address
from bot.gateways.alipay_certificates import Trust, read_certificates, root_number, serial_of
from bot.gateways.alipay_crypto import Keyring, Signer

APP_ID: Final = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
SELLER_ID: Final = re.compile(r"2088[0-9]{12}", re.ASCII)
T = TypeVar("T")

CERTIFICATES: Final = (
    "app_certificate_file",
    "alipay_certificate_file",
    "alipay_root_certificate_file",
)
"""Certificate mode (公钥证书模式) needs all three, key mode (公钥模式) none."""


@dataclass(frozen=True)
class Config:
    """One application: `[gateways.alipay]`. Raises ValueError that names the key."""

    name: str
    app_id: str
    seller_id: str
    """The merchant's own number at Alipay (PID), 2088 and twelve digits."""
    app_private_key_file: Path
    notify_url: str
    alipay_public_key_file: Path | None = None
    app_certificate_file: Path | None = None
    alipay_certificate_file: Path | None = None
    alipay_root_certificate_file: Path | None = None
    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot work, by the name of its key; no file is opened here."""
        if APP_ID.fullmatch(self.app_id) is None:
            raise ValueError("app_id: must be 1 to 32 letters and digits")
        if SELLER_ID.fullmatch(self.seller_id) is None:
            raise ValueError("seller_id: must be the merchant's PID, 2088 and twelve digits")
        if self.timeout_seconds <= 0:
            raise ValueError("timeout_seconds: must be more than 0")
        self._check_mode()
        check_address("gateway_url", self.gateway_url)
        check_address("notify_url", self.notify_url)

    def _check_mode(self) -> None:
        missing = [key for key in CERTIFICATES if getattr(self, key) is None]
        if self.alipay_public_key_file is not None:
            if len(missing) < len(CERTIFICATES):
                raise ValueError("alipay_public_key_file: not beside certificates; choose one mode")
        elif len(missing) == len(CERTIFICATES):
            raise ValueError(
                "alipay_public_key_file: this or the three certificate files must be set,"
                " or nothing that the platform says can be proven"
            )
        elif missing:
            raise ValueError(f"{missing[0]}: is missing; certificate mode needs all three files")

    def read_signer(self) -> Signer:
        """Load our own key and what is sent along with it. Raises ValueError, names the key."""
        key = _read("app_private_key_file", self.app_private_key_file, rsa_keys.read_private_key)
        if self.app_certificate_file is None or self.alipay_root_certificate_file is None:
            return Signer(self.app_id, key, {})
        own = _read("app_certificate_file", self.app_certificate_file, read_certificates)[0]
        if own.public_key() != key.public_key():
            raise ValueError("app_certificate_file: is not of the key in app_private_key_file")
        path = self.alipay_root_certificate_file
        root = _read("alipay_root_certificate_file", path, root_number)
        return Signer(
            self.app_id, key, {"app_cert_sn": serial_of(own), "alipay_root_cert_sn": root}
        )

    def certificates_end_at(self) -> datetime | None:
        """Return when the first of the certificates in use ends, None in key mode."""
        files = (self.app_certificate_file, self.alipay_certificate_file)
        ends = [read_certificates(path)[0].not_valid_after_utc for path in files if path]
        return min(ends, default=None)

    def read_keyring(self) -> Keyring:
        """Load what proves the platform. Raises ValueError that names the key."""
        if self.alipay_public_key_file is not None:
            path = self.alipay_public_key_file
            key = _read("alipay_public_key_file", path, rsa_keys.read_public_key)
            return Keyring({"": key}, None)
        if self.alipay_certificate_file is None or self.alipay_root_certificate_file is None:
            raise ValueError("alipay_certificate_file: is missing")
        roots = _read(
            "alipay_root_certificate_file", self.alipay_root_certificate_file, read_certificates
        )
        chain = _read("alipay_certificate_file", self.alipay_certificate_file, read_certificates)
        try:
            trust = Trust(chain, roots)
        except ValueError as error:
            raise ValueError(f"alipay_certificate_file: {error}") from error
        return Keyring({serial_of(chain[0]): rsa_keys.strong(chain[0].public_key())}, trust)


def _read(key: str, path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{key}: {path} unreadable: {error}") from error
