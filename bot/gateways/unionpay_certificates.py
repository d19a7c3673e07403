"""Whose key signs: ours from its file, UnionPay's (银联) from a certificate inside each message."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from bot.gateways import rsa as rsa_keys
from bot.gateways import unionpay_codec as codec
from bot.gateways.unionpay_codec import Words
from storage.frozen import dataclass

KEPT: Final = 16
"""So many of the platform's certificates are remembered as proven."""
MAX_PEM_CHARS: Final = 16 * 1024
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_PEM: Final = b"-----BEGIN "


class NotGenuine(Exception):
    """A message that did not prove who sent it; `cause` is one word for a counter."""

    def __init__(self, cause: str) -> None:
        """Keep the cause: method, certificate, chain, validity, name or signature."""
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Signer:
    """The merchant's side: the certificate's number and the key that proves it."""

    cert_id: str
    ends_at: datetime
    key: rsa.RSAPrivateKey = field(repr=False)

    def signed(self, words: Words) -> Words:
        """Return the fields with our certificate's number and our signature."""
        whole = {**words, "certId": self.cert_id}
        return {**whole, "signature": codec.sign(self.key, whole)}


def read_signer(path: Path, password: str, key_path: Path | None) -> Signer:
    """Load our certificate and key: a .pfx, or PEM with the key beside it.

    Raises OSError, ValueError.
    """
    raw = path.read_bytes()
    secret = password.encode("utf-8") if password else None
    if _PEM in raw:
        key_raw = raw if key_path is None else key_path.read_bytes()
        try:
            key: object = serialization.load_pem_private_key(key_raw, secret)
        except TypeError as error:
            raise ValueError("the password does not fit the key") from error
        certificate: x509.Certificate | None = x509.load_pem_x509_certificate(raw)
    else:
        key, certificate, _ = pkcs12.load_key_and_certificates(raw, secret)
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("holds no certificate with its RSA key")
    if rsa_keys.strong(key.public_key()) != certificate.public_key():
        raise ValueError("the key is not the certificate's own")
    return Signer(str(certificate.serial_number), certificate.not_valid_after_utc, key)


@dataclass(frozen=True, slots=True)
class _Known:
    """A certificate whose chain and name are proven; its dates are looked at each time."""

    key: rsa.RSAPublicKey
    begins_at: datetime
    ends_at: datetime


class Trust:
    """Which certificates speak for the platform: the name we expect, issued under our roots."""

    def __init__(
        self,
        roots: Iterable[x509.Certificate],
        middles: Iterable[x509.Certificate],
        signer_name: str,
    ) -> None:
        """Take the configured certificates. Raises ValueError for a middle of another root."""
        self._signer_name = signer_name
        self._known: OrderedDict[str, _Known] = OrderedDict()
        own_roots = [root for root in roots if _may_issue(root) and _is_issued(root, root)]
        self._issuers: list[tuple[x509.Certificate, ...]] = [(root,) for root in own_roots]
        for middle in middles:
            above = [root for root in own_roots if _may_issue(middle) and _is_issued(middle, root)]
            if not above:
                raise ValueError("is not issued by the root certificate")
            self._issuers.append((middle, above[0]))

    @property
    def ends_at(self) -> datetime:
        """Return when the first of our own roots and middles ends."""
        return min(one.not_valid_after_utc for chain in self._issuers for one in chain)

    def prove(self, words: Words, *, now: datetime) -> None:
        """Prove that the platform signed exactly these fields. Raises NotGenuine."""
        said = (words.get("version"), words.get("signMethod"))
        if said != (codec.VERSION, codec.SIGN_METHOD):
            raise NotGenuine("method")
        key = self._key_of(words.get("signPubKeyCert", ""), now)
        if not codec.verifies(key, words):
            raise NotGenuine("signature")

    def _key_of(self, pem: str, now: datetime) -> rsa.RSAPublicKey:
        known = self._known.get(pem)
        is_new = known is None
        if known is None:
            known = self._examine(pem)
        if not known.begins_at <= now <= known.ends_at:
            raise NotGenuine("validity")
        if is_new:
            self._known[pem] = known
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(pem)
        return known.key

    def _examine(self, pem: str) -> _Known:
        """Prove whose certificate it is before its key is looked at."""
        if not pem or len(pem) > MAX_PEM_CHARS:
            raise NotGenuine("certificate")
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
            chain = next(
                (issuers for issuers in self._issuers if _is_issued(certificate, issuers[0])), None
            )
            if chain is None:
                raise NotGenuine("chain")
            if _third_part(certificate) != self._signer_name:
                raise NotGenuine("name")
            return _known((certificate, *chain))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise NotGenuine("certificate") from error


def _known(chain: tuple[x509.Certificate, ...]) -> _Known:
    key = rsa_keys.strong(chain[0].public_key())
    begins_at = max(one.not_valid_before_utc for one in chain)
    return _Known(key, begins_at, min(one.not_valid_after_utc for one in chain))


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, x509.ExtensionNotFound):
        return False
    return found.value.ca


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether the issuer signed it.

    SHA-1 counts only under an issuer that is signed so itself: the platform's test environment
    still is.
    """
    try:
        digest, key = certificate.signature_hash_algorithm, issuer.public_key()
    except UnsupportedAlgorithm:
        return False
    if certificate.issuer != issuer.subject or not isinstance(key, rsa.RSAPublicKey):
        return False
    is_old = isinstance(issuer.signature_hash_algorithm, hashes.SHA1)
    if not isinstance(digest, (*_HASHES, hashes.SHA1) if is_old else _HASHES):
        return False
    scheme = padding.PKCS1v15()
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, scheme, digest)
    except InvalidSignature:
        return False
    return True


def _third_part(certificate: x509.Certificate) -> str:
    """Return the third part of a common name like `041@Z2017-11-1@00040000:SIGN@00000001`."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    parts = str(names[0].value).split("@") if len(names) == 1 else []
    return parts[2] if len(parts) > 2 else ""
