"""A community's own words and offered wishes, as a reviewer reads them (UPDATE_GOLDEN=1)."""

import os
from datetime import timedelta
from pathlib import Path

from handlers import opinions
from storage.kinds import OwnText, StaffRole
from storage.operations.own_words import FaqDraft, write_faq, write_text
from storage.periods import shanghai_day
from storage.queries.residents import Staff
from tests.factories import NOW
from tests.handlers import situations as on

GOLDEN = Path(__file__).parents[1] / "golden" / "intents"
BY = Staff(7, "周", StaffRole.MANAGER, (1,))


def compare(name: str, text: str) -> None:
    """Hold a text against its golden file, or write it there."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def in_own_words(tx) -> str:
    """The community greets, is reached and answers in its own words."""
    openid = on.owing(tx)
    for kind, words in (
        (OwnText.GREETING, "{公司}为您服务。"),
        (OwnText.PHONES, "门岗=0571-88880001; 工程报修=0571-88880002"),
        (OwnText.OFF_DUTY, "夜里漏水、停梯请打门岗 0571-88880001。"),
    ):
        write_text(tx, kind, words, community_id=1, by=BY, now=NOW)
    asked = (("游泳池几点开放", "游泳池几点开放"),)
    draft = FaqDraft(asked, "泳池每天9点到21点开放。\n问前台：{电话}", shanghai_day(NOW))
    write_faq(tx, draft, community_id=1, by=BY, now=NOW)
    return openid


async def test_own_words_are_said_as_their_golden_file_says(scene):
    async with scene(in_own_words) as talk:
        for said in ("你好", "物业电话", "请问泳池几点开放？"):
            await talk.hear(said)
        talk.clock.advance(timedelta(hours=10))
        await talk.hear("人工")

        compare("own_words", f"== {in_own_words.__doc__}\n{talk.script()}")


def test_what_is_offered_reads_as_its_golden_file_says():
    compare("offers", "\n\n".join(opinions.offer(name).text for name in opinions.OFFERS) + "\n")
