"""One call of the official account's API: its parts, its error, its words."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.sandbox.faults import Fault
from bot.sandbox.official_account import OfficialAccount

ERRMSG: Mapping[int, str] = {
    -1: "system error",
    10003: "redirect_uri domain mismatch",
    40033: "invalid charset",
    40036: "invalid template_id size",
    40164: "invalid ip 127.0.0.1, not in whitelist",
    40243: "appsecret has been frozen",
    43019: "require remove blacklist",
    43100: "change template too frequently",
    43116: "template is forbidden",
    44003: "empty news data",
    45027: "template conflict with industry",
    45103: "This API has been unsupported",
    45109: "This API has been unsupported",
    46004: "no such user",
    48002: "user block messages",
    48004: "api forbidden for irregularities",
    50005: "user not subscribed",
    61004: "access clientip is not registered",
    89503: "ip is not confirmed by the administrator",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40029: "invalid code",
    40031: "invalid openid list",
    40032: "invalid openid list size",
    40037: "invalid template_id",
    40053: "invalid action info",
    40054: "invalid sub button url domain",
    40059: "invalid msg id",
    40066: "invalid url",
    40125: "invalid appsecret",
    40163: "code been used",
    41001: "access_token missing",
    41005: "media data missing",
    41008: "missing code",
    42001: "access_token expired",
    42003: "code expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45008: "article size out of limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45026: "template count exceeds limit",
    45028: "has no masssend quota",
    45029: "qrcode count out of limit",
    45047: "out of response count limit",
    45056: "too many tag now, no need to add new",
    45057: "can't delete the tag that has too many fans",
    45058: "can't modify sys tag",
    45059: "can not add tag to user, exceed limit",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45080: "can't typing, user has not sent a message within 30 seconds",
    45081: "already in typing state",
    45157: "tag name exist",
    45158: "tag name too long",
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    49003: "not match with openid",
    50002: "user limited",
    65303: "there is no selfmenu, please create selfmenu first",
    76021: "cgi_path not found",
}


class ApiError(Exception):
    """WeChat's refusal: a code, its text, and what else the answer carries."""

    def __init__(self, code: int, detail: str = "", **more: object) -> None:
        """Refuse with a code; `detail` follows the code's own text."""
        super().__init__(code, detail)
        self.code, self.detail, self.more = code, detail, more

    def answer(self) -> dict[str, Any]:
        """Return the JSON that the caller reads."""
        said = f"{ERRMSG.get(self.code, 'refused')} {self.detail}".strip()
        return {"errcode": self.code, "errmsg": f"{said} rid: {rid()}", **self.more}


OK: Mapping[str, Any] = {"errcode": 0, "errmsg": "ok"}


def rid() -> str:
    """Return a request number as Tencent prints it."""
    return f"{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Upload:
    """A file that came as multipart field `media`."""

    name: str
    content: bytes


@dataclass
class Call:
    """One request: its query, its body, its file, and the trouble ordered for it."""

    account: OfficialAccount
    path: str
    query: Mapping[str, str]
    body: bytes
    fault: Fault | None = None
    upload: Upload | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @cached_property
    def json(self) -> dict[str, Any]:
        """Return the body's JSON object; raises ApiError 44002 and 47001."""
        if not self.body:
            raise ApiError(44002)
        try:
            parsed = json.loads(self.body.decode("utf-8"))
        except (UnicodeDecodeError, ValueError) as wrong:
            raise ApiError(47001, "hint: []") from wrong
        if not isinstance(parsed, dict):
            raise ApiError(47001, "hint: []")
        return parsed

    def openid(self, name: str = "touser") -> str:
        """Return a known openid from the body; raises ApiError 40003."""
        openid = self.json.get(name)
        if not isinstance(openid, str) or self.account.person(openid) is None:
            raise ApiError(40003)
        return openid

    def openids(self, name: str, most: int) -> list[str]:
        """Return a list of openids from the body; raises ApiError 40032."""
        listed = self.json.get(name)
        if not isinstance(listed, list) or not 1 <= len(listed) <= most:
            raise ApiError(40032)
        return [str(openid) for openid in listed]


Endpoint = Callable[[Call], dict[str, Any]]
