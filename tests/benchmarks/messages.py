"""Callbacks as the platform sends them, and the check of what was answered to each.

Encrypting and decrypting is wechatpy's here, so that a mistake of our codec cannot hide itself.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from wechatpy.crypto import WeChatCrypto

from tests.benchmarks.account import AES_KEY, APP_ID, ORIGINAL_ID, TOKEN, echo
from tests.benchmarks.estate import Owed, openid

_FIELD = re.compile(rb"<(\w+)><!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_STAMP = re.compile(rb"<TimeStamp>(?:<!\[CDATA\[)?([0-9]+)")


def callback(crypto: WeChatCrypto, path: str, person: str, number: int, said: str) -> bytes:
    """Return the bytes of one request: a text message, encrypted and signed."""
    stamp, nonce = str(int(time.time())), f"{number % 10**9:09d}"
    message = (
        f"<xml><ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName>"
        f"<FromUserName><![CDATA[{person}]]></FromUserName><CreateTime>{stamp}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{said}]]></Content>"
        f"<MsgId>{number}</MsgId></xml>"
    )
    sealed = crypto.encrypt_message(message, nonce, stamp)
    fields = dict(_FIELD.findall(sealed.encode()))
    query = urlencode(
        {
            "signature": hashlib.sha1("".join(sorted((TOKEN, stamp, nonce))).encode()).hexdigest(),
            "timestamp": stamp,
            "nonce": nonce,
            "openid": person,
            "encrypt_type": "aes",
            "msg_signature": fields[b"MsgSignature"].decode(),
        }
    )
    body = (
        b"<xml><ToUserName><![CDATA[%s]]></ToUserName><Encrypt><![CDATA[%s]]></Encrypt></xml>"
        % (ORIGINAL_ID.encode(), fields[b"Encrypt"])
    )
    head = (
        f"POST {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/4.0\r\n"
        f"Accept: */*\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def callbacks(path: str, people: range, units: int, said: str = "账单") -> list[bytes]:
    """Return distinct requests of these people, counted round the estate; ids never repeat."""
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    first = time.time_ns()
    return [
        callback(crypto, path, openid(number % units + 1), first + place, said)
        for place, number in enumerate(people)
    ]


class Verifier:
    """Opens replies as the platform does and compares them with what is true."""

    def __init__(self, owed: Mapping[str, Owed]) -> None:
        self._crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
        self._owed = owed

    def check_bills(self, person: str, reply: bytes) -> None:
        """Raise AssertionError unless the reply tells this person all that she owes."""
        said = self._said(person, reply)
        true = self._owed[person]
        lines = said.splitlines()
        assert lines[0].startswith(true.label), said
        told = lines[1 : 1 + len(true.bills)]
        for line, (period, name, fen) in zip(told, true.bills, strict=True):
            year, month = int(period[:4]), int(period[5:])
            assert line.startswith(f"{year}年{month}月 {name} {_yuan(fen)}"), said
        assert f"合计 {_yuan(true.total_fen)}" in said, said

    def check_echo(self, person: str, reply: bytes) -> None:
        """Raise AssertionError unless the reply is the peer's constant text for this person."""
        assert self._said(person, reply) == echo(person)

    def _said(self, person: str, reply: bytes) -> str:
        fields = dict(_FIELD.findall(reply))
        stamp = _STAMP.search(reply)
        assert stamp is not None, reply[:200]
        inner = self._crypto.decrypt_message(
            reply.decode(),
            fields[b"MsgSignature"].decode(),
            stamp.group(1).decode(),
            fields[b"Nonce"].decode(),
        )
        told = {name.decode(): text.decode() for name, text in _FIELD.findall(inner.encode())}
        assert told["ToUserName"] == person
        assert told["FromUserName"] == ORIGINAL_ID
        assert told["MsgType"] == "text"
        return str(told["Content"])


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"
