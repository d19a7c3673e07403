"""The other doors: front page, proofs, health, receipts, and what every answer carries."""

from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import update

from bot.web.server import Company
from storage.errors import StorageUnavailable
from storage.models.payments import receipts
from tests.bot.web.conftest import Open
from tests.bot.web.test_webhooks import ordered, told
from tests.bot.web.town import Town

PATHS = (
    "/",
    "/static/house.css",
    "/static/none.css",
    "/pay/" + "a" * 43,
    "/pay/%00",
    "/receipts/" + "a" * 32,
    "/receipts/..%2f..%2fetc%2fpasswd",
    "/console/login",
    "/console/",
    "/disclosure/999999",
    "/healthz",
    "/readyz",
    "/nowhere",
    "/%2e%2e/%2e%2e/etc/passwd",
)


async def test_every_answer_carries_the_headers_and_none_is_a_5xx(door: TestClient):
    for path in PATHS:
        for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS"):
            body = b"%zz" if method == "POST" else None
            async with door.request(method, path, data=body) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert answer.status < 500, path
                assert "unsafe-inline" not in policy
                assert "frame-ancestors 'self'" in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"]


async def test_the_front_page_says_who_runs_this(door: TestClient):
    async with door.get("/") as answer:
        page = await answer.text()

    for fact in ("安居物业", "0571-88886666", "报修", "浙ICP备2026000001号"):
        assert fact in page


async def test_what_a_company_calls_itself_stays_text(town: Town, open_doors: Open):
    door = await open_doors(town.parts(company=Company('<script>alert(1)</script>"{{7*7}}')))

    async with door.get("/") as answer:
        page = await answer.text()

    assert "<script>alert" not in page
    assert "{{7*7}}" in page


async def test_j07_a_proof_file_is_served_and_nothing_else_of_its_folder(
    town: Town, open_doors: Open, tmp_path: Path
):
    (tmp_path / "MP_verify_Ab12Cd34Ef56Gh78.txt").write_text("Ab12Cd34Ef56Gh78")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "MP_verify_link1234.txt").symlink_to(tmp_path / "secret.txt")
    door = await open_doors(town.parts(verify_dir=tmp_path))

    async with door.get("/MP_verify_Ab12Cd34Ef56Gh78.txt") as answer:
        assert await answer.text() == "Ab12Cd34Ef56Gh78"
    for path in (
        "/secret.txt",
        "/MP_verify_link1234.txt",
        "/MP_verify_none1234.txt",
        "/MP_verify_..%2Fsecret.txt",
    ):
        async with door.get(path) as answer:
            assert answer.status == 404


async def test_readiness_follows_the_books_and_the_rest(
    town: Town, open_doors: Open, monkeypatch: pytest.MonkeyPatch
):
    door = await open_doors(town.parts())

    async def shut(*_args, **_kwargs):
        raise StorageUnavailable("closed")

    async with door.get("/readyz") as answer:
        before = answer.status
    monkeypatch.setattr(town.db, "read", shut)
    async with door.get("/readyz") as answer:
        after = answer.status
    async with door.get("/healthz") as answer:
        alive = answer.status

    assert (before, after, alive) == (200, 503, 200)


async def test_n11_counters_are_shown_on_this_machine_only(door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)
    await told(door, town.till.notice(order_no))

    async with door.get("/metrics") as answer:
        text = await answer.text()
    async with door.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
        assert answer.status == 404

    assert "wuyebot_payments 1.0" in text
    assert 'wuyebot_webhooks_total{gateway="wechat_pay",outcome="heard"} 1.0' in text


async def test_a_voided_receipt_says_so(door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)
    await told(door, town.till.notice(order_no))
    path = f"/receipts/{town.links.receipt_token(1)}"
    async with door.get(path) as answer:
        before = await answer.text()
    await town.change(update(receipts).values(voided_at=town.clock.now()))
    async with door.get(path) as answer:
        after = await answer.text()

    assert "叁佰元整" in before
    assert "王建国" not in before
    assert "已作废" not in before
    assert "已作废" in after


async def test_i03_receipts_cannot_be_counted_through(door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)
    await told(door, town.till.notice(order_no))
    token = town.links.receipt_token(1)
    bodies = set()

    for guess in (token[:-4] + "AAAA", "A" * len(token), town.links.receipt_token(2)):
        async with door.get(f"/receipts/{guess}") as answer:
            assert answer.status == 404
            bodies.add(await answer.text())

    assert len(bodies) == 1


async def test_a_pay_token_opens_no_receipt_and_a_receipt_token_no_bills(
    door: TestClient, town: Town
):
    async with door.get(f"/receipts/{town.token(town.first)}") as answer:
        assert answer.status == 404
    async with door.get(f"/pay/{town.links.receipt_token(1)}") as answer:
        assert answer.status == 404
