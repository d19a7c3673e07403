"""The chat door: proof before anything, each message once, an answer in time or a later one."""

import asyncio
import gzip

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from bot.channels.wechat_official import Config, WechatOfficial
from bot.web import reading
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.models.messages import inbox, outbox
from storage.ports.chat import IncomingMessage, OutgoingMessage
from tests.bot.channels import pushed
from tests.bot.web.conftest import Open
from tests.bot.web.town import NOW, Answering, Town

STAMP = int(NOW.timestamp())
MALFORMED = (
    b"",
    b"<xml/>",
    b"<xml><a></b>",
    b"\x00\xff\xfe",
    b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Encrypt>&a;</Encrypt></xml>',
    b"<xml>" + b"<a>" * 20000 + b"</xml>",
    b'{"id":' + b"9" * 5000 + b"}",
    "＜xml＞".encode(),
    b"<xml><Encrypt>AAAA</Encrypt></xml>",
    b"<xml><MsgType>text</MsgType><Content>]]></Content></xml>",
)


@pytest.fixture
async def account(town: Town):
    config = Config(
        name="demo",
        app_id=pushed.APP_ID,
        app_secret="app-secret-of-the-tests",
        original_id=pushed.ORIGINAL_ID,
        token=pushed.TOKEN,
        aes_key=pushed.AES_KEY,
    )
    async with aiohttp.ClientSession() as http:
        yield WechatOfficial(config, http=http, now=town.clock.now)


@pytest.fixture
async def door(town: Town, account: WechatOfficial, open_doors: Open) -> TestClient:
    return await open_doors(town.parts({"demo": account}))


async def say(door: TestClient, text: str, number: str = "1001") -> tuple[int, bytes]:
    query, body = pushed.push(pushed.text(text, number), stamp=STAMP)
    async with door.post("/wechat/demo", params=query, data=body) as answer:
        return answer.status, await answer.read()


async def rows_of(db: Database, table, *columns: str):
    wanted = select(*(table.c[name] for name in columns)).order_by(table.c.id)
    return await db.read(lambda tx: [tuple(row) for row in tx.execute(wanted)])


