"""Opens and seals callbacks of WeChat and WeCom: signature, cipher, XML; only safe mode."""

import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MAX_BODY_BYTES: Final = 64 * 1024
MAX_REPLY_BYTES: Final = 2048
"""What the platform shows of a text, passive or not."""
WINDOW_SECONDS: Final = 600
"""How far a callback's timestamp may be from our now, either way."""

_BLOCK: Final = 32
_MAX_DEPTH: Final = 8
_PADDINGS: Final = tuple(bytes([n]) * n for n in range(_BLOCK + 1))
_AES_KEY: Final = re.compile(r"[0-9A-Za-z+/]{43}", re.ASCII)
# Ten digits and a short nonce: the signature covers the parts joined, so borders must not slide.
_TIMESTAMP: Final = re.compile(r"[0-9]{10}", re.ASCII)
_NONCE: Final = re.compile(r"[0-9A-Za-z_.-]{1,63}", re.ASCII)
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ODD: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ANCHOR: Final = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)
_REPEATED: Final = frozenset({"List", "item"})
_LEAF: Final = re.compile(
    r"<([A-Za-z]+)>(?:<!\[CDATA\[([^\]]*)\]\]>|([^<&\]]*))</\1>[ \n]*", re.ASCII
)
_FLAT: Final = re.compile(rf"<xml>[ \n]*((?:{_LEAF.pattern})*)</xml>\s*".replace("\\1", "\\2"))


@dataclass(eq=False)
class BadCallback(Exception):
    """A callback that is refused; `status` is the HTTP answer: 400, 401, 403 or 413."""

    status: int
    reason: str


def sign(*parts: bytes) -> bytes:
    """Return the platform's signature of some parts: SHA-1 in hex over them, sorted and joined."""
    return hashlib.sha1(b"".join(sorted(parts)), usedforsecurity=False).hexdigest().encode()


def plain_text(text: str, *, tail: str = "", limit_bytes: int = MAX_REPLY_BYTES) -> str:
    """Make a text safe to show, cut to `limit_bytes` on a character's border.

    The tail (an address) stands on a line of its own and is never cut. What could act as a link
    is defused, for our texts carry addresses only in plain sight.
    """
    ending = f"\n{tail}" if tail else ""
    shown = _ANCHOR.sub("＜", _NOT_XML.sub("", text))
    room = limit_bytes - len(ending.encode())
    raw = shown.encode()
    if len(raw) > room:
        shown = raw[: max(room - 3, 0)].decode(errors="ignore") + "…"
    return (shown + ending).lstrip("\n")


def cdata(text: str) -> str:
    """Wrap a text so that nothing in it can end its own wrapping."""
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


class _Reader:
    """Collects the leaves of one document under their dotted paths."""

    __slots__ = ("_has_child", "_ordinals", "_prefixes", "_text", "fields")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._prefixes: list[str] = []
        self._ordinals: dict[str, int] = {}
        self._has_child = False
        self._text = ""

    def start(self, name: str, _attributes: object) -> None:
        """Open an element."""
        prefixes = self._prefixes
        if not prefixes:
            if name != "xml":
                raise BadCallback(400, "root")
            prefixes.append("")
            return
        if len(prefixes) > _MAX_DEPTH:
            raise BadCallback(400, "depth")
        path = prefixes[-1] + name
        if name in _REPEATED:
            ordinal = self._ordinals.get(path, 0)
            self._ordinals[path] = ordinal + 1
            path += str(ordinal)
        prefixes.append(path + ".")
        self._has_child = False
        self._text = ""

    def text(self, characters: str) -> None:
        """Take characters."""
        self._text += characters

    def end(self, _name: str) -> None:
        """Close an element; a leaf becomes a field."""
        path = self._prefixes.pop()[:-1]
        if self._has_child or not path:
            return
        self._has_child = True
        if path not in self.fields:
            self.fields[path] = self._text
        elif "." not in path:
            raise BadCallback(400, "duplicate")

    def refuse(self, *_declaration: object) -> None:
        """Refuse a document type or an entity: no callback has one."""
        raise BadCallback(400, "doctype")


def parse_fields(document: bytes) -> dict[str, str]:
    """Read a flat XML document into its fields.

    Nested leaves get dotted paths; `List` and `item` are numbered, be they one or many:
    "SubscribeMsgPopupEvent.List0.TemplateId". Raises BadCallback and nothing else.
    """
    try:
        text = document.decode()
    except ValueError as error:
        raise BadCallback(400, "xml") from error
    return _plain_fields(text) or _nested_fields(text)


def _plain_fields(text: str) -> dict[str, str] | None:
    """Read what nearly all messages are, leaves in a row; None: anything else, look closer."""
    flat = _FLAT.fullmatch(text)
    if flat is None or not (text.isprintable() or _ODD.search(text) is None):
        return None
    leaves = _LEAF.findall(flat[1])
    fields = {name: wrapped or bare for name, wrapped, bare in leaves}
    return fields if len(fields) == len(leaves) and fields.keys().isdisjoint(_REPEATED) else None


def _nested_fields(text: str) -> dict[str, str]:
    reader = _Reader()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003 - expat takes it by position only
    except (ExpatError, ValueError) as error:
        raise BadCallback(400, "xml") from error
    return reader.fields


