"""Invoices: one a payment, only of what it pays by now, and red when the money goes back."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.kinds import FeeClass
from storage.models.bills import fee_items
from storage.models.messages import outbox
from storage.models.payments import receipts
from storage.models.tax_invoices import tax_invoice_lines, tax_invoices
from storage.operations.red_letters import redden_after_refund
from storage.operations.tax_batches import export_batch
from storage.operations.tax_codes import set_tax_code
from storage.operations.tax_invoices import (
    BureauNumber,
    Buyer,
    apply_for_tax_invoice,
    decline_tax_invoice,
    keep_file,
    note_issued,
)
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState
from storage.periods import shanghai_day
from storage.queries.tax_invoices import tax_file
from storage.rules.tax_invoices import is_tax_no, tax_in, tidy_tax_no
from storage.tax_errors import (
    NoTaxInvoice,
    SpecialNeedsMore,
    TaxFileRefused,
    TaxInvoiceStateWrong,
    TaxInvoiceTaken,
    TaxNoRefused,
    TitleRefused,
)
from tests.factories import NOW
from tests.storage.operations.stage import Stage

LI = Buyer("李秀英")
FIRM = Buyer("杭州安心贸易有限公司", tax_no="91110000802100433B")
CODE, RATE = "3040502020200000000", 600
NUMBER = "25332000000012345678"


@pytest.fixture
async def coded(stage: Stage) -> Stage:
    """Give Ms Li's stage, where her fee has a tax code."""

    def write(tx: Connection) -> None:
        day = shanghai_day(NOW).replace(year=2020)
        set_tax_code(tx, stage.world.fee_item_id, CODE, RATE, effective_on=day, now=NOW)

    await stage.db.write(write)
    return stage


async def apply(stage: Stage, payment_id: int, buyer: Buyer = LI) -> str:
    made = await stage.db.write(
        apply_for_tax_invoice, payment_id, buyer, identity_id=stage.identity_id, now=stage.now
    )
    return made.application_no


async def issue(stage: Stage, application_no: str, number: str = NUMBER) -> bool:
    given = BureauNumber(application_no, number, shanghai_day(NOW))
    return await stage.db.write(note_issued, given, actor=CLOCK, now=stage.now)


async def test_an_application_is_for_what_the_payment_pays_with_its_tax_by_code(coded: Stage):
    payment_id = await coded.paid(coded.both)

    await apply(coded, payment_id)

    [row] = await coded.rows(tax_invoices)
    [line] = await coded.rows(tax_invoice_lines)
    assert row.amount_fen == line.amount_fen == sum([25_060, 25_060])
    assert (line.tax_code, line.rate_e4, line.tax_fen) == (CODE, RATE, 2_837)
    assert row.state == TaxInvoiceState.APPLIED


async def test_a_payment_has_one_live_application(coded: Stage):
    payment_id = await coded.paid(coded.both)
    first = await apply(coded, payment_id)

    with pytest.raises(TaxInvoiceTaken) as taken:
        await apply(coded, payment_id, FIRM)

    assert taken.value.application_no == first
    assert len(await coded.rows(tax_invoices)) == 1


async def test_after_a_decline_she_may_apply_again(coded: Stage):
    payment_id = await coded.paid(coded.both)
    first = await apply(coded, payment_id)

    await coded.db.write(decline_tax_invoice, first, "抬头写错了", actor=CLOCK, now=coded.now)

    assert await apply(coded, payment_id, FIRM) != first


async def test_a_fee_without_a_tax_code_is_not_invoiced(stage: Stage):
    payment_id = await stage.paid(stage.both)

    with pytest.raises(NoTaxInvoice):
        await apply(stage, payment_id)


@pytest.mark.parametrize("of", [FeeClass.DEPOSIT, FeeClass.AGENCY])
async def test_deposits_and_money_for_others_are_never_invoiced(coded: Stage, of: FeeClass):
    payment_id = await coded.paid(coded.both)
    await coded.db.write(lambda tx: tx.execute(update(fee_items).values(fee_class=of)) and None)

    with pytest.raises(NoTaxInvoice):
        await apply(coded, payment_id)


@pytest.mark.parametrize(
    ("buyer", "why"),
    [
        (Buyer(""), TitleRefused),
        (Buyer("李"), TitleRefused),
        (Buyer("12345"), TitleRefused),
        (Buyer("好" * 101), TitleRefused),
        (Buyer("某公司", tax_no="91110000802100433C"), TaxNoRefused),
        (Buyer("某公司", tax_no="123"), TaxNoRefused),
        (Buyer("某公司", TaxInvoiceKind.SPECIAL, "91110000802100433B"), SpecialNeedsMore),
    ],
)
async def test_a_buyer_who_cannot_be_is_refused_and_nothing_kept(coded: Stage, buyer, why):
    payment_id = await coded.paid(coded.both)

    with pytest.raises(why):
        await apply(coded, payment_id, buyer)

    assert await coded.rows(tax_invoices) == []


async def test_an_issued_invoice_marks_its_receipt_and_is_told_once(coded: Stage):
    number = await apply(coded, await coded.paid(coded.both))

    assert await issue(coded, number)
    assert not await issue(coded, number)

    assert (await coded.rows(receipts))[0].invoiced_at is not None
    assert [one.event for one in await coded.rows(outbox)].count("TaxInvoiceIssued") == 1
    with pytest.raises(TaxInvoiceStateWrong):
        await issue(coded, number, "25332000000099999999")


