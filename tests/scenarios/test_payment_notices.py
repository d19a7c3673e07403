"""Whatever becomes of the platform's notices, a payment is booked once, for what was paid."""

import pytest

from tests.scenarios.acting import Demo, payments, until, yuan


def receipts(demo: Demo, openid: str, mark: int) -> list[str]:
    return [one["text"] for one in demo.inbox(openid, mark) if "已收到" in one["text"]]


def test_a_payment_whose_notices_are_all_lost_is_found_by_asking(demo: Demo):
    resident, _ = demo.newcomer()
    order_no, fen = demo.order(demo.link(resident))
    mark = demo.mark(resident)
    demo.fault("wechat_pay", "drop", times=50, order_no=order_no)

    demo.collect(order_no)
    demo.advance(minutes=10)

    assert yuan(fen) in demo.heard(resident, mark, "已收到")
    asked = demo.call("GET", "calls?platform=wechat_pay")
    assert any(one["method"] == "GET" and order_no in one["path"] for one in asked)


@pytest.mark.parametrize(
    "kind",
    ["duplicate", "reorder", "delay", "stale", "wrong_signature", "tampered", "signtest"],
)
def test_a_notice_that_comes_twice_late_or_forged_books_the_payment_once(demo: Demo, kind: str):
    resident, _ = demo.newcomer()
    order_no, fen = demo.order(demo.link(resident))
    mark = demo.mark(resident)
    demo.fault("wechat_pay", kind)

    demo.collect(order_no)
    demo.advance(minutes=20)

    assert until(lambda: receipts(demo, resident, mark))
    assert len(receipts(demo, resident, mark)) == 1
    assert yuan(fen) in receipts(demo, resident, mark)[0]
    assert "没有待缴账单" in demo.say(resident, "我欠多少")


@pytest.mark.parametrize("kind", ["wrong_amount", "wrong_merchant", "wrong_appid"])
def test_a_signed_notice_that_contradicts_the_order_is_not_believed(demo: Demo, kind: str):
    resident, _ = demo.newcomer()
    order_no, fen = demo.order(demo.link(resident))
    mark = demo.mark(resident)
    demo.fault("wechat_pay", kind)

    demo.collect(order_no)
    demo.advance(minutes=20)

    assert yuan(fen) in demo.heard(resident, mark, "已收到")
    assert len(receipts(demo, resident, mark)) == 1
    book = demo.call("GET", "wechat_pay/book")
    assert [one[2] for one in payments(book) if one[0] == order_no] == [fen]
