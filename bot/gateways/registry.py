"""The payment platforms that we can collect through; each file has its Config and its Gateway."""

from collections.abc import Mapping
from typing import Final

GATEWAYS: Final[Mapping[str, str]] = {
    "wechat_pay": "bot.gateways.wechat_pay",
    "alipay": "bot.gateways.alipay",
    "unionpay": "bot.gateways.unionpay",
    "bank_transfer": "bot.gateways.bank_transfer",
}


def kind_of(name: str) -> str:
    """Return which of them a gateway of the configuration is. Raises KeyError.

    Its name is its kind, or begins with it where a company has several merchants of one kind:
    `wechat_pay_lake`.
    """
    kinds = [one for one in GATEWAYS if name == one or name.startswith(f"{one}_")]
    if not kinds:
        raise KeyError(name)
    return max(kinds, key=len)
