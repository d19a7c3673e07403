"""Safe mode (安全模式) of the official account: AES, its signature, and the XML inside."""

import base64
import binascii
import hashlib
import hmac
import os
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class Unreadable(Exception):
    """What came back is not what the platform can read; the text says why."""


@dataclass(frozen=True)
class SafeMode:
    """Encrypts pushes and reads replies for one account."""

    token: str
    aes_key: str
    receiver: str

    def _cipher(self) -> Cipher[modes.CBC]:
        key = base64.b64decode(self.aes_key + "=")
        return Cipher(algorithms.AES(key), modes.CBC(key[:16]))

    def signature(self, *parts: str) -> str:
        """Return the SHA-1 of the token and the parts, sorted."""
        return hashlib.sha1(
            "".join(sorted((self.token, *parts))).encode(), usedforsecurity=False
        ).hexdigest()

    def encrypt(self, text: str, random: bytes | None = None) -> str:
        """Return the base64 ciphertext of a text; `random` is 16 bytes, fixed only in tests."""
        body = text.encode()
        plain = (random or os.urandom(16)) + struct.pack(">I", len(body)) + body
        plain += self.receiver.encode()
        pad = BLOCK - len(plain) % BLOCK
        locked = self._cipher().encryptor()
        sealed = locked.update(plain + bytes([pad]) * pad) + locked.finalize()
        return base64.b64encode(sealed).decode()

    def decrypt(self, sealed: str) -> str:
        """Return the text inside a ciphertext; raises Unreadable."""
        try:
            opener = self._cipher().decryptor()
            plain = opener.update(base64.b64decode(sealed, validate=True)) + opener.finalize()
            plain = plain[: -plain[-1]]
            length = struct.unpack(">I", plain[16:20])[0]
            text, receiver = plain[20 : 20 + length].decode(), plain[20 + length :].decode()
        except (ValueError, IndexError, struct.error, binascii.Error) as wrong:
            raise Unreadable("reply cannot be decrypted") from wrong
        if receiver != self.receiver:
            raise Unreadable("reply is encrypted for another appid")
        return text

    def open_reply(self, body: str) -> dict[str, str]:
        """Verify and decrypt a reply's envelope; return its XML fields. Raises Unreadable."""
        envelope = fields_of(body)
        needed = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
        if any(name not in envelope for name in needed):
            raise Unreadable("reply is not encrypted although safe mode is set")
        sealed = envelope["Encrypt"]
        right = self.signature(envelope["TimeStamp"], envelope["Nonce"], sealed)
        if not hmac.compare_digest(right, envelope["MsgSignature"]):
            raise Unreadable("reply has a wrong MsgSignature")
        return fields_of(self.decrypt(sealed))


def cdata(text: str) -> str:
    """Return a CDATA section that no text can leave."""
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def xml_of(fields: Mapping[str, str | int]) -> str:
    """Return WeChat's flat XML: numbers bare, words in CDATA, an event's own XML as it is."""
    parts = []
    for name, value in fields.items():
        if isinstance(value, int):
            inner = str(value)
        elif value.startswith("<") and name.endswith(("Event", "Result")):
            inner = value
        else:
            inner = cdata(value)
        parts.append(f"<{name}>{inner}</{name}>")
    return "<xml>" + "".join(parts) + "</xml>"


def fields_of(text: str) -> dict[str, str]:
    """Return the fields of an XML reply: nested ones as name/child, repeated ones numbered."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Unreadable("reply has a document type")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no DOCTYPE gets here
    except ElementTree.ParseError as wrong:
        raise Unreadable("reply is not XML") from wrong
    if root.tag != "xml":
        raise Unreadable("reply's root is not <xml>")
    fields: dict[str, str] = {}
    for child in root:
        _collect(child, child.tag, fields)
    return fields


def _collect(node: ElementTree.Element, name: str, fields: dict[str, str]) -> None:
    if not len(node):
        fields[name] = node.text or ""
        return
    for place, child in enumerate(node):
        tag = f"{place}" if child.tag == "item" else child.tag
        _collect(child, f"{name}/{tag}", fields)
