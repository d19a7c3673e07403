"""The payment platforms that we can collect through; each file has its Config and its Gateway."""

from collections.abc import Mapping
from typing import Final

GATEWAYS: Final[Mapping[str, str]] = {
    "wechat_pay": "bot.gateways.wechat_pay",
}
