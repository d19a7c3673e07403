"""Every way to pay, each refund followed to its end, and books that agree with the bank."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.postgres import Postgres
from tests.scenarios.acting import COMPUTER, MOBILE, START, Demo, copied, running, wuyebot
from tests.scenarios.ways import (
    PLATFORMS,
    Browser,
    ask_back,
    by_alipay,
    by_alipay_from_wechat,
    by_card,
    by_cash,
    by_transfer,
    by_wechat,
    fen_of,
    number_in,
    pressed,
    receipt,
    texts,
    ticks,
)

pytestmark = pytest.mark.timeout(600)

DAY = "2026-11-24"
NOBODYS_ORDER, NOBODYS_REFUND = "W2611240000000000000001", "T269999999999"
COMPUTERS_ALIPAY = "alipay on a computer"
WAYS = {
    "wechat_pay": by_wechat,
    "alipay": by_alipay_from_wechat,
    "alipay on a phone": by_alipay,
    COMPUTERS_ALIPAY: lambda demo, link, tick: by_alipay(demo, link, tick, COMPUTER),
    "unionpay": by_card,
    "unionpay on a computer": lambda demo, link, tick: by_card(demo, link, tick, COMPUTER),
    "bank_transfer": by_transfer,
}


@dataclass
class Story:
    """What one test leaves to the next."""

    demo: Demo
    resident: str
    code: str
    paid: dict[str, int] = field(default_factory=dict)
    known: str = ""
    """The list of differences as the cashier read it."""
    put_aside: str = ""
    """The bank's number of money that is no resident's."""

    @property
    def cashier(self) -> str:
        return self.demo.staff("cashier")


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Give a demo of its own, and a flat that owes four bills."""
    folder = tmp_path_factory.mktemp("ways") / "demo"
    if request.param == "sqlite":
        copied(request.getfixturevalue("seeded"), folder)
        with running(folder, "--now", START) as demo:
            yield _begun(demo)
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.empty()
    with running(folder, "--now", START, "--database", url) as demo:
        yield _begun(demo)
    server.drop(url)


def _begun(demo: Demo) -> Story:
    who = demo.facts["residents"][0]
    code = "-".join(re.findall(r"[0-9]+", who["unit_label"]))
    return Story(demo, who["openid"], code)


def test_the_bills_of_one_flat_are_paid_by_each_way_and_each_refund_is_followed(story: Story):
    demo, resident = story.demo, story.resident
    link = demo.link(resident)
    before = ticks(demo, link)
    for way, pay in WAYS.items():
        tick, mark = ticks(demo, link)[0], demo.mark(resident)

        pay(demo, link, tick)
        demo.advance(seconds=70)
        told = receipt(demo, resident, mark, fen_of(tick))
        number = number_in(ask_back(demo, resident, fen_of(tick)))
        demo.advance(minutes=10)

        assert "电子收据，编号 R" in told, way
        steps = [one for one in texts(demo, resident, mark) if number in one]
        assert "已受理" in steps[0], way
        assert ["已到账" in one for one in steps].count(True) == 1, way
        assert "恢复为待缴" in steps[-1], way
        assert "已到账" in demo.say(resident, "退款进度")
        assert ticks(demo, link) == before, way


def test_cash_comes_by_the_cashier_and_goes_back_by_a_second_person(story: Story):
    demo, resident = story.demo, story.resident
    manager, link = demo.staff("manager"), demo.link(story.resident)
    tick, mark = ticks(demo, link)[0], demo.mark(resident)

    voucher = by_cash(demo, story.code, 1, fen_of(tick))
    assert "电子收据，编号 R" in receipt(demo, resident, mark, fen_of(tick))
    number = number_in(ask_back(demo, resident, fen_of(tick)))
    assert number in demo.say(manager, "待审批")
    assert "已同意" in demo.say(manager, f"同意 {number}")
    demo.advance(seconds=70)
    assert "领取现金" in demo.heard(resident, mark, number, "审核通过")
    assert "不能" in demo.say(manager, f"已付退款 {number}")
    assert "已登记退款" in demo.say(story.cashier, f"已付退款 {number}")

    assert "恢复为待缴" in demo.heard(resident, mark, number, "现金付给您")
    assert voucher[:1] == "V"
    assert ticks(demo, link)[0] == tick


