"""Passwords of the staff (argon2id): hashed and proved, each with a salt of its own."""

import secrets
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SHORTEST: Final = 10
LONGEST: Final = 200
_BYTES: Final = 32
_ROUNDS: Final = 2
_KIB: Final = 19 * 1024
"""19 MiB and two rounds, on one lane: what OWASP names as the least."""


def is_fit(password: str) -> bool:
    """Tell whether a new password is long enough, and no endless one."""
    return SHORTEST <= len(password.strip()) <= LONGEST


def hashed(password: str) -> str:
    """Return the hash of a password, with its salt and costs, as the PHC writes them."""
    salt = secrets.token_bytes(16)
    maker = Argon2id(salt=salt, length=_BYTES, iterations=_ROUNDS, lanes=1, memory_cost=_KIB)
    return maker.derive_phc_encoded(password.encode("utf-8", "replace"))


def proves(password: str, phc: str | None) -> bool:
    """Tell whether a password is the one of a hash; without a hash as slowly, and never."""
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "replace"), phc or _nobodys())
    except InvalidKey:
        return False
    return phc is not None


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe(24))
