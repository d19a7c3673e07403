"""Money put aside in chat pays December by itself, is told, and what is left goes back."""

import re
import urllib.parse

from tests.scenarios.acting import COMPUTER, Demo, http, until

ASIDE = re.compile(r"https?://[^\s\"'<>\\]+/prepay\?what=[0-9-]+")


def press(demo: Demo, link: str) -> str:
    """Open the page of a prepayment and press its button; return the order's number."""
    known = {one["order_no"] for one in demo.call("GET", "wechat_pay/orders")}
    status, page = http("GET", link, headers={"User-Agent": COMPUTER})
    assert (status, 'data-total-fen="100000"' in page) == (200, True)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": COMPUTER}
    sent = urllib.parse.urlencode({"gateway": "wechat_pay"}).encode()
    assert http("POST", link, sent, headers)[0] == 200
    orders: list[dict[str, str]] = demo.call("GET", "wechat_pay/orders")
    return next(one["order_no"] for one in orders if one["order_no"] not in known)


def test_money_put_aside_pays_the_next_months_bill_and_the_rest_goes_back(demo: Demo):
    resident, _ = demo.newcomer()
    demo.pay(resident)
    assert "没有预存款" in demo.say(resident, "我的余额")

    assert "请核对" in demo.say(resident, "先存1000")
    [link] = ASIDE.findall(demo.say(resident, "确认"))
    mark = demo.mark(resident)
    demo.collect(press(demo, link))
    assert "预存 1,000.00元" in demo.heard(resident, mark, "已收到")
    assert "预存余额 1,000.00元" in demo.say(resident, "我的余额")

    demo.to("2026-12-01 09:01")
    assert "¥" in demo.heard(resident, mark, "预存抵扣")
    texts = [one["text"] for one in demo.inbox(resident, mark)]
    assert not any("应缴" in text or "待缴" in text for text in texts[1:])
    assert "没有待缴账单" in demo.say(resident, "账单")
    left = re.search(r"预存余额 ([0-9,.]+)元", demo.say(resident, "我的余额"))
    assert left is not None

    before = set(demo.refund_states())
    said = demo.say(resident, "我要退款")
    said = demo.say(resident, "1") if "哪一笔" in said else said
    assert "原因" in said
    assert "请核对" in demo.say(resident, "重复缴费")
    assert f"退 {left[1]}元" in demo.say(resident, f"{left[1].replace(',', '')}元")
    assert "已受理" in demo.say(resident, "确认")
    demo.advance(minutes=20)

    until(lambda: set(demo.refund_states()) - before)
    assert "没有预存款" in demo.say(resident, "我的余额")
    assert "没有待缴账单" in demo.say(resident, "账单")
