"""Every way to pay, as payer and staff walk it: pages, cashiers, the bank, the counter's chat."""

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from tests.scenarios.acting import COMPUTER, MOBILE, Demo, until, yuan

WECHAT = f"{MOBILE} MicroMessenger/8.0.50"
PLATFORMS = ("wechat_pay", "alipay", "unionpay")
CALLED = {"wechat_pay": "微信支付", "alipay": "支付宝", "unionpay": "银联"}


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    url: str
    status: int
    text: str
    going: str
    """Where it is led: a redirect's or a refresh's address."""

    def found(self, pattern: str) -> str:
        """Return what a pattern's group has on the page."""
        match = re.search(pattern, self.text)
        assert match, f"{pattern} is not on {self.url}:\n{self.text[-3000:]}"
        return unescape(match[1])

    @property
    def words(self) -> str:
        """Return what one reads."""
        bare = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", self.text, flags=re.DOTALL)
        return " ".join(unescape(bare).split())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *asked: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


class Browser:
    """One browser: what it calls itself, and a step at a time."""

    def __init__(self, agent: str) -> None:
        """Call itself `agent`."""
        self.agent = agent

    def open(self, url: str, fields: Sequence[tuple[str, str]] | None = None) -> Page:
        """Get an address, or post a form to it; follow nothing."""
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        asked = urllib.request.Request(url, data=body, headers={"User-Agent": self.agent})
        try:
            answer = _OPENER.open(asked, timeout=60)
        except urllib.error.HTTPError as other:
            answer = other
        with answer:
            text = answer.read().decode(errors="replace")
            led = answer.headers.get("Location", "")
            led = led or answer.headers.get("Refresh", "").partition("url=")[2]
            going = urllib.parse.urljoin(url, led) if led else ""
            return Page(url, answer.status, text, going)

    def follow(self, url: str, fields: Sequence[tuple[str, str]] | None = None) -> Page:
        """Do the same, and go on wherever it is led by a redirect."""
        page = self.open(url, fields)
        while 300 <= page.status < 400:
            page = self.open(page.going)
        return page


def ticks(demo: Demo, link: str) -> list[str]:
    """Return the pay page's boxes, oldest bill first: "17-25928"."""
    del demo
    return ticks_of(link)


def ticks_of(link: str) -> list[str]:
    """Return the boxes of the pay page at an address, oldest bill first."""
    page = Browser(COMPUTER).open(link)
    return re.findall(r'name="bill" value="([0-9]+-[0-9]+)"', page.text)


def fen_of(tick: str) -> int:
    """Return the fen of a pay page's box."""
    return int(tick.partition("-")[2])


def pressed(browser: Browser, link: str, tick: str, gateway: str) -> Page:
    """Choose one bill and a way on the pay page, and press; return where that leads."""
    page = browser.follow(link, [("bill", tick), ("gateway", gateway)])
    assert page.status == 200, page.words
    return page


def at_cashier(link: str, tick: str, gateway: str) -> str:
    """Go up to Alipay's or UnionPay's cashier for a bill, unpaid; return the order's number."""
    browser = Browser(MOBILE)
    page = pressed(browser, link, tick, gateway)
    if gateway == "alipay":
        browser.follow(page.going)
    else:
        browser.follow(_action(page), _inputs(page))
    return page.found(r"支付单号 (\w+)")


def by_wechat(demo: Demo, link: str, tick: str) -> str:
    """Pay a bill by WeChat's code on a computer; return the order's number."""
    page = pressed(Browser(COMPUTER), link, tick, "wechat_pay")
    assert "扫一扫" in page.words
    order_no = page.found(r"支付单号 (\w+)")
    demo.collect(order_no)
    return order_no


def by_alipay(demo: Demo, link: str, tick: str, agent: str = MOBILE) -> str:
    """Pay a bill at Alipay's cashier in a browser; return the order's number."""
    browser = Browser(agent)
    return at_alipay(browser, pressed(browser, link, tick, "alipay"))


def by_alipay_from_wechat(demo: Demo, link: str, tick: str) -> str:
    """Choose Alipay inside WeChat, be led outside by a pass, and pay there without a login."""
    inside, outside = Browser(WECHAT), Browser(MOBILE)
    guide = pressed(inside, link, tick, "alipay")
    assert "在浏览器打开" in guide.words
    address = guide.found(r'data-copy="([^"]+)"')
    sheet = outside.open(address)
    assert yuan(fen_of(tick)) in sheet.words
    order_no = at_alipay(outside, outside.follow(address, []))
    assert "支付成功" in inside.open(guide.url).words
    assert outside.open(address).status == 410
    return order_no


