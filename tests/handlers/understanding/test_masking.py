"""What leaves the house for a language model: nothing that tells of a person."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.understanding.masking import candidates, mask

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("我叫李秀英，电话13800001234，住3栋2单元1201，欠了¥1,234.50", "李秀英 1380 1201 234"),
        ("李 秀 英的账给看看", "秀英 秀 英"),
        ("给王建国交一下", "王建国 建国"),
        ("王翀的电话换了", "翀"),
        ("户主赵敏", "赵敏"),
        ("刘德华和周杰伦住在这里", "德华 杰伦"),
        ("欧阳娜娜住哪", "欧阳 娜娜"),
        ("他叫司马懿", "司马 懿"),
        ("王先生说的", "王"),
        ("李秀英阿姨托我问", "李秀英 秀英"),
        ("老王家的水费", "王"),
        ("车牌浙A·12345和浙ad12345进不来", "浙 12345"),
        ("苏 e 一二三四五 的车", "苏 一二三"),
        ("身份证330106199001011234", "3301"),
        ("33010619900101123X", "3301 x"),
        ("138 0000 1234", "138 1234"),
        ("１３８００００１２３４", "138"),
        ("1\u200b3\u200b8\u200b0\u200b0\u200b0\u200b0\u200b1\u200b2\u200b3\u200b4", "1 3 8"),
        ("幺三八 零零零零 幺二三四", "三八 二三四"),
        ("一*三*八*零*零", "三 八"),
        ("①③⑧零零", "3 8 零"),
        ("壹叁捌零零零零壹贰叁肆", "壹 叁"),
        ("三栋二单元一二零一", "三栋 一二"),
        ("叁栋贰单元", "叁 贰"),
        ("3#2-1201漏了", "1201 3#"),
        ("欠两百五", "两百"),
        ("一千二百块没退", "一千 二百"),
        ("卡号6222 0212 0000 1111", "6222 1111"),
        ("微信lixiuying88", "lixiuying"),
        ("邮箱 li.xiuying@example.com", "li.x xiuying example"),
        ("看https://x.example/a?b=13800001234", "example 138"),
        ("wo jiao wang jianguo", "wang jianguo"),
        ("my name is Li Xiuying", "xiuying li "),
    ],
)
def test_nothing_that_tells_of_a_person_leaves_the_house(said, hidden):
    told = mask(said, today=DAY)

    assert [one for one in hidden.split() if one in told] == []


@pytest.mark.parametrize(
    "said",
    [
        "我十月和11月的水电还没弄清楚",
        "高空抛物谁管",
        "小区的路灯坏了好几天",
        "上回说的那个钱到哪里去了",
        "how much do i owe for november",
    ],
)
def test_what_tells_of_nobody_stays_as_it_was_said(said):
    assert mask(said, today=DAY) == said


def test_names_that_the_books_know_are_hidden_wherever_they_stand():
    assert mask("方便面和方便都要", today=DAY, people={"方便"}) == "某人面和某人都要"
    assert {"秀英", "李秀英"} <= candidates("托李秀英问")


@given(st.text(alphabet="0123456789一二三四五六七八九十零百 -.:#*年号月abc李王的", max_size=60))
def test_no_number_of_three_digits_ever_leaves(said):
    assert not re.search(r"[0-9]{3}|[0-9零一二三四五六七八九]{4}", mask(said, today=DAY))
