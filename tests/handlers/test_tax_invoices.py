"""An invoice in chat: one thing asked at a time, checked as it is said, handed in on a yes."""

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.models.payments import payments
from storage.models.tax_invoices import tax_invoices
from storage.paying_kinds import TaxInvoiceKind
from tests.handlers import situations as on


@pytest.fixture
async def li(db: Database, talk):
    """Give Ms Li's talk; she has paid, and her fee has a tax code."""

    return talk(await db.write(on.paid_taxed))


async def rows(db: Database) -> list:
    return await db.read(lambda tx: list(tx.execute(select(tax_invoices))))


async def test_a_person_needs_only_a_name(db: Database, li):
    asked = [await li.say(one) for one in ("开发票", "1", "李秀英")]
    assert await rows(db) == []
    done = await li.say("确认")

    [row] = await rows(db)
    assert "发票开给谁" in asked[0]
    assert "请回复姓名" in asked[1]
    assert "抬头：李秀英" in asked[2]
    assert row.application_no in done
    assert (row.title, row.tax_no, row.kind) == ("李秀英", "", TaxInvoiceKind.ORDINARY)
    assert row.amount_fen == await db.read(
        lambda tx: tx.execute(select(payments.c.amount_fen)).scalar_one()
    )


async def test_a_company_is_asked_for_its_tax_number_and_a_wrong_one_is_asked_again(db, li):
    for one in ("开发票", "2", "杭州安心贸易有限公司"):
        await li.say(one)

    wrong = await li.say("91110000802100433C")
    right = await li.say("9111 0000 8021 0043 3B")
    await li.say("确认")

    [row] = await rows(db)
    assert "税号 91110000802100433C 不对" in wrong
    assert "抬头：杭州安心贸易有限公司" in right
    assert row.tax_no == "91110000802100433B"


async def test_a_special_invoice_asks_for_all_that_it_needs(db, li):
    said = (
        *("发票", "3", "杭州安心贸易有限公司", "91110000802100433B", "杭州市西湖区1号"),
        *("0571-88880000", "工商银行西湖支行", "1202026219900012345", "确认"),
    )
    for one in said:
        await li.say(one)

    [row] = await rows(db)
    assert row.kind == TaxInvoiceKind.SPECIAL
    assert (row.bank_name, row.bank_account) == ("工商银行西湖支行", "1202026219900012345")


async def test_anything_but_a_yes_hands_in_nothing(db, li):
    for one in ("发票", "1", "李秀英", "算了"):
        told = await li.say(one)

    assert await rows(db) == []
    assert told


async def test_what_has_an_invoice_is_told_and_not_asked_again(db, li):
    for one in ("发票", "1", "李秀英", "确认"):
        await li.say(one)

    told = await li.say("发票")

    assert "已申请发票" in told
    assert len(await rows(db)) == 1


async def test_whoever_has_paid_nothing_is_told_so(db, talk):
    told = await talk(await db.write(on.owing)).say("开发票")

    assert "现在没有可以开发票的缴费" in told


async def test_the_title_used_last_is_offered_and_one_word_takes_all_of_it(db, li):
    first = ("发票", "2", "杭州安心贸易有限公司", "91110000802100433B", "确认")
    for one in first:
        await li.say(one)
    await db.write(lambda tx: tx.execute(tax_invoices.update().values(state="declined")) and None)

    offered = [await li.say(one) for one in ("发票", "2")][-1]
    look = await li.say("1")
    await li.say("确认")

    again = (await rows(db))[-1]
    assert "和上次一样开给“杭州安心贸易有限公司”，回复“1”" in offered
    assert "税号：91110000802100433B" in look
    assert (again.state, again.title) == ("applied", "杭州安心贸易有限公司")
    assert again.tax_no == "91110000802100433B"


async def test_a_companys_title_is_not_offered_for_a_person(db, li):
    for one in ("发票", "2", "杭州安心贸易有限公司", "91110000802100433B", "确认"):
        await li.say(one)
    await db.write(lambda tx: tx.execute(tax_invoices.update().values(state="declined")) and None)

    asked = [await li.say(one) for one in ("发票", "1")][-1]

    assert "上次" not in asked
