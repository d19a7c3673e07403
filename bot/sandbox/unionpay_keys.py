"""UnionPay's certificate chain and the merchant's own, made once and kept in a folder."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from bot.sandbox.faults import CERTIFICATE_KINDS
from bot.sandbox.keys import private_key, word, write_key

SIGNER_NAME = "中国银联股份有限公司"
YEAR = timedelta(days=365)
ORGANISATION = "wuyebot sandbox CFCA"
WRONG_CHAIN, EXPIRED, WRONG_NAME = CERTIFICATE_KINDS
# Real serials have five bytes; a longer one is spoilt by clients that keep it in a float.
SERIAL_BITS = 39


@dataclass(frozen=True)
class Signer:
    """A key pair that can sign messages, and the certificate that goes along with them."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate as `signPubKeyCert` carries it."""
        text = self.certificate.public_bytes(Encoding.PEM).decode()
        return text.strip().replace("\n", "\r\n")

    @property
    def cert_id(self) -> str:
        """The serial as a decimal, which is what `certId` says."""
        return str(self.certificate.serial_number)


@dataclass(frozen=True)
class UnionpayKeys:
    """Both sides' keys, parsed once; `spoilt` holds the signers no merchant should believe."""

    folder: Path
    merchant_id: str
    password: str
    merchant: Signer
    platform: Signer
    stranger: rsa.RSAPrivateKey
    spoilt: Mapping[str, Signer]

    @property
    def pfx_file(self) -> Path:
        """The merchant's key and certificate, for the bot."""
        return self.folder / "merchant.pfx"

    @property
    def root_file(self) -> Path:
        """The root certificate, for the bot."""
        return self.folder / "root.cer"

    @property
    def middle_file(self) -> Path:
        """The certificate between the root and the platform's, for the bot."""
        return self.folder / "middle.cer"


def open_unionpay_keys(folder: Path, now: datetime) -> UnionpayKeys:
    """Read the keys kept in `folder`, or make them; `now` dates the certificates."""
    if not (folder / "names.json").exists():
        _make(folder, now)
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    return UnionpayKeys(
        folder=folder,
        merchant_id=names["merchant_id"],
        password=names["password"],
        merchant=_signer(folder, "merchant", "merchant"),
        platform=_signer(folder, "platform", "platform"),
        stranger=private_key(folder / "stranger.key"),
        spoilt={
            WRONG_CHAIN: _signer(folder, "stranger", WRONG_CHAIN),
            EXPIRED: _signer(folder, "platform", EXPIRED),
            WRONG_NAME: _signer(folder, "merchant", "merchant"),
        },
    )


def _make(folder: Path, now: datetime) -> None:
    """Write every key and certificate, the names last: with them the folder is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    begin = (now - timedelta(days=1)).astimezone(UTC).replace(microsecond=0)
    names = {
        "merchant_id": "7772900" + "".join(secrets.choice("0123456789") for _ in range(8)),
        "password": word(12),
    }
    keys = {
        name: private_key(folder / f"{name}.key")
        for name in ("root", "middle", "platform", "merchant", "stranger")
    }
    issuer = _Issuer(folder, keys, begin)
    root = issuer.authority("root", "SANDBOX CS CA", None)
    middle = issuer.authority("middle", "SANDBOX OCA1", root)
    platform = f"041@8310000000083040@{SIGNER_NAME}@{secrets.randbelow(10**8):08d}"
    issuer.leaf("platform", "platform", platform, middle)
    merchant = f"051@N{names['merchant_id']}@云栖物业@00000001"
    issuer.leaf("merchant", "merchant", merchant, middle)
    issuer.leaf(EXPIRED, "platform", platform, middle, ended=True)
    strange_root = issuer.authority("stranger_root", "SANDBOX CS CA", None, key="stranger")
    issuer.leaf(WRONG_CHAIN, "stranger", platform, strange_root, issuer_key="stranger")
    pfx = pkcs12.serialize_key_and_certificates(
        names["merchant_id"].encode(),
        keys["merchant"],
        _certificate(folder / "merchant.cer"),
        [middle, root],
        BestAvailableEncryption(names["password"].encode()),
    )
    write_key(folder / "merchant.pfx", pfx)
    write_key(folder / "names.json", json.dumps(names, indent=1).encode())


class _Issuer:
    """Signs certificates and writes them down."""

    def __init__(
        self, folder: Path, keys: Mapping[str, rsa.RSAPrivateKey], begin: datetime
    ) -> None:
        self.folder, self.keys, self.begin = folder, keys, begin

    def authority(
        self, name: str, common_name: str, parent: x509.Certificate | None, *, key: str = ""
    ) -> x509.Certificate:
        """Issue a certificate that may issue others; without a parent it is its own."""
        own = self.keys[key or name]
        subject = _subject(common_name)
        builder = self._builder(subject, parent.subject if parent else subject, own, 20 * YEAR)
        signing = self.keys["root"] if parent else own
        return self._written(name, _extended(builder, is_authority=True).sign(signing, _SHA256))

    def leaf(
        self,
        name: str,
        key: str,
        common_name: str,
        parent: x509.Certificate,
        *,
        issuer_key: str = "middle",
        ended: bool = False,
    ) -> x509.Certificate:
        """Issue a certificate that signs messages; `ended` makes one that is out of date."""
        life = 5 * YEAR
        builder = self._builder(
            _subject(common_name),
            parent.subject,
            self.keys[key],
            life,
            back=2 * life if ended else timedelta(0),
        )
        signing = self.keys[issuer_key]
        return self._written(name, _extended(builder, is_authority=False).sign(signing, _SHA256))

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: rsa.RSAPrivateKey,
        life: timedelta,
        *,
        back: timedelta = timedelta(0),
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number((1 << SERIAL_BITS) | secrets.randbits(SERIAL_BITS))
            .not_valid_before(self.begin - back)
            .not_valid_after(self.begin - back + life)
        )

    def _written(self, name: str, built: x509.Certificate) -> x509.Certificate:
        write_key(self.folder / f"{name}.cer", built.public_bytes(Encoding.PEM))
        return built


_SHA256 = hashes.SHA256()


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _extended(builder: x509.CertificateBuilder, *, is_authority: bool) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    basic = x509.BasicConstraints(ca=is_authority, path_length=None)
    return builder.add_extension(basic, critical=True).add_extension(usage, critical=True)


def _signer(folder: Path, key: str, certificate: str) -> Signer:
    return Signer(private_key(folder / f"{key}.key"), _certificate(folder / f"{certificate}.cer"))


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())
