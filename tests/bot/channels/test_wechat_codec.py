"""The official account codec against wechatpy, published vectors and hostile bodies."""

import base64
import socket
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.wechat_codec import (
    MAX_BODY_BYTES,
    MAX_REPLY_BYTES,
    BadCallback,
    Codec,
    cdata,
    parse_fields,
    plain_text,
    sign,
)
from tests.bot.channels.pushed import (
    AES_KEY,
    APP_ID,
    NONCE,
    NOW,
    STAMP,
    TOKEN,
    encrypted_by_wechatpy,
    event,
    message,
    opened_by_wechatpy,
    push,
    query_for,
    signed,
    text,
    wrapped,
)

CODEC = Codec(TOKEN, AES_KEY, APP_ID)

XML_TEXT = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters="".join(map(chr, range(32))) + "\x7f\ufffe\uffff",
    ),
    max_size=300,
)


def status_of(query: dict[str, Any], body: bytes, *, now: datetime = NOW) -> int:
    with pytest.raises(BadCallback) as refused:
        CODEC.open(query, body, now=now)
    return refused.value.status


def sealed_raw(padded: bytes) -> str:
    key = base64.b64decode(AES_KEY + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def pushed_raw(padded: bytes) -> tuple[dict[str, str], bytes]:
    encrypted = sealed_raw(padded)
    return query_for(encrypted), wrapped(encrypted)


# wechatpy as the reference


@given(content=XML_TEXT)
def test_what_wechatpy_encrypts_is_read_back(content: str):
    query, body = push(message("text", f"<Content>{cdata(content)}</Content><MsgId>1</MsgId>"))

    fields = CODEC.open(query, body, now=NOW)

    assert fields["Content"] == content
    assert fields["MsgType"] == "text"


@given(content=XML_TEXT, nonce=st.from_regex(r"[0-9]{1,12}", fullmatch=True))
def test_wechatpy_reads_what_we_seal(content: str, nonce: str):
    xml = f"<xml><Content>{cdata(content)}</Content></xml>"

    assert opened_by_wechatpy(CODEC.seal(xml, STAMP, nonce)) == xml


@given(
    st.text(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=20
    ),
    st.integers(0, 2**34),
)
def test_the_signature_is_wechatpys(nonce: str, stamp: int):
    parts = ("token", str(stamp), nonce)

    assert sign(*(part.encode() for part in parts)).decode() == signed(*parts)


def test_an_address_check_is_echoed_verbatim():
    query = {"timestamp": str(STAMP), "nonce": NONCE, "echostr": "56 78+x"}
    query["signature"] = signed(TOKEN, str(STAMP), NONCE)

    assert CODEC.verify_url(query) == b"56 78+x"


@pytest.mark.parametrize("broken", ["signature", "timestamp", "nonce", "echostr"])
def test_an_address_check_of_a_stranger_is_not_echoed(broken: str):
    query = {"timestamp": str(STAMP), "nonce": NONCE, "echostr": "5678"}
    query["signature"] = signed(TOKEN, str(STAMP), NONCE)

    without = {name: value for name, value in query.items() if name != broken}
    assert CODEC.verify_url(without) is None
    if broken != "echostr":
        assert CODEC.verify_url(query | {broken: "é\udcff"}) is None


# Configuration


@pytest.mark.parametrize(
    ("key", "token", "aes_key", "app_id"),
    [
        ("token", "", AES_KEY, APP_ID),
        ("aes_key", TOKEN, "", APP_ID),
        ("aes_key", TOKEN, AES_KEY[:-1], APP_ID),
        ("aes_key", TOKEN, AES_KEY[:-1] + "*", APP_ID),
        ("app_id", TOKEN, AES_KEY, ""),
    ],
)
def test_an_empty_or_broken_secret_is_named(key: str, token: str, aes_key: str, app_id: str):
    with pytest.raises(ValueError, match=key):
        Codec(token, aes_key, app_id)


# Hostile bodies


def test_h02_h13_a_plain_body_is_refused_once_safe_mode_is_configured():
    plain = {"signature": signed(TOKEN, str(STAMP), NONCE), "timestamp": str(STAMP), "nonce": NONCE}

    assert status_of(plain, text("账单").encode()) == 401
    signed_over_nothing = plain | {"msg_signature": signed(TOKEN, str(STAMP), NONCE)}
    assert status_of(signed_over_nothing, text("账单").encode()) == 401


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
@pytest.mark.parametrize("value", [None, "", "0" * 40, "é", "\udcff", "１７９", ["a"], "9" * 5000])
def test_h03_a_missing_wrong_or_odd_parameter_is_refused(name: str, value: Any):
    query, body = push(text("账单"))
    spoilt: dict[str, Any] = {k: v for k, v in query.items() if k != name}
    if value is not None:
        spoilt[name] = value

    assert status_of(spoilt, body) == 401


def test_h03_an_array_parameter_is_refused():
    query, body = push(text("账单"))
    query["msg_signature[]"] = query.pop("msg_signature")

    assert status_of(query, body) == 401


def test_h03_another_split_of_timestamp_and_nonce_is_refused():
    query, body = push(text("账单"), nonce="26077461312")
    joined = query["timestamp"] + query["nonce"]

    for border in range(1, len(joined)):
        split = {"timestamp": joined[:border], "nonce": joined[border:]}
        if split["timestamp"] != query["timestamp"]:
            assert status_of(query | split, body) == 401


def test_h03_the_border_between_nonce_and_message_cannot_slide():
    encrypted = encrypted_by_wechatpy(text("账单" * 60))
    query = query_for(encrypted)

    for shift in (1, 4, 64, 128):
        moved = query | {"nonce": query["nonce"] + encrypted[:shift]}
        assert status_of(moved, wrapped(encrypted[shift:])) in (400, 401)


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=601)])
def test_h04_a_replay_outside_ten_minutes_is_refused(late: timedelta):
    query, body = push(text("账单"))

    assert status_of(query, body, now=NOW + late) == 403
    assert CODEC.open(query, body, now=NOW + timedelta(seconds=599))["Content"] == "账单"


