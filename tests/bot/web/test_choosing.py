"""What a payer may choose on the page: other flats of hers, a part, a way; and who sees what."""

import html

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, insert, select, update

from storage.kinds import BindingState, OccupancyRole
from storage.models.bills import bills
from storage.models.payments import payment_orders
from storage.models.people import bindings, identities, occupancies
from storage.models.policies import policies
from storage.operations.payees import PayeeFacts, choose_payee, write_payee
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import WECHAT, open_page, press, ticks, total
from tests.bot.web.test_payers import Account, asked_state, come_back
from tests.bot.web.town import NOW, TODAY, Town

OWNER, FRIEND = "openid-3-2-501", "openid-of-a-friend"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.codes = {"owner": OWNER, "friend": FRIEND}
    return account


@pytest.fixture
async def door(town: Town, account: Account, open_doors: Open) -> TestClient:
    return await open_doors(town.parts({"demo": account}))


async def as_viewer(door: TestClient, token: str, who: str) -> str:
    """Open the page inside WeChat as somebody whom its OAuth names; return the page."""
    await come_back(door, token, who, await asked_state(door, token))
    return await open_page(door, token, headers=WECHAT)


async def both_are_hers(town: Town) -> None:
    """Let Ms Li own the flat next door too, and have bound it."""

    def build(tx: Connection) -> None:
        identity_id = tx.execute(
            select(identities.c.id).where(identities.c.openid == OWNER)
        ).scalar_one()
        tx.execute(update(bills).values(liable_id=town.first.owner_id))
        tx.execute(
            insert(occupancies).values(
                resident_id=town.first.owner_id,
                unit_id=town.second.unit_id,
                role=OccupancyRole.OWNER,
                from_on=TODAY,
            )
        )
        tx.execute(
            insert(bindings).values(
                identity_id=identity_id,
                unit_id=town.second.unit_id,
                resident_id=town.first.owner_id,
                role=OccupancyRole.OWNER,
                state=BindingState.ACTIVE,
                bound_at=NOW,
            )
        )

    await town.db.write(build)


async def choose(town: Town, **values) -> None:
    def write(tx: Connection) -> None:
        tx.execute(
            insert(policies).values(
                community_id=town.community_id, effective_on=TODAY.replace(year=2020), **values
            )
        )

    await town.db.write(write)


async def orders(town: Town) -> list:
    return await town.db.read(lambda tx: list(tx.execute(select(payment_orders))))


async def test_the_owner_sees_her_other_flat_unticked_and_pays_both_by_one_order(
    door: TestClient, town: Town
):
    await both_are_hers(town)
    token = town.token(town.first)

    page = await as_viewer(door, token, "owner")
    answer = await press(door, token, ticks(page), headers=WECHAT)

    assert "您的另一套房屋" in page
    assert total(page) == sum(town.first.open_fen)
    assert answer.status == 303
    [order] = await orders(town)
    assert order.amount_fen == sum(town.first.open_fen) + sum(town.second.open_fen)


async def test_whoever_the_link_was_sent_to_sees_only_what_she_is_asked_to_pay(
    door: TestClient, town: Town
):
    await both_are_hers(town)
    token = town.token(town.first)

    page = await as_viewer(door, token, "friend")

    assert "别人请您代缴" in page
    assert total(page) == sum(town.first.open_fen)
    assert len(ticks(page)) == len(town.first.bill_ids)
    assert "89.50㎡" not in page
    assert "3栋2单元502" not in page


async def test_whoever_the_link_was_sent_to_cannot_tick_what_she_does_not_see(
    door: TestClient, town: Town
):
    await both_are_hers(town)
    token = town.token(town.first)
    await as_viewer(door, token, "friend")

    theirs = f"{town.second.bill_ids[0]}-{town.second.open_fen[0]}"
    answer = await press(door, token, [theirs], headers=WECHAT)

    assert answer.status == 409
    assert await orders(town) == []


async def test_a_part_is_typed_in_yuan_and_the_order_is_for_that(door: TestClient, town: Town):
    await choose(town, takes_parts=1)
    token = town.token(town.first)
    [tick, *_] = ticks(await open_page(door, token))
    fields = [("bill", tick), ("gateway", "wechat_pay"), (f"part-{tick.split('-')[0]}", "100.50")]

    answer = await door.post(f"/pay/{token}", data=fields, allow_redirects=False)

    assert answer.status == 303
    assert [one.amount_fen for one in await orders(town)] == [10_050]


@pytest.mark.parametrize("typed", ["0", "-1", "9999999", "一百", "1.005", "1e2"])
async def test_a_part_that_is_none_is_told_and_nothing_is_asked(
    door: TestClient, town: Town, typed: str
):
    await choose(town, takes_parts=1)
    token = town.token(town.first)
    [tick, *_] = ticks(await open_page(door, token))
    fields = [("bill", tick), ("gateway", "wechat_pay"), (f"part-{tick.split('-')[0]}", typed)]

    answer = await door.post(f"/pay/{token}", data=fields, allow_redirects=False)

    assert answer.status == 409
    assert "还没有扣款" in await answer.text()
    assert await orders(town) == []


async def test_where_no_parts_are_taken_the_page_has_no_place_to_type_one(
    door: TestClient, town: Town
):
    assert "part-" not in await open_page(door, town.token(town.first))


async def test_a_way_that_is_closed_is_shown_with_its_reason_and_cannot_be_chosen(
    door: TestClient, town: Town
):
    await choose(town, closed_gateways="wechat_pay=周五前换商户号")
    token = town.token(town.first)

    page = await open_page(door, token)
    answer = await press(door, token, ticks(page))

    assert "暂停：周五前换商户号" in page
    assert answer.status == 409
    assert await orders(town) == []


async def test_bills_of_two_payees_are_told_apart_and_never_one_order(door: TestClient, town: Town):
    def build(tx: Connection) -> None:
        items = dict(tx.execute(select(bills.c.period, bills.c.fee_item_id)).all())
        water = tx.execute(
            select(bills.c.fee_item_id).where(bills.c.amount_fen == 4321)
        ).scalar_one()
        assert len(set(items.values())) <= 2
        write_payee(tx, PayeeFacts("安居物业有限公司"), now=NOW)
        other = write_payee(tx, PayeeFacts("城市水务公司"), now=NOW)
        choose_payee(
            tx,
            other,
            community_id=town.community_id,
            fee_item_id=water,
            effective_on=TODAY,
            now=NOW,
        )

    await town.db.write(build)
    token = town.token(town.first)

    page = await open_page(door, token)
    answer = await press(door, token, ticks(page))
    told = html.unescape(await answer.text())

    assert "收款：城市水务公司" in page
    assert total(page) in (4321, sum(town.first.open_fen) - 4321)
    assert answer.status == 409
    assert "由不同的公司收款（城市水务公司、安居物业有限公司）" in told
    assert await orders(town) == []
