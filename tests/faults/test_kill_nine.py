"""Killed at a named point and started again, the bot's book equals the platform's book."""

import contextlib

import pytest

from tests.faults.books import Books, outlast_claims, read_books
from tests.faults.conftest import PAYER, POSTGRESQL, REFUNDER
from tests.faults.process import DIED, Program, Stage
from tests.scenarios.ways import at_cashier, ticks_of

pytestmark = pytest.mark.timeout(300)

RECEIPT = "已收到"


def died_at(bot: Program, point: str) -> None:
    """Check that the bot was killed, and that it was at this point."""
    assert (bot.exit_code(), f"crashpoint {point}" in bot.said) == (-9, True), bot.said[-2000:]


def revive(stage: Stage) -> None:
    """Start the bot again, once what the dead one had taken is free."""
    outlast_claims(stage)
    stage.start_bot()


def equal_books(stage: Stage, gateway: str = "wechat_pay") -> Books:
    """Check that both books agree row by row and that ours are in themselves true."""
    books = read_books(stage, gateway)
    assert books.differences == []
    assert books.broken == []
    return books


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("notice.before_verify", id="d01"),
        pytest.param("notice.after_verify", id="d02"),
        pytest.param("settle.after_begin", id="d03"),
        pytest.param("settle.after_event", id="d04"),
        pytest.param("settle.before_ledger", id="d05_before"),
        pytest.param("settle.after_ledger", id="d05_after"),
        pytest.param("settle.before_commit", id="d06"),
        pytest.param("notice.before_answer", id="d07"),
    ],
)
def test_a_notice_cut_off_anywhere_is_heard_again_and_booked_once(stage: Stage, point: str):
    bot = stage.start_bot(crash=point)
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)

    stage.pay(order_no)
    died_at(bot, point)
    revive(stage)
    stage.until_heard(order_no)
    stage.advance(5)

    assert equal_books(stage).payments_of(order_no) == 1
    assert stage.notices(order_no)[0] == 0
    assert len(stage.heard(payer, RECEIPT)) == 1


@pytest.mark.parametrize("gateway", ["alipay", "unionpay"])
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("notice.after_verify", id="d02"),
        pytest.param("notice.before_answer", id="d07"),
    ],
)
def test_the_other_platforms_notice_cut_off_is_heard_again_and_booked_once(
    stage: Stage, point: str, gateway: str
):
    bot = stage.start_bot(crash=point)
    payer = stage.openid(PAYER)
    link = stage.pay_link(payer)
    order_no = at_cashier(link, ticks_of(link)[0], gateway)

    stage.control(f"{gateway}/pay", order_no=order_no)
    died_at(bot, point)
    revive(stage)
    stage.until_heard(order_no, gateway)
    stage.advance(5)

    assert equal_books(stage, gateway).payments_of(order_no) == 1
    assert stage.notices(order_no, gateway)[0] == 0
    assert len(stage.heard(payer, RECEIPT)) == 1


@pytest.mark.parametrize(
    ("point", "known"),
    [
        pytest.param("order.before_call", 0, id="d08"),
        pytest.param("order.after_call", 1, id="d09"),
        pytest.param("order.after_save", 1, id="d10"),
    ],
)
def test_an_order_cut_off_anywhere_is_one_order_when_pay_is_pressed_again(
    stage: Stage, point: str, known: int
):
    bot = stage.start_bot(crash=point)
    link = stage.pay_link(stage.openid(PAYER))
    before = {one["order_no"] for one in stage.control("wechat_pay/orders")}

    with contextlib.suppress(*DIED):
        stage.press_pay(link)
    died_at(bot, point)
    written = read_books(stage).order_numbers
    at_death = {one["order_no"] for one in stage.control("wechat_pay/orders")}
    revive(stage)
    order_no = stage.press_pay(link)
    stage.pay(order_no)

    assert len(at_death - before) == known
    assert {one["order_no"] for one in stage.control("wechat_pay/orders")} - before == {order_no}
    assert equal_books(stage).payments_of(order_no) == 1
    assert read_books(stage).order_numbers == written


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("refund.before_call", id="d11_before_call"),
        pytest.param("refund.after_call", id="d12"),
        pytest.param("refund.after_save", id="d13"),
        pytest.param("refund.before_outbox", id="d14_before_outbox"),
        pytest.param("refund.before_commit:2", id="d14_before_commit"),
    ],
)
def test_a_refund_cut_off_anywhere_is_paid_back_once(stage: Stage, point: str):
    bot = stage.start_bot(crash=point)
    asker = stage.openid(REFUNDER)

    with stage.meanwhile(lambda: stage.until_refunded(asker)):
        died_at(bot, point.partition(":")[0])
        revive(stage)
    stage.advance(1200)

    books = equal_books(stage)
    assert [one["state"] for one in books.ours["refunds"]] == ["success"]
    assert books.given_fen(books.ours["refunds"][0]["order_no"]) == 0
    assert len(stage.heard(asker, "已到账")) == 1