MALFORMED_OUTSIDE = (
    b"",
    b"<xml/>",
    b"{}",
    b"\x00\xff\xfe",
    "＜xml＞".encode(),
    b"<xml><Encrypt></xml>",
    b"</Encrypt><Encrypt>",
    b"<xml><Encrypt/></xml>",
    b"<xml><Encrypt>AAAA</Encrypt></xml>",
    text("x").encode("utf-16"),
    b"<Encrypt>" * 500,
)
MALFORMED_INSIDE = (
    "",
    "<xml>",
    "<xml><a></b></xml>",
    "<json/>",
    '{"a": 1}',
    "<xml><a>1</a><a>2</a></xml>",
    "<xml><a>\x00</a></xml>",
    "<xml><a>&unknown;</a></xml>",
    "<xml><a>]]></a></xml>",
    "<xml></xml><xml></xml>",
    "<xml><![CDATA[</xml>",
    "<xml a='1' a='2'/>",
    "<?xml version='1.0' encoding='no-such'?><xml>",
    "<xml>&#0;</xml>",
    "text",
)


@pytest.mark.parametrize("body", MALFORMED_OUTSIDE)
def test_h05_a_malformed_envelope_is_refused(body: bytes):
    query, _ = push(text("账单"))

    assert status_of(query, body) in (400, 401)


@pytest.mark.parametrize("inner", MALFORMED_INSIDE)
def test_h05_a_malformed_message_is_refused(inner: str):
    query, body = push(inner)

    assert status_of(query, body) == 400


@pytest.mark.parametrize("raw", [b"<xml><a>\xff\xfe</a></xml>", text("x").encode("utf-16")])
def test_h05_a_message_in_another_encoding_is_refused(raw: bytes):
    encrypted = CODEC.encrypt(raw).decode()

    assert status_of(query_for(encrypted), wrapped(encrypted)) == 400


@given(body=st.binary(max_size=400))
def test_h05_random_bytes_never_raise_anything_else(body: bytes):
    assert status_of(query_for("x"), body) in (400, 401)
    with pytest.raises(BadCallback):
        parse_fields(b"<xml>" + body + b"</x")


