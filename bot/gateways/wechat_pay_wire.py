"""The wire to WeChat Pay (微信支付): requests are signed, answers are proven and then read."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from bot.gateways import wechat_pay_crypto as crypto
from bot.gateways import wechat_pay_facts as facts
from bot.gateways.wechat_pay_config import Config
from bot.gateways.wechat_pay_facts import GATEWAY, UnreadableError, Words
from storage.errors import GatewayUnavailable
from storage.frozen import dataclass

log = logging.getLogger(__name__)

ANSWER_LIMIT_BYTES: Final = 1024 * 1024
REFRESH_EVERY: Final = timedelta(minutes=10)
CERTIFICATES: Final = "/v3/certificates"
DOWNLOADS: Final = "https://api.mch.weixin.qq.com"
"""Where announced files lie, whichever of the platform's addresses was asked."""
FILE_SECONDS: Final = 600
FILE_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One merchant's connection: our key, the platform's keys, and the session of the caller."""

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self._config = config
        self._session = session
        self._now = now
        self._signer = config.read_signer()
        self._keyring = config.read_keyring()
        self._api_v3_key = config.api_v3_key.encode("utf-8")
        self._refresh_gate = asyncio.Lock()
        self._refreshed_at: datetime | None = None
        self._is_ring_old = False

    def sign(self, *lines: str) -> str:
        """Sign lines for the payer's device, as JSAPI asks for them."""
        return crypto.sign(self._signer.key, [line.encode("utf-8") for line in lines])

    def prove(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Prove a notification. Raises NotGenuine; the next call looks for a serial we lack."""
        try:
            self._keyring.prove(headers, body, now=now)
        except crypto.NotGenuine as error:
            self._is_ring_old |= error.cause == "serial"
            raise

    def open(self, box: Words) -> bytes:
        """Open an encrypted resource. Raises UnreadableError, UndecryptableError."""
        nonce = facts.text(box, "nonce")
        ciphertext = box.get("ciphertext")
        if facts.text(box, "algorithm") != "AEAD_AES_256_GCM" or len(nonce) != 12:
            raise UnreadableError("a box of another kind")
        if not isinstance(ciphertext, str):
            raise UnreadableError("ciphertext is not a text")
        associated = facts.text_or_nothing(box, "associated_data")
        return crypto.decrypt(
            self._api_v3_key, nonce=nonce, associated=associated, ciphertext=ciphertext
        )

    async def refresh_certificates(self) -> bool:
        """Fetch the platform's certificates, at most once in 10 minutes; True where they came.

        Never raises for the platform's troubles: the old keys stay until new ones are proven.
        """
        if self._config.platform_certificate_file is None:
            return False
        async with self._refresh_gate:
            now = self._now()
            before = self._refreshed_at
            if before is not None and timedelta(0) <= now - before < REFRESH_EVERY:
                return False
            self._refreshed_at = now
            try:
                answer = await self._exchange("GET", CERTIFICATES, b"")
                ring = self._keyring.with_keys(self._certificates(answer))
                ring.prove(answer.headers, answer.body, now=self._now())
            except (GatewayUnavailable, ValueError, crypto.NotGenuine):
                log.warning("gateway.refresh_failed", extra={"gateway": GATEWAY}, exc_info=True)
                return False
            self._keyring = ring
            self._is_ring_old = False
            return True

    def _certificates(self, answer: _Answer) -> dict[str, rsa.RSAPublicKey]:
        """Open the list with our own key, which only the platform and we have."""
        listed = facts.read_json(answer.body).get("data")
        if answer.status != 200 or not isinstance(listed, list):
            raise UnreadableError(f"{answer.status}: no list of certificates")
        boxes = [facts.table(row, "encrypt_certificate") for row in listed if isinstance(row, dict)]
        return dict(crypto.read_certificate(self.open(box)) for box in boxes)

    async def call(
        self, method: str, path: str, content: Mapping[str, Any] | None = None
    ) -> tuple[int, Words]:
        """Send, prove the answer, read it. Raises GatewayUnavailable for all that is unproven."""
        if self._is_ring_old:
            await self.refresh_certificates()
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode("utf-8")
        answer = await self._exchange(method, path, body)
        await self._prove(answer)
        if not answer.body:
            return answer.status, {}
        try:
            return answer.status, facts.read_json(answer.body)
        except UnreadableError as error:
            raise self._unavailable(f"{answer.status}: {error}") from error

    async def _prove(self, answer: _Answer) -> None:
        try:
            self._keyring.prove(answer.headers, answer.body, now=self._now())
        except crypto.NotGenuine as error:
            ring = self._keyring
            if error.cause == "serial":
                await self.refresh_certificates()
            if self._keyring is ring:
                raise self._unavailable(f"{answer.status} unproven: {error.cause}") from error
            await self._prove(answer)

    async def download(self, address: str) -> AsyncGenerator[bytes, None]:
        """Fetch a file that was announced: our request is signed, its answer is not.

        Raises GatewayUnavailable, also for an address that is not the platform's own.
        """
        url = URL(address, encoded=True)
        if url.origin() not in (URL(self._config.base_url).origin(), URL(DOWNLOADS)):
            raise self._unavailable("a file that lies elsewhere")
        try:
            async with self._session.get(
                url,
                headers=self._headers("GET", url, b""),
                allow_redirects=False,
                raise_for_status=False,
                timeout=ClientTimeout(total=FILE_SECONDS, sock_read=self._config.timeout_seconds),
            ) as response:
                if response.status != 200:
                    raise self._unavailable(f"file: {response.status}")
                async for chunk in response.content.iter_chunked(FILE_CHUNK_BYTES):
                    yield chunk
        except (ClientError, OSError, TimeoutError) as error:
            raise self._unavailable(type(error).__name__) from error

    def _headers(self, method: str, url: URL, body: bytes) -> dict[str, str]:
        stamp = (int(self._now().timestamp()), new_nonce())
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": self._signer.authorize(method, url.raw_path_qs, body, stamp),
            "Content-Type": "application/json",
            "User-Agent": "wuyebot",
        }
        if self._config.platform_public_key_id:
            headers["Wechatpay-Serial"] = self._config.platform_public_key_id
        return headers

    async def _exchange(self, method: str, path: str, body: bytes) -> _Answer:
        url = URL(self._config.base_url.rstrip("/") + path, encoded=True)
        headers = self._headers(method, url, body)
        try:
            async with self._session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=ClientTimeout(total=self._config.timeout_seconds),
            ) as response:
                got = bytearray()
                async for chunk in response.content.iter_any():
                    got += chunk
                    if len(got) > ANSWER_LIMIT_BYTES:
                        raise self._unavailable("an answer without end")
                named = {key.lower(): value for key, value in response.headers.items()}
                return _Answer(response.status, named, bytes(got))
        except (ClientError, OSError, TimeoutError) as error:
            raise self._unavailable(type(error).__name__) from error

    def _unavailable(self, reason: str) -> GatewayUnavailable:
        return GatewayUnavailable(GATEWAY, reason[:200])


def new_nonce() -> str:
    """Return 32 random characters, for one signature."""
    return secrets.token_hex(16)
