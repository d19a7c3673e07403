"""Addresses in a gateway's settings: ours for its notices, and the platform's own."""

from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_CHARS: Final = 255


def check_address(key: str, address: str) -> None:
    """Refuse an address that cannot work. Raises ValueError that names the key."""
    parts = urlsplit(address)
    is_near = parts.hostname in LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
        raise ValueError(f"{key}: must start with https:// (http:// only on this machine)")
    if not parts.hostname or len(address) > MAX_CHARS or not address.isascii():
        raise ValueError(f"{key}: must be an address of at most {MAX_CHARS} characters")
    if "?" in address or "#" in address:
        raise ValueError(f"{key}: must have no query; the platform would cut it off")
