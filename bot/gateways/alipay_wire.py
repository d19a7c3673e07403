"""The wire to Alipay (支付宝): requests are signed, answers are proven and only then read."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from bot.gateways import alipay_facts as facts
from bot.gateways import rsa as rsa_keys
from bot.gateways.addresses import LOOPBACK
from bot.gateways.alipay_config import Config
from bot.gateways.alipay_crypto import Keyring, NotGenuine
from bot.gateways.strict_json import UnreadableError, Words, read_json, text
from storage.errors import GatewayUnavailable

log = logging.getLogger(__name__)

ANSWER_LIMIT_BYTES: Final = 1024 * 1024
STATEMENT_LIMIT_BYTES: Final = 512 * 1024 * 1024
STATEMENT_SECONDS: Final = 300
REFRESH_EVERY: Final = timedelta(minutes=10)
DOWNLOAD_CERTIFICATE: Final = "alipay.open.app.alipaycert.download"
DONE: Final = "10000"
REFUSED: Final = "40004"
"""The business says no, and why stands in `sub_code`. All other codes say nothing of the trade."""


class Wire:
    """One application's connection: our key, the platform's keys, and the caller's session."""

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self._config = config
        self._session = session
        self._now = now
        self._signer = config.read_signer()
        self._keyring: Keyring = config.read_keyring()
        self._refresh_gate = asyncio.Lock()
        self._refreshed_at: datetime | None = None

    def page_url(self, method: str, content: Mapping[str, object], *, back_url: str) -> str:
        """Return the signed address that opens the cashier in a browser; it calls nobody."""
        params = self._params(method, content, notify_url=self._config.notify_url)
        signed = self._signer.signed({**params, "return_url": back_url})
        return f"{self._config.gateway_url}?{urlencode(signed)}"

    def prove_form(self, form: Mapping[str, str]) -> None:
        """Prove a notification. Raises NotGenuine."""
        self._keyring.prove_form(form)

    async def call(self, method: str, content: Mapping[str, object]) -> Words:
        """Ask, prove the answer, return what it says: DONE, or REFUSED with its `sub_code`.

        Raises GatewayUnavailable for every answer that is unproven or of another code: what
        became of the request is unknown then.
        """
        members = await self._members(method, content)
        node, signature, serial = self._signed_node(method, members)
        if self._keyring.trust is not None and serial not in self._keyring.keys:
            await self._refresh(serial)
        try:
            self._keyring.prove_answer(node, signature, serial)
        except NotGenuine as error:
            raise self.unavailable(f"unproven: {error.cause}") from error
        try:
            words = read_json(node.encode("utf-8"))
            code = text(words, "code")
        except UnreadableError as error:
            raise self.unavailable(str(error)) from error
        if code not in (DONE, REFUSED):
            raise self.unavailable(f"{code} {sub_code(words)}")
        return words

    def _params(
        self, method: str, content: Mapping[str, object], *, notify_url: str = ""
    ) -> dict[str, str]:
        return {
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "timestamp": facts.moment(self._now()),
            "version": "1.0",
            "notify_url": notify_url,
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }

    async def _members(self, method: str, content: Mapping[str, object]) -> dict[str, str]:
        params = self._signer.signed(self._params(method, content))
        body = urlencode({"biz_content": params.pop("biz_content")}).encode("ascii")
        url = URL(f"{self._config.gateway_url}?{urlencode(params)}", encoded=True)
        raw = await self._exchange(url, body)
        try:
            return facts.cut_answer(raw.decode("utf-8"))
        except ValueError as error:
            raise self.unavailable(f"unreadable: {error}"[:100]) from error

    def _signed_node(self, method: str, members: Mapping[str, str]) -> tuple[str, str, str]:
        """Return an answer's node, signature and certificate number, the node as it is written."""
        node = members.get(f"{method.replace('.', '_')}_response")
        if node is None or "sign" not in members:
            # An error of the gateway itself may come unsigned: anybody may have said it.
            code = "error_response" if "error_response" in members else "an answer to nothing"
            raise self.unavailable(code)
        return node, _plain(members["sign"]), _plain(members.get("alipay_cert_sn", '""'))

    async def _exchange(self, url: URL, body: bytes) -> bytes:
        got = bytearray()
        headers = {
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded;charset=utf-8",
            "User-Agent": "wuyebot",
        }
        try:
            async with self._session.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=ClientTimeout(total=self._config.timeout_seconds),
            ) as response:
                async for chunk in response.content.iter_any():
                    got += chunk
                    if len(got) > ANSWER_LIMIT_BYTES:
                        raise self.unavailable("an answer without end")
        except (ClientError, OSError, TimeoutError) as error:
            raise self.unavailable(type(error).__name__) from error
        return bytes(got)

    async def _refresh(self, serial: str) -> None:
        """Fetch a certificate that we lack, at most one in 10 minutes; the old ones stay.

        Its download is signed by itself: what it is worth, its chain and its name say.
        """
        async with self._refresh_gate:
            now, before = self._now(), self._refreshed_at
            is_soon = before is not None and timedelta(0) <= now - before < REFRESH_EVERY
            if serial in self._keyring.keys or is_soon:
                return
            self._refreshed_at = now
            try:
                members = await self._members(DOWNLOAD_CERTIFICATE, {"alipay_cert_sn": serial})
                node, signature, told = self._signed_node(DOWNLOAD_CERTIFICATE, members)
                pem = rsa_keys.unbase64(_certificate(node))
                ring = self._keyring.with_certificate(pem, serial, now=self._now())
                ring.prove_answer(node, signature, told)
            except (GatewayUnavailable, ValueError, NotGenuine):
                log.warning(
                    "gateway.refresh_failed", extra={"gateway": self._config.name}, exc_info=True
                )
                return
            self._keyring = ring

    async def download(self, address: str, to: Path) -> None:
        """Write a file to where it may grow. Raises GatewayUnavailable.

        The address holds a token and is dead within 30 seconds; it is not logged.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.unavailable("no address to download from")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            address = "https" + address.removeprefix("http")
        with to.open("wb") as file:
            await self._fill(URL(address, encoded=True), file.write)

    async def _fill(self, url: URL, write: Callable[[bytes], int]) -> None:
        length = 0
        timeout = ClientTimeout(total=STATEMENT_SECONDS)
        try:
            async with self._session.get(url, allow_redirects=False, timeout=timeout) as response:
                if response.status != 200:
                    raise self.unavailable(f"download: {response.status}")
                async for chunk in response.content.iter_any():
                    length += len(chunk)
                    if length > STATEMENT_LIMIT_BYTES:
                        raise self.unavailable("download: without end")
                    write(chunk)
        except (ClientError, OSError, TimeoutError) as error:
            raise self.unavailable(f"download: {type(error).__name__}") from error

    def unavailable(self, reason: str) -> GatewayUnavailable:
        """Return the trouble to raise."""
        return GatewayUnavailable(self._config.name, reason[:200])


def sub_code(words: Mapping[str, object]) -> str:
    """Return why the platform said no, "" where it does not say."""
    found = words.get("sub_code")
    return found[:64] if isinstance(found, str) else ""


def _plain(source: str) -> str:
    try:
        found = json.loads(source)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def _certificate(node: str) -> str:
    """Return the one long text of an answer: a packed certificate. Raises ValueError."""
    words = json.loads(node)
    packed = words.get("alipay_cert_content") if isinstance(words, dict) else None
    if not isinstance(packed, str):
        raise UnreadableError("alipay_cert_content is missing")
    return packed
