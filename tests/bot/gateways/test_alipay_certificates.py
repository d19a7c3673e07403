"""Certificate mode of Alipay: numbers go along, and a new certificate has to prove its chain."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography import x509

from bot.gateways import alipay_certificates as certificates
from bot.gateways.alipay import Alipay, Config
from storage.errors import GatewayUnavailable
from storage.ports.payments import PaymentState, WebhookRejected
from tests.bot.gateways.alipay_platform import (
    NOW,
    Platform,
    certificate,
    form_of,
    number_of,
    pem,
    trade,
)
from tests.bot.gateways.conftest import StandingClock

ORDER_NO = "P202603020001"
NAME = "支付宝(中国)网络技术有限公司-2088102146225135"
ROOT = certificate("root", "root", is_authority=True)
BETWEEN = certificate("between", "root", is_authority=True)
ALIPAY = certificate("alipay", "between", name=NAME)
NEXT = certificate("next", "between", name=NAME)
OURS = certificate("merchant", "between", name="2088102146225135-2021003100000001")
SM2 = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def files(tmp_path: Path, alipay_settings: dict[str, Any]) -> dict[str, Any]:
    """The table of certificate mode; the root file holds one that nobody here can read."""
    kept = {"root": SM2 + pem(ROOT), "alipay": pem(ALIPAY, BETWEEN), "app": pem(OURS)}
    for name, content in kept.items():
        (tmp_path / f"{name}.crt").write_bytes(content)
    mode = {
        "alipay_public_key_file": None,
        "app_certificate_file": tmp_path / "app.crt",
        "alipay_certificate_file": tmp_path / "alipay.crt",
        "alipay_root_certificate_file": tmp_path / "root.crt",
    }
    return alipay_settings | mode


@pytest.fixture
async def by_certificate(
    files: dict[str, Any], alipay_platform: Platform, clock: StandingClock
) -> AsyncIterator[Alipay]:
    alipay_platform.signs_as = ("alipay", ALIPAY)
    config = Config(**files, gateway_url=f"{alipay_platform.base_url}/gateway.do")
    async with ClientSession() as session:
        yield Alipay(config, session, now=clock.now)


def downloads(platform: Platform) -> int:
    return sum(call.method == "alipay.open.app.alipaycert.download" for call in platform.calls)


async def test_the_numbers_of_both_certificates_go_along_and_are_signed(
    by_certificate: Alipay, alipay_platform: Platform
):
    assert (await by_certificate.query(ORDER_NO, NOW)).state is PaymentState.PENDING

    sent = alipay_platform.calls[-1].fields
    assert sent["app_cert_sn"] == number_of(OURS)
    assert sent["alipay_root_cert_sn"] == number_of(ROOT)


def test_the_roots_number_is_of_its_rsa_certificates(tmp_path: Path):
    path = tmp_path / "root.crt"
    path.write_bytes(pem(ROOT) + SM2 + pem(BETWEEN))

    assert certificates.root_number(path) == f"{number_of(ROOT)}_{number_of(BETWEEN)}"


async def test_a16_a_rotated_certificate_is_fetched_and_the_old_one_still_counts(
    by_certificate: Alipay, alipay_platform: Platform
):
    alipay_platform.signs_as = ("next", NEXT)
    alipay_platform.listed[number_of(NEXT)] = pem(NEXT)

    await by_certificate.query(ORDER_NO, NOW)
    alipay_platform.signs_as = ("alipay", ALIPAY)
    await by_certificate.query(ORDER_NO, NOW)

    assert downloads(alipay_platform) == 1
    for owner in ("alipay", "next"):
        assert by_certificate.read_webhook(form_of(trade(), owner=owner), now=NOW)


STRANGE: dict[str, tuple[str, x509.Certificate, bytes]] = {
    "a merchant of the same authority": ("merchant", OURS, pem(OURS)),
    "another authority of the same name": (
        "stranger",
        (one := certificate("stranger", "between", name=NAME, signer="stranger")),
        pem(one),
    ),
    "its own authority in the middle": (
        "next",
        (two := certificate("next", "between", name=NAME, signer="fake")),
        pem(two, certificate("fake", "between", name="between", signer="fake")),
    ),
    "a certificate that is over": (
        "next",
        (old := certificate("next", "between", name=NAME, begins_at=NOW - timedelta(days=400))),
        pem(old),
    ),
    "another certificate than was asked for": ("next", NEXT, pem(ALIPAY)),
    "nothing": ("next", NEXT, b""),
}


@pytest.mark.parametrize("strange", sorted(STRANGE))
async def test_a16_a_certificate_that_is_not_alipays_changes_nothing(
    by_certificate: Alipay, alipay_platform: Platform, strange: str
):
    owner, shown, content = STRANGE[strange]
    alipay_platform.signs_as = (owner, shown)
    alipay_platform.listed[number_of(shown)] = content

    with pytest.raises(GatewayUnavailable):
        await by_certificate.query(ORDER_NO, NOW)
    with pytest.raises(WebhookRejected):
        by_certificate.read_webhook(form_of(trade(), owner=owner), now=NOW)

    alipay_platform.signs_as = ("alipay", ALIPAY)
    assert await by_certificate.query(ORDER_NO, NOW)


async def test_a16_a_flood_of_unknown_numbers_fetches_once_in_ten_minutes(
    by_certificate: Alipay, alipay_platform: Platform, clock: StandingClock
):
    alipay_platform.signs_as = ("stranger", certificate("stranger", "between", name=NAME))
    for _ in range(20):
        with pytest.raises(GatewayUnavailable):
            await by_certificate.query(ORDER_NO, NOW)
    assert downloads(alipay_platform) == 1

    clock.at += timedelta(minutes=10)
    with pytest.raises(GatewayUnavailable):
        await by_certificate.query(ORDER_NO, NOW)
    assert downloads(alipay_platform) == 2


async def test_key_mode_fetches_no_certificate_whatever_number_is_named(
    alipay: Alipay, alipay_platform: Platform
):
    alipay_platform.signs_as = ("next", NEXT)
    alipay_platform.listed[number_of(NEXT)] = pem(NEXT)

    with pytest.raises(GatewayUnavailable):
        await alipay.query(ORDER_NO, NOW)

    assert downloads(alipay_platform) == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("root", pem(certificate("other", "other", is_authority=True)), "no chain"),
        ("root", SM2, "holds no certificate"),
        ("alipay", pem(ALIPAY), "no chain"),
        ("alipay", b"", "holds no certificate"),
        ("app", pem(ALIPAY), "not of the key"),
    ],
)
async def test_a_file_that_cannot_be_what_it_should_be_is_named(
    files: dict[str, Any], tmp_path: Path, name: str, content: bytes, said: str
):
    (tmp_path / f"{name}.crt").write_bytes(content)

    async with ClientSession() as session:
        with pytest.raises(ValueError, match=said):
            Alipay(Config(**files), session, now=lambda: NOW)