def _encrypted_part(body: bytes) -> bytes:
    """Return the bytes of the one Encrypt element. Raises BadCallback."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadCallback(400, "doctype")
    start = body.find(b"<Encrypt>")
    end = body.find(b"</Encrypt>", start)
    if start < 0 or end < 0:
        raise BadCallback(401, "plain body")
    part = body[start + 9 : end].strip()
    if part.startswith(b"<![CDATA[") and part.endswith(b"]]>"):
        part = part[9:-3]
    return part


def _parameter(query: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = query.get(name)
    if not isinstance(value, str) or shape.fullmatch(value) is None:
        raise BadCallback(401, name)
    return value


def _same(given: object, expected: bytes) -> bool:
    if not isinstance(given, str):
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected)


class Codec:
    """One account's callback codec in safe mode (安全模式).

    Raises ValueError, naming the key, where a secret is empty or malformed.
    """

    def __init__(
        self,
        token: str,
        aes_key: str,
        app_id: str,
        *,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        for name, value in (("token", token), ("aes_key", aes_key), ("app_id", app_id)):
            if not value:
                raise ValueError(f"{name} is empty")
        if _AES_KEY.fullmatch(aes_key) is None:
            raise ValueError("aes_key is not 43 letters and digits")
        key = binascii.a2b_base64(aes_key + "=")
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        # One context for all messages, for a new one costs more than the cipher itself. What
        # chaining carries over reaches a message's first block alone, and that one is random:
        # whoever decrypts throws it away.
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update
        self._token = token.encode()
        self._app_id = app_id.encode()
        self._entropy = entropy

    def verify_url(self, query: Mapping[str, str]) -> bytes | None:
        """Return what to echo to the platform's address check, None where it is not theirs."""
        timestamp, nonce, echo = (query.get(k) for k in ("timestamp", "nonce", "echostr"))
        if not (isinstance(timestamp, str) and isinstance(nonce, str) and isinstance(echo, str)):
            return None
        parts = (part.encode("utf-8", "replace") for part in (timestamp, nonce))
        if not _same(query.get("signature"), sign(self._token, *parts)):
            return None
        return echo.encode("utf-8", "replace")

    def verify_sealed_url(self, query: Mapping[str, str]) -> bytes | None:
        """Return the words inside the sealed echo of a WeCom address check, None for a forgery."""
        try:
            timestamp = _parameter(query, "timestamp", _TIMESTAMP)
            nonce = _parameter(query, "nonce", _NONCE)
            echo = query.get("echostr", "").encode("utf-8", "replace")
            expected = sign(self._token, timestamp.encode(), nonce.encode(), echo)
            if not _same(query.get("msg_signature"), expected):
                return None
            return self.decrypt(echo)
        except BadCallback:
            return None

    def open(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> dict[str, str]:
        """Prove, decrypt and read one callback. Raises BadCallback and nothing else."""
        if len(body) > MAX_BODY_BYTES:
            raise BadCallback(413, "size")
        timestamp = _parameter(query, "timestamp", _TIMESTAMP)
        nonce = _parameter(query, "nonce", _NONCE)
        if query.get("msg_signature") is None:
            raise BadCallback(401, "msg_signature")
        encrypted = _encrypted_part(body)
        expected = sign(self._token, timestamp.encode(), nonce.encode(), encrypted)
        if not _same(query["msg_signature"], expected):
            raise BadCallback(401, "msg_signature")
        if abs(int(timestamp) - now.timestamp()) > WINDOW_SECONDS:
            raise BadCallback(403, "timestamp")
        return parse_fields(self.decrypt(encrypted))

    def decrypt(self, encrypted: bytes) -> bytes:
        """Return the message inside an Encrypt element of proven origin. Raises BadCallback."""
        try:
            raw = binascii.a2b_base64(encrypted, strict_mode=True)
        except binascii.Error as error:
            raise BadCallback(400, "base64") from error
        if not raw or len(raw) % _BLOCK:
            raise BadCallback(400, "length")
        padded = self._decrypt(raw)
        pad = padded[-1]
        if not 1 <= pad <= _BLOCK or not padded.endswith(_PADDINGS[pad]):
            raise BadCallback(400, "padding")
        end = 20 + int.from_bytes(padded[16:20])
        if padded[end : len(padded) - pad] != self._app_id:
            raise BadCallback(400, "appid")
        return padded[20:end]

    def encrypt(self, message: bytes) -> bytes:
        """Return the message as the content of an Encrypt element."""
        content = b"".join(
            (self._entropy(16), len(message).to_bytes(4), message, self._app_id),
        )
        padded = content + _PADDINGS[_BLOCK - len(content) % _BLOCK]
        return binascii.b2a_base64(self._encrypt(padded), newline=False)

    def seal(self, xml: str, timestamp: int, nonce: str) -> bytes:
        """Encrypt and sign a passive reply."""
        encrypted = self.encrypt(xml.encode())
        signature = sign(self._token, str(timestamp).encode(), nonce.encode(), encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted.decode()}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signature.decode()}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{cdata(nonce)}</Nonce></xml>"
        ).encode()