class Slow(Answering):
    """A router that answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def answer(
        self, person, message: IncomingMessage, now, foreseen=None
    ) -> OutgoingMessage | None:
        self.asked.set()
        await self.let.wait()
        return await super().answer(person, message, now, foreseen)


async def test_a_message_is_answered_in_its_own_cipher(door: TestClient, town: Town):
    status, body = await say(door, "账单")

    assert status == 200
    assert "<![CDATA[收到：账单]]>" in pushed.opened_by_wechatpy(body)
    assert town.router.heard == ["账单"]


async def test_the_same_message_three_times_has_one_effect_and_one_answer(
    door: TestClient, town: Town
):
    bodies = {await say(door, "账单") for _ in range(3)}

    assert len(bodies) == 1
    assert town.router.heard == ["账单"]


async def test_a_repetition_while_the_first_still_runs_waits_for_its_answer(
    town: Town, account: WechatOfficial, open_doors: Open
):
    town.router = slow = Slow()
    door = await open_doors(town.parts({"demo": account}))
    calls = [asyncio.create_task(say(door, "账单")) for _ in range(3)]
    await slow.asked.wait()
    slow.let.set()

    answers = await asyncio.gather(*calls)

    assert len(set(answers)) == 1
    assert slow.heard == ["账单"]


async def test_a_message_that_was_heard_before_a_restart_is_not_heard_again(
    town: Town, account: WechatOfficial, open_doors: Open
):
    first = await open_doors(town.parts({"demo": account}))
    second = await open_doors(town.parts({"demo": account}))
    await say(first, "账单")

    assert await say(second, "账单") == (200, b"success")
    assert town.router.heard == ["账单"]


async def test_an_answer_that_is_late_goes_out_by_the_outbox_once(
    town: Town, account: WechatOfficial, open_doors: Open
):
    town.router = slow = Slow()
    woken: list[int] = []
    parts = town.parts({"demo": account}, reply_seconds=0.05, wake=lambda: woken.append(1))
    door = await open_doors(parts)

    assert await say(door, "账单") == (200, b"success")
    assert await say(door, "账单") == (200, b"success")
    slow.let.set()
    await door.close()

    [(key, event, recipient)] = await rows_of(town.db, outbox, "message_key", "event", "recipient")
    [(inbox_id, is_answered)] = await rows_of(town.db, inbox, "id", "is_answered")
    assert (key, event, recipient) == (f"late:{inbox_id}", "LateAnswer", pushed.OPENID)
    assert is_answered == 1
    assert woken


async def test_answered_messages_are_marked_before_the_door_closes(door: TestClient, town: Town):
    for number in ("1", "2", "3"):
        await say(door, "账单", number)
    await door.close()

    assert await rows_of(town.db, inbox, "is_answered") == [(1,), (1,), (1,)]


async def test_a_message_that_could_not_be_kept_is_asked_for_again(
    town: Town, account: WechatOfficial, open_doors: Open
):
    class Full:
        """A database whose disk is full for a while."""

        is_full = True

        async def jot(self, operation, *args, **kwargs):
            if self.is_full:
                raise StorageUnavailable("disk full")
            return await town.db.jot(operation, *args, **kwargs)

    full = Full()
    door = await open_doors(town.parts({"demo": account}, db=full))

    refused = await say(door, "账单")
    full.is_full = False
    status, body = await say(door, "账单")

    assert refused[0] == 503
    assert status == 200
    assert "收到：账单" in pushed.opened_by_wechatpy(body)


async def test_a_bug_in_an_answer_leaves_the_message_unanswered_but_never_fails(
    town: Town, account: WechatOfficial, open_doors: Open
):
    def stumble(message: IncomingMessage) -> OutgoingMessage:
        raise ZeroDivisionError(message.text)

    town.router.answers = stumble
    door = await open_doors(town.parts({"demo": account}))

    assert await say(door, "账单") == (200, b"success")
    assert await rows_of(town.db, inbox, "is_answered") == [(0,)]


async def test_a_malformed_callback_is_refused_and_kept_nowhere(door: TestClient, town: Town):
    for body in MALFORMED:
        for query in (pushed.query_for("AAAA", stamp=STAMP), {"signature": "é"}, {}):
            async with door.post("/wechat/demo", params=query, data=body) as answer:
                assert 400 <= answer.status < 500

    assert await rows_of(town.db, inbox, "id") == []


async def test_l01_a_packed_body_is_refused_unread(door: TestClient):
    query, body = pushed.push(pushed.text("账单"), stamp=STAMP)

    async with door.post(
        "/wechat/demo",
        params=query,
        data=gzip.compress(body),
        headers={"Content-Encoding": "gzip"},
    ) as answer:
        assert answer.status == 415


async def test_a_body_over_the_limit_is_refused(door: TestClient):
    async with door.post("/wechat/demo", data=b"a" * 70_000) as answer:
        assert answer.status == 413


async def test_l02_a_half_sent_body_is_cut(door: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BODY_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    writer.write(b"POST /wechat/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<xml>")

    head = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()

    assert b" 408 " in head


async def test_an_address_check_is_echoed_and_a_foreign_one_is_not(door: TestClient):
    query = {
        "signature": pushed.signed(pushed.TOKEN, str(STAMP), "n1"),
        "timestamp": str(STAMP),
        "nonce": "n1",
        "echostr": "5927782489442352469",
    }

    async with door.get("/wechat/demo", params=query) as answer:
        assert await answer.text() == "5927782489442352469"
    async with door.get("/wechat/demo", params=query | {"nonce": "n2"}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", ["/wechat/other", "/wecom/demo", "/wechat/", "/wechat/a/b"])
async def test_an_account_that_is_not_ours_is_not_found(door: TestClient, path: str):
    async with door.post(path, data=b"<xml/>") as answer:
        assert answer.status == 404