def at_alipay(browser: Browser, page: Page) -> str:
    """Go from the order's page to Alipay's cashier, pay, and come back."""
    order_no = page.found(r"支付单号 (\w+)")
    cashier = browser.follow(page.going)
    paid = browser.follow(_action(cashier), [])
    back = paid.found(r'href="(http[^"]+)"[^>]*data-return')
    until(lambda: "支付成功" in browser.follow(back).words)
    return order_no


def _action(page: Page) -> str:
    """Return the address of a page's form."""
    found = re.search(r'<form[^>]*\baction="([^"]*)"', page.text)
    return urllib.parse.urljoin(page.url, unescape(found[1]) if found else "")


def _inputs(page: Page) -> list[tuple[str, str]]:
    """Return the fields of a page's form, as they are filled in."""
    fields = []
    for tag in re.findall(r"<input[^>]+>", page.text):
        name, value = (re.search(rf'\b{one}="([^"]*)"', tag) for one in ("name", "value"))
        if name and value:
            fields.append((unescape(name[1]), unescape(value[1])))
    return fields


def by_card(demo: Demo, link: str, tick: str, agent: str = MOBILE) -> str:
    """Pay a bill with a card at UnionPay's cashier; return the order's number."""
    browser = Browser(agent)
    page = pressed(browser, link, tick, "unionpay")
    order_no = page.found(r"支付单号 (\w+)")
    cashier = browser.follow(_action(page), _inputs(page))
    done = browser.follow(cashier.url, _inputs(cashier))
    back = browser.follow(_action(done), _inputs(done))
    until(lambda: "支付成功" in browser.follow(back.url).words)
    return order_no


def by_transfer(demo: Demo, link: str, tick: str, payer: str = "王女士") -> str:
    """Transfer a bill's sum with the page's remark code in the memo; return the order's number."""
    page = pressed(Browser(MOBILE), link, tick, "bank_transfer")
    code = page.found(r'data-remark="(\w+)"')
    amount_fen = fen_of(tick)
    assert yuan(amount_fen) in page.words
    told = {"amount_fen": amount_fen, "memo": f"物业费 {code}", "payer": payer}
    demo.call("POST", "bank/pay", told)
    return page.found(r"支付单号 (\w+)")


def by_cash(demo: Demo, code: str, at: int, fen: int) -> str:
    """Have the cashier take cash in chat for the bill in one place; return the voucher's number."""
    cashier = demo.staff("cashier")
    assert "请核对" in demo.say(cashier, f"收现金 {code} {fen / 100:.2f}")
    assert yuan(fen) in demo.say(cashier, str(at))
    said = demo.say(cashier, "确认")
    found = re.search(r"凭证 (V[0-9]{11})", said)
    assert found, said
    return found[1]


def number_in(text: str) -> str:
    """Return the refund's number in a text."""
    found = re.search(r"T[0-9]{12}", text)
    assert found, text
    return found[0]


def ask_back(demo: Demo, openid: str, fen: int, amount: str = "") -> str:
    """Ask the payment of a sum back in chat; return what was said of the request."""
    said = demo.say(openid, "我要退款")
    if "哪一笔" in said:
        rows = re.findall(r"([0-9]+)[.、]? ?.*缴的 ([0-9,.]+)元", said)
        said = demo.say(openid, next(at for at, sum_ in rows if sum_ == yuan(fen)))
    assert "原因" in said, said
    said = demo.say(openid, "重复缴费")
    if amount:
        said = demo.say(openid, amount)
    assert "确认" in said, said
    return demo.say(openid, "确认")


def texts(demo: Demo, openid: str, after: int) -> list[str]:
    """Return what reached a person after a number."""
    return [str(one["text"]) for one in demo.inbox(openid, after)]


def receipt(demo: Demo, openid: str, after: int, fen: int) -> str:
    """Return the receipt in chat of a payment, once it has come."""
    return until(
        lambda: next(
            (one for one in texts(demo, openid, after) if "已收到" in one and yuan(fen) in one), ""
        )
    )
