"""Alipay's certificates (公钥证书): their numbers, and who may vouch for a new one."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bot.gateways.rsa import strong

RSA_SIGNATURES: Final = "1.2.840.113549.1.1."
MAX_CHAIN: Final = 5
_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Load all certificates of a file that we can read, the first of them its own.

    The platform's root file holds one in SM2 that cannot be read here and is not needed. Raises
    OSError, or ValueError where none is left.
    """
    found = parse(path.read_bytes())
    if not found:
        raise ValueError("holds no certificate")
    return found


def parse(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates in some PEM that we can read; [] where there is none."""
    found = []
    for block in _PEM.findall(pem):
        try:
            found.append(x509.load_pem_x509_certificate(block + b"\n"))
        except ValueError:
            continue
    return found


def serial_of(certificate: x509.Certificate) -> str:
    """Return a certificate's number (证书序列号, SN): MD5 of issuer and decimal serial."""
    named = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def root_number(path: Path) -> str:
    """Return the number of a root file: those of its RSA certificates, joined by `_`.

    Raises OSError, or ValueError where it has none.
    """
    numbers = [serial_of(one) for one in read_certificates(path) if _is_rsa_signed(one)]
    if not numbers:
        raise ValueError("holds no RSA certificate")
    return "_".join(numbers)


def _is_rsa_signed(certificate: x509.Certificate) -> bool:
    return certificate.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNATURES)


class Trust:
    """Whose certificates count as Alipay's: of one name and one issuer, under the given roots.

    The same authority gives certificates to merchants, so that a chain alone proves nothing.
    """

    def __init__(
        self, chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
    ) -> None:
        """Pin the name of the certificate that stands first. Raises ValueError."""
        self._name = _common_name(chain[0])
        self._issuer = chain[0].issuer
        self._roots = tuple(roots)
        self._between = tuple(chain[1:])
        self._refuse_unrooted(chain[0], self._between, None)

    def admit(self, pem: bytes, serial: str, *, now: datetime) -> rsa.RSAPublicKey:
        """Return the key of a new certificate of this number. Raises ValueError that says why."""
        chain = parse(pem)
        if not chain or serial_of(chain[0]) != serial:
            raise ValueError("not the certificate that was asked for")
        if _common_name(chain[0]) != self._name or chain[0].issuer != self._issuer:
            raise ValueError("a certificate of somebody else")
        self._refuse_unrooted(chain[0], (*chain[1:], *self._between), now)
        return strong(chain[0].public_key())

    def _refuse_unrooted(
        self, leaf: x509.Certificate, between: Sequence[x509.Certificate], now: datetime | None
    ) -> None:
        """Climb from issuer to issuer up to a root; days count where `now` is given."""
        one = leaf
        for _ in range(MAX_CHAIN):
            if now is not None and not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
                raise ValueError("a certificate outside its days")
            if any(_issued(one, root) for root in self._roots):
                return
            above = next((high for high in between if _issued(one, high)), None)
            if above is None:
                break
            one = above
        raise ValueError("no chain up to a certificate in alipay_root_certificate_file")


def _issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    if not _may_issue(by):
        return False
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    """Tell whether it does not deny being an authority; Alipay's own do not all say that they are.

    The name of the issuer is pinned, so that none that a merchant holds comes into question.
    """
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return True
    return constraints.value.ca


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise ValueError("a certificate without a name")
    return str(names[0].value)
