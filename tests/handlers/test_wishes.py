"""Which texts join several wishes, and in which order they are answered."""

from functools import partial

import pytest

from handlers import wishes
from handlers.understanding.recogniser import Recogniser
from tests.factories import NOW


@pytest.fixture(scope="module")
def told_apart(recogniser: Recogniser):
    understand = partial(recogniser.understand, today=NOW.date())
    return lambda text: [one.intent for one in wishes.told_apart(text, understand)]


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("查下账单，顺便报修，电梯坏了，再把发票开一下", ["unpaid", "repair", "invoice"]),
        ("查下账单顺便报修电梯坏了再把发票开一下", ["unpaid", "repair", "invoice"]),
        ("我要退款，另外开张发票", ["invoice", "refund_request"]),
        ("我要退200，还有厨房漏水了", ["repair", "refund_request"]),
        ("查下账单 报修 电梯坏了 开发票", ["unpaid", "repair", "invoice"]),
        ("查账单，交费，开发票", ["unpaid", "invoice", "pay"]),
        ("余额、收据", ["receipt", "balance"]),
        ("余额\n发票", ["balance", "invoice"]),
        ("show my bill and also the receipt", ["unpaid", "receipt"]),
    ],
)
def test_joined_wishes_are_told_apart_the_safest_first(told_apart, text, intents):
    assert told_apart(text) == intents


@pytest.mark.parametrize(
    "text",
    [
        *("水表不转还有水费", "上回停了提醒，再给我打开", "交了水费，再把物业费交了", "我欠多少"),
        *("我付了款，然后没反应", "我不是要退款，另外也没投诉", "顺便" * 200, "还有多少没交"),
        *(
            "我要交水费，多少钱",
            "账单不对，多收了，退钱",
            "账单 报修",
            "水费、电费",
            "你好，账单，谢谢",
        ),
        *("交过了，账单不对，退款", "开发票 个人 李秀英", "电梯坏了，灯不亮，水管漏水"),
        *("绑定 3-2-1201 李秀英 13800001234", "我要退款，怎么退，多久到", "账单、" * 40),
    ],
)
def test_one_wish_in_many_words_is_one(told_apart, text):
    assert told_apart(text) == []


def test_every_word_that_begins_what_is_left_is_understood_as_that(recogniser: Recogniser):
    begins = wishes.SHOWING | wishes.TICKETS | wishes.ACTING

    heard = {
        (name, word): recogniser.understand(word, today=NOW.date())
        for name, said in begins.items()
        for word in said
    }
    assert [key for key, one in heard.items() if one.intent != key[0] or one.confidence < 0.5] == []