DOCTYPES = (
    '<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Content>&a;</Content></xml>',
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Content>&a;</Content></xml>',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><xml/>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml/>',
    '<!DOCTYPE x [<!ENTITY a "xx"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><xml><C>&b;</C></xml>',
)


@pytest.mark.parametrize("document", DOCTYPES)
def test_h06_a_doctype_is_refused_before_anything_is_fetched(
    document: str, monkeypatch: pytest.MonkeyPatch
):
    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("opened something")

    query, body = push(document)
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr("builtins.open", forbidden)

    assert status_of(query, body) == 400
    assert status_of(query, document.encode()) == 400


def test_h07_a_body_over_64_kib_is_refused_unread():
    query, body = push(text("账单"))

    assert status_of(query, body + b" " * MAX_BODY_BYTES) == 413


@pytest.mark.parametrize(
    "inner",
    [
        "<xml>" + "<a>" * 11_000 + "</a>" * 11_000 + "</xml>",
        "<xml>" + "<a/>" * 11_000 + "</xml>",
        "<xml>" + "".join(f"<a{n}/>" for n in range(6_000)) + "</xml>",
        "<xml><L>" + "<List/>" * 6_000 + "</L></xml>",
        "<xml><a>" + "&amp;" * 9_000 + "</a></xml>",
        "<xml><a>" + "一" * 15_000 + "</a></xml>",
    ],
    ids=["deep", "same siblings", "siblings", "lists", "entities", "long"],
)
def test_h07_a_greedy_body_under_the_cap_costs_little(inner: str):
    started = time.process_time()

    for _ in range(3):
        with suppress(BadCallback):
            parse_fields(inner.encode())

    assert time.process_time() - started < 3 * 0.5


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_h08_random_ciphertext_of_a_valid_signature_is_refused(raw: bytes):
    encrypted = base64.b64encode(raw).decode()

    assert status_of(query_for(encrypted), wrapped(encrypted)) in (400, 401)


@pytest.mark.parametrize("encrypted", ["A", "AAA", "====", "AA=A", "账单", "A\nB", "a b c d"])
def test_h08_what_is_not_base64_is_refused(encrypted: str):
    assert status_of(query_for(encrypted), wrapped(encrypted)) == 400


@pytest.mark.parametrize("app_id", ["wx0000000000000000", "", APP_ID + "x", APP_ID[:-1]])
def test_h08_a_message_for_another_application_is_refused(app_id: str):
    encrypted = encrypted_by_wechatpy(text("账单"), app_id)

    assert status_of(query_for(encrypted), wrapped(encrypted)) == 400


@pytest.mark.parametrize("pad", [0, 33, 255])
def test_h08_wrong_padding_is_refused(pad: int):
    inner = b"<xml/>"
    content = b"r" * 16 + len(inner).to_bytes(4) + inner + APP_ID.encode()
    filling = 32 - len(content) % 32

    assert status_of(*pushed_raw(content + bytes([pad]) * filling)) == 400


def test_h08_padding_whose_bytes_differ_is_refused():
    inner = b"<xml></xml>"
    content = b"r" * 16 + len(inner).to_bytes(4) + inner + APP_ID.encode()
    filling = 32 - len(content) % 32
    assert filling > 1

    assert status_of(*pushed_raw(content + b"\x00" * (filling - 1) + bytes([filling]))) == 400


@pytest.mark.parametrize("length", [0, 5, 7, 1000, 2**31, 2**32 - 1])
def test_h08_a_length_that_is_not_the_messages_is_refused(length: int):
    inner = b"<xml/>"
    content = b"r" * 16 + length.to_bytes(4) + inner + APP_ID.encode()
    filling = 32 - len(content) % 32

    assert status_of(*pushed_raw(content + bytes([filling]) * filling)) == 400


# Texts


