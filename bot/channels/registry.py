"""The chat platforms we can speak to: kind in the configuration → module, loaded when configured.

Each module has a `Config`, and below it the class named here, built as
`Class(config, http=…, now=…)`.
"""

from types import ModuleType
from typing import Final

from storage.lazy import load

CHANNELS: Final[tuple[tuple[str, str, str], ...]] = (
    ("wechat_official", "bot.channels.wechat_official", "WechatOfficial"),
    ("wecom", "bot.channels.wecom", "Wecom"),
    ("wecom_robot", "bot.channels.wecom_robot", "WecomRobot"),
)


def load_channel(kind: str) -> tuple[ModuleType, str]:
    """Return the module of a kind and its class's name. Raises KeyError on an unknown kind."""
    for name, module, class_name in CHANNELS:
        if name == kind:
            return load(module), class_name
    raise KeyError(kind)
