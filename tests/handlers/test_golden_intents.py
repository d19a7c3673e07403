"""Every text of every intent, in fixed situations, as a reviewer reads it (UPDATE_GOLDEN=1)."""

import os
from pathlib import Path

import pytest

from handlers import registry
from storage.ports.chat import IncomingKind
from tests.handlers import situations as on
from tests.handlers import ticket_situations as of

GOLDEN = Path(__file__).parents[1] / "golden" / "intents"

BIND = "绑定 3栋2单元1201 李秀英 13800001234"
WRONG = "绑定 3栋2单元1201 李秀英 13899999999"
REFUND_STATES = (
    *("requested", "approved", "declined", "submitted", "unfunded", "unknown", "abnormal"),
    *("closed", "failed", "success"),
)

TALKS = {
    "bind": (
        (on.stranger, "绑定", "1201", "3栋2单元1201", "李秀英", "13800001234"),
        (on.stranger, BIND, BIND),
        (on.stranger, WRONG, "申请"),
        (on.stranger, *[WRONG] * 6),
        (on.stranger, "绑定", "不知道呀", "不知道呀"),
        (on.stranger, "绑定", "3-2-1201", "1", "李秀英", "换号了", "13800001234"),
        (on.needs_code, BIND, "在哪里", "246810"),
        (on.needs_code, BIND, "111111", "申请"),
        (on.two_communities, BIND, "2"),
        (on.registered_twice, BIND, "都绑定"),
    ),
    "unbind": (
        (on.stranger, "解绑"),
        (on.owing, "解绑", "确认？", "确认"),
        (on.owing, "解绑", "算了"),
    ),
    "remove_person": (
        (on.sharing, "移除 赵敏", "确认"),
        (on.sharing, "移除 赵敏", "什么", "算了"),
        (on.sharing, "移除", "确认"),
        (on.sharing, "移除 张三"),
        (on.sharing_with_two, "移除", "9", "2", "好的"),
        (on.sharing_with_two, "移除 钱*", "算了"),
        (on.owing, "移除"),
        (on.tenant, "移除 李秀英"),
    ),
    "my_units": (
        (on.stranger, "我的房屋"),
        (on.owing, "我的房屋"),
        (on.sharing, "我的房屋"),
        (on.two_flats, "我的房屋", "2", "我的房屋"),
        (on.two_flats, "缴费", "第一个"),
        (on.owing, "3-2-1202欠多少"),
    ),
    "unpaid": (
        (on.stranger, "账单"),
        (on.owing, "账单", "第二笔", "那上个月呢", "一起交了"),
        (on.owing, "8月欠多少"),
        (on.owing_long, "账单", "水费欠多少"),
        (on.paid, "账单"),
        (on.tenant, "账单"),
        (on.two_flats, "账单", "1"),
    ),
    "bill_detail": (
        (on.owing, "为什么这么多"),
        (on.owing_long, "10月水费为什么这么多", "那上个月呢"),
        (on.owing_long, "今年的明细"),
        (on.paid, "明细"),
        (on.bought_in_mid_month, "为什么这么多", "为什么比上个月少"),
        (on.owing, "3月明细"),
        (
            on.explained,
            "为什么这么多",
            "为什么比上个月多",
            "电费和11月有什么不一样",
            "物业费比去年怎么涨了",
            "违约金怎么突然高了",
        ),
        (on.owing, "怎么比上个月涨了"),
        (on.owing_long, "10月水费比8月多了多少", "11月为什么比上个月少"),
        (on.billed_later, "水费怎么算的", "为什么这么多", "那上个月呢", "为什么这么多"),
        (on.billed_later, "公摊是怎么算的", "为什么这么多", "公摊为什么比上个月多"),
        (on.billed_later, "电梯费怎么算的", "9月公摊是怎么算的", "为什么这么多", "明细"),
    ),
    "history": (
        (on.owing, "缴费记录"),
        (on.paid_twice, "缴费记录", "那上个月呢"),
        (on.refunding("submitted"), "缴费记录"),
        (on.two_flats, "全部对账单", "对账单", "1", "去年所有房子的往来明细"),
        (on.paid_twice, "对账单", "2025年往来明细", "今年物业费交了多少"),
        (on.owing, "这一年交了多少"),
        (on.tenant, "往来明细"),
    ),
    "tariff": ((on.owing, "收费标准"),),
    "due_date": ((on.owing, "什么时候到期"), (on.paid, "什么时候到期")),
    "pay": ((on.stranger, "缴费"), (on.owing, "缴费"), (on.paid, "缴费")),
    "payment_status": (
        (on.owing, "我交过了", "我真的转账了"),
        (on.owing, "付款成功了吗", "我已经付款"),
        (on.paying, "缴费成功了吗"),
        (on.paid, "缴费成功了吗"),
    ),
    "balance": ((on.owing, "余额"), (on.saving, "余额"), (on.tenant, "余额")),
    "prepay": (
        (on.owing, "预存", "1000", "确认"),
        (on.paid, "先存1000元", "改成500", "好的"),
        (on.paid, "预存物业费500", "算了"),
        (on.paid, "交一年物业费", "半年", "确认"),
        (on.year_offered, "交一年", "确认"),
        (on.paid, "预存", "0.5", "账单"),
        (on.paid, "预存电费200"),
        (on.paid, "预存", "不知道", "还是不知道"),
        (on.tenant, "预存500"),
        (on.two_flats, "预存500", "2", "确认"),
        (on.stranger, "预存500"),
    ),
    "promise": (
        (on.owing, "我15号交", "确认", "我20号交", "确认", "账单", "我月底交", "算了"),
        (on.owing, *["我15号交", "确认"] * 3, "我月底交"),
        (on.owing, "账单", "月底一起交", "改成12月5日", "好的"),
        (on.owing, "先交一半", "下个月底", "确认"),
        (on.owing, "承诺3月1日前交清", "不知道", "月底", "可以吗", "行"),
        (on.owing, "我15号交了"),
        (on.paid, "我15号交"),
        (on.stranger, "我15号交"),
        (on.tenant, "我15号交"),
    ),
    "receipt": ((on.owing, "收据"), (on.paid, "收据")),
    "invoice": (
        (on.owing, "开发票"),
        (on.paid, "开发票"),
        (on.paid_taxed, "开发票", "1", "李秀英", "确认", "发票"),
        (on.paid_taxed, "开发票", "2", "杭州安心贸易有限公司", "123", "91110000802100433B", "确认"),
    ),
    "refund_request": (
        (on.owing, "我要退款"),
        (on.paid, "我要退款", "1", "确认"),
        (on.paid, "我要退款", "2", "100元", "确认"),
        (on.paid, "我要退款", "2", "100"),
        (on.paid, "重复缴费了，退我100元", "确认"),
        (on.paid, "我要退款", "4", "房子上个月卖掉了", "600元", "算了"),
        (on.paid, "我要退款", "4", "房子上个月卖掉了", "确认", "退款进度"),
        (on.paid_twice, "我要退款", "2", "3", "确认"),
        (on.paid_strict, "我要退款", "1", "确认"),
        (on.paid, "我要退款", "账单"),
    ),
    "refund_status": (
        (on.paid, "退款进度"),
        *((on.refunding(state), "退款进度") for state in REFUND_STATES),
    ),
    "refund_policy": (
        (on.owing, "怎么退款"),
        (on.paid_strict, "怎么退款"),
        (on.stranger, "怎么退款"),
    ),
    "dispute": (
        (on.owing, "账单不对", "2", "确认", "账单不对", "账单不对", "好的", "账单有问题"),
        (on.owing, "账单不对", "全部", "可以吗", "是的", "账单"),
        (on.owing, "10月物业费算错了", "算了"),
        (on.owing, "10月物业费算错了", "10月明细"),
        (on.owing, "账单不对", "不知道", "9", "都不对"),
        (on.owing, "水费不对"),
        (on.owing_long, "水费不对", "2", "确认", "水费不对", "2", "确认"),
        (on.owing_long, "账单不对", "10月水费不对", "确认"),
        (on.owing_long, "账单不对", "全部", "确认"),
        (on.owing, "扣了两次钱"),
        (on.owing, "3-2-1202的物业费算错了"),
        (on.paid, "账单不对"),
        (on.tenant, "账单不对"),
        (on.two_flats, "账单不对", "1"),
        (on.stranger, "账单不对"),
    ),
    "feedback": (
        (on.owing, "我要投诉", "楼道太脏没人打扫"),
        (on.owing, "投诉", "投诉", "保安态度太差", "我的投诉"),
        (on.owing, "建议多装几个充电桩"),
        (on.stranger, "我要投诉"),
    ),
    "repair": (
        (on.owing, "报修", "厨房水管漏水", "厨房水管漏水"),
        (on.owing, "报修", "我要报修", "算了"),
        (on.owing, "3栋2单元电梯坏了"),
        (on.owing, "我家燃气漏了"),
        (on.owing, "3栋着火了！"),
        (on.owing, "有人被关在电梯里了"),
        (on.stranger, "楼下着火了"),
        (on.stranger, "电梯坏了"),
        (on.two_flats, "厨房水管漏水", "2"),
    ),
    "tickets": (
        (on.owing, "我的工单", "催一下", "没解决"),
        (of.leaking, "报修到哪了", "催一下", "催一下", "撤销工单", "重新处理 又漏了"),
        (of.leaking_twice, "我的工单", "催一下", "催一下 g26110002", "工单 G26110009"),
        (of.mended, "我的工单", "没解决，还在漏", "没解决"),
    ),
    "rate": (
        (of.mended, "5"),
        (of.mended, "4分，师傅很快", "5"),
        (of.mended, "2", "等了三天", "没解决"),
        (of.mended, "2", "缴费"),
        (of.mended, "帮助", "1"),
        (of.mended, "6"),
        (of.asked_after_paying, "5"),
        (of.asked_after_paying, "1", "等了半天才到账"),
        (of.asked_after_paying, "2分，太慢", "人工"),
        (of.asked_after_paying, "账单不对", "2"),
    ),
    "notices": ((on.owing, "公告"), (on.noticed, "公告"), (on.stranger, "公告")),
    "contact": ((on.owing, "物业电话"), (on.two_communities, "物业电话")),
    "human": (
        (on.owing, "人工", "灯坏了三天", "结束人工", "账单"),
        (on.owing, "七上八下", "乱七八糟"),
        (on.owing, "太过分了，气死我了"),
        (on.paid, "人工"),
        (on.stranger, "人工"),
        (on.two_communities, "人工"),
    ),
    "mute": ((on.owing, "不要再发了", "3"), (on.owing, "关闭缴费提醒")),
    "unmute": ((on.owing, "打开提醒"),),
    "plain_speech": (
        (on.owing, "老年模式", "你好", "账单", "缴费", "什么时候到期", "余额", "普通模式", "账单"),
        (on.paid, "说简单点", "账单", "收据", "什么时候到期", "帮助"),
        (on.saving, "字大一点", "余额"),
        (on.tenant, "老年模式", "余额", "收据"),
        (on.stranger, "老年模式", "你好"),
        (
            *(on.owing, "老年模式", "11月物业费怎么算的", "明细", "缴费成功了吗", "我转账了"),
            *("退款进度", "报修", "厨房水管漏水", "公告", "物业电话", "缴费记录", "我要投诉"),
            *("楼道太脏", "人工", "灯坏了", "结束人工", "3月明细"),
        ),
        (
            *(on.paid, "老年模式", "缴费记录", "缴费成功了吗", "我要退款", "1", "确认", "退款进度"),
            "明细",
        ),
        (on.paid, "老年模式", "我要退款", "其他", "房子卖了", "100", "确认"),
        (on.noticed, "老年模式", "公告"),
        (on.paying, "老年模式", "缴费成功了吗"),
        (on.owing, "老年模式", "收费标准", "账单不对", "2", "确认", "我月底交", "确认", "先交一半"),
        (on.owing, "老年模式", "承诺3月1日前交清", "不知道", "月底", "算了"),
        (on.stranger, "老年模式", "绑定", "1201", "3-2-1201", "李秀英", "13800001234"),
        (on.paid, "老年模式", "预存", "1000", "确认", "交一年物业费", "算了"),
        (on.paid_taxed, "老年模式", "开发票", "1", "李秀英", "确认"),
        (on.metered, "老年模式", "抄表", "1135"),
        (on.metered, "老年模式", "水表 1220", "确认"),
        (on.metered, "老年模式", "水表 12", "转了一圈"),
    ),
    "report": ((on.owing, "收支公示"),),
    "meter": (
        (on.stranger, "水表 1234.5"),
        (on.owing, "报水表读数"),
        (on.metered, "水表 1134.5", "水表 1135"),
        (on.metered, "报水表读数", "一千一百三十五"),
        (on.metered, "抄表", "不知道呀", "负5", "NaN", "1000000000000", "1134.5678", "1131"),
        (on.metered, "水表 1220", "什么意思", "确认"),
        (on.metered, "水表 1220", "1128"),
        (on.metered, "水表 12", "确认", "转了一圈"),
        (on.metered, "水表 12", "换了新表"),
        (on.metered_with_staff, "水表 12", "换表"),
        (on.metered_near_the_end, "水表 3", "转了一圈"),
        (on.metered_near_the_end, "水表 3", "99999"),
        (on.metered_twice, "抄表", "2", "540"),
        (on.metered_twice, "电表读数 540"),
        (on.metered_twice, "读数 1130", "水表"),
        (on.metered, "电表 88"),
        (on.metered, "3-2-1202 水表 1130"),
        (on.two_flats, "水表 1130", "1"),
    ),
    "help": ((on.stranger, "帮助"), (on.owing, "七上八下", "乱七八糟", "1")),
    "greeting": ((on.stranger, "你好"), (on.owing, "你好"), (on.two_flats, "你好")),
    "thanks": ((on.owing, "谢谢"),),
    "goodbye": ((on.owing, "再见"),),
    "confirm": ((on.owing, "确认"),),
    "cancel": ((on.owing, "算了"),),
    "out_of_scope": ((on.owing, "今天天气怎么样"),),
}