@given(content=st.text(max_size=3000), tail=st.sampled_from(["", "https://pay.test/pay/abc"]))
def test_h09_any_text_comes_out_whole_or_cut_on_a_border(content: str, tail: str):
    shown = plain_text(content, tail=tail)

    assert len(shown.encode()) <= MAX_REPLY_BYTES
    assert shown.endswith(tail)
    document = f"<xml><Content>{cdata(shown)}</Content></xml>".encode()
    assert parse_fields(document)["Content"] == shown.replace("\r\n", "\n").replace("\r", "\n")


def test_h09_three_thousand_characters_are_cut_at_2048_bytes_before_the_address():
    shown = plain_text("物业费😀" * 600, tail="https://pay.test/pay/abc")

    assert shown.endswith("…\nhttps://pay.test/pay/abc")
    assert 2040 < len(shown.encode()) <= MAX_REPLY_BYTES


@pytest.mark.parametrize("echoed", ['<a href="http://x">点', "< A\nhref='x'>", "</a>", "<ａ><a>"])
def test_h09_a_link_in_a_persons_words_is_defused(echoed: str):
    shown = plain_text(echoed).lower().replace(" ", "")

    assert "<a" not in shown
    assert "</a" not in shown


def test_h09_a_closing_bracket_in_a_reply_injects_nothing():
    content = "]]></Content><MsgType>x</MsgType>]]>"

    opened = opened_by_wechatpy(CODEC.seal(f"<xml><C>{cdata(content)}</C></xml>", STAMP, NONCE))

    assert parse_fields(opened.encode()) == {"C": content}


# One or many


def test_h12_lists_are_numbered_be_they_one_or_many():
    item = "<List><TemplateId>t{}</TemplateId><S>accept</S></List>"
    one = event("e", f"<SubscribeMsgPopupEvent>{item.format(1)}</SubscribeMsgPopupEvent>")
    two = event(
        "e", f"<SubscribeMsgPopupEvent>{item.format(1)}{item.format(2)}</SubscribeMsgPopupEvent>"
    )

    assert parse_fields(one.encode())["SubscribeMsgPopupEvent.List0.TemplateId"] == "t1"
    fields = parse_fields(two.encode())
    assert fields["SubscribeMsgPopupEvent.List0.TemplateId"] == "t1"
    assert fields["SubscribeMsgPopupEvent.List1.TemplateId"] == "t2"


NAMES = st.sampled_from(["ToUserName", "MsgType", "Content", "MsgId", "List", "item"])
PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["]]", "]]>", "<![CDATA[", "]", "&amp;", "&lt;", "<b>", "\r\n", "\x00"]),
)
VALUES = st.lists(PIECES, max_size=4).map("".join)
LEAVES = st.builds(
    lambda name, value, is_wrapped: (
        f"<{name}><![CDATA[{value}]]></{name}>" if is_wrapped else f"<{name}>{value}</{name}>"
    ),
    NAMES,
    VALUES,
    st.booleans(),
)
GAPS = st.sampled_from(["", "\n", " ", "\r\n", "words", "<!-- -->"])


@settings(max_examples=400)
@given(st.lists(st.builds(str.__add__, LEAVES, GAPS), max_size=5).map("".join))
def test_a_document_is_read_as_the_standard_librarys_parser_reads_it_or_refused(inner: str):
    document = f"<xml>{inner}</xml>".encode(errors="surrogatepass")

    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        expected = None
    else:
        expected = {leaf.tag: leaf.text or "" for leaf in root}

    read = None
    with suppress(BadCallback):
        read = parse_fields(document)

    is_numbered = expected is not None and expected.keys() & {"List", "item"}
    if read is None or expected is None:
        assert read is None
    elif not is_numbered and all(len(leaf) == 0 for leaf in root):
        assert read == expected


def test_messages_in_a_row_through_one_codec_are_each_read_alone():
    codec = Codec(TOKEN, AES_KEY, APP_ID, entropy=lambda count: b"r" * count)
    said = [b"<xml/>", b"<xml/>", b"<xml><a>1</a></xml>" * 40]

    sealed = [codec.encrypt(one) for one in said]

    assert len(set(sealed)) == len(said)
    assert [Codec(TOKEN, AES_KEY, APP_ID).decrypt(one) for one in sealed] == said
    assert [codec.decrypt(one) for one in reversed(sealed)] == said[::-1]
