"""The keys and names of both sides, made once and kept in the sandbox's folder."""

import json
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

LETTERS = string.ascii_letters + string.digits
CERTIFICATE_LIFE = timedelta(days=5 * 365)


def word(length: int) -> str:
    """Return a random word of letters and digits."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


@dataclass(frozen=True)
class Names:
    """Everything about the demo's accounts that is a word and not a key pair."""

    account: str
    appid: str
    app_secret: str
    original_id: str
    token: str
    aes_key: str
    corp_id: str
    agent_id: str
    wecom_token: str
    wecom_aes_key: str
    mchid: str
    api_v3_key: str
    platform_public_key_id: str

    @classmethod
    def invent(cls) -> "Names":
        """Make a fresh set, shaped like the real ones."""
        return cls(
            account="demo",
            appid="wx" + secrets.token_hex(8),
            app_secret=secrets.token_hex(16),
            original_id="gh_" + secrets.token_hex(6),
            token=word(24),
            aes_key=word(42) + secrets.choice("AEIMQUYcgkosw048"),
            corp_id="ww" + secrets.token_hex(8),
            agent_id="1000002",
            wecom_token=word(24),
            wecom_aes_key=word(42) + secrets.choice("AEIMQUYcgkosw048"),
            mchid="19" + "".join(secrets.choice(string.digits) for _ in range(8)),
            api_v3_key=word(32),
            platform_public_key_id="PUB_KEY_ID_0" + secrets.token_hex(16).upper(),
        )


@dataclass(frozen=True)
class Keys:
    """The parsed key pairs; parsing costs 57 ms, so it is done once."""

    folder: Path
    names: Names
    merchant: rsa.RSAPrivateKey
    merchant_serial: str
    platform: rsa.RSAPrivateKey
    platform_certificate_pem: bytes
    platform_serial: str
    platform_certificate_from: datetime
    platform_certificate_until: datetime
    public_mode: rsa.RSAPrivateKey
    stranger: rsa.RSAPrivateKey

    @property
    def merchant_private_key_file(self) -> Path:
        """The merchant's API key, for the bot."""
        return self.folder / "merchant_private_key.pem"

    @property
    def platform_public_key_file(self) -> Path:
        """The platform's public key (公钥模式), for the bot."""
        return self.folder / "platform_public_key.pem"

    @property
    def platform_certificate_file(self) -> Path:
        """The platform's certificate (证书模式), for the bot."""
        return self.folder / "platform_certificate.pem"


def open_keys(folder: Path, now: datetime) -> Keys:
    """Read the keys kept in `folder`; make what is not there yet. `now` dates certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    names = _names(folder / "names.json")
    merchant = private_key(folder / "merchant_private_key.pem")
    merchant_certificate = _certificate(folder / "merchant_certificate.pem", merchant, names, now)
    platform = private_key(folder / "platform_private_key.pem")
    certificate = _certificate(folder / "platform_certificate.pem", platform, names, now)
    public_mode = private_key(folder / "platform_public_mode_key.pem")
    write_key(folder / "platform_public_key.pem", public_pem(public_mode))
    return Keys(
        folder=folder,
        names=names,
        merchant=merchant,
        merchant_serial=_serial(merchant_certificate),
        platform=platform,
        platform_certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
        platform_serial=_serial(certificate),
        platform_certificate_from=certificate.not_valid_before_utc,
        platform_certificate_until=certificate.not_valid_after_utc,
        public_mode=public_mode,
        stranger=private_key(folder / "stranger_private_key.pem"),
    )


def _names(path: Path) -> Names:
    if not path.exists():
        fresh = json.dumps(vars(Names.invent()), indent=1)
        write_key(path, fresh.encode())
    return Names(**json.loads(path.read_text(encoding="utf-8")))


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """Read an RSA key of 2048 bits; make it where there is none yet."""
    if not path.exists():
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
        write_key(
            path, fresh.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
        )
        return fresh
    key = serialization.load_pem_private_key(
        path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} is not an RSA key")
    return key


def _certificate(
    path: Path, key: rsa.RSAPrivateKey, names: Names, now: datetime
) -> x509.Certificate:
    if path.exists():
        return x509.load_pem_x509_certificate(path.read_bytes())
    is_merchants = path.name.startswith("merchant")
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "wuyebot sandbox"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, names.mchid if is_merchants else "Sandbox platform sign"
            ),
        ]
    )
    begin = (now - timedelta(days=1)).astimezone(UTC).replace(microsecond=0)
    # The top bit is set so that the serial always prints as 40 hexadecimal digits.
    serial = (1 << 158) | secrets.randbits(157)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(begin + CERTIFICATE_LIFE)
        .sign(key, hashes.SHA256())
    )
    write_key(path, built.public_bytes(serialization.Encoding.PEM))
    return built


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a key's public half as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:040X}"


def write_key(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, unless it says the same already."""
    if path.exists() and path.read_bytes() == content:
        return
    path.touch(mode=0o600)
    path.write_bytes(content)