EVENTS = (
    (on.stranger, IncomingKind.FOLLOW, ""),
    (on.stranger, IncomingKind.FOLLOW, "qrscene_bind:3-2-1201"),
    (on.owing, IncomingKind.FOLLOW, ""),
    (on.owing, IncomingKind.SCAN, "123"),
    (on.owing, IncomingKind.CLICK, "MENU:unpaid"),
    (on.owing, IncomingKind.CLICK, "STAFF:approve"),
    (on.owing, IncomingKind.IMAGE, ""),
    (on.owing, IncomingKind.LOCATION, ""),
    (on.owing, IncomingKind.OTHER, ""),
    (on.owing, IncomingKind.VOICE, ""),
    (on.owing, IncomingKind.VOICE, "我欠多少"),
    (on.owing, IncomingKind.UNFOLLOW, ""),
)


def compare(name: str, text: str) -> None:
    """Hold a text against its golden file, or write it there."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


async def played(scene, talks) -> str:
    """Have each talk in its situation and return them all as a reviewer reads them."""
    parts = []
    for situation, *steps in talks:
        async with scene(situation) as talk:
            for step in steps:
                await talk.hear(step)
            parts.append(f"== {situation.__doc__}\n{talk.script()}")
    return "\n".join(parts)


def test_every_intent_has_its_talks():
    files = Path(registry.__file__).with_name("intents").glob("*.py")

    assert set(TALKS) == {path.stem for path in files} - {"__init__", "staff_bind"}


@pytest.mark.parametrize("name", TALKS)
async def test_an_intent_says_what_its_golden_file_says(name, scene):
    compare(name, await played(scene, TALKS[name]))


async def test_what_is_no_text_is_answered_as_its_golden_file_says(scene):
    parts = []
    for situation, kind, text in EVENTS:
        async with scene(situation) as talk:
            await talk.hear(text, kind)
            parts.append(f"== {situation.__doc__} {kind}\n{talk.script()}")

    compare("events", "\n".join(parts))


IN_ENGLISH = (
    (
        *(on.owing, "How much do I owe?", "why is my October bill so high", "details", "I want to"),
        *("I want to pay", "when is it due", "receipt please", "did my payment go through"),
    ),
    (on.owing, "where is my refund", "balance", "office phone number", "help", "1", "账单", "1"),
    (on.owing, "I want to talk to a human", "the lift is dirty", "end", "hello", "cancel"),
    (on.owing, "asdfgh qwerty", "Tell me a joke", "yes"),
    (on.paid, "bill", "pay", "due date", "receipt", "did my payment go through", "talk to a human"),
    (on.paid, "I want a refund", "1", "yes", "refund status"),
    (on.paying, "did my payment go through"),
    (on.saving, "balance"),
    (on.explained, "why is my bill so high", "why is my electricity bill so high"),
    (on.owing_long, "why is my October water bill so high"),
    (on.tenant, "balance", "bill"),
    (on.two_flats, "pay my bill", "2", "bill", "1"),
    (on.stranger, "my bill", "human", "help"),
    *((on.refunding(state), "where is my refund") for state in REFUND_STATES),
)


async def test_who_writes_english_is_answered_as_its_golden_file_says(scene):
    compare("in_english", await played(scene, IN_ENGLISH))


SEVERAL = (
    (
        *(on.owing, "查下账单，顺便报修，电梯坏了，再把发票开一下", "开发票"),
        *("我欠多少？还有你们电话多少？顺便投诉一下楼道太脏", "先帮我看看欠多少然后发个收据"),
        "厨房漏水了快来修，顺便投诉一下保安",
    ),
    (on.paid, "我要退款，另外开张发票，再帮我把提醒关掉"),
    (on.two_flats, "看看欠多少，顺便问问收据，再把发票开一下", "1"),
    (on.stranger, "查账单，顺便报修水管漏水"),
    (on.owing_long, "欠多少，另外今年的账单明细也要，顺便说下电话"),
    (on.owing, "show my bill and also the receipt, and then refund me 200, also stop reminders"),
)


async def test_several_wishes_in_one_breath_are_answered_as_the_golden_file_says(scene):
    compare("several", await played(scene, SEVERAL))
