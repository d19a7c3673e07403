"""Tokens, OAuth codes, tickets and quotas of the official account."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from bot.sandbox.keys import word
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.wechat_call import OK, ApiError, Call, Endpoint

LIFE_MS = 7_200_000
OVERLAP_MS = 300_000
CODE_MS = 300_000
FORCE_GAP_MS = 30_000
FORCE_DAILY = 20
TOKEN_SHAPE = re.compile(r"[0-9]{2}_[A-Za-z0-9_-]{40,500}")
DAILY = {
    "/cgi-bin/token": 2_000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/message/subscribe/bizsend": 100_000,
    "/cgi-bin/menu/create": 1_000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/user/get": 500,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/user/info/batchget": 500_000,
    "/cgi-bin/user/info/updateremark": 10_000,
    "/cgi-bin/media/upload": 100_000,
    "/cgi-bin/media/get": 200_000,
    "/cgi-bin/message/mass/preview": 100,
    "/cgi-bin/tags/create": 1_000,
}
CLEARS_A_MONTH = 10


def check_token(account: OfficialAccount, token: str | None) -> None:
    """Refuse a call without a token that lives: 41001, 40014, 40001, 42001."""
    if not token:
        raise ApiError(41001)
    row = account.book.row("SELECT expires_ms, dead_ms FROM tokens WHERE token = ?", token)
    if row is None:
        raise ApiError(40001 if TOKEN_SHAPE.fullmatch(token) else 40014)
    now = account.now_ms()
    if now >= row["dead_ms"]:
        raise ApiError(42001 if now >= row["expires_ms"] else 40001)


def check_quota(call: Call) -> None:
    """Count the call and refuse it over the day's quota (45009)."""
    limit = call.account.limits.get(call.path) or DAILY.get(call.path)
    if limit is not None and call.account.use(call.path) > limit:
        raise ApiError(45009)


def _identify(call: Call, given: Mapping[str, Any]) -> None:
    if given.get("grant_type") != "client_credential":
        raise ApiError(40002)
    if given.get("appid") != call.account.names.appid:
        raise ApiError(40013)
    if not secrets.compare_digest(
        str(given.get("secret", "")).encode(), call.account.names.app_secret.encode()
    ):
        raise ApiError(40125)
    check_quota(call)


def _issue(account: OfficialAccount, family: str) -> dict[str, Any]:
    """Make a token of a family; the earlier ones live on for five minutes."""
    now, fresh = account.now_ms(), f"86_{word(118)}"
    with account.book.transaction():
        account.book.write(
            "UPDATE tokens SET dead_ms = MIN(dead_ms, ?) WHERE family = ?",
            now + OVERLAP_MS,
            family,
        )
        account.book.write("DELETE FROM tokens WHERE dead_ms < ?", now - 86_400_000)
        account.book.write(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?)",
            fresh,
            family,
            now,
            now + LIFE_MS,
            now + LIFE_MS,
        )
    return {"access_token": fresh, "expires_in": LIFE_MS // 1000}


def token(call: Call) -> dict[str, Any]:
    """GET token: every call makes a new one."""
    _identify(call, call.query)
    return _issue(call.account, "normal")


def stable_token(call: Call) -> dict[str, Any]:
    """POST stable_token: the same one until five minutes before its end."""
    _identify(call, call.json)
    account = call.account
    now = account.now_ms()
    row = account.book.row(
        "SELECT * FROM tokens WHERE family = 'stable' ORDER BY issued_ms DESC, rowid DESC LIMIT 1"
    )
    if call.json.get("force_refresh") is True:
        if row is not None and now - row["issued_ms"] < FORCE_GAP_MS:
            raise ApiError(45011)
        if account.use("force_refresh") > FORCE_DAILY:
            raise ApiError(45009)
        return _issue(account, "stable")
    # A token that another call made worthless (dead_ms 0) is still what is handed out, as there.
    if row is not None and now < row["expires_ms"] - OVERLAP_MS:
        return {
            "access_token": row["token"],
            "expires_in": (row["expires_ms"] - now) // 1000,
        }
    return _issue(account, "stable")


def clear_quota(call: Call) -> dict[str, Any]:
    """Forget today's counts, ten times a month."""
    if call.json.get("appid") != call.account.names.appid:
        raise ApiError(40013)
    month = call.account.ground.clock.now().strftime("%Y-%m")
    if call.account.use("clear_quota", month) > CLEARS_A_MONTH:
        raise ApiError(48006)
    call.account.book.write("DELETE FROM used WHERE span LIKE ?", "____-__-__")
    return dict(OK)


def quota_get(call: Call) -> dict[str, Any]:
    """Tell an API's limit and use of the day."""
    path = str(call.json.get("cgi_path", ""))
    limit = call.account.limits.get(path) or DAILY.get(path)
    if limit is None:
        raise ApiError(76021)
    used = call.account.used(path)
    quota = {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}
    return {**OK, "quota": quota}


def ticket(call: Call) -> dict[str, Any]:
    """GET ticket/getticket for the JS-SDK."""
    if call.query.get("type") not in ("jsapi", "wx_card"):
        raise ApiError(47001)
    return {**OK, "ticket": word(86), "expires_in": 7200}


# OAuth, 网页授权: a code for an openid


def new_code(account: OfficialAccount, openid: str, scope: str) -> str:
    """Make a code that the web page turns into an openid, once, within five minutes."""
    code = "0" + word(31)
    account.book.write(
        "INSERT INTO codes (code, openid, scope, at_ms) VALUES (?, ?, ?, ?)",
        code,
        openid,
        scope,
        account.now_ms(),
    )
    return code


def code_to_openid(call: Call) -> dict[str, Any]:
    """GET /sns/oauth2/access_token: 40029 for a bad code, 40163 for a used one."""
    query, account = call.query, call.account
    if query.get("appid") != account.names.appid:
        raise ApiError(40013)
    if query.get("secret") != account.names.app_secret:
        raise ApiError(40125)
    if query.get("grant_type") != "authorization_code":
        raise ApiError(40002)
    if not query.get("code"):
        raise ApiError(41008)
    row = account.book.row("SELECT * FROM codes WHERE code = ?", query["code"])
    if row is None:
        raise ApiError(40029)
    if row["used"]:
        raise ApiError(40163)
    if account.now_ms() - row["at_ms"] > CODE_MS:
        raise ApiError(42003)
    account.book.write("UPDATE codes SET used = 1 WHERE code = ?", query["code"])
    return {
        "access_token": f"86_{word(80)}",
        "expires_in": 7200,
        "refresh_token": f"86_{word(80)}",
        "openid": row["openid"],
        "scope": row["scope"],
    }


UNTOKENED: dict[tuple[str, str], Endpoint] = {
    ("GET", "/cgi-bin/token"): token,
    ("POST", "/cgi-bin/stable_token"): stable_token,
    ("GET", "/sns/oauth2/access_token"): code_to_openid,
}
ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/cgi-bin/clear_quota"): clear_quota,
    ("POST", "/cgi-bin/openapi/quota/get"): quota_get,
    ("GET", "/cgi-bin/ticket/getticket"): ticket,
}
