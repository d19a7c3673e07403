"""The bot is killed at any moment and goes on where it was; the platforms live on."""

import signal

from tests.scenarios.acting import Demo


def test_killed_between_order_and_payment_it_goes_on(demo: Demo):
    resident, _ = demo.newcomer()
    order_no, _ = demo.order(demo.link(resident))
    mark = demo.mark(resident)

    assert demo.end(signal.SIGKILL) == -signal.SIGKILL
    demo.start()
    demo.collect(order_no)

    assert demo.heard(resident, mark, "已收到")
    before = demo.call("GET", "clock")["now"]
    demo.end(signal.SIGKILL)
    demo.start()
    assert demo.call("GET", "clock")["now"] >= before
    assert "没有待缴账单" in demo.say(resident, "我欠多少")


def test_ended_politely_it_stops_with_status_0(demo: Demo):
    assert demo.end() == 0
    demo.start()
