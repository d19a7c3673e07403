"""Our codec's round trip (prove, open, read, answer, seal) against wechatpy's, in one process."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto

from bot.channels.wechat_official import Config, WechatOfficial
from storage.ports.chat import OutgoingMessage
from tests.benchmarks import machine
from tests.benchmarks.account import AES_KEY, APP_ID, APP_SECRET, ORIGINAL_ID, TOKEN, echo
from tests.benchmarks.estate import ACCOUNT, UNITS, openid
from tests.benchmarks.messages import Verifier, callbacks
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import PATH

Call = tuple[dict[str, str], bytes]
Codec = Callable[[Call], bytes]
CALLS = 2_000


def measure(scale: Scale, _folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate the two codecs over the same distinct messages; every reply is checked."""
    return asyncio.run(_measure(scale, say))


async def _measure(scale: Scale, say: Callable[[str], None]) -> list[Row]:
    os.sched_setaffinity(0, {machine.SERVER_CORE})
    async with aiohttp.ClientSession() as http:
        pairs = _alternate((_ours(http), _wechatpy()), scale.rounds, say)
    os.sched_setaffinity(0, {machine.SERVER_CORE, machine.LOAD_CORE})
    reference = "wechatpy 1.8 (crypto, parse_message, create_reply)"
    return [Row("codec", pairs, reference, "round trips/s of one core", "higher", goal=3.0)]


def _alternate(
    codecs: tuple[Codec, Codec], rounds: int, say: Callable[[str], None]
) -> list[tuple[float, float]]:
    calls = [_split(request) for request in callbacks(PATH, range(CALLS), UNITS)]
    verifier = Verifier({})
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        rates = {}
        for codec in codecs if number % 2 else codecs[::-1]:
            began = time.process_time()
            replies = [codec(call) for call in calls]
            rates[codec] = CALLS / (time.process_time() - began)
            for place, reply in enumerate(replies):
                verifier.check_echo(openid(place + 1), reply)
        ours, theirs = (rates[codec] for codec in codecs)
        say(f"  round {number + 1} ours {ours:,.0f}/s  wechatpy {theirs:,.0f}/s")
        pairs.append((ours, theirs))
    return pairs


def _split(request: bytes) -> Call:
    head, _, body = request.partition(b"\r\n\r\n")
    address = head.split(b" ", 2)[1].decode()
    return dict(parse_qsl(urlsplit(address).query)), body


def _ours(http: aiohttp.ClientSession) -> Codec:
    config = Config(
        name=ACCOUNT,
        app_id=APP_ID,
        app_secret=APP_SECRET,
        original_id=ORIGINAL_ID,
        token=TOKEN,
        aes_key=AES_KEY,
    )
    now = datetime.now(UTC)
    account = WechatOfficial(config, http=http, now=lambda: now)
    stamp = int(now.timestamp())

    def answer(call: Call) -> bytes:
        query, body = call
        message = account.receive(query, body, now=now)
        said = OutgoingMessage("echo", echo(message.sender))
        return account.reply(message, said, timestamp=stamp, nonce="1234567890")

    return answer


def _wechatpy() -> Codec:
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)

    def answer(call: Call) -> bytes:
        query, body = call
        stamp, nonce = query["timestamp"], query["nonce"]
        inner = crypto.decrypt_message(body, query["msg_signature"], stamp, nonce)
        message = parse_message(inner)
        reply = create_reply(echo(message.source), message)
        sealed: str = crypto.encrypt_message(reply.render(), nonce, stamp)
        return sealed.encode()

    return answer
