"""A ticket goes resident → steward → resident → rating, from outside, and a dispute to its end."""

import re

from tests.scenarios.acting import Demo

NUMBER = re.compile(r"G[0-9]{8}")


def test_a_repair_is_reported_taken_answered_closed_and_rated(demo: Demo):
    resident, _ = demo.newcomer()
    steward = demo.staff("steward")
    demo.say(steward, "工单")
    at_work, at_home = demo.mark(steward), demo.mark(resident)

    number = NUMBER.findall(demo.say(resident, "厨房水管漏水"))[0]
    assert "厨房水管漏水" in demo.heard(steward, at_work, "新工单", number)
    assert number in demo.say(steward, "工单")
    assert "已接单" in demo.say(steward, f"接单 {number}")
    demo.heard(resident, at_home, number, "已有人处理")
    demo.say(steward, f"回复 {number} 师傅下午三点到")
    demo.heard(resident, at_home, "师傅下午三点到")
    assert "师傅下午三点到" in demo.say(resident, "报修到哪了")
    demo.say(steward, f"结单 {number} 水管已换好")
    assert "1到5" in demo.heard(resident, at_home, number, "已办结", "水管已换好")

    assert "5 分" in demo.say(resident, "5")
    assert "已办结" in demo.say(resident, "我的工单")
    assert "重新处理" in demo.say(resident, "没解决，还在漏")
    assert number in demo.say(steward, "工单")


def test_a_disputed_bill_rests_until_its_ticket_is_closed_with_a_message(demo: Demo):
    resident, _ = demo.newcomer()
    steward, mark = demo.staff("steward"), demo.mark(resident)
    said = demo.say(resident, "账单不对")
    if "哪一笔" in said:
        said = demo.say(resident, "全部")
    assert "确认" in said

    number = NUMBER.findall(demo.say(resident, "确认"))[0]
    assert "已经在核对" in demo.say(resident, "账单不对")
    demo.say(steward, f"结单 {number} 面积没有算错")

    told = demo.heard(resident, mark, number, "已办结", "面积没有算错")
    assert "恢复正常提醒" in told


def test_who_asks_for_a_person_is_answered_by_one_and_given_back(demo: Demo):
    resident, _ = demo.newcomer()
    steward, mark = demo.staff("steward"), demo.mark(resident)
    demo.say(steward, "工单")
    at_work = demo.mark(steward)

    assert "转给管家" in demo.say(resident, "人工")
    card = demo.heard(steward, at_work, "有住户找人工")
    number = re.findall("结束 ([0-9]+)", card)[0]
    assert "已转告管家" in demo.say(resident, "还是上回和你们讲的那样子")
    demo.heard(steward, at_work, f"人工 {number}", "还是上回和你们讲的那样子")
    demo.say(steward, f"回复 {number} 马上来看")
    demo.heard(resident, mark, "管家回复", "马上来看")
    quiet = demo.call("POST", "wechat/messages", {"openid": resident, "text": "灯不亮"})
    assert quiet["reply"] is None
    demo.heard(steward, at_work, f"人工 {number}", "灯不亮")
    demo.say(steward, f"结束 {number}")
    demo.heard(resident, mark, "又由我来回答")

    assert "待缴" in demo.say(resident, "我欠多少")