def test_the_next_morning_all_books_agree_and_the_cashier_hears_it(story: Story):
    demo, resident, link = story.demo, story.resident, story.demo.link(story.resident)
    for way in ("wechat_pay", "alipay", "unionpay", "bank_transfer"):
        tick, mark = ticks(demo, link)[0], demo.mark(resident)
        WAYS[way](demo, link, tick)
        demo.advance(seconds=70)
        receipt(demo, resident, mark, fen_of(tick))
        story.paid[way] = fen_of(tick)
    assert "没有待缴账单" in demo.say(resident, "我欠多少")
    mark = demo.mark(story.cashier)

    demo.to(f"{DAY} 12:20")

    result = demo.heard(story.cashier, mark, "11月23日对账结果")
    assert "账都对上了" in result
    for name in ("支付宝", "云闪付", "微信支付"):
        assert re.search(rf"{name}：[0-9]+ 笔，收 ", result)
    assert "没有等着核对的差异" in demo.say(story.cashier, "差异")
    assert "没有挂账" in demo.say(story.cashier, "挂账")
    arrived = [one for one in page_of(story).split("应到银行")[1:] if "已到" in one[:80]]
    assert len(arrived) == len(PLATFORMS), page_of(story)
    equal(demo)


def page_of(story: Story) -> str:
    """Return what the reconciliation's page says; its link is for the cashier."""
    said = story.demo.say(story.cashier, "对账")
    link = re.search(r"https?://\S+/reconciliation/\S+", said)
    assert link, said
    return Browser(COMPUTER).open(link[0]).words


def equal(demo: Demo, *, put_aside: str = "") -> None:
    """Hold our book against each platform's own, row by row, and our books against themselves.

    The bank knows no order of ours, and money that is no resident's is in no payment of ours.
    """
    ours = json.loads(wuyebot("book", "--data", str(demo.folder), "--json").stdout)
    for name in PLATFORMS:
        theirs = demo.call("GET", f"{name}/book")
        assert rows(ours, "payments", name) == rows(theirs, "payments"), name
        assert rows(ours, "refunds", name) == rows(theirs, "refunds"), name
    bank = demo.call("GET", "bank/book")
    came = [one for one in bank["payments"] if one["transaction_id"] != put_aside]
    booked = [one for one in ours["payments"] if one["gateway"] == "bank_transfer"]
    assert sums(came) == sums(booked)
    assert rows(ours, "refunds", "bank_transfer") == rows(bank, "refunds")
    audit = wuyebot("audit", "--data", str(demo.folder))
    assert audit.returncode == 0, audit.stdout + audit.stderr


