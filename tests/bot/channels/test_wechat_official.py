"""What the official account reads from a callback and how it replies."""

import re
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.channels.wechat_codec import BadCallback, parse_fields
from bot.channels.wechat_official import Config, WechatOfficial
from storage.ports.chat import IncomingKind, IncomingMessage, OutgoingMessage
from tests.bot.channels.pushed import (
    AES_KEY,
    APP_ID,
    NONCE,
    NOW,
    OPENID,
    ORIGINAL_ID,
    STAMP,
    TOKEN,
    event,
    message,
    opened_by_wechatpy,
    push,
    signed,
    text,
)


def received(account: WechatOfficial, inner: str) -> IncomingMessage:
    query, body = push(inner)
    return account.receive(query, body, now=NOW)


def replied(account: WechatOfficial, inner: str, message: OutgoingMessage | None) -> bytes:
    return account.reply(received(account, inner), message, timestamp=STAMP, nonce=NONCE)


def test_a_text_is_received(account: WechatOfficial):
    assert received(account, text(" 查账单 ", "777")) == IncomingMessage(
        account="demo",
        sender=OPENID,
        kind=IncomingKind.TEXT,
        text=" 查账单 ",
        message_key="777",
        sent_at=datetime.fromtimestamp(STAMP, UTC),
        reply_to=ORIGINAL_ID,
    )


@pytest.mark.parametrize(
    ("inner", "kind", "words"),
    [
        (
            message("voice", "<MediaId>m</MediaId><Recognition>查账单</Recognition>"),
            "voice",
            "查账单",
        ),
        (message("voice", "<MediaId>m</MediaId>"), "voice", ""),
        (message("image", "<PicUrl>http://x</PicUrl><MediaId>m</MediaId>"), "image", ""),
        (message("location", "<Location_X>1</Location_X><Label>x</Label>"), "location", ""),
        (message("link", "<Url>http://x</Url>"), "other", ""),
        (event("subscribe"), "follow", ""),
        (event("subscribe", "<EventKey>qrscene_unit-7</EventKey>"), "follow", "unit-7"),
        (event("unsubscribe"), "unfollow", ""),
        (event("SCAN", "<EventKey>unit-7</EventKey><Ticket>t</Ticket>"), "scan", "unit-7"),
        (event("CLICK", "<EventKey>bills</EventKey>"), "click", "bills"),
        (event("scancode_waitmsg", "<EventKey>bills</EventKey>"), "click", "bills"),
        (event("VIEW", "<EventKey>https://x</EventKey>"), "view", "https://x"),
        (event("LOCATION", "<Latitude>1</Latitude>"), "location", ""),
    ],
)
def test_each_push_is_what_it_is(account: WechatOfficial, inner: str, kind: str, words: str):
    incoming = received(account, inner)

    assert (incoming.kind, incoming.text) == (IncomingKind(kind), words)
    assert incoming.media_id == ("m" if "<MediaId>" in inner else "")


@pytest.mark.parametrize("name", ["subscribe", "SUBSCRIBE", "Subscribe"])
def test_h12_an_events_case_does_not_matter(account: WechatOfficial, name: str):
    assert received(account, event(name)).kind is IncomingKind.FOLLOW


@pytest.mark.parametrize("inner", [message("novel", ""), event("novel"), event("card_pay_order")])
def test_h12_an_unknown_type_or_event_is_other(account: WechatOfficial, inner: str):
    assert received(account, inner).kind is IncomingKind.OTHER


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("success", "success"),
        ("failed:user block", "failed:user block"),
        ("failed: system failed", "failed: system failed"),
    ],
)
def test_the_end_of_a_template_job_is_a_report(account: WechatOfficial, words: str, state: str):
    inner = event("TEMPLATESENDJOBFINISH", f"<MsgID>200163836</MsgID><Status>{words}</Status>")

    incoming = received(account, inner)

    assert incoming.kind is IncomingKind.DELIVERY
    assert incoming.report == {"message_id": "200163836", "state": state}
    assert incoming.message_key.endswith("|200163836")


def test_the_end_of_a_mass_job_is_a_report_with_counts(account: WechatOfficial):
    rest = "<MsgID>1</MsgID><Status>send success</Status><TotalCount>9</TotalCount>"
    rest += "<SentCount>8</SentCount><CopyrightCheckResult><Count>0</Count><ResultList><item>"
    rest += "<A>1</A></item><item><A>2</A></item></ResultList></CopyrightCheckResult>"

    report = received(account, event("MASSSENDJOBFINISH", rest)).report

    assert report == {"message_id": "1", "state": "success", "TotalCount": "9", "SentCount": "8"}


def credit_list(template_id: str, answer: str) -> str:
    return (
        f"<List><TemplateId><![CDATA[{template_id}]]></TemplateId>"
        f"<SubscribeStatusString><![CDATA[{answer}]]></SubscribeStatusString></List>"
    )


@pytest.mark.parametrize("count", [1, 2, 12])
def test_h12_accepted_and_rejected_notices_are_credits_be_they_one_or_many(
    account: WechatOfficial, count: int
):
    answers = {f"T{n}": "reject" for n in range(count - 1)} | {"S1": "accept"}
    lists = "".join(credit_list(*pair) for pair in answers.items())
    inner = event(
        "subscribe_msg_popup_event", f"<SubscribeMsgPopupEvent>{lists}</SubscribeMsgPopupEvent>"
    )

    incoming = received(account, inner)

    assert incoming.kind is IncomingKind.CREDIT
    assert incoming.report == {"PaymentSettled": "accept"}, "of ours, by its kind; no other's"


