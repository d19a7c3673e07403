"""What cashiers and managers ask of money that does not agree, and of fees left out of bills."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from handlers import causes
from storage.errors import Contradiction
from storage.kinds import JobState, OccupancyRole, StaffRole
from storage.models.operating import audit_records, discrepancies
from storage.models.reconciliation import gateway_statements
from storage.operations import job_runs
from storage.operations.differences import raise_difference
from storage.operations.findings import keep_finding
from storage.queries.agreement import Finding
from storage.queries.pricing import SkipReason
from storage.queries.unbilled import AS_MEANT
from storage.rules.agreeing import DifferenceKind
from tests import factories, town
from tests.factories import NOW
from tests.handlers.staff.test_staff_talks import compare


@pytest.fixture
async def place(db):
    return await db.write(town.build)


def disagree(tx, place) -> str:
    """Have WeChat Pay report other fen than 3-1-101 was asked for, and a refund of nobody's."""
    order = factories.begin_to_pay(tx, place.unit_ids["3-1-101"], (1, 2))
    detail = f"wechat_pay 1 42{order.order_no} 金额"
    raise_difference(tx, "AmountMismatch", order.order_no, detail, at=NOW)
    raise_difference(tx, "UnknownRefundNo", "T269999999999", "25060", at=NOW)
    return order.order_no


async def closed(db) -> list[bool]:
    def ends(tx):
        return tx.execute(select(discrepancies.c.closed_at).order_by(discrepancies.c.id)).scalars()

    return [at is not None for at in await db.read(lambda tx: list(ends(tx)))]


async def test_a_cashier_lists_differences_and_closes_one_with_its_reason(db, place, talk):
    order_no = await db.write(disagree, place)
    cashier = talk("s-cashier")

    for text in (
        *(
            "今日",
            "差异",
            "处理差异",
            "处理差异 1",
            "取消",
            "处理差异 1",
            "已请平台更正，是测试单。",
        ),
        *("处理差异 1 又处理", "处理差异 2 商户后台手工退的", "差异", "处理差异 9"),
    ):
        await cashier.say(text)

    assert await closed(db) == [True, True]
    kept = await db.read(lambda tx: tx.execute(select(audit_records.c.detail)).scalars().all())
    assert list(kept)[-2:] == ["已请平台更正，是测试单", "商户后台手工退的"]
    compare("differences", cashier.script().replace(order_no, "W2611230000000001"))


async def test_who_does_not_look_after_money_closes_nothing(db, place, talk):
    await db.write(disagree, place)
    steward = talk("s-steward")

    said = await steward.say("处理差异 1 没事")
    listed = await steward.say("差异")
    unnamed = await steward.say("处理差异")
    figures = await steward.say("今日")
    resident = await talk("o-2").hear("处理差异 1 没事")

    assert "有权限的同事" in said
    assert "有权限的同事" in listed
    assert "有权限的同事" in unnamed
    assert "差异" not in figures
    assert not resident.kind.startswith("staff_")
    assert await closed(db) == [False, False]


async def test_another_communitys_office_sees_and_closes_only_what_is_nobodys(db, place, talk):
    """I09."""
    order_no = await db.write(disagree, place)
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")
    stranger = talk("s-elsewhere")

    listed = await stranger.say("差异")
    said = await stranger.say("处理差异 1 没事")
    asked = await stranger.say("处理差异 1")

    assert "T269999999999" in listed
    assert order_no not in listed
    assert "没有找到这件差异" in said
    assert "没有找到这件差异" in asked
    assert await closed(db) == [False, False]


async def test_a_manager_lists_what_was_left_out_of_a_month(db, place, talk):
    await db.write(lambda tx: leave_out(tx, place.community_id))
    manager = talk("s-manager")

    for text in ("未出账", "未出账 2026-10", "未出账 2026-09", "未出账 12月"):
        await manager.say(text)

    compare("unbilled", manager.script())


def leave_out(tx, community_id) -> None:
    """Have November's run leave out what somebody has to mend and what is as it is meant."""
    reasons = [("area_missing", "物业费"), ("reading_lower", "水费"), ("amount_zero", "卫生费")]
    november = [
        [number, f"3栋1单元{100 + number}", name, "2026-11", reason, ""]
        for number, (reason, name) in enumerate(reasons, start=1)
    ]
    october = [[1, f"3栋1单元{100 + n}", "电费", "2026-10", "tariff_gap", ""] for n in range(25)]
    for period, missing in (("2026-09", []), ("2026-10", october), ("2026-11", november)):
        lease = job_runs.begin(tx, f"issue_bills/{community_id}", period, seconds=60)
        assert lease is not None
        job_runs.end(tx, lease, JobState.DONE, {"issued": 9, "missing": missing})


