"""Refunds: told at each step, decided by a manager where they are large, and never lost."""

from tests.scenarios.acting import Demo


def number_in(text: str) -> str:
    return "T" + text.split("T", 1)[1][:12]


def test_a_small_refund_needs_nobody_and_is_told_at_each_step(demo: Demo):
    resident, _ = demo.newcomer()
    demo.pay(resident)
    mark = demo.mark(resident)

    accepted = demo.ask_refund(resident)
    demo.advance(minutes=10)

    assert "已受理" in accepted
    assert "已提交给微信支付" in demo.heard(resident, mark, number_in(accepted), "已提交")
    assert "恢复为待缴" in demo.heard(resident, mark, number_in(accepted), "已到账")
    assert demo.refund_states()[number_in(accepted)] == "success"
    assert "待缴账单" in demo.say(resident, "我欠多少")


def test_part_of_a_payment_goes_back_and_the_rest_stays_paid(demo: Demo):
    resident, _ = demo.newcomer()
    demo.pay(resident)
    mark = demo.mark(resident)

    accepted = demo.ask_refund(resident, "50元")
    demo.advance(minutes=10)

    assert "50.00元" in demo.heard(resident, mark, number_in(accepted), "已到账")
    assert "50.00元" in demo.say(resident, "我欠多少")


def test_a_refund_that_the_merchant_cannot_fund_succeeds_once_it_can(demo: Demo):
    resident, _ = demo.newcomer()
    demo.pay(resident)
    mark = demo.mark(resident)
    demo.fault("wechat_pay", "unfunded", times=2)

    accepted = demo.ask_refund(resident)
    demo.advance(minutes=2)
    assert number_in(accepted) not in demo.refund_states()
    assert not any("已到账" in one["text"] for one in demo.inbox(resident, mark))
    demo.calm()
    demo.advance(days=1)

    assert "已到账" in demo.heard(resident, mark, number_in(accepted), "已到账")
    assert demo.refund_states()[number_in(accepted)] == "success"


def test_a_refund_call_that_times_out_after_doing_the_work_is_made_once(demo: Demo):
    resident, _ = demo.newcomer()
    demo.pay(resident)
    mark, before = demo.mark(resident), len(demo.refund_states())
    demo.fault("wechat_pay", "timeout_after", on="answer", path="/refunds")

    accepted = demo.ask_refund(resident)
    demo.advance(minutes=30)

    assert "已到账" in demo.heard(resident, mark, number_in(accepted), "已到账")
    assert len(demo.refund_states()) == before + 1


def test_large_refunds_wait_for_the_manager_who_agrees_to_one_and_declines_another(demo: Demo):
    manager = demo.staff("manager")
    agreed, _ = demo.newcomer()
    declined, _ = demo.newcomer()
    demo.to("2027-01-02 10:00")
    for resident in (agreed, declined):
        _, fen = demo.pay(resident)
        assert fen > 100_000
    marks = {one: demo.mark(one) for one in (agreed, declined)}

    first, second = (number_in(demo.ask_refund(one)) for one in (agreed, declined))
    demo.advance(minutes=10)
    assert not {first, second} & set(demo.refund_states())
    assert first in demo.say(manager, "待审批")
    for role in ("steward", "cashier"):
        demo.say(demo.staff(role), f"同意 {first}")
    demo.say(agreed, f"同意 {first}")
    assert first in demo.say(manager, "待审批")
    assert "已同意" in demo.say(manager, f"同意 {first}")
    assert "已拒绝" in demo.say(manager, f"拒绝 {second} 账单没有算错")
    demo.advance(minutes=10)

    assert "已到账" in demo.heard(agreed, marks[agreed], first, "已到账")
    assert demo.refund_states()[first] == "success"
    assert "账单没有算错" in demo.heard(declined, marks[declined], second, "账单没有算错")
    assert second not in demo.refund_states()
    assert "没有待缴账单" in demo.say(declined, "我欠多少")
