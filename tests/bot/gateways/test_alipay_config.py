"""A merchant's application at Alipay: what cannot work is named before anything is opened."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.gateways.alipay import Alipay, Config
from tests.bot.gateways.alipay_platform import NOW


def test_a_complete_table_is_taken_and_production_is_the_default(alipay_settings: dict[str, Any]):
    assert Config(**alipay_settings).gateway_url == "https://openapi.alipay.com/gateway.do"


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("app_id", ""),
        ("app_id", "2021 1"),
        ("seller_id", ""),
        ("seller_id", "2021003100000001"),
        ("seller_id", "208810214622513"),
        ("notify_url", "http://bot.example.com/notify/alipay/main"),
        ("notify_url", "https://bot.example.com/notify?x=1"),
        ("gateway_url", "http://openapi.alipay.com/gateway.do"),
        ("gateway_url", ""),
        ("timeout_seconds", 0),
        ("alipay_public_key_file", None),
        ("app_certificate_file", Path("app.crt")),
    ],
)
def test_a_key_that_cannot_work_is_named(
    alipay_settings: dict[str, Any], key: str, written: object
):
    named = "alipay_public_key_file" if key == "app_certificate_file" else key
    with pytest.raises(ValueError, match=f"^{named}: "):
        Config(**(alipay_settings | {key: written}))


def test_certificate_mode_needs_all_three_files(alipay_settings: dict[str, Any]):
    half = {"alipay_public_key_file": None, "app_certificate_file": Path("app.crt")}

    with pytest.raises(ValueError, match=r"^alipay_certificate_file: "):
        Config(**(alipay_settings | half))


@pytest.mark.parametrize("key", ["app_private_key_file", "alipay_public_key_file"])
@pytest.mark.parametrize("content", [None, b"", b"not a key", b"-----BEGIN X-----"])
async def test_a_key_file_that_cannot_be_read_is_named(
    alipay_settings: dict[str, Any], tmp_path: Path, key: str, content: bytes | None
):
    path = tmp_path / "wrong.pem"
    if content is not None:
        path.write_bytes(content)
    config = Config(**(alipay_settings | {key: path}))

    async with ClientSession() as session:
        with pytest.raises(ValueError, match=f"^{key}: .*wrong.pem unreadable"):
            Alipay(config, session, now=lambda: NOW)
