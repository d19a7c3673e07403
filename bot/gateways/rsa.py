"""RSA keys of payment platforms: read once, sign and prove with SHA-256 and nothing else."""

import base64
import binascii
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

MIN_KEY_BITS: Final = 2048
_PEM: Final = b"-----BEGIN"


def read_private_key(path: Path) -> rsa.RSAPrivateKey:
    """Load an RSA private key: PEM, or the bare base64 that platforms' own tools write.

    Raises OSError, or ValueError where it is none.
    """
    raw = path.read_bytes()
    try:
        key = (
            serialization.load_pem_private_key(raw, password=None)
            if _PEM in raw
            else serialization.load_der_private_key(_bare(raw), password=None)
        )
    except TypeError as error:
        raise ValueError("the key has a password") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"not an RSA key of {MIN_KEY_BITS} bits or more")
    return key


def read_public_key(path: Path) -> rsa.RSAPublicKey:
    """Load an RSA public key, PEM or bare base64. Raises OSError, or ValueError."""
    raw = path.read_bytes()
    if _PEM in raw:
        return strong(serialization.load_pem_public_key(raw))
    return strong(serialization.load_der_public_key(_bare(raw)))


def _bare(raw: bytes) -> bytes:
    return unbase64("".join(raw.decode("ascii").split()))


def strong(key: object) -> rsa.RSAPublicKey:
    """Return the key if it is an RSA key that is long enough. Raises ValueError."""
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"not an RSA key of {MIN_KEY_BITS} bits or more")
    return key


def sign(key: rsa.RSAPrivateKey, message: bytes) -> str:
    """Sign a message (SHA256withRSA, PKCS #1 v1.5); base64."""
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature).decode("ascii")


def verifies(key: rsa.RSAPublicKey, signature: str, signed: bytes) -> bool:
    """Tell whether the base64 signature (SHA256withRSA) is of these bytes by this key."""
    try:
        key.verify(unbase64(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def unbase64(text: str) -> bytes:
    """Decode strict base64: nothing is skipped, one text for one value. Raises ValueError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError("not base64 as it is written")
    return raw
