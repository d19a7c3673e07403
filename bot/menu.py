"""The official account's menu: three buttons that a thumb finds."""

from typing import Any, Final

BUTTONS: Final[list[dict[str, Any]]] = [
    {"type": "click", "name": "我的账单", "key": "MENU:unpaid"},
    {
        "name": "缴费服务",
        "sub_button": [
            {"type": "click", "name": "去缴费", "key": "MENU:pay"},
            {"type": "click", "name": "缴费记录", "key": "MENU:history"},
            {"type": "click", "name": "退款进度", "key": "MENU:refund_status"},
            {"type": "click", "name": "绑定房号", "key": "MENU:bind"},
        ],
    },
    {
        "name": "联系物业",
        "sub_button": [
            {"type": "click", "name": "人工服务", "key": "MENU:human"},
            {"type": "click", "name": "物业电话", "key": "MENU:contact"},
            {"type": "click", "name": "使用帮助", "key": "MENU:help"},
        ],
    },
]
"""In the platform's own form; a click arrives as MENU:<intent>."""
