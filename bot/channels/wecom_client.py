"""Calls the API of one WeCom app: its token is kept per corporation and secret."""

from collections.abc import Callable
from datetime import datetime

import aiohttp
from yarl import URL

from bot.channels.api_client import ApiClient, granted
from bot.channels.exchange import Patience, exchange, read_answer
from bot.channels.wechat_tokens import Grant, Refresh
from bot.channels.wecom_errors import BAD_CONFIGURATION


class WecomClient(ApiClient):
    """One app's way to the API. A token lasts two hours, and the same is given while it does."""

    def __init__(
        self,
        *,
        corp_id: str,
        secret: str,
        base_url: str,
        http: aiohttp.ClientSession,
        now: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        super().__init__(
            base_url=base_url, http=http, now=now, patience=patience, mend=BAD_CONFIGURATION
        )
        self._secret = {"corpid": corp_id, "corpsecret": secret}

    async def _fetch_token(self, refresh: Refresh) -> Grant:
        url = URL(f"{self._origin}/cgi-bin/gettoken").with_query(self._secret)
        raw, _ = await exchange(self._http, "GET", url, timeout=self._limits)
        return granted(read_answer(raw))