def test_d11_a_refund_cut_off_while_reserving_leaves_nothing_reserved_and_may_be_asked_again(
    stage: Stage,
):
    bot = stage.start_bot(crash="refund.after_reserve")
    asker = stage.openid(REFUNDER)

    with stage.meanwhile(lambda: stage.ask_refund(asker)):
        died_at(bot, "refund.after_reserve")
        at_death = read_books(stage)
        revive(stage)
    answer = stage.say(asker, "确认")
    stage.advance(1200)

    assert at_death.ours["refunds"] == []
    assert "已受理" in answer
    assert [one["state"] for one in equal_books(stage).ours["refunds"]] == ["success"]


@pytest.mark.parametrize(
    ("point", "most"),
    [
        pytest.param("outbox.after_claim", 1, id="d15"),
        pytest.param("outbox.before_send", 1, id="d16"),
        pytest.param("outbox.after_send", 2, id="d17_customer_service"),
        pytest.param("outbox.after_mark", 1, id="d18"),
    ],
)
def test_a_receipt_cut_off_anywhere_arrives_and_doubles_only_between_send_and_mark(
    stage: Stage, point: str, most: int
):
    bot = stage.start_bot(crash=point)
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)

    stage.pay(order_no)
    stage.advance(5)
    died_at(bot, point)
    revive(stage)
    stage.until_heard(order_no)
    stage.advance(5)

    arrived = stage.heard(payer, RECEIPT)
    assert len(arrived) == most
    assert len(set(arrived)) == 1
    assert equal_books(stage).payments_of(order_no) == 1


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("outbox.after_send", id="d17_template"),
        pytest.param("outbox.after_send:3", id="d19"),
    ],
)
def test_a_batch_of_templates_cut_off_between_send_and_mark_is_shown_to_everybody_once(
    stage: Stage, point: str
):
    bot = stage.start_bot(crash=point)
    residents = [one["openid"] for one in stage.facts["residents"] if one["bound"]]

    before = {openid: len(templates_shown(stage, openid)) for openid in residents}
    calls_before = templates_sent(stage)
    stage.control("clock", set="2026-12-01T08:31:00+08:00")
    died_at(bot, "outbox.after_send")
    sent_by_then = templates_sent(stage)
    revive(stage)
    stage.advance(60)

    shown = {one: templates_shown(stage, one)[before[one] :] for one in residents}
    assert all(shown.values())
    assert {one: sorted(texts) for one, texts in shown.items()} == {
        one: sorted(set(texts)) for one, texts in shown.items()
    }
    assert sent_by_then > calls_before
    assert templates_sent(stage) == sent_by_then + sum(map(len, shown.values()))
    equal_books(stage)


def templates_shown(stage: Stage, openid: str) -> list[str]:
    """Return the templates that this person sees."""
    return [one["text"] for one in stage.inbox(openid) if one["route"] == "template"]


def templates_sent(stage: Stage) -> int:
    """Count the calls that asked the platform to send a template."""
    return sum("template/send" in str(one) for one in stage.control("calls?platform=wechat"))


@pytest.mark.parametrize(
    "engine", [pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)], indirect=True
)
@pytest.mark.parametrize(
    ("point", "sent"),
    [
        pytest.param("outbox.before_send", 0, id="d16"),
        pytest.param("outbox.after_send", 1, id="d17"),
    ],
)
def test_what_a_dead_process_claimed_is_left_to_it_until_its_claim_is_over(
    stage: Stage, point: str, sent: int
):
    """Where others may live, nobody takes from the dead what she might still be at."""
    bot = stage.start_bot(crash=point)
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)
    stage.pay(order_no)
    stage.advance(5)
    died_at(bot, point)

    stage.start_bot()
    stage.advance(5)
    at_first = len(stage.heard(payer, RECEIPT))
    outlast_claims(stage)
    stage.advance(5)

    assert at_first == sent
    assert len(stage.heard(payer, RECEIPT)) == sent + 1
