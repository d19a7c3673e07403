"""Small signed texts that pass through strangers' hands: OAuth states, cookies, paper codes."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

_MAC_CHARS: Final = 32
CODE_DIGITS: Final = 6


class Seals:
    """Signs with keys that are derived from one secret, each purpose with its own."""

    def __init__(self, secret: bytes) -> None:
        """Keep the secret of at least 32 bytes. Raises ValueError for a shorter one."""
        if len(secret) < 32:
            raise ValueError("the secret needs at least 32 bytes")
        self._secret = secret

    def seal(self, purpose: str, text: str, *, until: datetime) -> str:
        """Return the text signed for one purpose and up to an instant: letters, digits, - _ . ."""
        ends = int(until.timestamp())
        packed = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return f"{packed}.{ends}.{self._mac(purpose, f'{packed}.{ends}')}"

    def open(self, purpose: str, sealed: str, *, now: datetime) -> str | None:
        """Return the signed text, None where it is forged, for another purpose, or over."""
        body, _, mac = sealed.rpartition(".")
        expected = self._mac(purpose, body)
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), expected.encode()):
            return None
        packed, _, ends = body.partition(".")
        if now.timestamp() >= int(ends):
            return None
        return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()

    def paper_code(self, unit_id: int, link_epoch: int) -> str:
        """Return the six digits on a unit's paper bill; raising its epoch changes them."""
        digest = self._digest("paper", f"{unit_id}:{link_epoch}")
        number = int.from_bytes(digest[:8], "big") % 10**CODE_DIGITS
        return f"{number:0{CODE_DIGITS}d}"

    def _mac(self, purpose: str, text: str) -> str:
        return self._digest(purpose, text).hex()[:_MAC_CHARS]

    def _digest(self, purpose: str, text: str) -> bytes:
        message = f"web\0{purpose}\0{text}".encode("utf-8", "replace")
        return hmac.digest(self._secret, message, hashlib.sha256)


def lasting(now: datetime, *, minutes: int) -> datetime:
    """Return the instant so many minutes from now."""
    return now + timedelta(minutes=minutes)