def test_h12_a_credit_taken_back_is_a_rejection(account: WechatOfficial):
    lists = credit_list("S1", "reject")
    inner = event(
        "subscribe_msg_change_event", f"<SubscribeMsgChangeEvent>{lists}</SubscribeMsgChangeEvent>"
    )

    assert received(account, inner).report == {"PaymentSettled": "reject"}
    assert account.kinds_of("S1") == ("PaymentSettled",)
    assert account.kinds_of("other") == ()


def test_h12_a_sent_notice_is_a_report(account: WechatOfficial):
    one = "<List><TemplateId>S1</TemplateId><MsgID>17</MsgID><ErrorCode>0</ErrorCode>"
    one += "<ErrorStatus>success</ErrorStatus></List>"
    two = one.replace("17", "18").replace(">0<", ">1003<").replace("success", "failed")
    inner = event(
        "subscribe_msg_sent_event", f"<SubscribeMsgSentEvent>{one}{two}</SubscribeMsgSentEvent>"
    )

    incoming = received(account, inner)

    assert incoming.kind is IncomingKind.DELIVERY
    assert incoming.report == {
        "message_id": "17",
        "state": "success",
        "message_id.1": "18",
        "state.1": "failed",
    }
    assert incoming.message_key.endswith("|17")


def test_events_without_a_number_have_keys_that_tell_them_apart(account: WechatOfficial):
    inners = [
        event("subscribe"),
        event("CLICK", "<EventKey>bills</EventKey>"),
        event("CLICK", "<EventKey>pay</EventKey>"),
        event("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID><Status>success</Status>"),
        event("TEMPLATESENDJOBFINISH", "<MsgID>2</MsgID><Status>success</Status>"),
        event("VIEW", f"<EventKey>https://x/{'a' * 900}</EventKey>"),
        event("VIEW", f"<EventKey>https://x/{'a' * 901}</EventKey>"),
    ]

    keys = [received(account, inner).message_key for inner in inners]

    assert keys[1] == f"event|{OPENID}|{STAMP}|CLICK|bills|"
    assert len(set(keys)) == len(inners)
    assert max(map(len, keys)) <= 120
    assert keys == [received(account, inner).message_key for inner in inners]


@pytest.mark.parametrize("name", ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event"])
def test_h05_a_message_without_a_needed_field_is_refused(account: WechatOfficial, name: str):
    inner = re.sub(f"<{name}>.*?</{name}>", "", event("subscribe"))

    with pytest.raises(BadCallback) as refused:
        received(account, inner)
    assert refused.value.status == 400


@pytest.mark.parametrize("created", ["x", "-1", "1.5", "１２", "9" * 30, "12 "])
def test_h05_a_time_that_is_none_is_refused(account: WechatOfficial, created: str):
    with pytest.raises(BadCallback) as refused:
        received(account, text("x").replace(str(STAMP), created))
    assert refused.value.status == 400


# Replies


def test_a_reply_swaps_the_ends_and_shows_the_address_on_its_own_line(account: WechatOfficial):
    words = OutgoingMessage("bills", "合计 ¥580.00", url="https://pay.test/pay/abc")

    reply = replied(account, text("账单"), words)

    assert parse_fields(opened_by_wechatpy(reply).encode()) == {
        "ToUserName": OPENID,
        "FromUserName": ORIGINAL_ID,
        "CreateTime": str(STAMP),
        "MsgType": "text",
        "Content": "合计 ¥580.00\nhttps://pay.test/pay/abc",
    }


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (text("x"), None),
        (text("x"), OutgoingMessage("bills", "")),
        (event("unsubscribe"), OutgoingMessage("bills", "再见")),
        (event("VIEW"), OutgoingMessage("bills", "x")),
        (event("TEMPLATESENDJOBFINISH"), OutgoingMessage("bills", "x")),
    ],
)
def test_nothing_to_say_is_success(
    account: WechatOfficial, inner: str, words: OutgoingMessage | None
):
    assert replied(account, inner, words) == b"success"


def test_h09_a_hostile_text_is_shown_and_injects_nothing(account: WechatOfficial):
    said = "]]></Content><Content>😀 <a href='http://x'>点我</a> \x00\ud800" + "费" * 3000

    reply = replied(account, text("x"), OutgoingMessage("echo", said))

    fields = parse_fields(opened_by_wechatpy(reply).encode())
    assert set(fields) == {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"}
    assert fields["Content"].startswith("]]></Content><Content>😀 ＜a href='http://x'>点我＜/a> 费")
    assert 2040 < len(fields["Content"].encode()) <= 2048


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://127.0.0.1:1/"]
)
def test_h14_an_address_in_a_message_is_never_fetched(
    account: WechatOfficial, address: str, monkeypatch: pytest.MonkeyPatch
):
    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("opened something")

    query, body = push(message("image", f"<PicUrl>{address}</PicUrl><MediaId>m-1</MediaId>"))
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr("builtins.open", forbidden)

    incoming = account.receive(query, body, now=NOW)

    assert incoming.media_id == "m-1"
    assert address not in repr(incoming)


def test_an_address_check_is_answered(account: WechatOfficial):
    query = {"timestamp": str(STAMP), "nonce": NONCE, "echostr": "5678"}

    assert account.verify_url(query | {"signature": signed(TOKEN, str(STAMP), NONCE)}) == b"5678"
    assert account.verify_url(query | {"signature": "0" * 40}) is None


# Configuration


@pytest.mark.parametrize("key", ["name", "app_id", "app_secret", "token", "aes_key", "base_url"])
def test_an_empty_key_refuses_to_start(key: str):
    given: dict[str, Any] = {
        "name": "demo",
        "app_id": APP_ID,
        "app_secret": "s",
        "original_id": ORIGINAL_ID,
        "token": TOKEN,
        "aes_key": AES_KEY,
    }

    with pytest.raises(ValueError, match=f"^{key} is empty$"):
        Config(**(given | {key: ""}))