async def test_another_offices_months_are_not_shown(db, place, talk):
    """I09."""
    await db.write(lambda tx: leave_out(tx, place.community_id))
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")

    assert await talk("s-elsewhere").say("未出账") == "2026年11月还没有出账。"


async def test_a_steward_is_not_shown_what_was_left_out(db, place, talk):
    assert "有权限的同事" in await talk("s-steward").say("未出账")


async def test_who_looks_after_money_reads_of_it_in_the_help(db, place, talk):
    said = {
        openid: await talk(openid).say("员工帮助")
        for openid in ("s-steward", "s-cashier", "s-manager")
    }

    assert ["处理差异 12 原因" in text for text in said.values()] == [False, True, True]
    assert ["未出账 2026-11" in text for text in said.values()] == [False, True, True]


def test_every_contradiction_and_every_reason_has_words_for_the_office():
    assert {one.__name__ for one in Contradiction.__subclasses__()} <= set(causes.DIFFERENCES)
    assert set(causes.SKIPS) == set(SkipReason) - set(AS_MEANT)


async def test_who_works_here_reads_the_offices_words_at_work_and_a_residents_at_home(
    db, place, talk
):
    """Being refused at work she is not told to ask the staff."""

    def rents(tx) -> None:
        factories.add_binding(
            tx, "s-steward", place.unit_ids["3-1-102"], None, OccupancyRole.TENANT
        )

    await db.write(rents)
    steward = talk("s-steward")

    at_work = await steward.say("同意 T261123000001")
    at_home = await steward.say("移除 住户102")

    assert "请告诉经理" in at_work
    assert "需要有权限的人" in at_home
    assert "人工" in at_home


async def test_an_answer_that_is_refused_at_work_is_refused_in_the_offices_words(db, place, talk):
    """The reason of a refusal is asked for; meanwhile another has decided."""
    number = await db.write(disagree, place)
    cashier = talk("s-cashier")
    await cashier.say("处理差异 1")
    await talk("s-manager").say("处理差异 1 已核对")

    said = await cashier.say("也核对了")

    assert number
    assert "没有找到这件差异" in said
    assert (await cashier.say("差异")).startswith("差异 1 件")


def reconcile(tx, place) -> None:
    """Have yesterday's statement of WeChat Pay read and compared, with two findings in it."""
    order = factories.begin_to_pay(tx, place.unit_ids["3-1-101"], (1, 2))
    day = date(2026, 11, 22)
    tx.execute(
        gateway_statements.insert(),
        [
            {
                "gateway": gateway,
                "merchant_id": "1900000001",
                "day_on": day,
                "state": state,
                "line_count": count,
                "paid_fen": count * 25_060,
                "fee_fen": count * 150,
                "asked_at": NOW,
                "agreed_at": NOW if count else None,
            }
            for gateway, state, count in (("alipay", "waiting", 0), ("wechat_pay", "agreed", 12))
        ],
    )
    amount = Finding(DifferenceKind.AMOUNT, "wechat_pay", day, order.order_no, 50_120, 50_119)
    late = Finding(DifferenceKind.NO_STATEMENT, "alipay", day, f"alipay:{day}", None, None)
    for finding in (amount, late):
        keep_finding(tx, finding, now=NOW)


async def test_a_cashier_asks_how_yesterday_agreed_and_follows_one_difference(db, place, talk):
    await db.write(reconcile, place)
    cashier = talk("s-cashier")

    for text in ("对账", "差异", "差异 1", "处理差异 1 平台已更正", "差异 1", "差异 99"):
        await cashier.say(text)

    numbers = re.compile(r"W261123[0-9A-F]{16}")
    links = re.compile(r"(?<=reconciliation/)[\w-]+")
    told = links.sub("…", numbers.sub("W2611230000000001", cashier.script()))
    compare("reconciliation", told)
    assert "有权限的同事" in await talk("s-steward").say("对账")
    assert "对账结果" not in (await talk("o-2").hear("对账")).text


async def test_a_day_whose_statements_have_not_come_says_when_they_come(db, place, talk):
    said = await talk("s-cashier").say("对账")

    assert "11月22日的平台账单还没有来" in said
    assert "10点15分" in said
