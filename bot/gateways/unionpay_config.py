"""What must be known of a merchant account at UnionPay (银联), checked key by key."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509

from bot.gateways.addresses import check_address
from bot.gateways.unionpay_certificates import Signer, Trust, read_signer

PLAIN: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)
MERCHANT_ID: Final = re.compile(r"[0-9A-Za-z]{1,15}", re.ASCII)
SIGNER_NAME: Final = "中国银联股份有限公司"
"""The third part of the common name of UnionPay's own certificates."""


@dataclass(frozen=True)
class Config:
    """One merchant account: `[gateways.unionpay]`. Raises ValueError that names the key."""

    name: str
    merchant_id: str
    sign_certificate_file: Path
    root_certificate_file: Path
    notify_url: str
    middle_certificate_file: Path | None = None
    sign_certificate_password: str = field(default="", repr=False)
    sign_key_file: Path | None = None
    """Where sign_certificate_file is PEM and does not hold the key itself."""
    signer_name: str = SIGNER_NAME
    base_url: str = "https://gateway.95516.com"
    file_url: str = "https://filedownload.95516.com"
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot work, by the name of its key; no file is opened here."""
        if PLAIN.fullmatch(self.name) is None:
            raise ValueError("name: must be 1 to 64 letters and digits")
        if MERCHANT_ID.fullmatch(self.merchant_id) is None:
            raise ValueError("merchant_id: must be at most 15 letters and digits")
        if not self.signer_name or "@" in self.signer_name:
            raise ValueError("signer_name: must be the third part of the platform's common name")
        if self.timeout_seconds <= 0:
            raise ValueError("timeout_seconds: must be more than 0")
        for key in ("base_url", "file_url", "notify_url"):
            check_address(key, getattr(self, key))

    def read_signer(self) -> Signer:
        """Load our certificate and its key. Raises ValueError that names the key."""
        path = Path(self.sign_certificate_file)
        try:
            return read_signer(path, self.sign_certificate_password, self.sign_key_file)
        except (OSError, ValueError) as error:
            raise ValueError(f"sign_certificate_file: {path} unreadable: {error}") from error

    def read_trust(self) -> Trust:
        """Load what proves the platform. Raises ValueError that names the key.

        The root's file may hold the middle certificate too.
        """
        found = _certificates("root_certificate_file", self.root_certificate_file)
        roots = [one for one in found if one.subject == one.issuer]
        if not roots:
            raise ValueError("root_certificate_file: holds no root certificate")
        middles = [one for one in found if one.subject != one.issuer]
        if self.middle_certificate_file is not None:
            middles += _certificates("middle_certificate_file", self.middle_certificate_file)
        try:
            return Trust(roots, middles, self.signer_name)
        except ValueError as error:
            raise ValueError(f"middle_certificate_file: {error}") from error


def _certificates(key: str, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{key}: {path} unreadable: {error}") from error