async def test_money_back_after_the_invoice_asks_for_a_red_letter_that_frees_the_receipt(
    coded: Stage,
):
    payment_id = await coded.paid(coded.both)
    number = await apply(coded, payment_id)
    await issue(coded, number)
    view = await coded.request(payment_id, 25_060)
    await coded.given_back(view.refund_no)

    again = await coded.db.write(redden_after_refund, payment_id, now=coded.now)
    [first, red] = await coded.rows(tax_invoices)
    await issue(coded, red.application_no, "25332000000088888888")
    [first, red] = await coded.rows(tax_invoices)

    assert again is None, "asked for already when the refund arrived"
    assert (red.amount_fen, red.reddens_id) == (-50_120, first.id)
    assert (first.state, red.state) == (TaxInvoiceState.REDDENED, TaxInvoiceState.ISSUED)
    assert await apply(coded, payment_id) not in (number, red.application_no)
    assert (await coded.rows(tax_invoices))[-1].amount_fen == 25_060


async def test_money_back_before_the_invoice_declines_it_with_the_reason(coded: Stage):
    payment_id = await coded.paid(coded.both)
    await apply(coded, payment_id)
    view = await coded.request(payment_id, 100)
    await coded.given_back(view.refund_no)

    [row] = await coded.rows(tax_invoices)

    assert (row.state, row.reason) == (TaxInvoiceState.DECLINED, "refunded")


async def test_a_sheet_takes_each_application_once(coded: Stage):
    await apply(coded, await coded.paid(coded.both))

    def export(tx: Connection) -> tuple[str, list[int]]:
        return export_batch(tx, coded.world.community_id, actor=CLOCK, now=NOW)

    first = await coded.db.write(export)
    second = await coded.db.write(export)

    assert len(first[1]) == 1
    assert second == ("", [])
    assert (await coded.rows(tax_invoices))[0].state == TaxInvoiceState.EXPORTED


@pytest.mark.parametrize(
    ("content", "ending"),
    [(b"%PDF-1.7 x", "pdf"), (b"PK\x03\x04ofd", "ofd"), (b"<?xml version='1.0'?>", "xml")],
)
async def test_an_issued_file_is_kept_under_its_number(coded: Stage, content, ending):
    number = await apply(coded, await coded.paid(coded.both))
    await issue(coded, number)

    await coded.db.write(keep_file, number, "发票.bin", content, actor=CLOCK, now=NOW)

    [row] = await coded.rows(tax_invoices)
    found = await coded.db.read(tax_file, row.id)
    assert found is not None
    assert (found.file_name, found.content) == (f"{NUMBER}.{ending}", content)


async def test_what_is_no_invoice_file_is_refused(coded: Stage):
    number = await apply(coded, await coded.paid(coded.both))
    with pytest.raises(TaxInvoiceStateWrong):
        await coded.db.write(keep_file, number, "a.pdf", b"%PDF-", actor=CLOCK, now=NOW)
    await issue(coded, number)

    for content in (b"<html>", b"", b"%PDF-" + b"x" * 5 * 1024 * 1024):
        with pytest.raises(TaxFileRefused):
            await coded.db.write(keep_file, number, "a.pdf", content, actor=CLOCK, now=NOW)


@pytest.mark.parametrize(
    "good",
    ["91110000802100433B", "91350100M000100Y43", "440524188001010014", "123456789012345"],
)
def test_a_tax_number_with_its_check_character_is_taken(good: str):
    assert is_tax_no(good)


@given(place=st.integers(0, 17), letter=st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_of_a_credit_code_is_found(place: int, letter: str):
    good = "91110000802100433B"
    wrong = good[:place] + letter + good[place + 1 :]

    assert is_tax_no(wrong) == (wrong == good)


def test_an_identity_number_names_a_day_of_birth():
    assert is_tax_no("440524188001010014")
    assert not is_tax_no("911100008021004332")  # its check character fits, no such month


def test_a_tax_number_is_read_as_people_type_it():
    assert tidy_tax_no(" 9111 0000-8021 0043 3b ") == "91110000802100433B"


@given(fen=st.integers(-(10**11), 10**11), rate_e4=st.sampled_from([0, 100, 300, 500, 600, 900]))
def test_the_tax_in_an_amount_is_rounded_half_up_away_from_zero(fen: int, rate_e4: int):
    exact = Decimal(abs(fen)) * rate_e4 / (10_000 + rate_e4)
    whole = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))

    assert tax_in(fen, rate_e4) == (whole if fen >= 0 else -whole)


async def test_a_code_of_tomorrow_does_not_count_today(stage: Stage):
    payment_id = await stage.paid(stage.both)
    later = shanghai_day(NOW).replace(year=2027)

    def write(tx: Connection) -> None:
        set_tax_code(tx, stage.world.fee_item_id, CODE, RATE, effective_on=later, now=NOW)

    await stage.db.write(write)

    with pytest.raises(NoTaxInvoice):
        await apply(stage, payment_id)
    assert await stage.db.read(lambda tx: tx.execute(select(tax_invoices)).first()) is None
