"""Menu, QR codes, media and addresses of the official account."""

import json
from typing import Any

from bot.sandbox.keys import word
from bot.sandbox.wechat_call import OK, ApiError, Call, Endpoint

TYPES = frozenset(
    {
        "click",
        "view",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
        "media_id",
        "article_id",
        "miniprogram",
    }
)
MEDIA_LIMITS = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "thumb": 64 << 10}
NAME_BYTES, SUB_NAME_BYTES, KEY_BYTES, URL_BYTES = 16, 60, 128, 1024
LONGEST_SCENE = 2_592_000
MEDIA_MS = 3 * 86_400_000


def create_menu(call: Call) -> dict[str, Any]:
    """POST menu/create: three buttons of five, each checked (40016 to 40027)."""
    buttons = call.json.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise ApiError(40016)
    for button in buttons:
        subs = button.get("sub_button") if isinstance(button, dict) else None
        if subs:
            if len(subs) > 5:
                raise ApiError(40023)
            _check_name(button, NAME_BYTES, 40018)
            for sub in subs:
                _check_button(sub, SUB_NAME_BYTES, (40024, 40025, 40026, 40027))
        else:
            _check_button(button, NAME_BYTES, (40017, 40018, 40019, 40020))
    call.account.book.keep("menu", json.dumps(buttons, ensure_ascii=False))
    call.account.ground.live.publish("menu")
    return dict(OK)


def _check_name(button: dict[str, Any], longest: int, code: int) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= longest:
        raise ApiError(code)


def _check_button(button: object, longest: int, codes: tuple[int, int, int, int]) -> None:
    wrong_type, wrong_name, wrong_key, wrong_url = codes
    if not isinstance(button, dict) or button.get("type") not in TYPES:
        raise ApiError(wrong_type)
    _check_name(button, longest, wrong_name)
    if button["type"] == "view":
        url = button.get("url")
        is_url = isinstance(url, str) and url.startswith(("http://", "https://"))
        if not is_url or len(str(url).encode()) > URL_BYTES:
            raise ApiError(wrong_url)
    elif button["type"] == "click":
        key = button.get("key")
        if not isinstance(key, str) or not 1 <= len(key.encode()) <= KEY_BYTES:
            raise ApiError(wrong_key)


def get_menu(call: Call) -> dict[str, Any]:
    """GET menu/get (46003 without one)."""
    if call.account.book.kept("menu") is None:
        raise ApiError(46003)
    return {"menu": {"button": call.account.menu()}}


def delete_menu(call: Call) -> dict[str, Any]:
    """GET menu/delete."""
    call.account.book.write("DELETE FROM settings WHERE name = 'menu'")
    call.account.ground.live.publish("menu")
    return dict(OK)


def menu_as_shown(call: Call) -> dict[str, Any]:
    """GET get_current_selfmenu_info."""
    buttons = call.account.menu()
    return {"is_menu_open": int(bool(buttons)), "selfmenu_info": {"button": buttons}}


def create_scene(call: Call) -> dict[str, Any]:
    """POST qrcode/create (40053 for a bad scene)."""
    action, details = call.json.get("action_name"), call.json.get("action_info")
    scene = details.get("scene") if isinstance(details, dict) else None
    if not isinstance(scene, dict):
        raise ApiError(40053)
    if action in ("QR_SCENE", "QR_LIMIT_SCENE"):
        key = str(scene.get("scene_id", ""))
        fits = key.isdecimal() and 1 <= int(key) < 2**32
    else:
        key = str(scene.get("scene_str", ""))
        fits = action in ("QR_STR_SCENE", "QR_LIMIT_STR_SCENE") and 1 <= len(key) <= 64
    if not fits:
        raise ApiError(40053)
    lasts = min(int(call.json.get("expire_seconds") or 60), LONGEST_SCENE)
    is_lasting = str(action).startswith("QR_LIMIT")
    ticket, url = "gQ" + word(92) + "==", "http://weixin.qq.com/q/" + word(22)
    expires = None if is_lasting else call.account.now_ms() + lasts * 1000
    call.account.book.write("INSERT INTO scenes VALUES (?, ?, ?, ?)", ticket, key, url, expires)
    answer: dict[str, Any] = {"ticket": ticket, "url": url}
    return answer if is_lasting else {**answer, "expire_seconds": lasts}


def upload(call: Call) -> dict[str, Any]:
    """POST media/upload: kept for three days."""
    family = call.query.get("type", "")
    if family not in MEDIA_LIMITS:
        raise ApiError(40004)
    if call.upload is None or not call.upload.content:
        raise ApiError(41005)
    if len(call.upload.content) > MEDIA_LIMITS[family]:
        raise ApiError(45001)
    media_id, now = word(64), call.account.now_ms()
    call.account.book.write(
        "INSERT INTO media VALUES (?, ?, ?, ?, ?)",
        media_id,
        family,
        call.upload.name,
        call.upload.content,
        now,
    )
    return {"type": family, "media_id": media_id, "created_at": now // 1000}


def upload_image(call: Call) -> dict[str, Any]:
    """POST media/uploadimg: a picture for articles."""
    if call.upload is None or not call.upload.content:
        raise ApiError(41005)
    return {"url": f"http://mmbiz.qpic.cn/mmbiz_png/{word(40)}/0"}


def media(call: Call) -> dict[str, Any]:
    """GET media/get: bytes (under "_bytes"), or 40007."""
    row = call.account.book.row(
        "SELECT * FROM media WHERE media_id = ?", call.query.get("media_id", "")
    )
    if row is None or call.account.now_ms() - row["at_ms"] > MEDIA_MS:
        raise ApiError(40007)
    return {"_bytes": row["content"], "_name": row["name"]}


def addresses(call: Call) -> dict[str, Any]:
    """GET getcallbackip and get_api_domain_ip."""
    return {"ip_list": ["127.0.0.1"]}


def check_callback(call: Call) -> dict[str, Any]:
    """POST callback/check: what the platform's own test of the address finds."""
    return {"dns": [{"ip": "127.0.0.1", "real_operator": "UNICOM"}], "ping": []}


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/cgi-bin/menu/create"): create_menu,
    ("GET", "/cgi-bin/menu/get"): get_menu,
    ("GET", "/cgi-bin/menu/delete"): delete_menu,
    ("GET", "/cgi-bin/get_current_selfmenu_info"): menu_as_shown,
    ("POST", "/cgi-bin/qrcode/create"): create_scene,
    ("POST", "/cgi-bin/media/upload"): upload,
    ("POST", "/cgi-bin/media/uploadimg"): upload_image,
    ("GET", "/cgi-bin/media/get"): media,
    ("GET", "/cgi-bin/getcallbackip"): addresses,
    ("GET", "/cgi-bin/get_api_domain_ip"): addresses,
    ("POST", "/cgi-bin/callback/check"): check_callback,
}
