"""The bank's account, its key pairs, and how both sides of its direct interface sign."""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bot.sandbox.keys import private_key, public_pem, write_key
from bot.sandbox.pay_book import MERCHANT_NAME

BANK_NAME = "中国工商银行杭州云栖支行"
OWN_BANK_DIGITS = "1202026509"


@dataclass(frozen=True)
class Account:
    """The merchant's account: as payers see it, and as statements head it."""

    account_name: str
    account_no: str
    bank_name: str

    @classmethod
    def invent(cls) -> "Account":
        """Open a fresh account with a number of 19 digits."""
        number = OWN_BANK_DIGITS + "".join(secrets.choice("0123456789") for _ in range(9))
        return cls(MERCHANT_NAME, number, BANK_NAME)


@dataclass(frozen=True)
class BankKeys:
    """The parsed key pairs of merchant and bank, and one of nobody."""

    folder: Path
    account: Account
    merchant: rsa.RSAPrivateKey
    bank: rsa.RSAPrivateKey
    stranger: rsa.RSAPrivateKey

    def file(self, name: str) -> str:
        """Return the absolute path of one of the key files."""
        return str((self.folder / name).resolve())


def open_bank_keys(folder: Path) -> BankKeys:
    """Read what is kept in `folder`; make what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "account.json"
    if not kept.exists():
        fresh = json.dumps(vars(Account.invent()), ensure_ascii=False, indent=1)
        write_key(kept, fresh.encode())
    bank = private_key(folder / "bank_private_key.pem")
    write_key(folder / "bank_public_key.pem", public_pem(bank))
    return BankKeys(
        folder=folder,
        account=Account(**json.loads(kept.read_text(encoding="utf-8"))),
        merchant=private_key(folder / "merchant_private_key.pem"),
        bank=bank,
        stranger=private_key(folder / "stranger_private_key.pem"),
    )


def message(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Return what is signed: the five parts, a line feed after each."""
    return f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def signed(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """Return the base64 of the RSA signature (PKCS#1 v1.5, SHA-256)."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, text: bytes, signature: str) -> bool:
    """Tell whether a base64 signature is right."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, text, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
