"""Alipay's names, key pairs and certificates: made once, kept in the sandbox's folder."""

import hashlib
import json
import secrets
import ssl
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from bot.sandbox.keys import CERTIFICATE_LIFE, private_key, public_pem, write_key

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
# The real root file also holds a certificate over SM2, which most libraries cannot read.
P256, SM2 = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a811ccf5501822d")
ECDSA, SM2_SM3 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a811ccf55018375")


@dataclass(frozen=True)
class AlipayNames:
    """The merchant's application and its account (pid) at Alipay."""

    app_id: str
    seller_id: str
    seller_email: str

    @classmethod
    def invent(cls) -> "AlipayNames":
        """Make a fresh set, shaped like the real ones."""
        return cls("2021" + _digits(12), "2088" + _digits(12), "wuye@sandbox.example")


@dataclass(frozen=True)
class AlipayKeys:
    """The parsed key pairs of both sides, and the certificates' numbers."""

    folder: Path
    names: AlipayNames
    app: rsa.RSAPrivateKey
    alipay: rsa.RSAPrivateKey
    certified: rsa.RSAPrivateKey
    stranger: rsa.RSAPrivateKey
    app_cert_sn: str
    alipay_cert_sn: str
    root_cert_sn: str

    def file(self, name: str) -> str:
        """Return the absolute path of one of the files."""
        return str((self.folder / name).resolve())


def open_alipay_keys(folder: Path, now: datetime) -> AlipayKeys:
    """Read what is kept in `folder`; make what is not there yet. `now` dates certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "names.json").exists():
        write_key(folder / "names.json", json.dumps(vars(AlipayNames.invent())).encode())
    names = AlipayNames(**json.loads((folder / "names.json").read_text(encoding="utf-8")))
    app, alipay = (
        private_key(folder / "app_private_key.pem"),
        private_key(folder / "alipay_private_key.pem"),
    )
    certified = private_key(folder / "alipay_certified_key.pem")
    write_key(folder / "alipay_public_key.pem", public_pem(alipay))
    if not (folder / "alipay_root_cert.crt").exists():
        _certify(folder, names, app, certified, now)
    root = (folder / "alipay_root_cert.crt").read_bytes()
    return AlipayKeys(
        folder=folder,
        names=names,
        app=app,
        alipay=alipay,
        certified=certified,
        stranger=private_key(folder / "stranger_private_key.pem"),
        app_cert_sn=_number_of(folder / "app_cert.crt"),
        alipay_cert_sn=_number_of(folder / "alipay_cert.crt"),
        root_cert_sn=root_number(root),
    )


def certificate_number(certificate: x509.Certificate) -> str:
    """Return a certificate's SN: the MD5 of its issuer's name and its decimal serial."""
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_number(pem: bytes) -> str:
    """Return the root file's SN: those of its RSA certificates, joined."""
    numbers = []
    for part in pem.split(b"-----BEGIN CERTIFICATE-----")[1:]:
        try:
            one = x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + part)
            is_rsa = one.signature_algorithm_oid.dotted_string.startswith("1.2.840.113549.1.1")
        except ValueError:
            continue
        numbers += [certificate_number(one)] if is_rsa else []
    return "_".join(numbers)


def _certify(
    folder: Path,
    names: AlipayNames,
    app: rsa.RSAPrivateKey,
    alipay: rsa.RSAPrivateKey,
    now: datetime,
) -> None:
    """Make the root, and under it the platform's and the application's certificates."""
    root, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root_name = _name("Sandbox Financial Certification Authority R1")
    second = _name("Sandbox Financial Certification Authority E1")
    roots = _signed(root_name, root_name, root.public_key(), root, now) + b"\n"
    roots += _signed(second, second, other.public_key(), other, now) + b"\n" + _sm2_root(now)
    alipay_name = _name("支付宝(中国)网络技术有限公司", names.seller_id)
    app_name = _name(f"{names.seller_email}-{names.app_id}", names.seller_id)
    of_alipay = _signed(alipay_name, root_name, alipay.public_key(), root, now)
    of_app = _signed(app_name, root_name, app.public_key(), root, now)
    write_key(folder / "alipay_cert.crt", of_alipay)
    write_key(folder / "app_cert.crt", of_app)
    write_key(folder / "alipay_root_cert.crt", roots)


def _name(common: str, unit: str = "Certification Authority") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox Financial"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    now: datetime,
    encoding: serialization.Encoding = PEM,
) -> bytes:
    begin = (now - timedelta(days=1)).replace(microsecond=0)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number((1 << 110) | secrets.randbits(109))
        .not_valid_before(begin)
        .not_valid_after(begin + CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(encoding)


def _sm2_root(now: datetime) -> bytes:
    """Return a certificate whose curve and signature say SM2."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Sandbox Financial Certification Authority SM R1")
    plain = _signed(name, name, key.public_key(), key, now, DER)
    raw = plain.replace(P256, SM2).replace(ECDSA, SM2_SM3)
    return ssl.DER_cert_to_PEM_cert(raw).encode()


def _number_of(path: Path) -> str:
    return certificate_number(x509.load_pem_x509_certificate(path.read_bytes()))


def _digits(length: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(length))
