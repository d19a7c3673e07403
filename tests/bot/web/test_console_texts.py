"""Own words in the console: tried on a sentence before and after, then saved, by the manager."""

import re

import pytest
from aiohttp.test_utils import TestClient

from storage.kinds import OwnText, StaffRole
from storage.queries.faqs import faqs_of, own_texts_of
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import Town

POOL = {"asked": "游泳池几点开放\r\n泳池票多少钱一张", "answer": "每天9点到21点，电话 {电话}。"}


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def send(inside: TestClient, act: str, edit: str, **fields: str) -> tuple[int, str]:
    html = await page(inside, f"/console/texts?edit={edit}")
    form = {"press": field(html, "press"), "act": act, "edit": edit, **fields}
    answer = await inside.post("/console/texts", data=form, allow_redirects=False)
    return answer.status, await answer.text()


def said(html: str, mark: str) -> str:
    found = re.search(f"data-{mark}>([^<]*)<", html)
    assert found
    return found[1]


async def test_a_question_is_tried_before_and_after_and_saved_only_then(
    inside: TestClient, town: Town
):
    status, tried = await send(inside, "try", "new", **POOL, say="泳池几点开")
    kept = await town.db.read(faqs_of, town.community_id)
    saved, _ = await send(inside, "save", "new", **POOL)
    answered = await page(inside, "/console/texts?say=泳池几点开")

    assert (status, kept, saved) == (200, [], 303)
    assert "没听懂" in said(tried, "before") or "机器人自己" in said(tried, "before")
    assert said(tried, "after") == "每天9点到21点，电话 0571-88886666。"
    assert said(answered, "answer") == said(tried, "after")
    (one,) = await town.db.read(faqs_of, town.community_id)
    assert [asked for asked, _ in one.phrasings] == ["游泳池几点开放", "泳池票多少钱一张"]

    changed, _ = await send(inside, "save", str(one.faq_id), **POOL | {"answer": "冬天不开。"})
    off, _ = await send(inside, "off", str(one.faq_id))
    (now,) = await town.db.read(faqs_of, town.community_id)
    assert (changed, off, now.answer, now.is_enabled) == (303, 303, "冬天不开。", False)


async def test_own_words_are_tried_saved_and_taken_back(inside: TestClient, town: Town):
    _, tried = await send(inside, "try", "greeting", text="{公司}为您服务。")
    await send(inside, "save", "greeting", text="{公司}为您服务。")
    kept = await town.db.read(own_texts_of, town.community_id)
    await send(inside, "save", "greeting", text="")

    assert said(tried, "told") == "安居物业为您服务。"
    assert said(tried, "before") != said(tried, "after") == "您好！安居物业为您服务。"
    assert kept == {OwnText.GREETING: "{公司}为您服务。"}
    assert await town.db.read(own_texts_of, town.community_id) == {}


async def test_what_residents_should_not_read_is_named_and_not_saved(
    inside: TestClient, town: Town
):
    link = await send(inside, "save", "new", **POOL | {"answer": "看 https://evil.example"})
    ours = await send(inside, "save", "new", **POOL | {"asked": "我要缴费"})
    days = await send(inside, "save", "new", **POOL, since="2026-12-01", until="2026-11-01")
    phones = await send(inside, "save", "phones", text="门岗 0571")

    assert [link[0], ours[0], days[0], phones[0]] == [409] * 4
    assert "不在允许的网站里" in link[1]
    assert "机器人已经当作" in ours[1]
    assert "结束日期不能早于" in days[1]
    assert "看不懂" in phones[1]
    assert await town.db.read(faqs_of, town.community_id) == []
    assert await town.db.read(own_texts_of, town.community_id) == {}
