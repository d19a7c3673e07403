"""How UnionPay's full-channel gateway (银联全渠道) writes and signs: version 5.1.0, method 01."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.gateways import rsa as rsa_keys

VERSION: Final = "5.1.0"
SIGN_METHOD: Final = "01"
MAX_FIELDS: Final = 120
_KEY: Final = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
_MARKS: Final = re.compile(r"[{}\[\]&]")
_CLOSES: Final = {"{": "}", "[": "]"}

Words = dict[str, str]


class UnreadableError(ValueError):
    """What came does not have the agreed shape."""


def _signed_text(words: Mapping[str, str], *, without_empty: bool) -> str:
    """Return the text that a signature covers: all but itself, in the order of the names."""
    return "&".join(
        f"{key}={value}"
        for key, value in sorted(words.items())
        if key != "signature" and (value or not without_empty)
    )


def _digest(text: str) -> bytes:
    """Return what RSA signs in 5.1.0: the hash of the text, written in small hex letters."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest().encode("ascii")


def sign(key: rsa.RSAPrivateKey, words: Mapping[str, str]) -> str:
    """Sign fields as a merchant does (SHA-256 twice, empty ones left out); base64."""
    return rsa_keys.sign(key, _digest(_signed_text(words, without_empty=True)))


def verifies(key: rsa.RSAPublicKey, words: Mapping[str, str]) -> bool:
    """Tell whether `signature` is this key's over all the other fields.

    The platform's own programs do not agree on whether an empty field is covered, so both are
    tried: what is not empty is covered either way, and an empty field means nothing to us.
    """
    try:
        texts = {_signed_text(words, without_empty=one) for one in (False, True)}
        signed = [_digest(one) for one in texts]
    except UnicodeEncodeError:
        return False
    return any(rsa_keys.verifies(key, words.get("signature", ""), one) for one in signed)


def read_answer(text: str) -> Words:
    """Read an answer: `k=v&k=v` without any encoding. Raises UnreadableError.

    A value may hold `=`, and `&` where {…} or […] encloses it; a bracket that nothing closes is
    only a character.
    """
    words: Words = {}
    for piece in _pieces(text):
        key, found, value = piece.partition("=")
        if not found or _KEY.fullmatch(key) is None or key in words:
            raise UnreadableError("not fields, or a field stands twice")
        words[key] = value
        if len(words) > MAX_FIELDS:
            raise UnreadableError("too many fields")
    return words


def _pieces(text: str) -> Iterator[str]:
    marks = [(one.start(), one.group()) for one in _MARKS.finditer(text)]
    closed_at = _brackets(marks)
    begun, free_at = 0, 0
    for at, char in marks:
        if at < free_at:
            continue
        if char == "&":
            yield text[begun:at]
            begun = at + 1
        free_at = closed_at.get(at, at)
    yield text[begun:]


def _brackets(marks: Iterable[tuple[int, str]]) -> dict[int, int]:
    """Return where each opening bracket is closed, in one walk over the text."""
    waiting: dict[str, list[int]] = {closing: [] for closing in _CLOSES.values()}
    closed_at: dict[int, int] = {}
    for at, char in marks:
        if char in _CLOSES:
            waiting[_CLOSES[char]].append(at)
        elif waiting.get(char):
            closed_at[waiting[char].pop()] = at
    return closed_at


def read_form(body: bytes) -> Words:
    """Read a notification's posted form, each field once. Raises UnreadableError."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise UnreadableError("not a form") from error
    words = dict(pairs)
    if len(words) != len(pairs) or not all(_KEY.fullmatch(key) for key in words):
        raise UnreadableError("a field stands twice, or has no name")
    return words


def refuse_merged(words: Mapping[str, str]) -> None:
    """Refuse fields that other fields could have been signed as. Raises UnreadableError.

    The signed text has no escapes: `a=1&b=2` is two fields, or one whose value holds the other.
    """
    if read_answer(_signed_text(words, without_empty=False)) != {
        key: value for key, value in words.items() if key != "signature"
    }:
        raise UnreadableError("fields that hide in another")


def unpack(content: str, *, limit_bytes: int) -> bytes:
    """Open a file's content: base64 around zlib. Raises UnreadableError."""
    try:
        packed = rsa_keys.unbase64("".join(content.split()))
        opener = zlib.decompressobj()
        plain = opener.decompress(packed, limit_bytes)
    except (ValueError, zlib.error) as error:
        raise UnreadableError("not a packed file") from error
    if not opener.eof or opener.unused_data:
        raise UnreadableError("a packed file that is cut off, or too large")
    return plain
