"""Bank transfer: signed both ways, payouts once, and rows that are the rows of the bank's files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from bot.gateways.bank_transfer import BankTransfer, Config, code_of
from bot.spreadsheets.bank_statements import read_statement
from storage.errors import GatewayUnavailable
from storage.ports.payments import NoStatement, PaymentAsk, RefundAsk, RefundState, TradeKind
from tests.bot.gateways import bank_platform as banks
from tests.bot.gateways.bank_platform import ACCOUNT_NO, FEN, NOW, Bank

NUMBER = "T260302000001"


@dataclass
class Counter:
    """Our adapter before the tests' own bank."""

    bank: Bank
    gateway: BankTransfer
    config: Config
    session: ClientSession

    def ask(self, serial: str, fen: int = 20000, number: str = NUMBER) -> RefundAsk:
        return RefundAsk(number, "P1", NOW, fen, FEN, "重复缴费", serial)

    async def paid_out(self) -> str:
        """Have money in and a part of it sent back; return the row's serial."""
        serial = self.bank.receive()
        await self.gateway.refund(self.ask(serial))
        return serial


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    files = banks.write_files(tmp_path)
    bank = Bank(now=lambda: NOW)
    server = TestServer(bank.app())
    await server.start_server()
    config = Config(
        name="bank_transfer",
        account_name="安心物业",
        account_no=ACCOUNT_NO,
        bank_name="工商银行",
        base_url=str(server.make_url("/direct/")),
        merchant_private_key_file=files["merchant"],
        bank_public_key_file=files["bank"],
    )
    async with ClientSession() as session:
        gateway = BankTransfer(config, session, now=lambda: NOW)
        yield Counter(bank, gateway, config, session)
    await server.close()


@pytest.mark.parametrize(
    "spoil",
    [
        {"signer": "stranger"},
        {"signer": "merchant"},
        {"skew": -301},
        {"skew": 301},
        {"nonce": "0" * 32},
        {"sent": b'{"transactions": [], "next_cursor": "", "has_more": false}'},
        {"unsigned": True},
    ],
    ids=["forged", "ours", "stale", "ahead", "replayed", "another_body", "unsigned"],
)
async def test_an_answer_that_does_not_prove_itself_says_nothing(
    counter: Counter, spoil: dict[str, Any]
):
    serial = await counter.paid_out()
    counter.bank.spoil = spoil

    for call in (
        counter.gateway.rows_after(""),
        counter.gateway.query_refund(NUMBER, "P1", NOW),
        counter.gateway.refund(counter.ask(serial)),
    ):
        with pytest.raises(GatewayUnavailable) as trouble:
            await call
        assert trouble.value.reason == "an answer that is not proven"
    counter.bank.spoil = {}
    assert len((await counter.gateway.rows_after("")).lines) == 2


@pytest.mark.parametrize("skew", [-300, 300])
async def test_a_clock_that_is_five_minutes_off_is_still_believed(counter: Counter, skew: int):
    counter.bank.receive()
    counter.bank.spoil = {"skew": skew}

    assert len((await counter.gateway.rows_after("")).lines) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"transactions": [1], "next_cursor": "a", "has_more": false}',
        b'{"transactions": [{"serial": "S1"}], "next_cursor": "a", "has_more": false}',
        b'{"transactions": [{"serial": "S1", "booked_at": "2026-03-02T12:00:00", '
        b'"amount_fen": 1}], "next_cursor": "a"}',
        b'{"transactions": [{"serial": "S1", "booked_at": "2026-03-02T12:00:00+08:00", '
        b'"amount_fen": 1.5}], "next_cursor": "a"}',
    ],
)
async def test_a_proven_answer_that_cannot_be_read_whole_gives_no_rows(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, sent: bytes
):
    monkeypatch.setattr(counter.bank, "_signed", _signing(counter.bank, sent))

    with pytest.raises(GatewayUnavailable):
        await counter.gateway.rows_after("")


def _signing(bank: Bank, sent: bytes) -> Any:
    signed = type(bank)._signed
    return lambda request, status, raw: signed(bank, request, status, sent)


@pytest.mark.parametrize(
    ("ended", "state"),
    [
        ("processing", RefundState.PROCESSING),
        ("success", RefundState.SUCCESS),
        ("returned", RefundState.ABNORMAL),
    ],
)
async def test_a_payout_is_told_as_it_stands(counter: Counter, ended: str, state: RefundState):
    await counter.paid_out()
    counter.bank.end(NUMBER, ended)

    fact = await counter.gateway.query_refund(NUMBER, "P1", NOW)

    assert (fact.state, fact.refund_no, fact.order_no) == (state, NUMBER, "P1")
    assert (fact.amount_fen, fact.platform_refund_id) == (20000, "P00000001")
    assert fact.settled_at == NOW + timedelta(minutes=3)
    assert fact.detail == ("账号户名不符" if ended == "returned" else "")


async def test_a_state_that_nobody_knows_is_no_end(counter: Counter):
    await counter.paid_out()
    counter.bank.end(NUMBER, "accepted_by_a_new_release")

    with pytest.raises(GatewayUnavailable):
        await counter.gateway.query_refund(NUMBER, "P1", NOW)


async def test_an_answer_about_another_payout_is_not_taken(counter: Counter):
    await counter.paid_out()
    counter.bank.payouts["T2"] = counter.bank.payouts[NUMBER]

    with pytest.raises(GatewayUnavailable):
        await counter.gateway.query_refund("T2", "P1", NOW)


async def test_the_bank_is_told_number_sum_and_where_the_money_came_from(counter: Counter):
    serial = await counter.paid_out()

    assert counter.bank.heard == [
        {
            "payout_no": NUMBER,
            "amount_fen": 20000,
            "original_serial": serial,
            "order_no": "P1",
            "memo": f"退款 {NUMBER}",
        }
    ]


