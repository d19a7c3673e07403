"""Callbacks as the platform pushes them, built with wechatpy: no code of the channel's own."""

from datetime import UTC, datetime

from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

TOKEN = "a-token-of-the-tests"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wxb11529c136998cb6"
ORIGINAL_ID = "gh_7f083739789a"
OPENID = "oia2Tj11111jewbmiOUlr6X-1crb"
STAMP = 1_790_000_000
NOW = datetime.fromtimestamp(STAMP, UTC)
NONCE = "260774613"


def signed(*parts: str) -> str:
    """Sign as the platform does."""
    signer = WeChatSigner()
    signer.add_data(*parts)
    signature: str = signer.signature
    return signature


def wrapped(encrypted: str) -> bytes:
    """Put an encrypted part into the platform's envelope."""
    return (
        f"<xml><ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    ).encode()


def query_for(encrypted: str, *, stamp: int = STAMP, nonce: str = NONCE) -> dict[str, str]:
    """Build the query of a push in safe mode."""
    return {
        "signature": signed(TOKEN, str(stamp), nonce),
        "timestamp": str(stamp),
        "nonce": nonce,
        "openid": OPENID,
        "encrypt_type": "aes",
        "msg_signature": signed(TOKEN, str(stamp), nonce, encrypted),
    }


def encrypted_by_wechatpy(inner: str, app_id: str = APP_ID) -> str:
    """Encrypt with wechatpy and return the content of Encrypt."""
    sealed: str = WeChatCrypto(TOKEN, AES_KEY, app_id).encrypt_message(inner, NONCE, str(STAMP))
    return sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]


def push(inner: str, *, stamp: int = STAMP, nonce: str = NONCE) -> tuple[dict[str, str], bytes]:
    """Return the query and the body of a push in safe mode."""
    encrypted = encrypted_by_wechatpy(inner)
    return query_for(encrypted, stamp=stamp, nonce=nonce), wrapped(encrypted)


def message(message_type: str, rest: str) -> str:
    """Build the XML of a message or event."""
    return (
        f"<xml><ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName>"
        f"<FromUserName><![CDATA[{OPENID}]]></FromUserName>"
        f"<CreateTime>{STAMP}</CreateTime><MsgType><![CDATA[{message_type}]]></MsgType>{rest}</xml>"
    )


def text(content: str, number: str = "23456789012345678") -> str:
    """Build the XML of a text."""
    return message("text", f"<Content><![CDATA[{content}]]></Content><MsgId>{number}</MsgId>")


def event(name: str, rest: str = "") -> str:
    """Build the XML of an event."""
    return message("event", f"<Event><![CDATA[{name}]]></Event>{rest}")


def opened_by_wechatpy(reply: bytes) -> str:
    """Verify and decrypt a reply of ours with wechatpy."""
    document = reply.decode()

    def part(name: str) -> str:
        inside = document.split(f"<{name}>")[1].split(f"</{name}>")[0]
        return inside.removeprefix("<![CDATA[").removesuffix("]]>")

    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    opened: str = crypto.decrypt_message(
        document, part("MsgSignature"), part("TimeStamp"), part("Nonce")
    )
    return opened
