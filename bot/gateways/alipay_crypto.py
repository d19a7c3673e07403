"""How Alipay (支付宝) signs, RSA2 and nothing else, and how its signatures are proven."""

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.gateways import rsa as rsa_keys
from bot.gateways.alipay_certificates import Trust
from storage.frozen import dataclass

SIGN_TYPE: Final = "RSA2"
CHARSETS: Final = frozenset({"utf-8", "utf8"})
HIDDEN_FIELD: Final = re.compile(r"&[^&]*=", re.ASCII)
"""A value that reads like further fields. What is signed does not say where a value ends, so that
a stranger could hide one field of a genuine notice in another; ours hold no such value."""


class NotGenuine(Exception):
    """A message that did not prove who sent it; `cause` is one word for a counter."""

    def __init__(self, cause: str) -> None:
        """Keep the cause: sign_type, charset, hidden_field, serial or signature."""
        super().__init__(cause)
        self.cause = cause


def signed_text(params: Mapping[str, str], *left_out: str) -> bytes:
    """Return what is signed: `k=v` sorted by key and joined by `&`, without what is left out."""
    kept = sorted((key, value) for key, value in params.items() if key not in left_out)
    return "&".join(f"{key}={value}" for key, value in kept).encode("utf-8")


@dataclass(frozen=True, slots=True)
class Signer:
    """Our side: the application and the key that proves it."""

    app_id: str
    key: rsa.RSAPrivateKey = field(repr=False)
    numbers: Mapping[str, str]
    """The numbers of certificates that go along in certificate mode."""

    def signed(self, params: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters with ours and the signature; empty ones are left out."""
        whole = {
            **{key: value for key, value in params.items() if value},
            **self.numbers,
            "app_id": self.app_id,
            "sign_type": SIGN_TYPE,
        }
        return {**whole, "sign": rsa_keys.sign(self.key, signed_text(whole))}


@dataclass(frozen=True, slots=True)
class Keyring:
    """The platform's keys that we trust now, by certificate number ("" in key mode)."""

    keys: Mapping[str, rsa.RSAPublicKey]
    trust: Trust | None

    def with_certificate(self, pem: bytes, serial: str, *, now: datetime) -> "Keyring":
        """Return a ring that trusts a new certificate too. Raises ValueError that says why not."""
        if self.trust is None:
            raise ValueError("key mode knows no certificates")
        return Keyring({**self.keys, serial: self.trust.admit(pem, serial, now=now)}, self.trust)

    def prove_answer(self, node: str, signature: str, serial: str) -> None:
        """Prove the source text of an answer's node. Raises NotGenuine."""
        key = self.keys.get("" if self.trust is None else serial)
        if key is None:
            raise NotGenuine("serial")
        if not rsa_keys.verifies(key, signature, node.encode("utf-8")):
            raise NotGenuine("signature")

    def prove_form(self, form: Mapping[str, str]) -> None:
        """Prove a notification over everything in its form. Raises NotGenuine.

        Where the text with all fields does not fit, the one without empty fields is tried: both
        cover every field that says something.
        """
        if form.get("sign_type") != SIGN_TYPE:
            raise NotGenuine("sign_type")
        if form.get("charset", "utf-8").lower() not in CHARSETS:
            raise NotGenuine("charset")
        if any(map(HIDDEN_FIELD.search, form.values())):
            raise NotGenuine("hidden_field")
        if self._fits(form, form.get("sign", "")):
            return
        filled = {key: value for key, value in form.items() if value}
        if len(filled) == len(form) or not self._fits(filled, form.get("sign", "")):
            raise NotGenuine("signature")

    def _fits(self, form: Mapping[str, str], signature: str) -> bool:
        text = signed_text(form, "sign", "sign_type")
        return any(rsa_keys.verifies(key, signature, text) for key in self.keys.values())