async def test_b14_an_account_without_money_waits_under_its_number(counter: Counter):
    serial = counter.bank.receive()
    counter.bank.balance_fen = 0

    fact = await counter.gateway.refund(counter.ask(serial))
    assert (fact.state, fact.detail) == (RefundState.UNFUNDED, "INSUFFICIENT_FUNDS")

    counter.bank.balance_fen = FEN
    assert (await counter.gateway.refund(counter.ask(serial))).state is RefundState.PROCESSING
    assert counter.bank.given_back() == {NUMBER: 20000}


async def test_a_number_that_is_used_is_told_as_what_it_was_used_for(counter: Counter):
    serial = await counter.paid_out()

    fact = await counter.gateway.refund(counter.ask(serial, 30000))

    assert (fact.state, fact.amount_fen) == (RefundState.PROCESSING, 20000)
    assert counter.bank.given_back() == {NUMBER: 20000}


async def test_a_row_that_the_bank_does_not_know_is_refused_for_good(counter: Counter):
    fact = await counter.gateway.refund(counter.ask("S99999999"))

    assert (fact.state, fact.detail) == (RefundState.REJECTED, "ORIGINAL_NOT_FOUND")
    assert counter.bank.given_back() == {}


async def test_b10_a_refusal_of_what_is_booked_already_is_never_a_rejection(counter: Counter):
    """Between two calls the bank has forgotten the row, but not the payout."""
    serial = await counter.paid_out()
    known = counter.bank.payouts.pop(NUMBER)
    counter.bank.rows.clear()

    async def query(refund_no: str, order_no: str, asked_at: datetime) -> Any:
        counter.bank.payouts[NUMBER] = known
        return await BankTransfer.query_refund(counter.gateway, refund_no, order_no, asked_at)

    counter.gateway.query_refund = query  # type: ignore[method-assign]
    assert (await counter.gateway.refund(counter.ask(serial))).state is RefundState.PROCESSING


@pytest.mark.parametrize(
    "code", ["SYSTEM_ERROR", "TOO_FREQUENT", "SIGN_ERROR", "NOT_FOUND", "NEW_CODE", ""]
)
async def test_any_other_refusal_leaves_a_refund_unknown(counter: Counter, code: str):
    serial = counter.bank.receive()
    counter.bank.spoil = {"code": code, "status": 500}

    with pytest.raises(GatewayUnavailable):
        await counter.gateway.refund(counter.ask(serial))
    with pytest.raises(GatewayUnavailable):
        await counter.gateway.query_refund(NUMBER, "P1", NOW)
    with pytest.raises(GatewayUnavailable):
        await counter.gateway.rows_after("")


@pytest.mark.parametrize("fen", [0, -1, FEN + 1])
async def test_a_refund_of_nothing_or_of_more_than_was_paid_is_never_asked(
    counter: Counter, fen: int
):
    with pytest.raises(ValueError, match="refund"):
        await counter.gateway.refund(counter.ask("S1", fen))
    assert counter.bank.heard == []


def test_half_a_direct_interface_is_refused(counter: Counter):
    for missing in ("base_url", "merchant_private_key_file", "bank_public_key_file"):
        changed: dict[str, Any] = {missing: "" if missing == "base_url" else None}
        with pytest.raises(ValueError, match="go together"):
            replace(counter.config, **changed)


@pytest.mark.parametrize("key", ["merchant_private_key_file", "bank_public_key_file"])
def test_a_key_that_cannot_be_read_is_named(counter: Counter, tmp_path: Path, key: str):
    (tmp_path / "broken.pem").write_text("nothing")
    for path in (tmp_path / "broken.pem", tmp_path / "missing.pem"):
        changed: dict[str, Any] = {key: path}
        with pytest.raises(ValueError, match=key):
            BankTransfer(replace(counter.config, **changed), counter.session, now=lambda: NOW)


async def test_without_the_interface_it_gives_codes_and_asks_nobody(counter: Counter):
    config = Config("bank_transfer", "安心物业", ACCOUNT_NO, "工商银行")
    gateway = BankTransfer(config, counter.session, now=lambda: NOW)

    assert not gateway.is_direct
    given = await gateway.create(
        PaymentAsk("P1", NOW, FEN, "物业费", NOW + timedelta(days=7), TradeKind.NATIVE)
    )
    assert given.prepay_id == code_of("P1")
    for call in (gateway.refund(counter.ask("S1")), gateway.rows_after("")):
        with pytest.raises(GatewayUnavailable):
            await call
    with pytest.raises(NoStatement):
        await gateway.fetch_statement(date(2026, 3, 2), Path())


async def test_a_polled_row_has_the_key_of_the_same_row_in_a_file(counter: Counter, tmp_path: Path):
    """Where both tell a serial."""
    first = counter.bank.receive(FEN, "物业费")
    second = counter.bank.receive(FEN, "物业费")
    file = tmp_path / "rows.csv"
    head = "交易日期,交易时间,收入金额,支出金额,账户余额,对方户名,对方账号,摘要,交易流水号"
    told = [
        f"2026-03-02,12:00:00,580.00,,{fen / 100:.2f},张三,6222021234567890,物业费,{serial}"
        for serial, fen in ((first, 5_058_000), (second, 5_116_000))
    ]
    file.write_text("\n".join([head, *told]), "utf-8")

    statement = read_statement(file, account_no=ACCOUNT_NO)
    polled = (await counter.gateway.rows_after("")).lines

    assert statement.problems == ()
    assert [one.line_key for one in statement.rows] == [one.row_key for one in polled]
    assert len({one.row_key for one in polled}) == 2
