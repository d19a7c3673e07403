"""People who leave, come back, or pay for each other."""

from tests.scenarios.acting import MOBILE, Demo, yuan


def test_who_unsubscribed_is_written_to_no_more_and_finds_all_when_she_is_back(demo: Demo):
    resident, _ = demo.newcomer()
    demo.call("POST", "wechat/messages", {"openid": resident, "event": "unsubscribe"})
    mark = demo.mark(resident)

    demo.advance(days=9)
    assert demo.inbox(resident, mark) == []
    demo.call("POST", "wechat/users", {"openid": resident, "nickname": "回来了"})

    assert "待缴账单" in demo.say(resident, "我欠多少")


def test_g09_a_follower_who_left_unheard_is_found_out_by_the_platforms_answer(demo: Demo):
    resident, _ = demo.newcomer()
    demo.advance(days=3)
    mark = demo.mark(resident)
    demo.fault("wechat", "unsubscribed", openid=resident, times=50)

    demo.advance(days=20)

    assert demo.inbox(resident, mark) == []
    # Bills and two reminders fell due; once told that she is gone, we ask no more.
    calls = demo.call("GET", "calls?platform=wechat")
    hers = [one for one in calls if resident in (one["body"] or "")]
    refused = [one for one in hers if "43004" in (one["answer"] or "")]
    assert len(refused) == 1
    demo.calm()


def test_two_people_who_pay_the_same_bills_pay_once_in_the_end(demo: Demo):
    """The platform does not close the first order in time: both are paid."""
    first, row = demo.newcomer()
    second = demo.stranger("家人")
    link = demo.link(first)
    one, fen = demo.order(link)
    demo.fault("wechat_pay", "error_5xx", on="answer", path="/close")
    other, same = demo.order(link, agent=MOBILE)
    assert same == fen
    mark = demo.mark(first)

    demo.collect(one)
    demo.collect(other)
    demo.advance(minutes=15)

    assert yuan(fen) in demo.heard(first, mark, "已收到")
    back = demo.call("GET", "wechat_pay/book")["refunds"]
    assert [(row["order_no"], row["amount_fen"], row["state"]) for row in back] == [
        (other, fen, "success")
    ]
    assert "没有待缴账单" in demo.say(first, "我欠多少")
    assert row["unit_label"] not in demo.say(second, "我欠多少")
