"""What must be known of a merchant account at WeChat Pay (微信支付), checked key by key."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.gateways import rsa as rsa_keys
from bot.gateways import wechat_pay_crypto as crypto
from bot.gateways.addresses import check_address

PLAIN: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Config:
    """One merchant account: `[gateways.wechat_pay]`. Raises ValueError that names the key."""

    name: str
    mchid: str
    app_id: str
    api_v3_key: str = field(repr=False)
    merchant_serial: str
    merchant_private_key_file: Path
    notify_url: str
    platform_public_key_file: Path | None = None
    platform_public_key_id: str = ""
    platform_certificate_file: Path | None = None
    base_url: str = "https://api.mch.weixin.qq.com"
    refund_notify_url: str = ""
    """"" takes notify_url."""
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot work, by the name of its key; no file is opened here."""
        for key in ("name", "mchid", "app_id", "merchant_serial"):
            if PLAIN.fullmatch(getattr(self, key)) is None:
                raise ValueError(f"{key}: must be 1 to 64 letters and digits")
        if len(self.api_v3_key.encode("utf-8")) != 32:
            raise ValueError("api_v3_key: must be exactly 32 bytes long")
        if self.timeout_seconds <= 0:
            raise ValueError("timeout_seconds: must be more than 0")
        self._check_platform_keys()
        check_address("base_url", self.base_url)
        check_address("notify_url", self.notify_url)
        if self.refund_notify_url:
            check_address("refund_notify_url", self.refund_notify_url)

    def _check_platform_keys(self) -> None:
        has_file = self.platform_public_key_file is not None
        if has_file and not self.platform_public_key_id.startswith(crypto.PUBLIC_KEY_PREFIX):
            raise ValueError("platform_public_key_id: must start with PUB_KEY_ID_")
        if self.platform_public_key_id and not has_file:
            raise ValueError("platform_public_key_file: is missing beside platform_public_key_id")
        if not has_file and self.platform_certificate_file is None:
            raise ValueError(
                "platform_public_key_file: this or platform_certificate_file must be set,"
                " or nothing that the platform says can be proven"
            )

    def read_signer(self) -> crypto.Signer:
        """Load the merchant's key. Raises ValueError that names the key."""
        path = Path(self.merchant_private_key_file)
        try:
            key = rsa_keys.read_private_key(path)
        except (OSError, ValueError) as error:
            raise ValueError(f"merchant_private_key_file: {path} unreadable: {error}") from error
        return crypto.Signer(self.mchid, self.merchant_serial, key)

    def read_keyring(self) -> crypto.Keyring:
        """Load the platform's keys. Raises ValueError that names the key."""
        keys: dict[str, rsa.RSAPublicKey] = {}
        name, path = "platform_public_key_file", self.platform_public_key_file
        try:
            if path is not None:
                keys[self.platform_public_key_id] = rsa_keys.read_public_key(Path(path))
            name, path = "platform_certificate_file", self.platform_certificate_file
            if path is not None:
                serial, key = crypto.read_certificate(Path(path).read_bytes())
                keys[serial] = key
        except (OSError, ValueError) as error:
            raise ValueError(f"{name}: {path} unreadable: {error}") from error
        return crypto.Keyring(keys)
