"""The official account's API over HTTP: which path is answered by whom."""

import email
import email.policy
import io
import urllib.parse

import segno
from aiohttp import web

from bot.sandbox import wechat_mass, wechat_menu, wechat_messages, wechat_people, wechat_tokens
from bot.sandbox.answering import answer
from bot.sandbox.faults import ANSWER
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.wechat_call import ApiError, Call, Upload

PREFIX = "/_sandbox/wechat"
ENDPOINTS = (
    wechat_tokens.ENDPOINTS
    | wechat_messages.ENDPOINTS
    | wechat_people.ENDPOINTS
    | wechat_mass.ENDPOINTS
    | wechat_menu.ENDPOINTS
)
SENDING_TROUBLES: tuple[str, ...] = ("errcode", "quota", "revoked_token", "unsubscribed")
OPEN_IN_WECHAT = (
    "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>微信</title><p style='text-align:center;padding:4em 1em'>请在微信客户端打开链接</p>"
)


def answer_call(call: Call, method: str) -> dict[str, object]:
    """Answer one API call; raises ApiError."""
    _troubled(call)
    untokened = wechat_tokens.UNTOKENED.get((method, call.path))
    if untokened is not None:
        return untokened(call)
    endpoint = ENDPOINTS.get((method, call.path))
    if endpoint is None:
        other = "POST" if method == "GET" else "GET"
        if (other, call.path) not in ENDPOINTS | wechat_tokens.UNTOKENED:
            raise ApiError(40066)
        raise ApiError(43002 if method == "GET" else 43001)
    wechat_tokens.check_token(call.account, call.query.get("access_token"))
    wechat_tokens.check_quota(call)
    return endpoint(call)


def _troubled(call: Call) -> None:
    """Refuse as an ordered trouble says."""
    if call.fault is None:
        return
    if call.fault.kind == "revoked_token":
        call.account.kill_tokens()
    if call.fault.kind == "errcode":
        raise ApiError(int(call.fault.settings["code"]))
    if call.fault.kind == "quota":
        raise ApiError(45011 if call.fault.settings.get("minute") else 45009)
    if call.fault.kind == "unsubscribed":
        raise ApiError(45015 if call.path.endswith("/custom/send") else 43004)


class WechatApi:
    """Web handlers of one official account."""

    def __init__(self, account: OfficialAccount) -> None:
        """Serve one account."""
        self.account = account

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/wechat."""
        return [
            web.get(PREFIX + "/connect/oauth2/authorize", self.authorize),
            web.get(PREFIX + "/cgi-bin/showqrcode", self.show_scene),
            web.route("*", PREFIX + "/{path:(cgi-bin|sns|wxaapi|wxa)/.*}", self.api),
        ]

    async def api(self, request: web.Request) -> web.Response:
        """Answer an API call with JSON, always HTTP 200."""
        path = "/" + request.match_info["path"]

        async def work(body: bytes) -> web.Response:
            upload = _upload(request.headers.get("Content-Type", ""), body)
            call = Call(self.account, path, request.query, body, upload=upload)
            is_token = (request.method, path) in wechat_tokens.UNTOKENED
            kinds = ("errcode",) if is_token else SENDING_TROUBLES
            facts = {"path": path, "openid": _touser(call)}
            call.fault = self.account.ground.faults.take("wechat", ANSWER, facts, *kinds)
            try:
                answered = answer_call(call, request.method)
            except ApiError as refused:
                answered = refused.answer()
            if "_bytes" in answered:
                return _file(answered)
            return web.json_response(answered)

        return await answer(self.account.ground, "wechat", request, work, {})

    async def authorize(self, request: web.Request) -> web.Response:
        """Send the phone's person back with a code, as snsapi_base does without asking."""
        query = request.query
        openid = (
            query.get("sandbox_openid")
            or request.headers.get("X-Sandbox-Openid")
            or request.cookies.get("sandbox_openid", "")
        )
        back = urllib.parse.urlsplit(query.get("redirect_uri", ""))
        if query.get("appid") != self.account.names.appid:
            return web.Response(text="AppID 参数错误，错误码：10012", status=200)
        if back.scheme not in ("http", "https") or not self._is_our_page(back.hostname or ""):
            return web.Response(text="redirect_uri 参数错误，错误码：10003", status=200)
        if query.get("scope") not in ("snsapi_base", "snsapi_userinfo"):
            return web.Response(text="Scope 参数错误或没有 Scope 权限，错误码：10005")
        if self.account.person(openid) is None:
            return web.Response(text=OPEN_IN_WECHAT, content_type="text/html")
        code = wechat_tokens.new_code(self.account, openid, query["scope"])
        joined = urllib.parse.urlencode({"code": code, "state": query.get("state", "")})
        kept = f"{back.query}&{joined}" if back.query else joined
        self.account.ground.calls.note("wechat", "GET", "/connect/oauth2/authorize")
        raise web.HTTPFound(urllib.parse.urlunsplit(back._replace(query=kept)))

    def _is_our_page(self, host: str) -> bool:
        """Tell whether a host is the registered web domain (网页授权域名); loopback always is."""
        registered = urllib.parse.urlsplit(self.account.callback_url or "").hostname
        return host in ("127.0.0.1", "localhost", "::1", registered)

    async def show_scene(self, request: web.Request) -> web.Response:
        """Draw the QR code of a ticket."""
        row = self.account.book.row(
            "SELECT url FROM scenes WHERE ticket = ?", request.query.get("ticket", "")
        )
        if row is None:
            raise web.HTTPNotFound
        drawn = io.BytesIO()
        segno.make(row["url"]).save(drawn, kind="png", scale=8)
        return web.Response(body=drawn.getvalue(), content_type="image/png")


def _touser(call: Call) -> str:
    try:
        return str(call.json.get("touser", ""))
    except ApiError:
        return ""


def _upload(content_type: str, body: bytes) -> Upload | None:
    """Return the multipart field `media`, if the body has one."""
    if not content_type.startswith("multipart/form-data"):
        return None
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    if not whole.is_multipart():
        return None
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if name == "media":
            content = part.get_payload(decode=True)
            return Upload(part.get_filename() or "media", content if content else b"")  # type: ignore[arg-type]
    return None


def _file(answered: dict[str, object]) -> web.Response:
    content = answered["_bytes"]
    return web.Response(
        body=content if isinstance(content, bytes) else b"",
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{answered["_name"]}"'},
    )
