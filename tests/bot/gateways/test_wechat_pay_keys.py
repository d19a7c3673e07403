"""The platform's keys change while we run: fetched seldom, believed late, never lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.gateways.wechat_pay import Config, WechatPay
from storage.errors import GatewayUnavailable
from storage.ports.payments import PaymentFact, PaymentState, WebhookRejected, WebhookRequest
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.conftest import StandingClock
from tests.bot.gateways.wechat_platform import (
    NOW,
    Platform,
    boxed,
    notice,
    serial_of,
    signed,
    transaction,
)

ORDER_NO = "P202603020001"
BODY = notice(transaction()).body


def signed_by(owner: str) -> WebhookRequest:
    return WebhookRequest(signed(BODY, key=owner, serial=serial_of(owner)), BODY)


def fetches(platform: Platform) -> int:
    return sum(call.path == "/v3/certificates" for call in platform.calls)


@pytest.fixture
async def by_certificate(
    platform: Platform, clock: StandingClock, settings: dict[str, Any]
) -> AsyncIterator[WechatPay]:
    """A merchant that has only the platform's certificate, as most had until 2024."""
    server = TestServer(platform.app())
    await server.start_server()
    platform.signs_as = ("platform", serial_of("platform"))
    only = {**settings, "platform_public_key_file": None, "platform_public_key_id": ""}
    config = Config(**only, base_url=str(server.make_url("/")))
    async with ClientSession() as session:
        yield WechatPay(config, session, now=clock.now)
    await server.close()


def rotate(platform: Platform) -> None:
    platform.listed = ("platform", "platform of next year")
    platform.signs_as = ("platform of next year", serial_of("platform of next year"))


async def test_a16_a_rotated_certificate_is_found_while_asking_and_the_old_one_still_counts(
    by_certificate: WechatPay, platform: Platform
):
    rotate(platform)

    assert (await by_certificate.query(ORDER_NO, NOW)).state is PaymentState.PENDING
    for owner in ("platform", "platform of next year"):
        assert isinstance(by_certificate.read_webhook(signed_by(owner), now=NOW), PaymentFact)
    assert fetches(platform) == 1


async def test_a16_a_notice_with_a_new_serial_is_refused_until_the_next_call_has_fetched_its_key(
    by_certificate: WechatPay, platform: Platform
):
    platform.listed = ("platform", "platform of next year")
    with pytest.raises(WebhookRejected, match="serial"):
        by_certificate.read_webhook(signed_by("platform of next year"), now=NOW)

    await by_certificate.query(ORDER_NO, NOW)

    assert by_certificate.read_webhook(signed_by("platform of next year"), now=NOW)


async def test_a16_a_flood_of_unknown_serials_fetches_once_in_ten_minutes(
    by_certificate: WechatPay, platform: Platform, clock: StandingClock
):
    async def flood() -> None:
        for number in range(100):
            forged = WebhookRequest(signed(BODY, key="stranger", serial=f"{number:040X}"), BODY)
            with pytest.raises(WebhookRejected):
                by_certificate.read_webhook(forged, now=NOW)
        await asyncio.gather(*(by_certificate.refresh_certificates() for _ in range(20)))
        await asyncio.gather(*(by_certificate.query(ORDER_NO, NOW) for _ in range(5)))

    await flood()
    assert fetches(platform) == 1

    clock.at = NOW + timedelta(minutes=9, seconds=59)
    await flood()
    assert fetches(platform) == 1

    clock.at = NOW + timedelta(minutes=10)
    await flood()
    assert fetches(platform) == 2


async def test_a16_calls_that_meet_a_rotation_together_share_one_fetch_and_all_succeed(
    by_certificate: WechatPay, platform: Platform
):
    rotate(platform)

    answers = await asyncio.gather(*(by_certificate.query(ORDER_NO, NOW) for _ in range(8)))

    assert {fact.state for fact in answers} == {PaymentState.PENDING}
    assert fetches(platform) == 1


@pytest.mark.parametrize("trouble", ["unsigned", "stranger", "empty", "garbled", "error"])
async def test_a16_a_list_that_is_not_proven_changes_nothing(
    by_certificate: WechatPay, platform: Platform, trouble: str
):
    def answer(_: object) -> web.Response:
        row = {"encrypt_certificate": boxed(platforms.pem_of("stranger"))}
        if trouble == "unsigned":
            return web.json_response({"data": [row]})
        if trouble == "stranger":
            platform.signs_as = ("stranger", serial_of("platform"))
        if trouble == "garbled":
            row["encrypt_certificate"]["ciphertext"] = "AAAA"
        rows = [] if trouble == "empty" else [row]
        return platform.reply(404 if trouble == "error" else 200, {"data": rows})

    platform.answer = answer

    is_renewed = await by_certificate.refresh_certificates()

    assert is_renewed is (trouble == "empty")
    assert by_certificate.read_webhook(signed_by("platform"), now=NOW)
    with pytest.raises(WebhookRejected, match="serial"):
        by_certificate.read_webhook(signed_by("stranger"), now=NOW)


async def test_with_the_public_key_alone_no_list_is_ever_fetched(
    platform: Platform, clock: StandingClock, settings: dict[str, Any]
):
    server = TestServer(platform.app())
    await server.start_server()
    only = {**settings, "platform_certificate_file": None}
    config = Config(**only, base_url=str(server.make_url("/")))
    async with ClientSession() as session:
        gateway = WechatPay(config, session, now=clock.now)
        platform.signs_as = ("platform", serial_of("platform"))

        with pytest.raises(GatewayUnavailable, match="serial"):
            await gateway.query(ORDER_NO, NOW)

        assert await gateway.refresh_certificates() is False
    await server.close()
    assert fetches(platform) == 0


async def test_the_keys_are_read_from_their_files_once(
    gateway: WechatPay, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> bytes:
        raise AssertionError("a file was opened again")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)

    await gateway.query(ORDER_NO, NOW)
    assert gateway.read_webhook(notice(transaction()), now=NOW)
