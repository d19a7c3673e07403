"""Sending by the official account: tokens, time-outs and what each error code leads to."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.channels.exchange import Patience
from bot.channels.wechat_errors import MEANINGS
from bot.channels.wechat_official import WechatOfficial
from storage.ports.chat import Attempt, OutgoingMessage, Reach, Route, Verdict
from tests.bot.channels.conftest import SECRET
from tests.bot.channels.imitation import Imitation, StandingClock
from tests.bot.channels.pushed import OPENID
from tests.bot.channels.receipts import BRIEF, sent

# What is posted


async def test_a_customer_service_message_carries_the_text_and_the_address(
    account: WechatOfficial, platform: Imitation
):
    attempt = await sent(account)

    assert attempt == Attempt(Route.CUSTOM, Verdict.SENT, platform_message_id="200228332")
    path, query, body = platform.calls[0]
    assert path == "/cgi-bin/message/custom/send"
    assert query == {"access_token": platform.token}
    content = "收到您的缴费 ¥580.00。\nhttps://pay.test/receipts/abc"
    assert body == {"touser": OPENID, "msgtype": "text", "text": {"content": content}}


async def test_a_template_message_carries_mapped_fields_and_our_delivery_id(
    account: WechatOfficial, platform: Imitation
):
    assert (await sent(account, Route.TEMPLATE)).verdict is Verdict.SENT

    path, _, body = platform.calls[0]
    assert path == "/cgi-bin/message/template/send"
    assert body == {
        "touser": OPENID,
        "template_id": "T1",
        "url": "https://pay.test/receipts/abc",
        "client_msg_id": "D1",
        "data": {"thing1": {"value": "3栋2单元501"}, "amount2": {"value": "¥1580.00"}},
    }


async def test_a_subscription_notice_carries_its_template_and_page(
    account: WechatOfficial, platform: Imitation
):
    platform.default = {"errcode": 0, "errmsg": "ok"}

    attempt = await sent(account, Route.SUBSCRIBE)

    assert attempt == Attempt(Route.SUBSCRIBE, Verdict.SENT)
    path, _, body = platform.calls[0]
    assert path == "/cgi-bin/message/subscribe/bizsend"
    assert body["page"] == "https://pay.test/receipts/abc"
    assert "client_msg_id" not in body


@pytest.mark.parametrize(
    ("message", "route"),
    [
        (OutgoingMessage("unmapped", "x"), Route.TEMPLATE),
        (OutgoingMessage("PaymentSettled", "x", fields={"unit": "3-2-501"}), Route.TEMPLATE),
        (OutgoingMessage("PaymentSettled", "", fields={}), Route.CUSTOM),
    ],
)
async def test_content_that_the_platform_would_refuse_is_not_even_sent(
    account: WechatOfficial, platform: Imitation, message: OutgoingMessage, route: Route
):
    assert (await sent(account, route, message)).verdict is Verdict.BAD_CONTENT
    assert platform.calls == []


async def test_a_route_of_another_platform_is_not_ours(account: WechatOfficial):
    assert (await sent(account, Route.GROUP)).verdict is Verdict.NOT_NOW


@pytest.mark.parametrize(
    ("kind", "reach", "routes"),
    [
        ("PaymentSettled", Reach(3, {"PaymentSettled": 1}), "custom template subscribe"),
        ("PaymentSettled", Reach(0, {"PaymentSettled": 1}), "template subscribe"),
        ("PaymentSettled", Reach(0, {"other": 1}), "template"),
        ("unmapped", Reach(1, {"unmapped": 1}), "custom"),
        ("unmapped", Reach(0), ""),
    ],
)
def test_the_open_ways_are_offered_best_first(
    account: WechatOfficial, kind: str, reach: Reach, routes: str
):
    assert " ".join(account.routes_for(OutgoingMessage(kind, "x"), reach)) == routes


# Trouble on the way


@pytest.mark.parametrize("answer", ["never", "reset", "half", "html", 500, 502, {}])
async def test_g06_g07_an_answer_that_is_none_leaves_the_outcome_unknown(
    open_account: Callable[..., WechatOfficial], platform: Imitation, answer: Any
):
    platform.answers.append(answer)

    attempt = await sent(open_account(BRIEF), Route.TEMPLATE)

    assert attempt.verdict is Verdict.UNKNOWN
    assert len(platform.calls) == 1


async def test_g06_success_without_a_message_number_is_success(
    account: WechatOfficial, platform: Imitation
):
    platform.answers.append({"errcode": 0, "errmsg": "ok"})

    assert await sent(account, Route.TEMPLATE) == Attempt(Route.TEMPLATE, Verdict.SENT)


async def test_g06_a_whole_delivery_ends_within_ten_seconds():
    patience = Patience()

    assert patience.delivery <= 10
    assert patience.limits().total == patience.answer <= patience.delivery / 2


async def test_g06_a_delivery_that_needs_a_fresh_token_meets_its_deadline(
    open_account: Callable[..., WechatOfficial], platform: Imitation
):
    platform.answers.extend([{"errcode": 42001, "errmsg": "stale"}, "never"])

    attempt = await sent(open_account(Patience(answer=30, delivery=0.2)))

    assert attempt == Attempt(Route.CUSTOM, Verdict.UNKNOWN, "deadline")


async def test_g07_a_lost_answer_is_sent_again_under_the_same_id(
    open_account: Callable[..., WechatOfficial], platform: Imitation
):
    platform.answers.append("reset")
    account = open_account(BRIEF)

    assert (await sent(account, Route.TEMPLATE)).verdict is Verdict.UNKNOWN
    assert (await sent(account, Route.TEMPLATE)).verdict is Verdict.SENT

    assert [body["client_msg_id"] for _, _, body in platform.calls] == ["D1", "D1"]


async def test_a_platform_that_cannot_be_reached_was_not_told_anything(
    open_account: Callable[..., WechatOfficial], unused_tcp_port: int
):
    account = open_account(base_url=f"http://127.0.0.1:{unused_tcp_port}")

    assert (await sent(account)).verdict is Verdict.LATER


@pytest.mark.parametrize("status", [429, 404, 302])
async def test_a_call_turned_away_unread_is_tried_later(
    account: WechatOfficial, platform: Imitation, status: int
):
    platform.answers.append(status)

    assert await sent(account) == Attempt(Route.CUSTOM, Verdict.LATER, f"HTTP {status}")


# Error codes


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (43101, Verdict.NOT_NOW),
        (43004, Verdict.GONE),
        (40003, Verdict.GONE),
        (47003, Verdict.BAD_CONTENT),
        (40037, Verdict.BAD_CONTENT),
        (45015, Verdict.NOT_NOW),
        (45047, Verdict.NOT_NOW),
        (43019, Verdict.MUTED),
        (48001, Verdict.PAUSED),
        (-1, Verdict.UNKNOWN),
        (45065, Verdict.SENT),
    ],
)
async def test_g08_an_error_code_is_acted_on_and_not_tried_again(
    account: WechatOfficial, platform: Imitation, code: int, verdict: Verdict
):
    platform.answers.append({"errcode": code, "errmsg": "words rid: 1-2-3"})

    attempt = await sent(account, Route.TEMPLATE)

    assert attempt.verdict is verdict
    assert attempt.detail == f"{code} words rid: 1-2-3"
    assert len(platform.calls) == 1


async def test_g08_an_unknown_code_goes_to_staff_with_the_platforms_words(
    account: WechatOfficial, platform: Imitation
):
    platform.answers.append({"errcode": "99999", "errmsg": "novel trouble rid: 1-2-3"})

    attempt = await sent(account)

    assert attempt == Attempt(Route.CUSTOM, Verdict.BAD_CONTENT, "99999 novel trouble rid: 1-2-3")


@pytest.mark.parametrize(
    ("code", "verdict", "until"),
    [
        (45009, Verdict.PAUSED, datetime(2026, 11, 23, 16, tzinfo=UTC)),
        (45011, Verdict.LATER, datetime(2026, 11, 23, 16, tzinfo=UTC)),
        (45028, Verdict.PAUSED, datetime(2026, 11, 30, 16, tzinfo=UTC)),
        (48001, Verdict.PAUSED, datetime(2026, 11, 23, 16, 59, 30, tzinfo=UTC)),
    ],
)
async def test_a_quota_holds_until_its_minute_its_midnight_or_its_month_is_over(
    account: WechatOfficial,
    platform: Imitation,
    clock: StandingClock,
    code: int,
    verdict: Verdict,
    until: datetime,
):
    clock.at = datetime(2026, 11, 23, 15, 59, 30, tzinfo=UTC)
    platform.answers.append({"errcode": code, "errmsg": "limit"})

    attempt = await sent(account)

    assert (attempt.verdict, attempt.not_before) == (verdict, until)


async def test_g01_a_used_up_day_is_asked_about_once_and_the_other_ways_stay_open(
    account: WechatOfficial,
    platform: Imitation,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
):
    platform.answers.append({"errcode": 45009, "errmsg": "reach max api daily quota limit"})

    attempts = [await sent(account) for _ in range(20)]
    template = await sent(account, Route.TEMPLATE)

    assert {one.verdict for one in attempts} == {Verdict.PAUSED}
    assert {one.not_before for one in attempts} == {datetime(2026, 11, 23, 16, tzinfo=UTC)}
    assert template.verdict is Verdict.SENT
    assert [path.split("/")[-2] for path, _, _ in platform.calls] == ["custom", "template"]
    assert [one.message for one in caplog.records] == ["wechat.route_paused"]

    clock.at = datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert (await sent(account)).verdict is Verdict.SENT


def test_every_code_of_the_platforms_table_has_a_meaning():
    listed = (
        "-1 40001 40014 42001 41001 40013 40125 40243 40164 61004 89503 40003 43004 50005 46004 "
        "43019 48002 43101 43116 40037 40036 47003 47001 40033 44002 44003 44004 45002 45009 45011 "
        "45015 45047 45028 45065 45066 45159 45157 45158 45056 45058 45059 49003 46003 48001 48004 "
        "50002 45103 45109"
    )

    assert set(map(int, listed.split())) <= set(MEANINGS)


# Secrets


async def test_n01_no_secret_reaches_a_log_or_a_verdict(
    open_account: Callable[..., WechatOfficial],
    platform: Imitation,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    account = open_account(BRIEF)
    platform.answers.extend(["never", "reset", 302, "half", {"errcode": 40037, "errmsg": "x"}])

    details = [(await sent(account)).detail for _ in range(6)]
    platform.is_refusing_every_token = True
    details.append((await sent(account)).detail)

    said = caplog.text + " ".join(details) + repr(account._config)
    for secret in ("token/", "token%2F", SECRET, OPENID, "access_token="):
        assert secret not in said


# OAuth and menu


async def test_a_code_is_exchanged_for_the_openid(account: WechatOfficial, platform: Imitation):
    platform.answers.append({"access_token": "x", "openid": OPENID, "scope": "snsapi_base"})

    assert await account.openid_from_code("CODE") == OPENID
    path, query, _ = platform.calls[0]
    assert path == "/sns/oauth2/access_token"
    assert (query["code"], query["secret"]) == ("CODE", SECRET)
    assert platform.token_calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": 40029, "errmsg": "invalid code"},
        {"errcode": 40163, "errmsg": "code been used"},
        {"openid": OPENID, "is_snapshotuser": 1},
    ],
)
async def test_i12_a_used_code_or_a_snapshot_is_nobody(
    account: WechatOfficial, platform: Imitation, answer: dict[str, Any]
):
    platform.answers.append(answer)

    assert await account.openid_from_code("CODE") == ""
    assert await account.openid_from_code("") == ""


async def test_the_page_that_tells_who_it_is_returns_to_ours(account: WechatOfficial):
    url = await account.authorize_url("https://pay.test/pay/a?b=1", "s1")

    assert url.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?appid=wxb1")
    assert "redirect_uri=https%3A%2F%2Fpay.test%2Fpay%2Fa%3Fb%3D1&" in url
    assert url.endswith("&scope=snsapi_base&state=s1#wechat_redirect")


async def test_a_menu_is_published_and_read_through_wechatpy(
    account: WechatOfficial, platform: Imitation
):
    buttons = [{"type": "click", "name": "我的账单", "key": "bills"}]
    platform.answers.extend([{"errcode": 0}, {"menu": {"button": buttons}}, {"errcode": 46003}])

    await account.publish_menu(buttons)

    assert await account.menu() == buttons
    assert await account.menu() == []
    assert platform.calls[0][0] == "/cgi-bin/menu/create"
    assert platform.calls[0][2] == {"button": buttons}


async def test_wechatpys_other_groups_reach_our_origin_and_return_their_results(
    account: WechatOfficial, platform: Imitation, http: aiohttp.ClientSession
):
    platform.answers.extend(
        [
            {"tag": {"id": 7, "name": "3栋"}},
            {"url": "https://mmbiz.test/1"},
            {"kf_list": [{"kf_id": 1}]},
            {"errcode": 40014, "errmsg": "stale"},
            {"subscribe": 1},
        ]
    )
    groups = await account._client.groups()

    assert await groups.tag.create("3栋") == {"id": 7, "name": "3栋"}
    assert await groups.media.upload_image(("a.png", b"png")) == "https://mmbiz.test/1"
    # This one has the official origin written into it.
    assert await groups.customservice.get_accounts() == [{"kf_id": 1}]
    assert (await groups.user.get(OPENID))["subscribe"] == 1

    assert [path for path, _, _ in platform.calls][:3] == [
        "/cgi-bin/tags/create",
        "/cgi-bin/media/uploadimg",
        "/cgi-bin/customservice/getkflist",
    ]
    assert b"png" in platform.calls[1][2]
