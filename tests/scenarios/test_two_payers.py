"""Two open one bill for payment: one of them pays it, and whoever asks hears how it stands."""

import re
from urllib.parse import urlencode

from tests.scenarios.acting import COMPUTER, MOBILE, Demo, http, until, yuan


def state(demo: Demo, order_no: str) -> str:
    """Return how an order stands at the platform."""
    rows = demo.call("GET", "wechat_pay/orders")
    return next(str(one["state"]) for one in rows if one["order_no"] == order_no)


def press_again(link: str, page: str, agent: str) -> tuple[int, str]:
    """Press the button of a page that was opened before."""
    fields = [("gateway", "wechat_pay"), *(("bill", tick) for tick in ticks(page))]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": agent}
    return http("POST", link, urlencode(fields).encode(), headers)


def ticks(page: str) -> list[str]:
    return re.findall(r'name="bill" value="([0-9]+-[0-9]+)"', page)


def test_opened_on_another_device_the_first_can_no_more_be_paid(demo: Demo):
    resident, _ = demo.newcomer()
    link = demo.link(resident)
    first, fen = demo.order(link, agent=COMPUTER)

    second, same = demo.order(link, agent=MOBILE)

    assert fen == same
    assert (state(demo, first), state(demo, second)) == ("closed", "open")
    _, page = http("GET", f"{link}?order={first}", headers={"User-Agent": COMPUTER})
    assert "在别处重新发起了缴费" in page
    mark = demo.mark(resident)
    demo.collect(second)
    assert yuan(fen) in demo.heard(resident, mark, "已收到")


def test_what_was_paid_on_the_first_is_not_collected_on_the_second(demo: Demo):
    resident, _ = demo.newcomer()
    link = demo.link(resident)
    _, shown = http("GET", link, headers={"User-Agent": MOBILE})
    order_no, fen = demo.order(link, agent=COMPUTER)
    mark = demo.mark(resident)
    demo.fault("wechat_pay", "drop", times=50, order_no=order_no)
    demo.collect(order_no)

    status, page = press_again(link, shown, MOBILE)

    assert status == 409
    assert "已全部缴清" in page
    assert yuan(fen) in demo.heard(resident, mark, "已收到")


def test_who_asks_why_nothing_shows_has_the_platform_asked_at_once(demo: Demo):
    resident, _ = demo.newcomer()
    order_no, fen = demo.order(demo.link(resident))
    demo.fault("wechat_pay", "drop", times=50, order_no=order_no)
    demo.collect(order_no)

    answer = demo.say(resident, "我付了怎么还没显示")

    assert "最近到账的缴费" in answer
    assert yuan(fen) in answer


def test_where_the_platform_takes_its_time_the_answer_comes_later(demo: Demo):
    resident, _ = demo.newcomer()
    order_no, fen = demo.order(demo.link(resident))
    demo.fault("wechat_pay", "drop", times=50, order_no=order_no)
    demo.collect(order_no)
    mark = demo.mark(resident)
    demo.fault("wechat_pay", "delay", on="answer", seconds=6, path=order_no)

    heard = demo.call("POST", "wechat/messages", {"openid": resident, "text": "钱付了没到账"})

    assert heard["reply"] is None
    assert heard["seconds"] < 5
    assert yuan(fen) in until(lambda: demo.heard(resident, mark, "最近到账的缴费"))
