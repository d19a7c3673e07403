"""Staff in chat: a building is written to and reported on; residents' staff words do nothing."""

from tests.scenarios.acting import Demo

NOTICE = "群发 3栋 明天上午9点到12点停水检修"


def people_of_building_3(demo: Demo) -> list[str]:
    rows = demo.facts["residents"]
    return [one["openid"] for one in rows if one["bound"] and one["unit_label"].startswith("3栋")]


def test_a_broadcast_is_previewed_confirmed_reported_and_sent_again_to_the_failed(demo: Demo):
    steward, residents = demo.staff("steward"), people_of_building_3(demo)
    others = [one["openid"] for one in demo.facts["residents"] if one["bound"]]
    others = [one for one in others if one not in residents]
    demo.fault("wechat", "errcode", code=40037, openid=residents[0])

    preview = demo.say(steward, NOTICE)
    assert "预览，还没有发送" in preview
    assert f"能收到：{len(residents)} 人" in preview
    assert not any(demo.inbox(one) for one in residents)
    mark = demo.mark(steward)
    assert "已开始发送" in demo.say(steward, "确认")
    demo.advance(minutes=5)

    told = demo.heard(steward, mark, "已经发完")
    report = demo.say(steward, "群发报告")
    assert f"已送达 {len(residents) - 1}" in told
    assert "没有送达 1 人" in report
    assert "没有绑定" in report
    assert "停水检修" in demo.inbox(residents[-1])[-1]["text"]
    assert not any("停水" in one["text"] for openid in others for one in demo.inbox(openid))

    assert "1 人补发" in demo.say(steward, "补发 N0001")
    demo.advance(minutes=5)

    assert f"已送达 {len(residents)} 人" in demo.say(steward, "群发报告")
    for one in residents:
        assert sum("停水" in message["text"] for message in demo.inbox(one)) == 1


def test_a_broadcast_that_was_not_confirmed_reaches_nobody(demo: Demo):
    steward, residents = demo.staff("steward"), people_of_building_3(demo)
    before = [len(demo.inbox(one)) for one in residents]

    demo.say(steward, "群发 3栋 明天下午物业办公室休息")
    assert "没有" in demo.say(steward, "取消")
    demo.advance(minutes=30)

    assert [len(demo.inbox(one)) for one in residents] == before


def test_a_notice_that_names_a_room_and_its_debt_is_refused(demo: Demo):
    said = demo.say(demo.staff("steward"), "群发 3栋 3栋1单元104欠费5000元请尽快缴纳")

    assert "没有发送" in said
    assert "预览" not in said


def test_staff_words_from_a_resident_move_nothing(demo: Demo):
    resident, _ = demo.newcomer()
    mark = {one: demo.mark(one) for one in people_of_building_3(demo)}

    words = (NOTICE, "确认", "今日", "待审批", "同意 T261123000001", "补发 N0001", "群发报告")
    said = [demo.say(resident, text) for text in words]
    demo.advance(minutes=30)

    assert not any("预览" in one or "已同意" in one or "收款" in one for one in said)
    assert all(demo.mark(one) == seen for one, seen in mark.items())


def test_the_managers_figures_are_those_of_the_books(demo: Demo):
    resident, _ = demo.newcomer()
    paid = [one["amount_fen"] for one in demo.call("GET", "wechat_pay/book")["payments"]]
    _, fen = demo.pay(resident)

    said = demo.say(demo.staff("manager"), "今日")

    total = sum(paid) + fen
    assert f"收款 {len(paid) + 1} 笔，{total // 100:,}.{total % 100:02d}元" in said