def sums(payments: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return payments by the platform's numbers, comparable."""
    return sorted((one["transaction_id"], one["amount_fen"]) for one in payments)


def rows(book: dict[str, Any], kind: str, gateway: str = "") -> list[tuple[Any, ...]]:
    """Return a gateway's rows of a book, comparable."""
    words = {"payments": ("order_no", "transaction_id", "amount_fen")}
    wanted = words.get(kind, ("refund_no", "order_no", "amount_fen", "state"))
    mine = [one for one in book[kind] if not gateway or one["gateway"] == gateway]
    return sorted(tuple(one[word] for word in wanted) for one in mine)


# Ten differences and more


@dataclass(frozen=True)
class Paid:
    """A bill that a newcomer paid; `order_no` is the memo where she named no order."""

    resident: str
    order_no: str
    fen: int


def paid(demo: Demo, way: str) -> Paid:
    """Have a newcomer pay her oldest bill."""
    resident, _ = demo.newcomer()
    link, mark = demo.link(resident), demo.mark(resident)
    tick = ticks(demo, link)[0]
    order_no = WAYS[way](demo, link, tick)
    demo.advance(seconds=70)
    receipt(demo, resident, mark, fen_of(tick))
    return Paid(resident, order_no, fen_of(tick))


def plant(demo: Demo, gateway: str, op: str, **more: Any) -> None:
    """Plant a difference in the day's statement."""
    demo.call("POST", f"{gateway}/statement", {"op": op, "day": DAY, **more})


def never_heard_of(demo: Demo) -> Paid:
    """Have an order closed by its time, and paid all the same with no notice."""
    resident, _ = demo.newcomer()
    tick = ticks(demo, demo.link(resident))[0]
    browser = Browser(MOBILE)
    page = pressed(browser, demo.link(resident), tick, "alipay")
    order_no = page.found(r"支付单号 (\w+)")
    browser.follow(page.going)
    demo.advance(minutes=130)
    demo.fault("alipay", "drop", times=50, order_no=order_no)
    demo.call("POST", "alipay/pay", {"order_no": order_no, "late": True})
    return Paid(resident, order_no, fen_of(tick))


@dataclass(frozen=True)
class Made:
    """What differences were made about."""

    missing: Paid
    changed: Paid
    dear: Paid
    console: Paid
    renumbered: Paid
    late: Paid
    claimed: Paid
    refund_no: str
    loan: str
    """The bank's number of money that is no resident's."""
    mark: int
    """What the payer of `console` had heard before."""


def trouble(demo: Demo) -> Made:
    """Make differences of twelve kinds; those of WeChat Pay's statement come in the morning."""
    missing, changed, partly = (paid(demo, "wechat_pay") for _ in range(3))
    dear, console = (paid(demo, "alipay on a phone") for _ in range(2))
    renumbered, card = (paid(demo, "unionpay") for _ in range(2))
    refund_no = number_in(ask_back(demo, partly.resident, partly.fen, "20元"))
    mark = demo.mark(console.resident)
    demo.call("POST", "alipay/refund", {"order_no": console.order_no, "amount_fen": 1000})
    late = never_heard_of(demo)
    loan = demo.call("POST", "bank/pay", {"amount_fen": 4321, "memo": "货款", "payer": "某公司"})
    short = {"kind": "settlement", "gateway": "unionpay", "day": DAY, "amount_fen": 12_345}
    demo.call("POST", "bank/pay", short)
    plant(demo, "wechat_pay", "spoil", what="hash")
    plant(demo, "alipay", "change", order_no=dear.order_no, set={"fee_fen": 999})
    _plant_at_unionpay(demo, renumbered, card)
    claimed, serial = _with_a_memo(demo), str(loan["transaction_id"])
    return Made(missing, changed, dear, console, renumbered, late, claimed, refund_no, serial, mark)


def _plant_at_unionpay(demo: Demo, renumbered: Paid, card: Paid) -> None:
    """Give one payment another number, and add a refund that nobody asked for."""
    book = demo.call("GET", "unionpay/book")["payments"]
    numbers = {one["order_no"]: one["transaction_id"] for one in book}
    other = numbers[renumbered.order_no]
    other = other[:-1] + ("1" if other[-1] == "0" else "0")
    plant(demo, "unionpay", "change", order_no=renumbered.order_no, set={"number": other})
    stem, given = numbers[card.order_no][:-3], {*numbers.values()}
    nobodys = (f"{stem}{last:02}8" for last in range(100) if f"{stem}{last:02}8" not in given)
    row = {"kind": "refund", "order_no": NOBODYS_ORDER, "refund_no": NOBODYS_REFUND}
    row |= {"number": next(nobodys), "refund_number": next(nobodys)}
    plant(demo, "unionpay", "add", amount_fen=500, **row)


def _with_a_memo(demo: Demo) -> Paid:
    """Have a newcomer transfer what she owes with no code, only her flat in the memo."""
    resident, who = demo.newcomer()
    fen = fen_of(ticks(demo, demo.link(resident))[0])
    memo = f"{who['unit_label']} 物业费"
    demo.call("POST", "bank/pay", {"amount_fen": fen, "memo": memo, "payer": who["name"]})
    return Paid(resident, memo, fen)


def test_differences_of_twelve_kinds_are_found_typed_and_worked_off_in_chat(story: Story):
    demo, cashier = story.demo, story.cashier
    made = trouble(demo)
    demo.advance(seconds=70)
    _work_suspense(demo, cashier, made)
    mark = demo.mark(cashier)

    demo.to("2026-11-25 10:21")
    assert "平台账单不完整" in demo.say(cashier, "差异")
    _mend_and_plant(demo, made)
    demo.to("2026-11-25 12:20")

    assert "差异" in demo.heard(cashier, mark, "11月24日对账结果")
    assert "10.00元" in demo.heard(cashier, mark, "在商户平台上直接退的")
    assert "10.00元" in demo.heard(made.console.resident, made.mark, "退款", "已到账")
    receipt(demo, made.late.resident, 0, made.late.fen)
    story.known = _worked_off(demo, cashier)
    for about, cause in _expected(made).items():
        assert any(about in one and cause in one for one in story.known.splitlines()), about
    assert "平台账单不完整" not in story.known
    story.put_aside = made.loan
    equal(demo, put_aside=made.loan)


def _work_suspense(demo: Demo, cashier: str, made: Made) -> None:
    """Claim what names a flat, and put aside what is no resident's."""
    mark, waiting = demo.mark(made.claimed.resident), demo.say(cashier, "挂账")
    assert "挂账 2 笔" in waiting
    assert f"可能是 {made.claimed.order_no.split()[0]}" in waiting
    numbers = {memo: no for no, memo in re.findall(r"([0-9]+)号 .*，附言“([^”]+)”", waiting)}
    assert "请核对" in demo.say(cashier, f"认领 {numbers[made.claimed.order_no]}")
    assert "已认领" in demo.say(cashier, "确认")
    demo.advance(seconds=70)
    receipt(demo, made.claimed.resident, mark, made.claimed.fen)
    said = demo.say(cashier, f"不认领 {numbers['货款']} 不是物业费，已联系对方")
    assert "已转出挂账" in said
    assert "没有挂账" in demo.say(cashier, "挂账")


def _mend_and_plant(demo: Demo, made: Made) -> None:
    """Have WeChat Pay's file whole again, but with rows that say something else than we do."""
    demo.call("POST", "wechat_pay/statement", {"op": "clear", "day": DAY})
    changed, less = made.changed, {"amount_fen": made.changed.fen - 100}
    plant(demo, "wechat_pay", "drop", order_no=made.missing.order_no)
    plant(demo, "wechat_pay", "change", order_no=changed.order_no, set=less)
    plant(demo, "wechat_pay", "add", order_no=NOBODYS_ORDER, amount_fen=8800)
    plant(demo, "wechat_pay", "change", refund_no=made.refund_no, set={"amount_fen": 1900})


def _expected(made: Made) -> dict[str, str]:
    """Return what each difference is about, and how its cause is told."""
    return {
        made.missing.order_no: "我们有、平台账单没有的收款",
        made.changed.order_no: "收款金额和平台账单不一样",
        NOBODYS_ORDER: "平台账单有、我们没有的收款",
        made.refund_no: "退款金额和平台账单不一样",
        made.dear.order_no: "手续费和约定的费率不一样",
        made.renumbered.order_no: "平台交易号和账单不一样",
        NOBODYS_REFUND: "平台账单有、我们没有的退款",
        "123.45元": "银行到账的和平台应付的不一样",
    }


def _worked_off(demo: Demo, cashier: str) -> str:
    """Work every difference off, one by one, as the list shows them; return all that it showed."""
    shown = ""
    while "没有等着核对" not in (said := demo.say(cashier, "差异")):
        rows = [one for one in said.splitlines() if re.match(r"[0-9]+ ", one)]
        assert rows, said
        shown += rows[0] + "\n"
        number = rows[0].split(" ")[0]
        reply = demo.say(cashier, f"处理差异 {number} 已和平台核实")
        assert f"差异 {number} 已了结" in reply, reply
        assert "了结" in demo.say(cashier, f"差异 {number}")
        assert shown.count("\n") < 30
        demo.advance(seconds=30)
    return shown


def test_the_next_day_reports_nothing_again(story: Story):
    demo, cashier = story.demo, story.cashier
    assert story.known
    mark = demo.mark(cashier)

    demo.to("2026-11-26 12:20")

    result = demo.heard(cashier, mark, "11月25日对账结果")
    assert "差异" not in result
    assert not any("差异" in one for one in texts(demo, cashier, mark))
    assert "没有等着核对的差异" in demo.say(cashier, "差异")
    assert "没有挂账" in demo.say(cashier, "挂账")
    equal(demo, put_aside=story.put_aside)
