"""What a person sees of the bot's passive reply: each kind read, or refused, as WeChat does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wechat_crypto import Unreadable

TEXT_BYTES = 2048


@dataclass(frozen=True)
class Reply:
    """A reply as it appears in the chat."""

    kind: str
    text: str
    url: str | None = None
    card: Mapping[str, Any] | None = None


def read_reply(fields: Mapping[str, str], openid: str, original_id: str) -> Reply:
    """Read a decrypted reply to `openid`; raises Unreadable where WeChat would not show it."""
    if fields.get("ToUserName") != openid or fields.get("FromUserName") != original_id:
        raise Unreadable("reply's ToUserName and FromUserName are not swapped")
    if not fields.get("CreateTime", "").isdecimal():
        raise Unreadable("reply's CreateTime is not whole seconds")
    reader = READERS.get(fields.get("MsgType", ""))
    if reader is None:
        raise Unreadable("reply has an unknown MsgType")
    return reader(fields)


def _text(fields: Mapping[str, str]) -> Reply:
    text = fields.get("Content", "")
    if not text:
        raise Unreadable("reply has no Content")
    if len(text.encode()) > TEXT_BYTES:
        raise Unreadable("reply's Content is over 2048 bytes")
    return Reply("text", text)


def _news(fields: Mapping[str, str]) -> Reply:
    count = fields.get("ArticleCount", "")
    if count != "1" or "Articles/0/Title" not in fields:
        raise Unreadable("reply must have one article")
    article = {
        name.lower(): fields.get(f"Articles/0/{name}", "")
        for name in ("Title", "Description", "PicUrl", "Url")
    }
    text = "\n".join(part for part in (article["title"], article["description"]) if part)
    return Reply("news", text, article["url"] or None, {"articles": [article]})


def _picture(fields: Mapping[str, str]) -> Reply:
    media_id = fields.get("Image/MediaId", "")
    if not media_id:
        raise Unreadable("reply has no MediaId")
    return Reply("image", "[图片]", None, {"media_id": media_id})


def _voice(fields: Mapping[str, str]) -> Reply:
    if not fields.get("Voice/MediaId"):
        raise Unreadable("reply has no MediaId")
    return Reply("voice", "[语音]")


def _transfer(fields: Mapping[str, str]) -> Reply:
    return Reply("transfer", "[已转接人工客服]", None, {"kind": fields["MsgType"]})


READERS: dict[str, Callable[[Mapping[str, str]], Reply]] = {
    "text": _text,
    "news": _news,
    "image": _picture,
    "voice": _voice,
    "transfer_customer_service": _transfer,
}
