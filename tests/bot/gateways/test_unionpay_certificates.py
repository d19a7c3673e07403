"""A message brings its certificate: it counts only under our roots, in its time, by its name."""

from datetime import datetime, timedelta

import pytest
from cryptography import x509

from bot.gateways import unionpay_certificates as certificates
from bot.gateways.unionpay import UnionPay
from bot.gateways.unionpay_certificates import NotGenuine, Trust
from storage.ports.payments import PaymentFact, WebhookRequest
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.unionpay_asks import rejection
from tests.bot.gateways.unionpay_platform import (
    NAME,
    NOW,
    SIGNER,
    certificate,
    middle,
    paid_words,
    pem,
    posted,
    root,
    sealed,
    signer,
)


def shown(proof: x509.Certificate, owner: str) -> WebhookRequest:
    """A payment notice that is well signed by the key of the certificate that it brings."""
    return posted(sealed(paid_words(), owner=owner, proof=pem(proof)))


def trust(*middles: x509.Certificate, name: str = NAME) -> Trust:
    return Trust([root()], middles or [middle()], name)


def prove(ring: Trust, owner: str = "unionpay", proof: x509.Certificate | None = None) -> None:
    ring.prove(sealed(paid_words(), owner=owner, proof=pem(proof or signer())), now=NOW)


def test_a22_a_self_signed_certificate_is_refused(unionpay: UnionPay):
    request = shown(certificate("stranger", SIGNER), "stranger")

    assert rejection(unionpay, request) == (401, "chain")


def test_a22_a_certificate_of_an_authority_with_the_same_name_is_refused(unionpay: UnionPay):
    forged = certificate("stranger", SIGNER, "strange")

    assert rejection(unionpay, shown(forged, "stranger")) == (401, "chain")


def test_a22_a_certificate_that_a_merchant_has_from_the_same_authority_is_refused(
    unionpay: UnionPay,
):
    assert rejection(unionpay, shown(platforms.merchant(), "merchant")) == (401, "name")


@pytest.mark.parametrize(
    "common_name",
    [
        "041@Z2026-3-1@00040000:SIGN2@00000001",
        "041@Z2026-3-1@x00040000:SIGN@00000001",
        "00040000:SIGN@041@Z2026-3-1@00000001",
        "041@00040000:SIGN",
        "00040000:SIGN",
        "041@Z2026-3-1@00040000:sign@1",
    ],
)
def test_a22_another_third_part_of_the_name_is_refused(unionpay: UnionPay, common_name: str):
    other = certificate("other", common_name, "middle")

    assert rejection(unionpay, shown(other, "other")) == (401, "name")


def test_a22_only_the_third_part_of_the_name_is_looked_at(unionpay: UnionPay):
    other = certificate("other", "042@Z2027-3-1@00040000:SIGN@00000002", "middle")

    assert isinstance(unionpay.read_webhook(shown(other, "other"), now=NOW), PaymentFact)


@pytest.mark.parametrize(
    ("begins_at", "ends_at"),
    [
        (NOW - timedelta(days=20), NOW - timedelta(seconds=1)),
        (NOW + timedelta(seconds=1), NOW + timedelta(days=20)),
    ],
)
def test_a22_a_certificate_outside_its_time_is_refused(
    unionpay: UnionPay, begins_at: datetime, ends_at: datetime
):
    other = certificate("unionpay", SIGNER, "middle", begins_at=begins_at, ends_at=ends_at)

    assert rejection(unionpay, shown(other, "unionpay")) == (401, "validity")


def test_a22_a_certificate_that_was_proven_once_still_ends(unionpay: UnionPay):
    request = shown(signer(), "unionpay")
    assert unionpay.read_webhook(request, now=NOW)

    late = signer().not_valid_after_utc + timedelta(seconds=1)
    assert rejection(unionpay, request, now=late) == (401, "validity")


def test_a22_a_chain_whose_middle_has_ended_is_refused():
    old = certificate("middle", "CFCA TEST OCA1", "root", ends_at=NOW - timedelta(days=1))

    with pytest.raises(NotGenuine, match="validity"):
        prove(trust(old))


def test_a22_a_weak_key_is_refused(unionpay: UnionPay):
    request = shown(certificate("weak", SIGNER, "middle"), "weak")

    assert rejection(unionpay, request) == (401, "certificate")


def test_a22_neither_root_nor_middle_speak_for_the_platform_themselves(unionpay: UnionPay):
    assert rejection(unionpay, shown(root(), "root")) == (401, "name")
    assert rejection(unionpay, shown(middle(), "middle")) == (401, "name")


def test_a22_a_merchants_certificate_issues_nothing():
    for own in (certificate("below", SIGNER, "middle"), certificate("direct", SIGNER, "root")):
        with pytest.raises(ValueError, match="not issued"):
            Trust([root()], [own], NAME)
    with pytest.raises(ValueError, match="not issued"):
        Trust([root()], [certificate("strange", "CFCA TEST OCA1", "strange root")], NAME)


def test_a22_the_root_alone_is_not_enough_for_what_the_middle_issued():
    with pytest.raises(NotGenuine, match="chain"):
        prove(Trust([root()], [], NAME))

    prove(trust())


def test_a22_a_certificate_that_the_root_issued_itself_counts():
    direct = certificate("direct", SIGNER, "root")

    prove(Trust([root()], [], NAME), "direct", direct)


def test_a16_the_platforms_next_certificate_needs_no_restart(unionpay: UnionPay):
    for owner in ("unionpay", "unionpay of 2027"):
        other = certificate(owner, SIGNER, "middle")
        assert unionpay.read_webhook(shown(other, owner), now=NOW)


def test_a16_a_flood_of_certificates_keeps_the_memory_bounded(monkeypatch: pytest.MonkeyPatch):
    ring, examined = trust(), list[str]()
    examine = ring._examine

    def seen_examining(one: str) -> object:
        examined.append(one)
        return examine(one)

    monkeypatch.setattr(ring, "_examine", seen_examining)
    prove(ring)
    for number in range(40):
        words = sealed(paid_words(), proof=pem(signer()) + "\n" * number)
        ring.prove(words, now=NOW)
    for number in range(200):
        forged = sealed(paid_words(), owner="stranger", proof=f"{number}" * 9)
        with pytest.raises(NotGenuine):
            ring.prove(forged, now=NOW)

    assert len(ring._known) <= certificates.KEPT
    seen = len(examined)
    ring.prove(sealed(paid_words(), proof=pem(signer()) + "\n" * 39), now=NOW)
    assert len(examined) == seen


def test_when_the_first_of_our_own_authorities_ends_is_known():
    assert trust().ends_at == min(root().not_valid_after_utc, middle().not_valid_after_utc)
