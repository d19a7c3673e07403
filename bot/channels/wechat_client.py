"""Calls the official account API over aiohttp: one token for all, one retry, wechatpy's groups."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.channels.api_client import AS_JSON, ApiClient, granted
from bot.channels.exchange import JSON_HEADERS, Patience, exchange, read_answer
from bot.channels.wechat_tokens import Grant, Refresh
from storage.lazy import load

OFFICIAL_ORIGIN: Final = "https://api.weixin.qq.com"


class WechatClient(ApiClient):
    """One account's way to the API."""

    def __init__(
        self,
        *,
        app_id: str,
        app_secret: str,
        base_url: str,
        http: aiohttp.ClientSession,
        now: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        super().__init__(base_url=base_url, http=http, now=now, patience=patience)
        self._app_id = app_id
        self._app_secret = app_secret
        self._groups: Any = None

    async def groups(self) -> Any:  # noqa: ANN401 - the library has no types
        """Return wechatpy's client, each of whose methods is to be awaited.

        The library is imported the first time (a quarter of a second, off the loop). Its
        methods raise as `deliver` does. Those that read an answer before it is there do not
        work: `iter_*`, `jsapi.get_*_ticket`, `qrcode.show`.
        """
        if self._groups is None:
            library = await asyncio.to_thread(load, "wechatpy.client")
            made = type("AwaitedGroups", (_Awaited, library.WeChatClient), {})
            groups: Any = made(self._app_id, self._app_secret)
            groups.sever(self)
            self._groups = groups
        return self._groups

    async def call_group(self, method: str, endpoint: str, options: dict[str, Any]) -> object:
        """Make a call that one of wechatpy's groups has prepared."""
        base = options.get("api_base_url") or f"{OFFICIAL_ORIGIN}/cgi-bin/"
        address = endpoint if endpoint.startswith("http") else base + endpoint
        url = URL(address.replace(OFFICIAL_ORIGIN, self._origin, 1))
        params = dict(options.get("params") or {})
        processor = options.get("result_processor")

        async def once(token: str) -> object:
            asked = url.update_query({"access_token": token, **params})
            sent = _payload(options)
            raw, kind = await exchange(self._http, method, asked, timeout=self._limits, **sent)
            if not _is_text(kind):
                return raw
            answer = read_answer(raw)
            return processor(answer) if processor else answer

        return await self._with_token(once)

    async def _fetch_token(self, refresh: Refresh) -> Grant:
        asked = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._app_secret,
            "force_refresh": refresh.value,
        }
        raw, _ = await exchange(
            self._http,
            "POST",
            URL(f"{self._origin}/cgi-bin/stable_token"),
            body=json.dumps(asked).encode(),
            headers=JSON_HEADERS,
            timeout=self._limits,
        )
        return granted(read_answer(raw))


def _is_text(content_type: str) -> bool:
    """Tell an answer in JSON from a file; the platform calls its JSON text now and then."""
    return content_type == "application/json" or content_type.startswith("text/")


def _payload(options: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what a group wants sent into the arguments of `exchange`, anew for each try."""
    given, files = options.get("data"), options.get("files")
    if files:
        form = aiohttp.FormData()
        for name, file in files.items():
            filename, content = file[:2] if isinstance(file, tuple) else (None, file)
            raw = content
            if hasattr(content, "read"):
                content.seek(0)
                filename, raw = filename or getattr(content, "name", None), content.read()
            form.add_field(name, raw, filename=filename or name)
        return {"body": form}
    if isinstance(given, dict):
        return {"body": AS_JSON(given).encode(), "headers": JSON_HEADERS}
    return {} if given is None else {"body": given}


class _Awaited:
    """Laid over wechatpy's client: its one door for requests leads to ours."""

    _caller: WechatClient
    _http: Any

    def sever(self, caller: WechatClient) -> None:
        """Close the library's own way to the network and use the caller's."""
        self._http.close()
        self._caller = caller

    def _request(self, method: str, url_or_endpoint: str, **options: object) -> Awaitable[object]:
        return self._caller.call_group(method.upper(), url_or_endpoint, options)

    @property
    def access_token(self) -> str:
        """The present token; AttributeError before `sever`, as the library's own start needs."""
        return self._caller.tokens.current
