"""A merchant account that cannot work is refused at the start, by the name of its key."""

import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.gateways.wechat_pay import Config, WechatPay
from tests.bot.gateways.wechat_platform import NOW


def test_a_complete_table_is_taken_and_production_is_the_default(settings: dict[str, Any]):
    assert Config(**settings).base_url == "https://api.mch.weixin.qq.com"


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("name", ""),
        ("mchid", ""),
        ("mchid", '19"00'),
        ("app_id", ""),
        ("merchant_serial", ""),
        ("merchant_serial", "serial\n"),
        ("api_v3_key", ""),
        ("api_v3_key", "k" * 31),
        ("api_v3_key", "密" * 32),
        ("platform_public_key_id", ""),
        ("platform_public_key_id", "0119000001092026030200000000000001"),
        ("platform_public_key_file", None),
        ("base_url", "http://api.mch.weixin.qq.com"),
        ("base_url", "api.mch.weixin.qq.com"),
        ("notify_url", ""),
        ("notify_url", "http://bot.example.com/notify/wechat_pay/main"),
        ("notify_url", "http://localhost.example.com/notify"),
        ("notify_url", "http://localhost@example.com/notify"),
        ("notify_url", "https://bot.example.com/notify?account=main"),
        ("notify_url", "https://bot.example.com/notify#main"),
        ("notify_url", "https://bot.example.com/" + "a" * 255),
        ("notify_url", "ftp://bot.example.com/notify"),
        ("refund_notify_url", "http://bot.example.com/notify"),
        ("timeout_seconds", 0),
    ],
)
def test_a_key_that_cannot_work_is_named(settings: dict[str, Any], key: str, written: object):
    with pytest.raises(ValueError, match=f"^{key}: "):
        Config(**{**settings, key: written})


def test_without_any_key_of_the_platform_there_is_nothing_to_prove_with(settings: dict[str, Any]):
    settings |= {
        "platform_public_key_file": None,
        "platform_public_key_id": "",
        "platform_certificate_file": None,
    }

    with pytest.raises(ValueError, match=r"^platform_public_key_file: "):
        Config(**settings)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_plain_http_is_taken_on_this_machine_only(settings: dict[str, Any], host: str):
    assert Config(**{**settings, "notify_url": f"http://{host}/notify/wechat_pay/main"})


def private_pem(key: Any, password: bytes | None = None) -> Any:
    lock = serialization.BestAvailableEncryption(password) if password else None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        lock or serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    "key",
    ["merchant_private_key_file", "platform_public_key_file", "platform_certificate_file"],
)
@pytest.mark.parametrize("trouble", ["absent", "a folder", "garbage", "another kind", "short"])
async def test_a_key_file_that_cannot_be_read_is_named(
    settings: dict[str, Any], tmp_path: Path, key: str, trouble: str
):
    path = tmp_path / "key.pem"
    if trouble == "a folder":
        path.mkdir()
    if trouble == "garbage":
        path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    if trouble in ("another kind", "short"):
        elliptic = ec.generate_private_key(ec.SECP256R1())
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        chosen: Any = elliptic if trouble == "another kind" else short
        public = chosen.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        path.write_bytes(private_pem(chosen) if "private" in key else public)

    async with ClientSession() as session:
        with pytest.raises(ValueError, match=f"^{key}: .*unreadable"):
            WechatPay(Config(**{**settings, key: path}), session, now=lambda: NOW)


async def test_a_key_with_a_password_is_named(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(private_pem(key, b"secret"))

    async with ClientSession() as session:
        config = Config(**{**settings, "merchant_private_key_file": path})
        with pytest.raises(ValueError, match=r"^merchant_private_key_file: .*password"):
            WechatPay(config, session, now=lambda: NOW)


def test_the_v3_key_is_not_printed(settings: dict[str, Any]):
    assert settings["api_v3_key"] not in repr(Config(**settings))


async def test_no_secret_and_no_authorization_reaches_the_log(
    gateway: WechatPay, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)

    await gateway.query("P202603020001", NOW)
    await gateway.refresh_certificates()

    assert settings["api_v3_key"] not in caplog.text
    assert "signature=" not in caplog.text
