"""Which way of paying a visitor's device can take, told from what it calls itself."""

import re
from typing import Final

from storage.ports.payments import TradeKind

_IN_WECHAT: Final = re.compile("MicroMessenger", re.IGNORECASE)
_IN_WECOM: Final = re.compile("wxwork", re.IGNORECASE)
_MOBILE: Final = re.compile("Android|iPhone|iPad|iPod|HarmonyOS|OpenHarmony|Mobile", re.IGNORECASE)


def kind_of(user_agent: str) -> TradeKind:
    """Return JSAPI inside WeChat, H5 in other mobile browsers, NATIVE (a QR code) elsewhere.

    WeCom calls itself WeChat too, but an official account's JSAPI does not work there.
    """
    if _IN_WECHAT.search(user_agent) and not _IN_WECOM.search(user_agent):
        return TradeKind.JSAPI
    return TradeKind.H5 if _MOBILE.search(user_agent) else TradeKind.NATIVE
