"""The wire to UnionPay (银联): requests are signed, answers are proven and then read."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.gateways import unionpay_codec as codec
from bot.gateways import unionpay_facts as facts
from bot.gateways.unionpay_certificates import NotGenuine
from bot.gateways.unionpay_codec import Words
from bot.gateways.unionpay_config import Config
from storage.errors import GatewayUnavailable

ANSWER_LIMIT_BYTES: Final = 256 * 1024
FILE_LIMIT_BYTES: Final = 32 * 1024 * 1024
FRONT: Final = "/gateway/api/frontTransReq.do"
BACK: Final = "/gateway/api/backTransReq.do"
QUERY: Final = "/gateway/api/queryTrans.do"
_ECHOED: Final = ("merId", "txnTime", "settleDate")
"""What an answer says of the same call, where it says it at all; the number it always says."""


class Wire:
    """One merchant's connection: our key, the platform's roots, and the session of the caller."""

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self._config = config
        self._session = session
        self._now = now
        self._signer = config.read_signer()
        self._trust = config.read_trust()

    @property
    def certificates_end_at(self) -> datetime:
        """Return when the first of our own certificates and the platform's authorities ends."""
        return min(self._signer.ends_at, self._trust.ends_at)

    def signed(self, words: Words) -> Words:
        """Return the fields of a call with what is the same in all, and our signature."""
        common = {
            "version": codec.VERSION,
            "encoding": "UTF-8",
            "signMethod": codec.SIGN_METHOD,
            "accessType": "0",
            "merId": self._config.merchant_id,
        }
        return self._signer.signed({**common, **words})

    def prove(self, words: Words, *, now: datetime) -> None:
        """Prove that the platform signed these fields. Raises NotGenuine."""
        self._trust.prove(words, now=now)

    async def trade(self, path: str, words: Words) -> Words:
        """Make a call about a trade. Raises GatewayUnavailable for all that is unproven."""
        address = self._config.base_url.rstrip("/") + path
        return await self._call(address, words, ANSWER_LIMIT_BYTES)

    async def file(self, words: Words) -> Words:
        """Ask for a file. Raises GatewayUnavailable for all that is unproven."""
        address = self._config.file_url.rstrip("/") + "/"
        return await self._call(address, words, FILE_LIMIT_BYTES)

    async def _call(self, address: str, words: Words, limit_bytes: int) -> Words:
        """Send, prove the answer, and see that it is about what was asked."""
        asked = self.signed(words)
        raw = await self._exchange(address, urlencode(asked).encode("ascii"), limit_bytes)
        try:
            answer = codec.read_answer(raw.decode("utf-8"))
        except ValueError as error:
            raise self._unavailable(f"unreadable: {error}") from error
        try:
            self._trust.prove(answer, now=self._now())
        except NotGenuine as error:
            raise self._unavailable(f"unproven: {error.cause} {facts.said(answer)}") from error
        if not _is_about(answer, asked):
            raise self._unavailable("the answer is about another call")
        return answer

    async def _exchange(self, address: str, body: bytes, limit_bytes: int) -> bytes:
        headers = {
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "wuyebot",
        }
        try:
            async with self._session.post(
                address,
                data=body,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=ClientTimeout(total=self._config.timeout_seconds),
            ) as response:
                got = bytearray()
                async for chunk in response.content.iter_any():
                    got += chunk
                    if len(got) > limit_bytes:
                        raise self._unavailable("an answer without end")
                if response.status != 200:
                    raise self._unavailable(f"HTTP {response.status}")
                return bytes(got)
        except (ClientError, OSError, TimeoutError) as error:
            raise self._unavailable(type(error).__name__) from error

    def _unavailable(self, reason: str) -> GatewayUnavailable:
        return GatewayUnavailable(self._config.name, reason[:200])


def _is_about(answer: Words, asked: Words) -> bool:
    both = [key for key in _ECHOED if key in answer and key in asked]
    has_same = all(answer[key] == asked[key] for key in both)
    return has_same and answer.get("orderId") == asked.get("orderId")
